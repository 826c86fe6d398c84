#include "lib/ops/find_kernel.h"

#include "lib/image/forwarding_reader.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/kernel_search.h"

namespace hib {

Result<std::unique_ptr<ImageReader>> find_kernel(std::unique_ptr<ImageReader> image, unsigned threads,
                                                 const ProgressCallback& progress) {
  if (vmcoreinfo_of(image->records()) != nullptr) return image;
  memory::KernelSearch search;
  PipelineOptions options;
  options.threads = threads;
  options.salvage = true;  // what cannot be read is for others to say
  options.progress = progress;
  options.inspect = [&](const PageBatch& batch) -> Result<void> {
    search.add(batch, image->info().page_size);
    return {};
  };
  TRY_OK(run_pipeline(*image, nullptr, options));
  std::vector<Record> records = image->records();
  search.finish(*image).add_to(records);
  return std::make_unique<WithRecords>(std::move(image), std::move(records));
}

}  // namespace hib
