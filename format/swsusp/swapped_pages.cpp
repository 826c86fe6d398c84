#include "format/swsusp/swapped_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/runs.h"
#include "lib/image/swapped_record.h"
#include "lib/memory/swap_areas.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

class SlotReader final : public ImageReader {
 public:
  SlotReader(const ImageReader& image, SlotPlaces places, std::vector<PageRun> runs)
      : image_(image), places_(std::move(places)), runs_(std::move(runs)) {
    info_.format = image.info().format;
    info_.variant = "swapped-out pages";
    info_.path = image.info().path;
    info_.file_bytes = image.info().file_bytes;
    info_.page_size = places_.space.page_size();
    for (const PageRun& run : runs_) info_.pages.add(run);
    info_.end_pfn = runs_.back().end();
  }

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return image_.records(); }
  Result<std::unique_ptr<RunSource>> runs() const override { return source_of(runs_); }
  Result<RangeMap> map() const override { return image_.map(); }
  StructureCheck check_structure() const override { return image_.check_structure(); }

  void load(PageBatch& batch) const override {
    std::uint64_t pages = 0;
    for (const PageRun& run : batch.runs) pages += run.state == PageState::Data ? run.count : 0;
    batch.buffer.resize(pages * info_.page_size);
    MutableBytes room(batch.buffer);
    for (const PageRun& run : batch.runs) {
      if (run.state != PageState::Data) {
        batch.items.push_back({run, nullptr, {}});
        if (run.state == PageState::Unreadable)
          batch.damage.push_back({not_there(run.first), {{run.first, run.count}}});
        continue;
      }
      const MutableBytes bytes = room.first(run.count * info_.page_size);
      room = room.subspan(bytes.size());
      load_run(run, bytes, batch);
    }
  }

  Result<void> read_page(Pfn slot, MutableBytes out) const override {
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), slot,
                                        [](Pfn s, const PageRun& run) { return s < run.first; });
    if (after == runs_.begin() || slot >= std::prev(after)->end()) {
      return fail(make_error(ErrorKind::NoPage, fmt::format("slot {:#x}", slot), "not in use",
                             "a slot with a swapped-out page")
                      .of(info_.path));
    }
    if (std::prev(after)->state == PageState::Fill) {
      std::fill(out.begin(), out.end(), std::byte{0});
      return {};
    }
    return read_slots(slot, out);
  }

 private:
  Error not_there(std::uint64_t slot) const {
    return make_error(ErrorKind::Corrupt, fmt::format("slot {:#x}", slot), "in use by the machine",
                      "one that the swap area has beside the image")
        .of(info_.path);
  }

  // Slots follow each other; their blocks need not.
  Result<void> read_slots(std::uint64_t slot, MutableBytes out) const {
    while (!out.empty()) {
      const auto there = places_.slots.from(slot);
      if (!there) return fail(not_there(slot));
      const std::uint64_t count = std::min<std::uint64_t>(there->count, out.size() / info_.page_size);
      TRY_OK(places_.space.read(there->block, out.first(count * info_.page_size)));
      out = out.subspan(count * info_.page_size);
      slot += count;
    }
    return {};
  }

  void load_run(const PageRun& run, MutableBytes bytes, PageBatch& batch) const {
    if (read_slots(run.first, bytes)) {
      classify_pages(run.first, run.count, bytes.data(), info_.page_size, batch.items);
      return;
    }
    for (std::uint64_t i = 0; i < run.count; ++i) {  // which of them it was
      const MutableBytes page = bytes.subspan(i * info_.page_size, info_.page_size);
      auto read = read_slots(run.first + i, page);
      if (read) {
        classify_pages(run.first + i, 1, page.data(), info_.page_size, batch.items);
        continue;
      }
      batch.items.push_back({{run.first + i, 1, PageState::Unreadable, 0}, nullptr, {}});
      batch.damage.push_back({std::move(read).error(), {{run.first + i, 1}}});
    }
  }

  const ImageReader& image_;
  SlotPlaces places_;
  std::vector<PageRun> runs_;
  ImageInfo info_;
};

std::vector<PageRun> all_slots(const SwapSlots& slots) {
  std::vector<PageRun> runs;
  for (const SlotRange& range : slots.ranges())
    append_run(runs, {range.slot, range.count, PageState::Data, 0});
  return runs;
}

// An image as long as its own records are being made.
class Pages final : public ImageReader {
 public:
  Pages(const ImageReader& image, const std::vector<Record>& records) : image_(image), records_(records) {}
  const ImageInfo& info() const override { return image_.info(); }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override { return image_.runs(); }
  void load(PageBatch& batch) const override { image_.load(batch); }
  Result<void> read_page(Pfn pfn, MutableBytes out) const override { return image_.read_page(pfn, out); }
  Result<RangeMap> map() const override { return image_.map(); }
  StructureCheck check_structure() const override { return image_.check_structure(); }

 private:
  const ImageReader& image_;
  const std::vector<Record>& records_;
};

using Ranges = BlockSet;  // of slots

Ranges ranges_of(const memory::SlotRuns& runs) {
  Ranges ranges;
  for (const memory::SlotRun& run : runs) ranges.emplace_back(run.first, run.first + run.count);
  return in_order(std::move(ranges));
}

Ranges ranges_of(const SwapSlots& slots) {
  Ranges ranges;
  for (const SlotRange& range : slots.ranges()) ranges.emplace_back(range.slot, range.slot + range.count);
  return in_order(std::move(ranges));
}

using Areas = std::vector<const memory::SwapArea*>;

