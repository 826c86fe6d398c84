#include "cli/write_memory.h"

#include <algorithm>
#include <vector>

#include "cli/jump_image.h"
#include "format/hib/area.h"

namespace hib::cli {
namespace {

// Puts runs of pages where they were; what was below 640 KiB goes into its copy, from which the jump puts it back.
class MemoryWriter {
 public:
  MemoryWriter(const jump::Device& device, const jump::Context& context) : device_(device), context_(context), fill_(kFillBytes) {}

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
      TRY_OK(device_.write(place_of(item.run.first), {item.bytes, count * jump::kPageBytes}));
      i += count;
    }
    return {};
  }

 private:
  static constexpr std::size_t kFillBytes = 1U << 20;
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
    if (fill_[0] != std::byte{run.fill}) std::fill(fill_.begin(), fill_.end(), std::byte{run.fill});
    for (Pfn pfn = run.first; pfn < run.end();) {
      const std::uint64_t count = is_low(pfn) ? 1 : std::min<std::uint64_t>(run.end() - pfn, kFillBytes / jump::kPageBytes);
      TRY_OK(device_.write(place_of(pfn), ByteView(fill_).first(count * jump::kPageBytes)));
      pfn += count;
    }
    return {};
  }

  const jump::Device& device_;
  const jump::Context& context_;
  std::vector<std::byte> fill_;
};

}  // namespace

Result<void> write_memory(const std::string& path, std::uint64_t head, const jump::Device& device, const ProgressCallback& progress) {
  TRY(const auto image, open_jump_image(path, head / container::kAreaHeadBytes));
  MemoryWriter writer(device, image.context);
  PipelineOptions options;
  options.progress = progress;
  options.inspect = [&](const PageBatch& batch) { return writer.write(batch); };
  TRY_OK(run_pipeline(*image.reader, nullptr, options));
  return {};
}

}  // namespace hib::cli
