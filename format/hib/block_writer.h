// The chain of blocks, as a .hib image is written: each block has the hash of the header before it.
#pragma once

#include <vector>

#include "format/hib/decode.h"
#include "lib/os/output.h"

namespace hib::hib_image {

class BlockWriter {
 public:
  explicit BlockWriter(Output& output) : output_(output) {}

  // The first block is chained to the file header.
  void begin(const Hash128& header_hash) { previous_ = header_hash.low; }

  Result<Block> append(BlockType type, ByteView payload);
  // `block` has room for the header, then payload and padding. `payload_hash` is of these.
  Result<Block> append_encoded(BlockType type, MutableBytes block, std::uint64_t payload_bytes,
                               const Hash128& payload_hash);

  std::uint64_t count() const { return sequence_; }

 private:
  Output& output_;
  std::uint64_t sequence_ = 0;
  std::uint64_t previous_ = 0;
};

void append_bytes(std::vector<std::byte>& out, ByteView bytes);
void append_varint(std::vector<std::byte>& out, std::uint64_t value);
// What follows the number, for some kinds, is the caller's.
void append_map_entry(std::vector<std::byte>& map, MapKind kind, std::uint64_t count);

}  // namespace hib::hib_image
