// Finds the swap area in what the user named: a device, a partition or its copy, a disk image with
// partitions, a file system with a swap file, a swap file of a mounted file system.
#pragma once

#include <string>
#include <vector>

#include "format/swsusp/block_space.h"
#include "format/swsusp/header.h"
#include "lib/image/info.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

struct Located {
  Header header;
  BlockSpace space;                 // counts in header.page_size
  std::uint64_t header_block = 0;   // the kernel's resume_offset
  std::uint64_t header_offset = 0;  // in the file
  std::string place;  // "partition 2 (/dev/…), swap file inode 12": for people; empty for the whole file
  std::optional<std::vector<FileExtent>>
      swap_file;                  // where its pages lie on the device, when it is a swap file
  std::vector<Finding> findings;  // other swap areas that were passed over
};

// NotRecognised says in words what is there instead.
Result<Located> locate(std::shared_ptr<const File> file, const OpenOptions& options);

// Do the map page and the info page that a mainline header leads to make sense, if its blocks lie where
// `space` says?
bool leads_to_an_image(const BlockSpace& space, const Header& header);

// What else the first bytes may be that holds a swap area somewhere: a partition table, an ext file system.
bool may_hold_swap_area(ByteView head);

}  // namespace hib::swsusp
