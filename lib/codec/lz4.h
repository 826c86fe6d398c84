// LZ4 blocks, without the frame: the form that the kernel uses.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

std::size_t lz4_bound(std::size_t input_bytes);
std::size_t lz4_compress(ByteView in, MutableBytes out);     // `out` holds lz4_bound(in.size()) bytes
Result<void> lz4_decompress(ByteView in, MutableBytes out);  // fills `out` exactly
// The same where the content's size is not known, only its limit; says how many bytes there are.
Result<std::size_t> lz4_decompress_within(ByteView in, MutableBytes out);

}  // namespace hib
