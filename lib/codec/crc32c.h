// CRC-32C (Castagnoli's polynomial): what the snappy framing format covers its chunks with.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace hib {

std::uint32_t crc32c(ByteView bytes);
std::uint32_t crc32c_by_table(ByteView bytes);  // the same, for processors without an instruction for it

}  // namespace hib
