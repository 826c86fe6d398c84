// The machine's pages: from the image into the memory where they were, or into the stage.
#pragma once

#include <functional>
#include <vector>

#include "lib/base/error.h"
#include "lib/jump/image.h"
#include "lib/jump/module/device.h"
#include "lib/ops/pipeline.h"

namespace hib::jump {

// Where pages go. Low memory that the running kernel still uses is kept in a copy, until the jump puts it
// back.
class Placement {
 public:
  // `low`: pieces of the machine's memory below kLowEnd; their bytes lie one after the other from `copy` on.
  Placement(std::vector<MemoryRange> low, std::uint64_t copy) : low_(std::move(low)), copy_(copy) {}

  std::uint64_t address_of(Pfn pfn) const;
  // Pages from `pfn` on, at most `count`, that lie behind each other at address_of(pfn).
  static std::uint64_t together(Pfn pfn, std::uint64_t count);

 private:
  std::vector<MemoryRange> low_;
  std::uint64_t copy_;
};

// Physical memory that is written in order. Writing fails where a part of it is not the machine's.
struct MemoryTarget {
  std::function<Result<void>(std::uint64_t address, ByteView bytes)> write;
  std::function<Result<void>(std::uint64_t address, std::byte value, std::uint64_t bytes)> fill;
};

// A batch of loaded pages, runs in one piece. Absent pages are left alone: the machine did not use them.
Result<void> write_batch(const PageBatch& batch, const Placement& placement, const MemoryTarget& target);

// In the saver; `memory` is what it knows of the machine's (SaverConfig). After an error memory is a mix of
// both machines: the kernel must restart.
Result<void> write_memory(const JumpImage& image, const Device& device,
                          const std::vector<MemoryRange>& memory, const ProgressCallback& progress);

// In the restorer, into the room that `device` has staged; `memory`: of the machine, as the image knows it.
// Every page is checked by its hash on the way.
Result<void> fill_stage(const JumpImage& image, const Device& device, const std::vector<MemoryRange>& memory,
                        const ProgressCallback& progress);

}  // namespace hib::jump
