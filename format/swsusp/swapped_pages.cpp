#include "format/swsusp/swapped_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

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

class SwappedPages final : public ImageReader {
 public:
  SwappedPages(const ImageReader& image, SlotPlaces places, std::vector<PageRun> runs)
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

std::vector<PageRun> all_slots(const SwapSlots& slots) {
  std::vector<PageRun> runs;
  for (const SlotRange& range : slots.ranges()) {
    const PageRun run{range.slot, range.count, PageState::Data, 0};
    if (!runs.empty() && run.continues(runs.back())) {
      runs.back().count += run.count;
    } else {
      runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace

std::unique_ptr<ImageReader> make_swapped_pages(const ImageReader& image, SlotPlaces places) {
  std::vector<PageRun> runs = all_slots(places.slots);
  if (runs.empty()) return nullptr;
  return std::make_unique<SwappedPages>(image, std::move(places), std::move(runs));
}

Record swapped_record(const SlotPlaces& places, SlotAccount account) {
  Record record{std::string(kSwappedRecord), 1, {}};
  if (!places.swap_uuid.empty()) record.set("swap_uuid", places.swap_uuid);
  if (!places.swap_label.empty()) record.set("swap_label", places.swap_label);
  record.set("account", std::string(account == SlotAccount::Kernel ? kByKernel : kByBlocks));
  return record;
}

SlotAccount account_of(const ImageReader& image) {
  const Record* record = find_record(image.records(), kSwappedRecord);
  const std::string* account = record == nullptr ? nullptr : record->text("account");
  return account != nullptr && *account == kByKernel ? SlotAccount::Kernel : SlotAccount::Blocks;
}

}  // namespace hib::swsusp
