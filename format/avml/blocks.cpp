#include "format/avml/blocks.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/image/pages.h"
#include "lib/os/cancel.h"

namespace hib::avml {
namespace {

Result<Block> read_header(const File& file, std::uint64_t offset) {
  const std::string where = "block";
  auto raw = file.read_at(offset, sizeof(BlockHeader));
  if (!raw) return fail(std::move(raw).error().in(where + ": header"));
  Cursor in(*raw, offset, where);
  TRY(const BlockHeader header, in.read<BlockHeader>("header"));
  const auto reject = [&](ErrorKind kind, std::size_t at, const char* field, std::uint64_t found,
                          std::string allowed) {
    return fail(
        file.error(kind, offset + at, where + ": " + field, fmt::format("{:#x}", found), std::move(allowed)));
  };
  if (header.magic != kMagic)
    return reject(ErrorKind::Corrupt, offsetof(BlockHeader, magic), "magic", header.magic,
                  fmt::format("{:#x}", kMagic));
  if (header.version != kVersion)
    return reject(ErrorKind::Unsupported, offsetof(BlockHeader, version), "version", header.version, "2");
  if (header.last < header.start)
    return reject(ErrorKind::Corrupt, offsetof(BlockHeader, last), "last address", header.last,
                  fmt::format("at least the first, {:#x}", std::uint64_t{header.start}));
  if (header.last >= kMaxPfn * kMinPageBytes)
    return reject(ErrorKind::Corrupt, offsetof(BlockHeader, last), "last address", header.last, "below 2^52");
  if (header.padding != 0)
    return reject(ErrorKind::Corrupt, offsetof(BlockHeader, padding), "padding", header.padding, "0");
  Block block;
  block.offset = offset;
  block.start = header.start;
  block.bytes = header.last - header.start + 1;
  block.readable = block.bytes;
  return block;
}

// No stream of this length holds more: a hostile range would cost hours.
Result<void> check_size(const File& file, const Block& block) {
  const std::uint64_t most = block.stream_bytes * kSnappyMostPerByte;  // the file's size times 22
  if (block.bytes <= most) return {};
  return fail(file.error(ErrorKind::Corrupt, block.offset + offsetof(BlockHeader, last),
                         "block: last address", fmt::format("{} bytes of memory", block.bytes),
                         fmt::format("at most {}, what {} bytes of snappy hold", most, block.stream_bytes)));
}

// The block that ends at `end`.
Result<Block> block_before(const File& file, std::uint64_t end) {
  constexpr std::uint64_t kLeast = sizeof(BlockHeader) + sizeof(BlockTrailer);
  if (end < kLeast)
    return fail(file.error(ErrorKind::Truncated, end, "block", fmt::format("{} bytes", end),
                           fmt::format("at least {}", kLeast)));
  const std::uint64_t at = end - sizeof(BlockTrailer);
  TRY(const auto raw, file.read_at(at, sizeof(BlockTrailer)));
  Cursor in(raw, at, "block");
  TRY(const BlockTrailer trailer, in.read<BlockTrailer>("stream length"));
  if (trailer.stream_bytes > end - kLeast) {
    return fail(file.error(ErrorKind::Corrupt, at, "block: stream length",
                           fmt::format("{:#x}", std::uint64_t{trailer.stream_bytes}),
                           fmt::format("at most {:#x}, what lies before", end - kLeast)));
  }
  TRY(Block block, read_header(file, end - kLeast - trailer.stream_bytes));
  block.stream_bytes = trailer.stream_bytes;
  TRY_OK(check_size(file, block));
  return block;
}

// Blocks from the end of the file to where they cannot be followed further; returns that place.
Result<std::uint64_t> walk_back(const File& file, std::vector<Block>& blocks) {
  std::uint64_t end = file.size();
  while (end > 0 && blocks.size() < kMaxBlocks) {
    if (cancelled()) return fail(cancelled_error());
    const auto block = block_before(file, end);
    if (!block) break;
    blocks.push_back(*block);
    end = block->offset;
  }
  std::reverse(blocks.begin(), blocks.end());
  return end;
}

// The lost memory of a block of which only `kept` bytes can be read.
PfnRange lost_pages(const Block& block, std::uint64_t kept) {
  const Pfn first = (block.start + kept) / kMinPageBytes;
  const Pfn end = (block.start + block.bytes + kMinPageBytes - 1) / kMinPageBytes;
  return {first, end - first};
}

// The block at `offset`, whose end only its chunks tell; it may not reach behind `limit`. Its damage, if any,
// is the last that can be found from here.
Result<std::optional<Damage>> follow_block(const File& file, std::uint64_t offset, std::uint64_t limit,
                                           std::vector<Block>& blocks) {
  TRY(Block block, read_header(file, offset));
  const ChunkList list = list_chunks(file, block, limit, false);
  block.stream_bytes = list.file_end - block.stream();
  if (!list.error && limit - list.file_end >= sizeof(BlockTrailer)) {
    TRY(const auto raw, file.read_at(list.file_end, sizeof(BlockTrailer)));
    Cursor in(raw, list.file_end, "block");
    TRY(const BlockTrailer trailer, in.read<BlockTrailer>("stream length"));
    blocks.push_back(block);
    if (trailer.stream_bytes == block.stream_bytes) return std::optional<Damage>();
    // The chunks say where the block ends; the length costs nothing but itself.
    return std::optional(Damage{file.error(ErrorKind::Corrupt, list.file_end, "block: stream length",
                                           fmt::format("{:#x}", std::uint64_t{trailer.stream_bytes}),
                                           fmt::format("{:#x}", block.stream_bytes)),
                                {}});
  }
  block.has_trailer = false;
  block.readable = list.bytes;
  Error error = list.error ? *list.error
                           : file.error(ErrorKind::Truncated, list.file_end, "block: stream length",
                                        fmt::format("{} bytes", limit - list.file_end), "8 bytes");
  Damage damage{std::move(error), {}};
  if (list.bytes < block.bytes) damage.lost_pfns.push_back(lost_pages(block, list.bytes));
  blocks.push_back(block);
  return std::optional(std::move(damage));
}

// From the start of the file towards `limit`.
Result<void> walk_forward(const File& file, std::uint64_t limit, BlockList& out) {
  std::uint64_t at = 0;
  while (at < limit) {
    if (cancelled()) return fail(cancelled_error());
    if (out.blocks.size() >= kMaxBlocks) {
      return fail(
          file.error(ErrorKind::Limit, at, "blocks", fmt::format("more than {}", kMaxBlocks), "fewer"));
    }
    auto damage = follow_block(file, at, limit, out.blocks);
    if (!damage) {
      if (out.blocks.empty()) return fail(std::move(damage).error());
      out.damage.push_back({std::move(damage).error(), {}});
      return {};
    }
    if (*damage) out.damage.push_back(std::move(**damage));
    if (!out.blocks.back().has_trailer) return {};
    at = out.blocks.back().end();
  }
  return {};
}

}  // namespace

Result<BlockList> find_blocks(const File& file) {
  BlockList out;
  std::vector<Block> behind;
  TRY(const std::uint64_t reached, walk_back(file, behind));
  if (reached > 0) TRY_OK(walk_forward(file, reached, out));
  out.blocks.insert(out.blocks.end(), behind.begin(), behind.end());
  return out;
}

ChunkList list_chunks(const File& file, const Block& block, std::uint64_t stream_end, bool is_known) {
  ChunkList list;
  list.file_end = block.stream();
  while (list.bytes < block.bytes || (is_known && list.file_end < stream_end)) {
    const std::uint64_t at = list.file_end;
    const auto broken = [&](Error error) {
      error.offset = at;
      list.error = std::move(error).in("block at " + fmt::format("{:#x}", block.offset)).of(file.path());
    };
    if (cancelled()) {
      broken(cancelled_error());
      break;
    }
    if (at == stream_end) {
      broken(make_error(ErrorKind::Truncated, "snappy stream",
                        fmt::format("it ends after {:#x} bytes of memory", list.bytes),
                        fmt::format("{:#x}", block.bytes)));
      break;
    }
    const auto start = file.read_at(at, std::min<std::uint64_t>(kSnappyChunkStart, stream_end - at));
    if (!start) {
      broken(start.error());
      break;
    }
    const auto head = parse_snappy_chunk(*start);
    if (!head) {
      broken(head.error());
      break;
    }
    const std::uint64_t body = at + kSnappyChunkHeader;
    if (head->body_bytes > stream_end - std::min(body, stream_end)) {
      broken(make_error(ErrorKind::Truncated, "snappy chunk",
                        fmt::format("{} bytes", stream_end - std::min(body, stream_end)),
                        std::to_string(head->body_bytes)));
      break;
    }
    if (head->content_bytes > block.bytes - list.bytes) {
      broken(make_error(ErrorKind::Corrupt, "snappy chunk",
                        fmt::format("{} bytes of memory", head->content_bytes),
                        fmt::format("at most {}, what is left of the block", block.bytes - list.bytes)));
      break;
    }
    if (head->content_bytes > 0) list.chunks.push_back({*head, body, list.bytes});
    list.bytes += head->content_bytes;
    list.file_end = body + head->body_bytes;
  }
  return list;
}

std::shared_ptr<const ChunkList> ChunkTable::of(std::size_t block) const {
  {
    const std::scoped_lock lock(mutex_);
    if (lists_[block]) return lists_[block];
  }
  auto list = std::make_shared<const ChunkList>(
      list_chunks(file_, blocks_[block], blocks_[block].stream_end(), blocks_[block].has_trailer));
  const std::scoped_lock lock(mutex_);
  if (!lists_[block]) lists_[block] = std::move(list);
  return lists_[block];
}

}  // namespace hib::avml
