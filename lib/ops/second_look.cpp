#include "lib/ops/second_look.h"

#include <vector>

namespace hib {
namespace {

constexpr std::size_t kMostPages = 16384;

}  // namespace

void SecondLook::add(const PageBatch& batch) {
  for (const PageItem& item : batch.items) {
    if (!item.run.is_present()) continue;
    const bool is_fill = item.run.state == PageState::Fill;
    for (Pfn pfn = (item.run.first + step_ - 1) / step_ * step_; pfn < item.run.end(); pfn += step_) {
      pages_[pfn] = {item.hash, is_fill ? std::optional(item.run.fill) : std::nullopt};
      if (pages_.size() > kMostPages) thin_out();
    }
  }
}

void SecondLook::thin_out() {
  step_ *= 2;
  std::erase_if(pages_, [this](const auto& page) { return page.first % step_ != 0; });
}

Seen SecondLook::look(const ImageReader& image) const {
  Seen seen;
  std::vector<std::byte> bytes(image.info().page_size);
  for (const auto& [pfn, page] : pages_) {
    ++seen.pages;
    const bool same = image.read_page(pfn, bytes).has_value() &&
                      (page.fill ? fill_value(bytes) == page.fill : hash128(bytes) == page.hash);
    if (!same) ++seen.changed;
  }
  return seen;
}

}  // namespace hib
