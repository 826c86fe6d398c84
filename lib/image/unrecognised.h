// What a file is that no reader knows: an archive, a disk, text; and what to do with it.
#pragma once

#include <string>

#include "lib/base/bytes.h"
#include "lib/os/file.h"

namespace hib {

// For a command that is shown: quoted as a shell needs it; FILE for standard input.
std::string path_for_shell(const File& file);

struct Unrecognised {
  std::string found;   // "a zstd file"
  std::string advice;  // the next command; empty where nobody knows one
};

// `head` is how the file begins.
Unrecognised describe_unrecognised(const File& file, ByteView head);

}  // namespace hib
