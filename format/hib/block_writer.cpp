#include "format/hib/block_writer.h"

#include <cstring>

namespace hib::hib_image {

void append_bytes(std::vector<std::byte>& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Result<Block> BlockWriter::append_encoded(BlockType type, MutableBytes bytes, std::uint64_t payload_bytes,
                                          const Hash128& payload_hash) {
  BlockHeader header{};
  std::memcpy(header.magic, kBlockMagic, sizeof(kBlockMagic));
  header.type = static_cast<std::uint16_t>(type);
  header.sequence = sequence_++;
  header.payload_bytes = payload_bytes;
  header.previous = previous_;
  header.payload_hash = to_disk(payload_hash);
  header.header_hash = hash64(object_bytes(header).first(offsetof(BlockHeader, header_hash)));
  previous_ = header.header_hash;
  std::memcpy(bytes.data(), &header, sizeof(header));
  const Block block{type,         output_.position(), header.sequence, payload_bytes, header.previous,
                    payload_hash, header.header_hash};
  TRY_OK(output_.append(bytes));
  return block;
}

Result<Block> BlockWriter::append(BlockType type, ByteView payload) {
  std::vector<std::byte> bytes(sizeof(BlockHeader) + round_up(payload.size(), kBlockAlignment));
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof(BlockHeader), payload.data(), payload.size());
  return append_encoded(type, bytes, payload.size(), hash128(ByteView(bytes).subspan(sizeof(BlockHeader))));
}

void append_varint(std::vector<std::byte>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

void append_map_entry(std::vector<std::byte>& map, MapKind kind, std::uint64_t count) {
  append_varint(map, count << 3 | static_cast<std::uint64_t>(kind));
}

}  // namespace hib::hib_image
