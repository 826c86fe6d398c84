#include "lib/jump/restore/memory.h"

#include <algorithm>

#include "lib/jump/module/memory_window.h"

namespace hib::jump {
namespace {

constexpr Pfn kLowPages = kLowEnd / kPageBytes;

Result<void> write_fill(const PageRun& run, const Placement& placement, const MemoryTarget& target) {
  for (Pfn pfn = run.first; pfn < run.end();) {
    const std::uint64_t count = Placement::together(pfn, run.end() - pfn);
    TRY_OK(target.fill(placement.address_of(pfn), std::byte{run.fill}, count * kPageBytes));
    pfn += count;
  }
  return {};
}

// How many items from `first` on follow each other in memory and in the batch.
std::size_t items_together(const PageBatch& batch, std::size_t first) {
  const PageItem& start = batch.items[first];
  std::size_t count = 1;
  for (; first + count < batch.items.size(); ++count) {
    const PageItem& next = batch.items[first + count];
    const bool continues = next.run.state == PageState::Data && next.run.first == start.run.first + count &&
                           next.bytes == start.bytes + count * kPageBytes;
    if (!continues) break;
  }
  return Placement::together(start.run.first, count);
}

Result<void> write_pages(const JumpImage& image, MemoryWindow memory, const Placement& placement,
                         const ProgressCallback& progress) {
  const MemoryTarget target{
      [&](std::uint64_t address, ByteView bytes) { return memory.write(address, bytes); },
      [&](std::uint64_t address, std::byte value, std::uint64_t bytes) {
        return memory.fill(address, value, bytes);
      }};
  PipelineOptions options;
  options.progress = progress;
  options.inspect = [&](const PageBatch& batch) { return write_batch(batch, placement, target); };
  TRY_OK(run_pipeline(*image.reader, nullptr, options));
  return {};
}

}  // namespace

std::uint64_t Placement::address_of(Pfn pfn) const {
  const std::uint64_t address = pfn * kPageBytes;
  std::uint64_t copy = copy_;
  for (const MemoryRange& low : low_) {
    if (low.contains(address, kPageBytes)) return copy + (address - low.start);
    copy += low.bytes;
  }
  return address;
}

std::uint64_t Placement::together(Pfn pfn, std::uint64_t count) { return pfn < kLowPages ? 1 : count; }

Result<void> write_batch(const PageBatch& batch, const Placement& placement, const MemoryTarget& target) {
  for (std::size_t i = 0; i < batch.items.size();) {
    const PageItem& item = batch.items[i];
    if (item.run.state != PageState::Data) {
      if (item.run.state == PageState::Fill) TRY_OK(write_fill(item.run, placement, target));
      ++i;
      continue;
    }
    const std::size_t count = items_together(batch, i);
    TRY_OK(target.write(placement.address_of(item.run.first), {item.bytes, count * kPageBytes}));
    i += count;
  }
  return {};
}

Result<void> write_memory(const JumpImage& image, const Device& device,
                          const std::vector<MemoryRange>& memory, const ProgressCallback& progress) {
  return write_pages(image, {device, memory}, {image.context.low, image.context.low_copy}, progress);
}

Result<void> fill_stage(const JumpImage& image, const Device& device, const std::vector<MemoryRange>& memory,
                        const ProgressCallback& progress) {
  return write_pages(image, {device, memory}, {{}, 0}, progress);
}

}  // namespace hib::jump
