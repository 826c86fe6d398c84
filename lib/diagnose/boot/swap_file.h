// Where a swap file begins on its device: the resume_offset that the kernel wants.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/device/probe/tree.h"

namespace hib::diagnose::boot {

struct SwapFilePlace {
  std::uint64_t first_byte = 0;  // of the file, on the device
  std::uint64_t offset_pages = 0;
  std::size_t pieces = 0;      // that the file is in: any number will do
  bool spans_devices = false;  // of a btrfs with several: the kernel cannot swap to it
  bool is_shared = false;      // with a snapshot or a copy: the kernel refuses such a file too
};

// Asks the mounted file system: FIEMAP, and on btrfs the tree of chunks, which needs root. Refuses what has
// no place of its own: compressed files, holes at the beginning.
Result<SwapFilePlace> locate_swap_file(const std::string& path, std::uint64_t page_bytes);

// The same for a file of a tree. On a machine that is not this one only a mounted file system tells: a copy
// of the file lies elsewhere. `mountinfo` is this system's /proc/self/mountinfo.
Result<SwapFilePlace> locate_swap_file_of(const device::Tree& tree, const std::string& path,
                                          std::uint64_t page_bytes, const std::string& mountinfo);

// Fails where no file system is mounted at `folder`, or only a folder of one.
Result<void> check_mounted(const std::string& folder, const std::string& mountinfo);

// A chunk of btrfs (struct btrfs_chunk) that begins at byte `logical` of the file system's addresses.
struct ChunkPlace {
  std::uint64_t device = 0;    // btrfs' own number of it
  std::uint64_t physical = 0;  // of `wanted`
};
Result<ChunkPlace> place_in_chunk(ByteView item, std::uint64_t logical, std::uint64_t wanted);

}  // namespace hib::diagnose::boot
