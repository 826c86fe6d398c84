#include "format/swsusp/carve/describe.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "format/swsusp/swapped_pages.h"
#include "lib/base/text.h"
#include "lib/image/swapped_record.h"
#include "lib/image/vmcore_notes.h"

namespace hib::swsusp {
namespace {

// Those of `damage` that lie in the structure of that name.
const Damage* first_in(const std::vector<Damage>& damage, std::string_view structure) {
  const auto it = std::find_if(damage.begin(), damage.end(), [&](const Damage& d) {
    return std::string_view(d.error.where).starts_with(structure);
  });
  return it == damage.end() ? nullptr : &*it;
}

std::uint64_t placed_pages(const PfnList& list) {
  return std::accumulate(
      list.runs.begin(), list.runs.end(), std::uint64_t{0},
      [](std::uint64_t sum, const PfnRun& run) { return sum + (run.zero ? 0 : run.count); });
}

// Damage is told otherwise here; of many images it would be a lot.
ImageInfo info_of(const ImageReader& image) {
  ImageInfo info = image.info();
  info.kernel = kernel_identity(image);
  info.damage.clear();
  info.findings.clear();
  return info;
}

std::string counts_of(const InfoPage& info) {
  return fmt::format("the info page counts {}: 1 + {} of PFNs + {} of data", counted(info.pages, "page"),
                     grouped(info.pfn_page_count()), grouped(info.image_pages));
}

class Description {
 public:
  Description(const HeaderlessImage& image, CarvedImage& out)
      : image_(image), stream_(*image.stream), info_(image.stream->info_page()), out_(out) {}

  void make() {
    if (image_.named)
      reason("header", *image_.named == State::Armed ? "a swap header leads to it: it is armed"
                                                     : "a swap header leads to it: it is consumed");
    else
      missing("header", "the swap header that led to it: checksum, flags and hardware signature are lost");
    judge_info_page();
    judge_map_chain();
    judge_framing();
    judge_pfn_list();
    judge_pages();
    judge_swapped_pages();
    const bool has_pages = image_.reader->info().pages.total() > 0;
    out_.kind = has_pages ? CarvedKind::Image : CarvedKind::Remains;
    const bool is_likely = has_pages && (info_.evidence > 0 || proofs_ + 1 == kAllProofs);
    out_.confidence = proofs_ == kAllProofs ? Confidence::Certain
                      : is_likely           ? Confidence::Likely
                                            : Confidence::Possible;
    if (has_pages) out_.info = info_of(*image_.reader);
  }

 private:
  static constexpr unsigned kAllProofs = 4;

  void reason(const char* code, std::string text) { out_.reasons.push_back({code, std::move(text)}); }
  void missing(const char* code, std::string text) { out_.missing.push_back({code, std::move(text)}); }
  void proof(const char* code, std::string text) {
    reason(code, std::move(text));
    ++proofs_;
  }

  void judge_info_page() {
    if (first_in(image_.reader->info().damage, "info page") != nullptr || !info_.claims_agree()) {
      missing("info-page", info_.evidence > 0 ? "the info page: its counts are wrong"
                                              : "the info page: something else lies there");
      return;
    }
    proof("info-page", counts_of(info_));
  }

  void judge_map_chain() {
    const MapChain& chain = stream_.chain();
    const std::uint64_t unknown = image_.lost_map_pages - image_.rebuilt_map_pages;
    if (image_.rebuilt_map_pages > 0) {
      missing("map-pages", counted(image_.rebuilt_map_pages, "map page") +
                               ": rebuilt from the blocks between their neighbours");
    }
    if (unknown > 0) {
      missing("map-chain", "a map page, and all blocks that it and those behind it named");
    } else if (!chain.reached_end && !chain.damage.empty()) {
      missing("map-chain", "the end of the map: " + chain.damage.back().error.text());
    }
    if (image_.taken_blocks > 0)
      missing("taken-blocks", counted(image_.taken_blocks, "block") + " that another image names too");
    if (chain.damage.empty() && chain.reached_end) {
      const bool is_one = chain.map_pages.size() == 1;
      proof("map-chain",
            fmt::format("{} {} {} of the device, each once", counted(chain.map_pages.size(), "map page"),
                        is_one ? "names" : "lead to one another, and name",
                        counted(chain.blocks.size(), "block")));
    }
  }

