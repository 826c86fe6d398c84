// LZ4 blocks, without the frame: the form that the kernel uses.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

std::size_t lz4_bound(std::size_t input_bytes);
std::size_t lz4_compress(ByteView in, MutableBytes out);     // `out` holds lz4_bound(in.size()) bytes
Result<void> lz4_decompress(ByteView in, MutableBytes out);  // fills `out` exactly

}  // namespace hib
