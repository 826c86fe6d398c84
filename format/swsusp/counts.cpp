#include "format/swsusp/counts.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::swsusp {
namespace {

// The stream, the PFN list and the whole info page weigh the same; the latter has three counts to do it with.
constexpr unsigned kSource = 3;
constexpr unsigned kField = 1;

class Ballot {
 public:
  void vote(std::uint64_t pages, unsigned weight) {
    if (pages == 0 || pages > kMaxPfn) return;
    const auto it = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& entry) { return entry.pages == pages; });
    if (it != entries_.end())
      it->weight += weight;
    else
      entries_.push_back({pages, weight});
  }
  // Of two with the same weight the first; 1, the info page, when there is none.
  std::uint64_t winner() const {
    const auto it = std::max_element(entries_.begin(), entries_.end(),
                                     [](const Entry& a, const Entry& b) { return a.weight < b.weight; });
    return it == entries_.end() ? 1 : it->pages;
  }

 private:
  struct Entry {
    std::uint64_t pages;
    unsigned weight;
  };
  std::vector<Entry> entries_;
};

std::uint64_t size_of(const InfoPage& info, std::uint64_t pages) {
  return pages * info.abi.page_size & info.abi.word_max();
}

}  // namespace

StreamCounts judge_counts(const InfoPage& info, std::optional<std::uint64_t> counted,
                          const PfnCounter* list) {
  const ClaimedCounts& claimed = info.claimed;
  const bool size_agrees = claimed.pages <= kMaxPfn && size_of(info, claimed.pages) == claimed.size_bytes;
  const std::uint64_t by_size = claimed.size_bytes / info.abi.page_size;  // a 32-bit size may have wrapped
  Ballot ballot;
  ballot.vote(claimed.pages, size_agrees ? 2 * kField : kField);
  if (!size_agrees && claimed.size_bytes % info.abi.page_size == 0) ballot.vote(by_size, kField);
  if (list != nullptr && claimed.image_pages <= kMaxPfn)
    ballot.vote(1 + list->pages() + claimed.image_pages, kField);
  if (counted) ballot.vote(*counted, kSource);
  if (list != nullptr) ballot.vote(list->stream_pages(), kSource);
  const std::uint64_t pages = ballot.winner();

  if (list != nullptr) {
    if (pages > list->pages()) return {pages, pages - 1 - list->pages()};
    return {list->stream_pages(), list->data_pages()};
  }
  const std::uint64_t per_page = info.abi.words_per_page();
  if (claimed.image_pages < pages && (pages - 1 - claimed.image_pages) * per_page >= claimed.image_pages)
    return {pages, claimed.image_pages};
  const std::uint64_t pfn_pages = (pages - 1 + per_page) / (per_page + 1);  // without zero pages
  return {pages, pages - 1 - pfn_pages};
}

std::vector<Error> wrong_counts(const InfoPage& info, const StreamCounts& counts, std::uint64_t file_offset) {
  const InfoOffsets& at = info_offsets(info.abi);
  const std::uint64_t pfn_pages = counts.pages - counts.image_pages - 1;
  std::vector<Error> errors;
  const auto compare = [&](const char* field, std::size_t offset, std::uint64_t found, std::uint64_t wanted,
                           std::string why) {
    if (found == wanted) return;
    errors.push_back(make_error(ErrorKind::Corrupt, fmt::format("info page: {}", field),
                                std::to_string(found), fmt::format("{}, {}", wanted, why))
                         .at(file_offset + offset));
  };
  compare("image_pages", at.image_pages, info.claimed.image_pages, counts.image_pages,
          "the PFNs that have a data page");
  compare("pages", at.pages, info.claimed.pages, counts.pages,
          fmt::format("for the info page, {} of PFNs and {} of data", pfn_pages, counts.image_pages));
  compare("size", at.size, info.claimed.size_bytes, size_of(info, counts.pages),
          fmt::format("{} pages of {} bytes", counts.pages, info.abi.page_size));
  return errors;
}

}  // namespace hib::swsusp
