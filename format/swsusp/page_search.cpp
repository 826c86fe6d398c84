#include "format/swsusp/page_search.h"

#include <algorithm>

#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/kernel_search.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::string_view kBanner = "Linux version ";
constexpr std::size_t kMaxBanner = 512;
constexpr unsigned kMaxProofs = 64;    // a hostile image may be full of kernels that are none
constexpr std::size_t kNoteText = 24;  // behind a note's header (12) and the name VMCOREINFO (12)

// VMCOREINFO's text in a page of its own, or in a note of that name. A file with such a text may lie in
// memory as well, but without its last lines or with another page size.
std::optional<std::string> vmcoreinfo_in(ByteView page) {
  for (const std::size_t at : {std::size_t{0}, kNoteText}) {
    const std::string_view text = until_nul(as_text(page.subspan(at)));
    if (!text.starts_with(kVmcoreinfoStart) || text.size() <= kVmcoreinfoStart.size() ||
        text[kVmcoreinfoStart.size()] == '%')
      continue;
    const auto is_text = [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); };
    const bool is_one = text.ends_with('\n') && std::all_of(text.begin(), text.end(), is_text) &&
                        text.find("SYMBOL(") != std::string_view::npos &&
                        vmcoreinfo_number(text, "PAGESIZE") == page.size();
    if (is_one) return std::string(text);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Banner> banner_in(std::string_view text) {
  for (std::size_t found = text.find(kBanner); found != std::string_view::npos;
       found = text.find(kBanner, found + 1)) {
    const std::string_view line = text.substr(found, std::min<std::size_t>(text.size() - found, kMaxBanner));
    const std::string_view banner = line.substr(0, line.find('\n'));
    const auto release_end = banner.find(' ', kBanner.size());
    const auto version = banner.find(" #", kBanner.size());
    const bool has_number = version != std::string_view::npos && version + 2 < banner.size() &&
                            banner[version + 2] >= '0' && banner[version + 2] <= '9';
    const bool is_text =
        std::all_of(banner.begin(), banner.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (banner.size() == line.size() || release_end == std::string_view::npos || !has_number ||
        banner.find('%') != std::string_view::npos || !is_text)
      continue;
    return Banner{std::string(banner.substr(kBanner.size(), release_end - kBanner.size())),
                  std::string(banner.substr(version + 1))};
  }
  return std::nullopt;
}

void PageSearch::run(Pfn kernel) {
  const Pfn kernel_end = kernel + kKernelReach / page_.size();
  look_at(kernel, kernel_end);
  look_at(0, kernel);
  look_at(kernel_end, kMaxPfn);
}

bool PageSearch::is_done() const {
  return (vmcoreinfo && banner) || looked_at_ >= kMaxSearchedBytes || cancelled();
}

void PageSearch::look_at(Pfn begin, Pfn end) {
  auto runs = image_.runs();
  if (!runs) return;
  while (!is_done()) {
    const auto run = (*runs)->next();
    if (!run || !*run) return;
    if ((*run)->state != PageState::Data) continue;
    for (Pfn pfn = std::max((*run)->first, begin); pfn < std::min((*run)->end(), end) && !is_done(); ++pfn)
      look_at_page(pfn);
  }
}

bool PageSearch::may_run_this_memory(const std::string& text) {
  const bool can_be_told = kernel_image_offset(text).has_value();
  return !can_be_told || (++proofs_ <= kMaxProofs && memory::runs_this_memory(image_, text));
}

void PageSearch::look_at_page(Pfn pfn) {
  looked_at_ += page_.size();
  if (!image_.read_page(pfn, page_)) return;
  if (!vmcoreinfo) {
    auto found = vmcoreinfo_in(page_);
    if (found && may_run_this_memory(*found)) vmcoreinfo = std::move(found);
  }
  if (!banner) banner = banner_in(as_text(page_));
}

}  // namespace hib::swsusp
