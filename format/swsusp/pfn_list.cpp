#include "format/swsusp/pfn_list.h"

#include <limits>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

constexpr std::size_t kMaxListedEntries = 1000;  // wrong ones; a hostile list must not fill the memory

}  // namespace

// Most entries of a PFN page ascend, even if some are damaged; words of memory do not.
bool PfnCounter::add_page(ByteView page) {
  const std::uint64_t zero_flag = abi_.word_max() - abi_.word_max() / 2;
  std::uint64_t data = 0;
  std::uint64_t seen = 0;
  std::uint64_t wrong = 0;
  Pfn next = next_;
  bool ended = false;
  for (std::uint64_t i = 0; i < abi_.words_per_page() && !ended; ++i) {
    const std::uint64_t value = abi_.word(page, i * abi_.word_bytes);
    ended = value == abi_.word_max();
    if (ended) break;
    ++seen;
    if ((value & zero_flag) == 0) ++data;
    const Pfn pfn = value & ~zero_flag;
    if (pfn < next || pfn >= kMaxPfn)
      ++wrong;
    else
      next = pfn + 1;
  }
  if (2 * wrong > seen || (seen == 0 && !ended)) return false;
  ++pages_;
  data_pages_ += data;
  next_ = next;
  ended_ = ended;
  return true;
}

PfnListDecoder::PfnListDecoder(const Abi& abi, std::uint64_t image_pages)
    : abi_(abi),
      image_pages_(image_pages),
      zero_flag_(abi.word_bytes == 8 ? std::uint64_t{1} << 63 : std::uint64_t{1} << 31) {}

void PfnListDecoder::note(std::uint64_t entry, std::uint64_t file_offset, const char* what, std::string found,
                          std::string allowed) {
  if (list_.damage.size() >= kMaxListedEntries) return;
  list_.damage.push_back(
      {make_error(ErrorKind::Corrupt, fmt::format("PFN page {}: entry {}: {}", page_, entry, what),
                  std::move(found), std::move(allowed))
           .at(file_offset),
       {}});
}

void PfnListDecoder::add_page(ByteView page, std::uint64_t file_offset) {
  last_offset_ = file_offset;
  if (page.empty()) {
    if (!gap_) {
      data_before_gap_ = list_.data_pages;
      first_after_gap_ = list_.runs.size();
    }
    gap_ = true;
    list_.runs.resize(first_after_gap_);  // what lay between two gaps cannot be placed
    list_.data_pages = data_before_gap_;
    ++page_;
    return;
  }
  const std::uint64_t entries = abi_.words_per_page();
  for (std::uint64_t i = 0; i < entries && !ended_; ++i) {
    const std::uint64_t value = abi_.word(page, i * abi_.word_bytes);
    if (value == abi_.word_max()) {  // before the zero flag, which it contains
      ended_ = true;
    } else {
      add_entry(value, i, file_offset);
    }
  }
  ++page_;
}

void PfnListDecoder::add_entry(std::uint64_t value, std::uint64_t entry, std::uint64_t file_offset) {
  const bool zero = (value & zero_flag_) != 0;
  const Pfn pfn = value & ~zero_flag_;
  list_.uses_zero_flag = list_.uses_zero_flag || zero;
  const std::uint64_t data_index = list_.data_pages;
  if (!zero) ++list_.data_pages;
  if (zero) ++list_.zero_pages;
  if (pfn >= kMaxPfn) {
    note(entry, file_offset, "PFN", hex(pfn), fmt::format("below {:#x}", kMaxPfn));
    return;
  }
  auto& runs = list_.runs;
  if (!runs.empty() && pfn < runs.back().end()) {
    note(entry, file_offset, "PFN", hex(pfn),
         fmt::format("more than {:#x}: PFNs ascend", runs.back().end() - 1));
    return;
  }
  const bool behind_gap = gap_ && runs.size() == first_after_gap_;
  if (!runs.empty() && !behind_gap && runs.back().zero == zero && runs.back().end() == pfn &&
      runs.back().data_end() == data_index && runs.back().count < std::numeric_limits<std::uint32_t>::max()) {
    ++runs.back().count;
    return;
  }
  runs.push_back({pfn, data_index, 1, zero});
}

// Behind the gap only the end is known: the last data page is the last of image_pages.
PfnList PfnListDecoder::finish() {
  auto& runs = list_.runs;
  if (gap_) {
    const std::uint64_t data_behind = list_.data_pages - data_before_gap_;
    if (data_before_gap_ + data_behind > image_pages_) {
      runs.resize(first_after_gap_);
    } else {
      const std::uint64_t shift = image_pages_ - list_.data_pages;
      for (std::size_t i = first_after_gap_; i < runs.size(); ++i) runs[i].data_index += shift;
    }
    list_.data_pages = image_pages_;
  } else if (list_.data_pages != image_pages_) {
    list_.damage.push_back(
        {make_error(ErrorKind::Corrupt, "PFN pages: PFNs without the zero flag",
                    std::to_string(list_.data_pages), fmt::format("{}, as the info page says", image_pages_))
             .at(last_offset_),
         {}});
  }
  return std::move(list_);
}

}  // namespace hib::swsusp
