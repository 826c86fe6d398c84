#pragma once

#include "lib/base/bytes.h"

namespace hib::lime {

inline constexpr std::uint32_t kMagic = 0x4C694D45;
inline constexpr std::uint32_t kVersion = 1;

struct RangeHeader {
  le32 magic;     // 0
  le32 version;   // 4
  le64 start;     // 8   first physical address
  le64 last;      // 16  last physical address, inclusive
  le64 reserved;  // 24
};
static_assert(sizeof(RangeHeader) == 32);

}  // namespace hib::lime
