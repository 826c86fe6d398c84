#include "cli/write_memory.h"

#include <string_view>
#include <vector>

#include "lib/jump/load_plan.h"
#include "lib/jump/memory_window.h"

namespace hib::cli {
namespace {

// Low memory that is in use for now, and where its bytes are kept until the jump puts them back.
struct LowMemory {
  std::vector<jump::MemoryRange> ranges;
  std::uint64_t copy = 0;
};

// Puts runs of pages where they were, those of low memory into its copy.
class MemoryWriter {
 public:
  MemoryWriter(jump::MemoryWindow& memory, LowMemory low) : memory_(memory), low_(std::move(low)) {}

  Result<void> write(const PageBatch& batch) {
    for (std::size_t i = 0; i < batch.items.size();) {
      const PageItem& item = batch.items[i];
      if (item.run.state != PageState::Data) {  // what is absent, A did not use
        if (item.run.state == PageState::Fill) TRY_OK(write_fill(item.run));
        ++i;
        continue;
      }
      std::size_t count = 1;  // pages that follow each other in memory and in the batch
      while (i + count < batch.items.size() && batch.items[i + count].run.state == PageState::Data &&
             batch.items[i + count].run.first == item.run.first + count &&
             batch.items[i + count].bytes == item.bytes + count * jump::kPageBytes && !is_low(item.run.first))
        ++count;
      TRY_OK(memory_.write(place_of(item.run.first), {item.bytes, count * jump::kPageBytes}));
      i += count;
    }
    return {};
  }

 private:
  static bool is_low(Pfn pfn) { return pfn * jump::kPageBytes < jump::kLowEnd; }

  std::uint64_t place_of(Pfn pfn) const {
    const std::uint64_t address = pfn * jump::kPageBytes;
    std::uint64_t copy = low_.copy;
    for (const jump::MemoryRange& low : low_.ranges) {
      if (low.contains(address, jump::kPageBytes)) return copy + (address - low.start);
      copy += low.bytes;
    }
    return address;
  }

  Result<void> write_fill(const PageRun& run) {
    for (Pfn pfn = run.first; pfn < run.end();) {
      const std::uint64_t count = is_low(pfn) ? 1 : run.end() - pfn;
      TRY_OK(memory_.fill(place_of(pfn), std::byte{run.fill}, count * jump::kPageBytes));
      pfn += count;
    }
    return {};
  }

  jump::MemoryWindow& memory_;
  LowMemory low_;
};

Result<void> write_pages(const JumpImage& image, const jump::Device& device, std::string_view kind,
                         LowMemory low, const ProgressCallback& progress) {
  TRY(auto memory, jump::MemoryWindow::open(device, kind));
  MemoryWriter writer(memory, std::move(low));
  PipelineOptions options;
  options.progress = progress;
  options.inspect = [&](const PageBatch& batch) { return writer.write(batch); };
  TRY_OK(run_pipeline(*image.reader, nullptr, options));
  return {};
}

}  // namespace

Result<void> write_memory(const JumpImage& image, const jump::Device& device,
                          const ProgressCallback& progress) {
  return write_pages(image, device, jump::kMemoryOfA, {image.context.low, image.context.low_copy}, progress);
}

Result<void> fill_stage(const JumpImage& image, const jump::Device& device,
                        const ProgressCallback& progress) {
  return write_pages(image, device, jump::kSystemRam, {}, progress);
}

}  // namespace hib::cli
