// How far the memory of the running machine compresses: a sample of the pages that its kernel would save,
// compressed as the kernel does it. No content of a page is kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/image/format.h"
#include "lib/os/running_memory.h"

namespace hib::diagnose {

// UNC_PAGES of kernel/power/swap.c: as many pages are compressed together.
inline constexpr std::uint64_t kUnitPages = 32;

struct SampleRequest {
  std::string memory = kRunningMachine;
  std::string page_flags = "/proc/kpageflags";
  std::string codec = "lzo";      // or "lz4"
  bool stores_zero_pages = true;  // Linux before 6.6
};

struct MemorySample {
  std::string codec;
  std::uint64_t page_bytes = 0;
  std::uint64_t saved_pages =
      0;  // that are neither free nor unusable; counted in a part where memory is large
  // What each unit of kUnitPages pages would take on the disk, in bytes; ascending.
  std::vector<std::uint64_t> units;

  double ratio() const;  // bytes on the disk for each byte of memory
};

// Reads System RAM alone, and no page that is free, offline or poisoned. At most 64 MiB are compressed and
// the flags of two million pages looked at, evenly spread over memory. An error where the system does not
// show its memory, or its files are not what they should be.
Result<MemorySample> sample_memory(const Formats& formats, const SampleRequest& request);

}  // namespace hib::diagnose
