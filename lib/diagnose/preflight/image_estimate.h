// How large the image would be: what hibernate_preallocate_memory() of kernel/power/snapshot.c would leave in
// memory, and what that takes on the disk.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/diagnose/preflight/facts.h"

namespace hib::diagnose {

struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t likely = 0;
  std::uint64_t most = 0;
};

// Bytes.
struct ImageEstimate {
  std::uint64_t total = 0;       // MemTotal
  std::uint64_t in_use = 0;      // that would be saved if the kernel dropped nothing
  std::uint64_t image_size = 0;  // what it tries to keep the image below
  Bounds image;                  // uncompressed
  std::uint64_t stuck = 0;       // that neither is free nor could be dropped without swap
  // Of the area's free space, with what is swapped out to make room. Only where memory was sampled, or
  // nothing is compressed.
  std::optional<Bounds> area;
  // What the kernel wants to be free before it begins to write (enough_swap() of kernel/power/swap.c): only
  // where it does not compress.
  std::optional<std::uint64_t> wanted_at_start;
};

bool is_compressed(const PreflightFacts& facts);  // no hibernate=nocompress

// Nothing where /proc/meminfo could not be read.
std::optional<ImageEstimate> estimate_image(const PreflightFacts& facts);

}  // namespace hib::diagnose
