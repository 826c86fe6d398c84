#include "lib/codec/crc32.h"

#include <libdeflate.h>  // several times faster than zlib's crc32
#include <zlib.h>        // has the combining, which libdeflate has not

namespace hib {

std::uint32_t crc32(ByteView bytes) { return crc32(0, bytes); }

std::uint32_t crc32(std::uint32_t before, ByteView bytes) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::uint32_t crc32_join(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes) {
  return static_cast<std::uint32_t>(crc32_combine(a, b, static_cast<z_off_t>(b_bytes)));
}

}  // namespace hib
