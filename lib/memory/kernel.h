// A kernel in an image of memory, ready to be asked: its memory, its symbols and its types, and the fields of
// its structures by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/image/reader.h"
#include "lib/memory/address_space.h"
#include "lib/memory/symbols.h"
#include "lib/memory/types.h"

namespace hib::memory {

struct Kernel {
  AddressSpace memory;
  Symbols symbols;
  Types types;

  // The errors of the three parts, with the image's path. Borrows the image.
  static Result<Kernel> open(const ImageReader& image);

  // Where a member of the structure at `object` lies: field(file, "file", "f_path.dentry"). NotFound where
  // this kernel's structure has no such member; Corrupt where `object` is null.
  Result<Address> field(Address object, std::string_view structure, std::string_view path) const;

  // A number or a pointer there, of 1, 2, 4 or 8 bytes; of a structure such as atomic_long_t its `counter`.
  Result<std::uint64_t> number(Address object, std::string_view structure, std::string_view path) const;
};

// Whether a structure of this kernel has the member, or an error that is none of "not there".
Result<bool> has_member(const Types& types, std::string_view structure, std::string_view path);

}  // namespace hib::memory
