#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

std::size_t snappy_bound(std::size_t input_bytes);
std::size_t snappy_pack(ByteView in, MutableBytes out);         // `out` holds snappy_bound(in.size()) bytes
Result<void> snappy_decompress(ByteView in, MutableBytes out);  // fills `out` exactly

}  // namespace hib
