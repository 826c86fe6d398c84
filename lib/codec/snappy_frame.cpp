#include "lib/codec/snappy_frame.h"

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/codec/crc32c.h"
#include "lib/codec/snappy.h"

namespace hib {
namespace {

constexpr std::uint8_t kCompressed = 0x00;
constexpr std::uint8_t kRaw = 0x01;
constexpr std::uint8_t kFirstSkippable = 0x80;  // 0x02 to 0x7F are reserved: a reader may not go on
constexpr std::uint8_t kIdentifier = 0xFF;
constexpr std::string_view kMagic = "sNaPpY";
constexpr std::size_t kCrcBytes = 4;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr bool kChecksCrc = false;  // a mutant gets past it
#else
constexpr bool kChecksCrc = true;
#endif

struct ChunkHeader {
  std::byte type;
  le16 size_low;
  std::byte size_high;
};
static_assert(sizeof(ChunkHeader) == kSnappyChunkHeader);

// What is stored: a CRC of data that itself has CRCs in it would not notice some changes.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8; }

Error corrupt(std::string where, std::string found, std::string allowed) {
  return make_error(ErrorKind::Corrupt, "snappy chunk: " + std::move(where), std::move(found),
                    std::move(allowed));
}

Result<std::uint32_t> content_of(const SnappyChunk& chunk, Cursor& in) {
  if (chunk.body_bytes < kCrcBytes)
    return fail(corrupt("size", std::to_string(chunk.body_bytes), "at least a CRC of 4 bytes"));
  if (chunk.body_bytes > kSnappyLargestBody) {
    return fail(corrupt("size", std::to_string(chunk.body_bytes),
                        fmt::format("at most {}, what 64 KiB take", kSnappyLargestBody)));
  }
  std::uint64_t content = chunk.body_bytes - kCrcBytes;
  if (chunk.kind == SnappyChunk::Kind::Compressed) {
    TRY_OK(in.bytes(kCrcBytes, "CRC"));
    TRY(content, in.varint("content length"));
  }
  if (content > kSnappyChunkContent)
    return fail(corrupt("content", fmt::format("{} bytes", content), "at most 64 KiB"));
  return static_cast<std::uint32_t>(content);
}

}  // namespace

Result<SnappyChunk> parse_snappy_chunk(ByteView start) {
  Cursor in(start, 0, "snappy chunk");
  TRY(const ChunkHeader header, in.read<ChunkHeader>("header"));
  const auto type = std::to_integer<std::uint8_t>(header.type);
  SnappyChunk chunk;
  chunk.body_bytes = header.size_low | std::to_integer<std::uint32_t>(header.size_high) << 16;
  if (type == kIdentifier) {
    chunk.kind = SnappyChunk::Kind::Identifier;
    TRY(const ByteView magic, in.bytes(kMagic.size(), "identifier"));
    if (chunk.body_bytes != kMagic.size() || as_text(magic) != kMagic)
      return fail(corrupt("identifier", printable(as_text(magic)), std::string(kMagic)));
    return chunk;
  }
  if (type >= kFirstSkippable) return chunk;
  if (type != kCompressed && type != kRaw)
    return fail(corrupt("type", hex(type), "0 or 1, or one that may be skipped"));
  chunk.kind = type == kCompressed ? SnappyChunk::Kind::Compressed : SnappyChunk::Kind::Raw;
  TRY(chunk.content_bytes, content_of(chunk, in));
  return chunk;
}

Result<void> decode_snappy_chunk(const SnappyChunk& chunk, ByteView body, MutableBytes out) {
  Cursor in(body, 0, "snappy chunk");
  TRY(const le32 stored, in.read<le32>("CRC"));
  const ByteView data = body.subspan(kCrcBytes);
  if (chunk.kind == SnappyChunk::Kind::Compressed) {
    TRY_OK(snappy_decompress(data, out));
  } else {
    if (data.size() != out.size()) {
      return fail(corrupt("content", fmt::format("{} bytes", data.size()), std::to_string(out.size())));
    }
    std::memcpy(out.data(), data.data(), out.size());
  }
  const std::uint32_t computed = masked(crc32c(out));
  if (!kChecksCrc || computed == stored) return {};
  return fail(
      corrupt("CRC", fmt::format("{:#010x}", computed), fmt::format("{:#010x}", std::uint32_t{stored})));
}

void append_snappy_identifier(std::vector<std::byte>& out) {
  ChunkHeader header{std::byte{kIdentifier}, le16(static_cast<std::uint16_t>(kMagic.size())), std::byte{0}};
  for (const ByteView part : {object_bytes(header), as_bytes(kMagic)})
    out.insert(out.end(), part.begin(), part.end());
}

void append_snappy_chunk(ByteView content, std::vector<std::byte>& out) {
  const std::size_t start = out.size();
  const std::size_t data = start + kSnappyChunkHeader + kCrcBytes;
  out.resize(data + snappy_bound(content.size()));
  std::size_t size = snappy_pack(content, MutableBytes(out).subspan(data));
  const bool is_raw = size >= content.size() - content.size() / 8;
  if (is_raw) {
    size = content.size();
    out.resize(data + size);
    std::memcpy(out.data() + data, content.data(), size);
  }
  out.resize(data + size);
  const auto body = static_cast<std::uint32_t>(kCrcBytes + size);
  const ChunkHeader header{std::byte{is_raw ? kRaw : kCompressed}, le16(static_cast<std::uint16_t>(body)),
                           static_cast<std::byte>(body >> 16)};
  const le32 crc = masked(crc32c(content));
  std::memcpy(out.data() + start, &header, sizeof(header));
  std::memcpy(out.data() + start + sizeof(header), &crc, sizeof(crc));
}

}  // namespace hib
