// How far the memory of the running machine compresses: a sample of the pages that its kernel would save,
// compressed as the kernel does it. No content of a page is kept.
#pragma once

#include <algorithm>
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
  std::string zones = "/proc/zoneinfo";
  std::string codec = "lzo";      // or "lz4"
  bool stores_zero_pages = true;  // Linux before 6.6
};

struct MemorySample {
  std::string codec;
  std::uint64_t page_bytes = 0;
  std::uint64_t used_pages =
      0;  // neither free nor unusable by their flags; counted in a part of large memory
  // Of these the free ones that each processor keeps at hand: their flags do not tell. The kernel gives them
  // back before it saves.
  std::uint64_t kept_at_hand = 0;
  // What each unit of kUnitPages pages would take on the disk, in bytes; ascending.
  std::vector<std::uint64_t> units;

  std::uint64_t saved_pages() const { return used_pages - std::min(used_pages, kept_at_hand); }
  double ratio() const;  // bytes on the disk for each byte of memory
};

// Reads System RAM alone, and no page that is free, offline or poisoned. At most 64 MiB are compressed and
// the flags of two million pages looked at, evenly spread over memory. An error where the system does not
// show its memory, or its files are not what they should be.
Result<MemorySample> sample_memory(const Formats& formats, const SampleRequest& request);

}  // namespace hib::diagnose
