#include "format/swsusp/swapped_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/memory/swap_areas.h"

namespace hib::swsusp {
namespace {

constexpr std::string_view kByKernel = "kernel";
constexpr std::string_view kByBlocks = "blocks";

class Runs final : public RunSource {
 public:
  explicit Runs(const std::vector<PageRun>& runs) : runs_(runs) {}
  Result<std::optional<PageRun>> next() override {
    if (position_ == runs_.size()) return std::optional<PageRun>();
    return std::optional<PageRun>(runs_[position_++]);
  }

 private:
  const std::vector<PageRun>& runs_;
  std::size_t position_ = 0;
};

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
  Result<std::unique_ptr<RunSource>> runs() const override {
    return std::unique_ptr<RunSource>(std::make_unique<Runs>(runs_));
  }
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
  // Slots follow each other; their blocks need not.
  Result<void> read_slots(std::uint64_t slot, MutableBytes out) const {
    while (!out.empty()) {
      const auto there = places_.slots.from(slot);
      if (!there) {
        return fail(make_error(ErrorKind::Corrupt, fmt::format("slot {:#x}", slot), "in use by the machine",
                               "one that the swap area has beside the image")
                        .of(info_.path));
      }
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

void append(std::vector<PageRun>& runs, const PageRun& run) {
  if (!runs.empty() && run.continues(runs.back())) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

std::vector<PageRun> all_slots(const SwapSlots& slots) {
  std::vector<PageRun> runs;
  for (const SlotRange& range : slots.ranges()) append(runs, {range.slot, range.count, PageState::Data, 0});
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

// The areas that may be the one of the image: of its size, and with nothing in use where the image lies.
// Where several are alike, all of what any of them has in use is kept: more than is needed, never less.
std::vector<const memory::SwapArea*> candidates(const std::vector<memory::SwapArea>& areas,
                                                const SlotPlaces& places) {
  std::vector<const memory::SwapArea*> found;
  const Ranges beside_image = ranges_of(places.slots);
  for (const memory::SwapArea& area : areas) {
    if (area.is_zram || area.slots != places.area_pages) continue;
    const Ranges used = ranges_of(area.used);
    if (common(used, beside_image) == used) found.push_back(&area);
  }
  return found;
}

// Pages of zeros that the kernel did not write need not lie in their slots.
std::vector<PageRun> used_slots(const std::vector<const memory::SwapArea*>& areas) {
  Ranges used;
  Ranges zero = areas.size() == 1 ? ranges_of(areas[0]->zero_slots) : Ranges();
  for (const memory::SwapArea* area : areas) {
    const Ranges more = ranges_of(area->used);
    used.insert(used.end(), more.begin(), more.end());
  }
  used = in_order(std::move(used));
  std::vector<PageRun> runs;
  for (const auto& [first, end] : without(used, zero))
    runs.push_back({first, end - first, PageState::Data, 0});
  for (const auto& [first, end] : common(used, zero))
    runs.push_back({first, end - first, PageState::Fill, 0});
  std::sort(runs.begin(), runs.end(), [](const PageRun& a, const PageRun& b) { return a.first < b.first; });
  return runs;
}

const char* kind_of(const memory::SwapArea& area) {
  return area.is_zram ? "zram" : area.is_file ? "file" : "device";
}

Record areas_record(const std::vector<memory::SwapArea>& areas,
                    const std::vector<const memory::SwapArea*>& ours) {
  Record record{std::string(kSwapAreasRecord), 1, {}};
  for (const memory::SwapArea& area : areas) {
    FieldList fields;
    if (area.path) fields.push_back({"path", *area.path});
    if (area.device) fields.push_back({"device", *area.device});
    fields.push_back({"kind", std::string(kind_of(area))});
    fields.push_back({"slots", area.slots});
    fields.push_back({"used", memory::slot_count(area.used)});
    const bool here = ours.size() == 1 && ours[0] == &area;
    if (here) fields.push_back({"holds_image", std::uint64_t{1}});
    record.fields.push_back({"area", std::move(fields)});
  }
  return record;
}

Record swapped_record(const SlotPlaces& places, std::string_view account) {
  Record record{std::string(kSwappedRecord), 1, {}};
  if (!places.swap_uuid.empty()) record.set("swap_uuid", places.swap_uuid);
  if (!places.swap_label.empty()) record.set("swap_label", places.swap_label);
  record.set("account", std::string(account));
  return record;
}

std::optional<std::uint64_t> swapped_out_by_record(const Record& record) {
  std::uint64_t used = 0;
  for (const Field& field : record.fields) {
    const auto* parts = std::get_if<FieldList>(&field.value);
    if (field.name != "area" || parts == nullptr) continue;
    const Record area{"area", 1, *parts};
    const std::string* kind = area.text("kind");
    const std::uint64_t* pages = area.number("used");
    if (kind == nullptr || pages == nullptr) return std::nullopt;
    if (*kind != "zram") used += *pages;
  }
  return used;
}

}  // namespace

SwappedPages find_swapped_pages(const ImageReader& image, const std::vector<Record>& kernel_records,
                                SlotPlaces places) {
  SwappedPages found;
  const auto areas = memory::swap_areas(Pages(image, kernel_records));
  const auto ours = areas ? candidates(*areas, places) : std::vector<const memory::SwapArea*>();
  if (areas) found.records.push_back(areas_record(*areas, ours));
  std::vector<PageRun> runs = ours.empty() ? all_slots(places.slots) : used_slots(ours);
  if (runs.empty()) return found;
  found.records.push_back(swapped_record(places, ours.empty() ? kByBlocks : kByKernel));
  found.pages = std::make_unique<SlotReader>(image, std::move(places), std::move(runs));
  return found;
}

std::optional<std::uint64_t> swapped_out_by_memory(const ImageReader& image) {
  if (const Record* record = find_record(image.records(), kSwapAreasRecord))
    return swapped_out_by_record(*record);
  const auto areas = memory::swap_areas(image);
  if (!areas) return std::nullopt;
  std::uint64_t used = 0;
  for (const memory::SwapArea& area : *areas) used += area.is_zram ? 0 : memory::slot_count(area.used);
  return used;
}

SlotAccount account_of(const ImageReader& image) {
  const Record* record = find_record(image.records(), kSwappedRecord);
  const std::string* account = record == nullptr ? nullptr : record->text("account");
  return account != nullptr && *account == kByKernel ? SlotAccount::Kernel : SlotAccount::Blocks;
}

}  // namespace hib::swsusp
