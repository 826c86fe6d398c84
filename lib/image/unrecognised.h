// What a file is that no reader knows: something compressed, a disk, text; and what to do with it.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/os/file.h"

namespace hib {

struct Compression {
  std::string_view name;    // "a zstd file"
  std::string_view unpack;  // the command that takes the file and writes what is inside to its output
};

// How a file that begins with `head` is compressed; null: in no way that is known.
const Compression* compression_of(ByteView head);

struct Unrecognised {
  std::string found;   // "a zstd file"
  std::string advice;  // the next command; empty where nobody knows one
};

// `head` is how the file begins.
Unrecognised describe_unrecognised(const File& file, ByteView head);

}  // namespace hib