  void judge_framing() {
    const bool is_whole = std::none_of(
        stream_.layers().begin(), stream_.layers().end(),
        [](const Layer& layer) { return layer.name == "chunk framing" && layer.result != LayerResult::Ok; });
    if (!is_whole) return;  // the lost pages are counted below
    if (stream_.is_compressed()) {
      proof("chunks", fmt::format("the lengths of {} lead up to the last block",
                                  counted(stream_.chunk_count(), "chunk")));
    } else {
      proof("blocks", "there are as many blocks as pages");
    }
  }

  void judge_pfn_list() {
    const PfnList& list = image_.snapshot->pfns();
    if (list.runs.empty()) {
      missing("pfn-list", "the PFN list: which page of memory each saved page was is not known");
    } else if (!list.damage.empty()) {
      missing("pfn-list", "a part of the PFN list: " + list.damage.front().error.text());
    } else {
      proof("pfn-list", fmt::format("the PFN list has {}, and ends where the counts say",
                                    counted(list.data_pages + list.zero_pages, "PFN")));
    }
  }

  void judge_pages() {
    const std::uint64_t placed = placed_pages(image_.snapshot->pfns());
    const std::uint64_t lost = image_.reader->info().pages.unreadable;
    const std::uint64_t unplaced = info_.image_pages - std::min(info_.image_pages, placed);
    if (lost > 0) missing("pages", fmt::format("{} of {} data pages", grouped(lost), grouped(placed)));
    if (unplaced > 0 && placed > 0)
      missing("pfns", fmt::format("the PFNs of {} data pages", grouped(unplaced)));
  }

  void judge_swapped_pages() {
    if (const ImageReader* pages = image_.reader->swapped_pages()) {
      const PageCounts counts = pages->info().pages;
      if (counts.unreadable > 0)
        missing("swapped-pages", fmt::format("{} of {} pages that the machine had swapped out",
                                             grouped(counts.unreadable), grouped(counts.total())));
      return;
    }
    const auto count = swapped_out_by_memory(*image_.reader);
    if (count.value_or(0) > 0)
      missing("swapped-pages", counted(*count, "page") + " that the machine had swapped out");
    else if (!count && image_.reader->info().has_finding(kSwapAreaEndUnknown))
      missing("swapped-pages",
              "pages that the machine may have swapped out: the kernel's account of them cannot be read, and "
              "where the swap area ended is not known");
  }

  const HeaderlessImage& image_;
  const SwapStream& stream_;
  const InfoPage& info_;
  CarvedImage& out_;
  unsigned proofs_ = 0;
};

}  // namespace

void describe(const HeaderlessImage& image, CarvedImage& out) { Description(image, out).make(); }

void describe_uswsusp(const ImageReader& image, CarvedImage& out) {
  const ImageInfo& info = image.info();
  const bool is_locked = !info.pages_are_known;
  const bool is_whole = info.damage.empty() && !is_locked;
  out.kind = is_locked || info.pages.total() > 0 ? CarvedKind::Image : CarvedKind::Remains;
  out.confidence = is_whole ? Confidence::Certain : Confidence::Likely;
  out.reasons.push_back({"uswsusp-header", "a header page of uswsusp leads to extents on the device"});
  if (is_whole) out.reasons.push_back({"pfn-list", "info page, PFN list and extents count the same pages"});
  out.info = info_of(image);
  if (is_locked) out.missing.push_back({"passphrase", "what opens it: it is encrypted"});
  if (info.state == ImageState::None) out.missing.push_back({"header", "the swap header that led to it"});
  for (const Damage& damage : info.damage) {
    if (out.missing.size() < 8) out.missing.push_back({"damage", damage.error.text()});
  }
  if (info.pages.unreadable > 0)
    out.missing.push_back({"pages", counted(info.pages.unreadable, "data page")});
}

void describe_remains(const ChainOfFound& chain, CarvedImage& out) {
  out.reasons.push_back({"map-chain", counted(chain.blocks.size(), "map page") + " lead to one another" +
                                          (chain.has_end ? ", the last one says that it is the last" : "")});
  out.missing.push_back({"info-page",
                         "the first map page, the info page, and with them the PFN list: which "
                         "page of memory each saved page was is not known"});
}

void describe_lone_info_page(const InfoPage& info, CarvedImage& out) {
  out.reasons.push_back({"info-page", counts_of(info)});
  out.missing.push_back({"map-chain", "the map page that names it, and with it the blocks of the image"});
}

}  // namespace hib::swsusp