// The areas that may be the one of the image: of its size, and with nothing in use where the image lies.
// Where several are alike, all of what any of them has in use is kept: more than is needed, never less.
Areas candidates(const std::vector<memory::SwapArea>& areas, const SlotPlaces& places) {
  Areas found;
  const Ranges beside_image = ranges_of(places.slots);
  for (const memory::SwapArea& area : areas) {
    if (area.is_zram || area.slots != places.area_pages) continue;
    if (area.is_file && places.device) continue;
    const Ranges used = ranges_of(area.used);
    if (common(used, beside_image) == used) found.push_back(&area);
  }
  return found;
}

// Of any size in which the image lies. What they have in use lies in the file, or before its start.
Areas candidates_on_device(const std::vector<memory::SwapArea>& areas, const DeviceSlots& device) {
  Areas found;
  const Ranges there = ranges_of(device.slots);
  for (const memory::SwapArea& area : areas) {
    if (area.is_zram || area.is_file || area.slots < device.image_end) continue;
    const Ranges lost = without(ranges_of(area.used), there);
    if (lost.empty() || lost.back().second <= device.first_block) found.push_back(&area);
  }
  return found;
}

// The kernel's account is of the image's own time. A header that leads to another image, and the partition
// table, may be later.
Areas areas_of_image(const std::vector<memory::SwapArea>& areas, SlotPlaces& places) {
  Areas found = candidates(areas, places);
  if (!found.empty() || !places.device) return found;
  found = candidates_on_device(areas, *places.device);
  if (!found.empty()) places.slots = places.device->slots;
  return found;
}

// Pages of zeros that the kernel did not write need not lie in their slots.
std::vector<PageRun> used_slots(const Areas& areas, std::uint64_t first_block) {
  Ranges used;
  Ranges zero = areas.size() == 1 ? ranges_of(areas[0]->zero_slots) : Ranges();
  for (const memory::SwapArea* area : areas) {
    const Ranges more = ranges_of(area->used);
    used.insert(used.end(), more.begin(), more.end());
  }
  used = in_order(std::move(used));
  std::vector<PageRun> runs;
  const Ranges cut_off = {{0, first_block}};
  const Ranges data = without(used, zero);
  for (const auto& [first, end] : common(data, cut_off))
    runs.push_back({first, end - first, PageState::Unreadable, 0});
  for (const auto& [first, end] : without(data, cut_off))
    runs.push_back({first, end - first, PageState::Data, 0});
  for (const auto& [first, end] : common(used, zero))
    runs.push_back({first, end - first, PageState::Fill, 0});
  std::sort(runs.begin(), runs.end(), [](const PageRun& a, const PageRun& b) { return a.first < b.first; });
  return runs;
}

std::string_view kind_of(const memory::SwapArea& area) {
  return area.is_zram ? kZram : area.is_file ? kSwapFile : kSwapDevice;
}

std::vector<SwapAreaUse> uses_of(const std::vector<memory::SwapArea>& areas, const Areas& ours) {
  std::vector<SwapAreaUse> uses;
  for (const memory::SwapArea& area : areas) {
    uses.push_back({area.path, area.device, std::string(kind_of(area)), area.slots,
                    memory::slot_count(area.used), ours.size() == 1 && ours[0] == &area});
  }
  return uses;
}

}  // namespace

SwappedPages find_swapped_pages(const ImageReader& image, const std::vector<Record>& kernel_records,
                                SlotPlaces places) {
  SwappedPages found;
  const auto areas = memory::swap_areas(Pages(image, kernel_records));
  const Areas ours = areas ? areas_of_image(*areas, places) : Areas();
  if (areas) found.records.push_back(encode(uses_of(*areas, ours)));
  const bool is_refuted = areas && places.area != AreaIs::Known;
  if (ours.empty() && (is_refuted || places.area == AreaIs::Guessed)) return found;
  std::vector<PageRun> runs =
      ours.empty() ? all_slots(places.slots)
                   : used_slots(ours, places.device ? places.device->first_block : std::uint64_t{0});
  if (runs.empty()) return found;
  found.records.push_back(encode(SwappedRecord{places.swap_uuid, places.swap_label, !ours.empty()}));
  found.pages = std::make_unique<SlotReader>(image, std::move(places), std::move(runs));
  return found;
}

std::optional<Record> swap_areas_record(const ImageReader& image, const std::vector<Record>& kernel_records) {
  const auto areas = memory::swap_areas(Pages(image, kernel_records));
  return areas ? std::optional(encode(uses_of(*areas, {}))) : std::nullopt;
}

std::optional<std::uint64_t> swapped_out_by_memory(const ImageReader& image) {
  if (const auto recorded = swap_areas_in(image.records())) return swapped_out(*recorded);
  const auto areas = memory::swap_areas(image);
  return areas ? swapped_out(uses_of(*areas, {})) : std::nullopt;
}

Result<void> for_each_item(const ImageReader& pages,
                           const std::function<Result<void>(const PageItem&)>& take) {
  TRY(auto batches, pages.batches());
  PageBatch batch;
  for (;;) {
    if (cancelled()) return fail(cancelled_error());
    TRY(const bool more, batches->next(batch));
    if (!more) return {};
    pages.load(batch);
    if (!batch.damage.empty()) return fail(batch.damage.front().error);
    for (const PageItem& item : batch.items) TRY_OK(take(item));
  }
}

SlotAccount account_of(const ImageReader& image) {
  const auto record = swapped_record_in(image.records());
  return record && record->exact ? SlotAccount::Kernel : SlotAccount::Blocks;
}

}  // namespace hib::swsusp
