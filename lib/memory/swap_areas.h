// The kernel's own account of its swap areas: which slots it uses, and what each area lies on.
//
// A slot is a page of the area, and slot 0 is the swap header. On a block device slot n lies n pages after
// the start. In a swap file it does, too, where the blocks of the file system are as large as pages; with
// smaller blocks the kernel leaves out pages whose blocks do not lie together.
//
// From mm/swapfile.c, mm/page_io.c and include/linux/swap.h of Linux 6.1 and 6.12: swap_info[], and in each
// struct swap_info_struct one byte for every slot (swap_map). Members are found by BTF, never by the release.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib::memory {

inline constexpr std::uint64_t kMaxSwapAreas = 32;  // MAX_SWAPFILES_SHIFT is 5

struct SlotRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  friend bool operator==(const SlotRun&, const SlotRun&) = default;
};

// Ascending, disjoint, none touches the next.
using SlotRuns = std::vector<SlotRun>;

std::uint64_t slot_count(const SlotRuns& runs);

struct SwapArea {
  std::uint64_t type = 0;         // index in swap_info[]: the swap type in page table entries
  std::uint64_t slots = 0;        // swap_info_struct.max, the header's included
  std::uint64_t pages = 0;        // slots that can be used
  std::uint64_t inuse_pages = 0;  // as the kernel counts them; /proc/swaps shows this

  // Slots that are taken. Beside pages that were swapped out these are slots that the kernel has set aside
  // for pages to come. Their number is inuse_pages unless the image is damaged.
  SlotRuns used;
  SlotRuns bad;  // never used: the header, and bad blocks

  // Of the used slots, those whose content on the disk says nothing:
  SlotRuns zero_slots;   // pages of zeros, which Linux 6.11 and later does not write (zeromap)
  SlotRuns zswap_slots;  // kept compressed in memory, up to Linux 6.5 (frontswap_map)
  bool others_in_zswap =
      false;  // the kernel keeps some pages compressed in memory, and it was not looked which

  // Of the used slots, those with SWAP_HAS_CACHE: their page is in memory too (swap cache), and where it is
  // dirty it is newer than the disk; or the kernel keeps the slot for a page to come, or has taken it back
  // from a process and not freed it yet (mm/swap_slots.c, up to Linux 6.13). The disk alone does not tell
  // which.
  SlotRuns cached_slots;

  // What the area lies on. Nothing where it could not be read. Hostile text: printable() it.
  std::optional<std::string> path;    // that swapon was given: "/dev/vda2", "/swapfile"
  std::optional<std::string> device;  // the block device: "vda2"; of a swap file, that of its file system
  std::optional<std::string> disk;    // whole disk of that device: "vda"
  bool is_file = false;               // a file in a file system, not a block device
  bool is_zram = false;               // compressed memory of the machine itself: nothing of it is on a disk
};

// The areas in use (SWP_USED and SWP_WRITEOK), by ascending type. None is a result. Borrows the image only
// while it runs. Reads a few thousand pages. NotFound, Corrupt and others as of the parts of Kernel;
// Unsupported where this kernel keeps no swap_map (7.0 and later have tables for each cluster).
Result<std::vector<SwapArea>> swap_areas(const ImageReader& image);

}  // namespace hib::memory
