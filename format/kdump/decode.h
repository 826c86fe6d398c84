// kdump headers turned into native values, checked before use.
#pragma once

#include <vector>

#include "format/kdump/layout.h"
#include "lib/image/dump_file.h"
#include "lib/image/info.h"

namespace hib::kdump {

struct Blob {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // 0: there is none

  std::uint64_t end() const { return offset + bytes; }
};

struct Headers {
  std::uint32_t version = 6;
  std::uint32_t status = 0;
  std::uint32_t block_size = 4096;
  std::uint64_t max_mapnr = 0;    // one past the last PFN
  Blob sub_header;                // its blocks; notes follow the structure in them
  Blob bitmap1;                   // pages that exist
  Blob bitmap2;                   // pages that are in the dump
  std::uint64_t descriptors = 0;  // offset of the first
  bool is_part = false;           // of a dump in several files: it has pages from part_start to part_end
  Pfn part_start = 0;
  Pfn part_end = 0;  // one past the last
  Blob vmcoreinfo;
  Blob notes;
  Blob eraseinfo;
  KernelIdentity kernel;
  std::vector<Finding> findings;  // what is wrong with the notes costs the notes, not the pages
};

Result<Headers> decode_headers(const DumpFile& dump);

// The codec's name by status or descriptor flags; null for an unknown combination.
const char* codec_name(std::uint32_t flags);

}  // namespace hib::kdump
