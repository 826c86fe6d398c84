#include "lib/mount/memory.h"

#include <algorithm>
#include <vector>

namespace hib::mount {

Result<std::unique_ptr<Memory>> Memory::of(const ImageReader& image, MemoryOptions options) {
  TRY(PageTable table, PageTable::of(image));
  return std::unique_ptr<Memory>(new Memory(image, std::move(table), std::move(options)));
}

Memory::Memory(const ImageReader& image, PageTable table, MemoryOptions options)
    : image_(image),
      page_size_(image.info().page_size),
      table_(std::move(table)),
      options_(std::move(options)),
      cache_(options_.cache_bytes, [this](std::size_t unit) { return decode(unit); }) {}

DecodedUnit Memory::decode(std::size_t unit) const {
  PageBatch batch = table_.batch_of(unit);
  batch.without_copies = true;
  image_.load(batch);
  for (const Damage& damage : batch.damage) options_.on_error(damage.error);
  return {std::move(batch), page_size_};
}

bool Memory::is_hole(const PageRun& run) const {
  return (run.state == PageState::Fill && run.fill == 0) ||
         (run.state == PageState::Absent && options_.absent_is_zero);
}

Pfn Memory::next_hole(Pfn from, Pfn end) const {
  while (from < end) {
    const PageRun* run = table_.run_from(from);
    const bool is_gap = run == nullptr || run->first > from;
    if (is_gap ? !gaps_are_absent() : is_hole(*run)) return from;
    if (run == nullptr) return end;
    from = is_gap ? run->first : run->end();
  }
  return end;
}

Pfn Memory::next_data(Pfn from, Pfn end) const {
  while (from < end) {
    const PageRun* run = table_.run_from(from);
    if (gaps_are_absent() && (run == nullptr || run->first > from)) return from;
    if (run == nullptr) return end;
    if (!is_hole(*run)) return std::clamp(run->first, from, end);
    from = run->end();
  }
  return end;
}

Outcome Memory::read(Pfn first, std::uint64_t offset, MutableBytes out, Wait wait) const {
  Pfn pfn = first + offset / page_size_;
  std::uint64_t skip = offset % page_size_;
  while (!out.empty()) {
    const PageRun* run = table_.run_from(pfn);
    const bool is_memory = run != nullptr && run->first <= pfn;
    const std::uint64_t pages_left = run == nullptr ? 0 : (is_memory ? run->end() : run->first) - pfn;
    const std::uint64_t pages_wanted = (skip + out.size() + page_size_ - 1) / page_size_;
    const std::uint64_t bytes =
        run == nullptr || pages_left >= pages_wanted ? out.size() : pages_left * page_size_ - skip;
    const MutableBytes part = out.first(bytes);
    if (is_memory) {
      const Outcome outcome = read_run(*run, pfn, skip, part, wait);
      if (outcome != Outcome::Read) return outcome;
    } else {
      if (gaps_are_absent()) return Outcome::Unreadable;
      std::fill(part.begin(), part.end(), std::byte{0});
    }
    out = out.subspan(bytes);
    pfn += (skip + bytes) / page_size_;
    skip = (skip + bytes) % page_size_;
  }
  return Outcome::Read;
}

Outcome Memory::read_run(const PageRun& run, Pfn pfn, std::uint64_t skip, MutableBytes out, Wait wait) const {
  switch (run.state) {
    case PageState::Data: return read_data(pfn, skip, out, wait);
    case PageState::Fill:
      std::fill(out.begin(), out.end(), static_cast<std::byte>(run.fill));
      return Outcome::Read;
    case PageState::Absent:
      if (!options_.absent_is_zero) return Outcome::Unreadable;
      std::fill(out.begin(), out.end(), std::byte{0});
      return Outcome::Read;
    case PageState::Unreadable: break;
  }
  return Outcome::Unreadable;
}

Outcome Memory::read_data(Pfn pfn, std::uint64_t skip, MutableBytes out, Wait wait) const {
  const bool has_units = table_.unit_count() > 0;
  if (!has_units && wait == Wait::No) return Outcome::NotYet;
  std::shared_ptr<const DecodedUnit> unit;
  Pfn unit_end = 0;
  while (!out.empty()) {
    const MutableBytes page = out.first(std::min<std::uint64_t>(out.size(), page_size_ - skip));
    if (has_units && pfn >= unit_end) {
      unit = unit_with(pfn, wait);
      if (!unit) return Outcome::NotYet;
      unit_end = table_.unit(*table_.unit_of(pfn)).end;
    }
    const Outcome outcome = unit ? read_decoded(*unit, pfn, skip, page, wait) : read_single(pfn, skip, page);
    if (outcome != Outcome::Read) return outcome;
    out = out.subspan(page.size());
    skip = 0;
    ++pfn;
  }
  return Outcome::Read;
}

// Of a data page. Null only where it may not wait.
std::shared_ptr<const DecodedUnit> Memory::unit_with(Pfn pfn, Wait wait) const {
  const std::size_t number = *table_.unit_of(pfn);
  return wait == Wait::Yes ? cache_.get(number) : cache_.find(number);
}

// A page that equals one of another unit is in that one alone.
Outcome Memory::read_decoded(const DecodedUnit& unit, Pfn pfn, std::uint64_t skip, MutableBytes out,
                             Wait wait) const {
  std::shared_ptr<const DecodedUnit> other;
  const PageItem* item = unit.find(pfn);
  if (item == nullptr) {
    const Pfn holder = image_.decoded_with(pfn);
    if (holder == pfn || !table_.unit_of(holder)) return Outcome::Unreadable;
    other = unit_with(holder, wait);
    if (!other) return Outcome::NotYet;
    item = other->find(holder);
  }
  if (item == nullptr || !item->run.is_present()) return Outcome::Unreadable;
  if (item->run.state == PageState::Fill) {
    std::fill(out.begin(), out.end(), static_cast<std::byte>(item->run.fill));
  } else {
    std::copy_n(item->bytes + skip, out.size(), out.begin());
  }
  return Outcome::Read;
}

Outcome Memory::read_single(Pfn pfn, std::uint64_t skip, MutableBytes out) const {
  Result<void> read;
  if (out.size() == page_size_) {
    read = image_.read_page(pfn, out);
  } else {
    std::vector<std::byte> page(page_size_);
    read = image_.read_page(pfn, page);
    if (read) std::copy_n(page.begin() + static_cast<std::ptrdiff_t>(skip), out.size(), out.begin());
  }
  if (read) return Outcome::Read;
  options_.on_error(read.error());
  return Outcome::Unreadable;
}

}  // namespace hib::mount
