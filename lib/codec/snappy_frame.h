// The snappy framing format (google/snappy, framing_format.txt): a stream of chunks, each with at most 64 KiB
// of content and a CRC-32C of it. Chunks are decoded one by one: each can be reached alone.
#pragma once

#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

inline constexpr std::size_t kSnappyChunkHeader = 4;           // type and the size of what follows
inline constexpr std::size_t kSnappyChunkContent = 64U << 10;  // at most, of one chunk
inline constexpr std::size_t kSnappyChunkStart = 4 + 4 + 5;    // header, CRC and the length of the content
inline constexpr std::size_t kSnappyLargestBody = 4 + 32 + kSnappyChunkContent * 7 / 6;
// No byte of snappy makes more than 64 / 3 bytes of content: a copy of 64 bytes takes 3.
inline constexpr std::uint64_t kSnappyMostPerByte = 22;

struct SnappyChunk {
  enum class Kind { Identifier, Compressed, Raw, Skipped };
  Kind kind = Kind::Skipped;
  std::uint32_t body_bytes = 0;     // behind the header
  std::uint32_t content_bytes = 0;  // Compressed and Raw

  bool has_content() const { return kind == Kind::Compressed || kind == Kind::Raw; }
};

// `start` is the first kSnappyChunkStart bytes of a chunk, or fewer at the end of the stream.
Result<SnappyChunk> parse_snappy_chunk(ByteView start);

// Fills `out`, which has chunk.content_bytes, from the chunk's body, and checks the CRC.
Result<void> decode_snappy_chunk(const SnappyChunk& chunk, ByteView body, MutableBytes out);

void append_snappy_identifier(std::vector<std::byte>& out);
// One chunk with `content`, at most kSnappyChunkContent bytes: stored as it is where snappy does not save an
// eighth.
void append_snappy_chunk(ByteView content, std::vector<std::byte>& out);

}  // namespace hib
