// AVML 2 (microsoft/avml, src/image.rs): blocks of memory in ascending order. A block is a header, the memory
// in a snappy framed stream, and the length of that stream.
#pragma once

#include "lib/base/bytes.h"

namespace hib::avml {

inline constexpr std::uint32_t kMagic = 0x4C4D5641;  // "AVML"
inline constexpr std::uint32_t kVersion = 2;

struct BlockHeader {
  le32 magic;    // 0
  le32 version;  // 4
  le64 start;    // 8   first physical address
  le64 last;     // 16  last physical address, inclusive
  le64 padding;  // 24  0
};
static_assert(sizeof(BlockHeader) == 32);

struct BlockTrailer {
  le64 stream_bytes;  // 0   between header and trailer
};
static_assert(sizeof(BlockTrailer) == 8);

// AVML buffers what is no longer than this, and reads any length.
inline constexpr std::uint64_t kMaxWrittenBlock = 16U << 20;
inline constexpr std::size_t kMaxBlocks = 1U << 22;

}  // namespace hib::avml
