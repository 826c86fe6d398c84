#include "cli/write_memory.h"

#include "cli/jump_image.h"
#include "format/hib/area.h"
#include "lib/jump/memory_window.h"

namespace hib::cli {
namespace {

// Puts runs of pages where they were; what was below 640 KiB goes into its copy, from which the jump puts it back.
class MemoryWriter {
 public:
  MemoryWriter(jump::MemoryWindow& memory, const jump::Context& context) : memory_(memory), context_(context) {}

  Result<void> write(const PageBatch& batch) {
    for (std::size_t i = 0; i < batch.items.size();) {
      const PageItem& item = batch.items[i];
      if (item.run.state != PageState::Data) {  // what is absent, A did not use
        if (item.run.state == PageState::Fill) TRY_OK(write_fill(item.run));
        ++i;
        continue;
      }
      std::size_t count = 1;  // pages that follow each other in memory and in the batch
      while (i + count < batch.items.size() && batch.items[i + count].run.state == PageState::Data && batch.items[i + count].run.first == item.run.first + count &&
             batch.items[i + count].bytes == item.bytes + count * jump::kPageBytes && !is_low(item.run.first)) ++count;
      TRY_OK(memory_.write(place_of(item.run.first), {item.bytes, count * jump::kPageBytes}));
      i += count;
    }
    return {};
  }

 private:
  static bool is_low(Pfn pfn) { return pfn * jump::kPageBytes < jump::kLowEnd; }

  std::uint64_t place_of(Pfn pfn) const {
    const std::uint64_t address = pfn * jump::kPageBytes;
    std::uint64_t copy = context_.low_copy;
    for (const jump::MemoryRange& low : context_.low) {
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
  const jump::Context& context_;
};

}  // namespace

Result<void> write_memory(const std::string& path, std::uint64_t head, const jump::Device& device, const ProgressCallback& progress) {
  TRY(const auto image, open_jump_image(path, head / container::kAreaHeadBytes));
  TRY(auto memory, jump::MemoryWindow::open(device));
  MemoryWriter writer(memory, image.context);
  PipelineOptions options;
  options.progress = progress;
  options.inspect = [&](const PageBatch& batch) { return writer.write(batch); };
  TRY_OK(run_pipeline(*image.reader, nullptr, options));
  return {};
}

}  // namespace hib::cli
