// CRC-32 (the polynomial of zlib, PNG and the kernel's crc32_le), of pieces that are computed apart and put
// together.
#pragma once

#include "lib/base/bytes.h"

namespace hib {

std::uint32_t crc32(ByteView bytes);
// Goes on from the CRC of what came before.
std::uint32_t crc32(std::uint32_t before, ByteView bytes);

// The CRC of `a` followed by `b`, of which only the CRCs and the length of `b` are known.
std::uint32_t crc32_join(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes);

}  // namespace hib
