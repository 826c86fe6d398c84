#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

std::size_t zlib_bound(std::size_t input_bytes);
std::size_t zlib_compress(ByteView in, MutableBytes out);  // level 1; `out` holds zlib_bound(in.size()) bytes
Result<void> zlib_decompress(ByteView in,
                             MutableBytes out);  // fills `out` exactly; checks the stream's adler32

}  // namespace hib
