// The blocks of an AVML file, and the chunks of each.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "format/avml/layout.h"
#include "lib/codec/snappy_frame.h"
#include "lib/image/info.h"
#include "lib/os/file.h"

namespace hib::avml {

struct Block {
  std::uint64_t offset = 0;    // of its header in the file
  std::uint64_t start = 0;     // physical address
  std::uint64_t bytes = 0;     // of memory
  std::uint64_t readable = 0;  // of these; the rest lies behind the place where the block is cut or broken
  std::uint64_t stream_bytes = 0;
  bool has_trailer = true;  // false: the stream ends where it is cut or broken

  std::uint64_t stream() const { return offset + sizeof(BlockHeader); }
  std::uint64_t stream_end() const { return stream() + stream_bytes; }
  std::uint64_t end() const { return stream_end() + (has_trailer ? sizeof(BlockTrailer) : 0); }
};

struct BlockList {
  std::vector<Block> blocks;  // in the order of the file
  std::vector<Damage> damage;
};

// Found from the end of the file backwards, by the lengths behind the blocks: a look at each block. Where
// that does not lead to the start, from the start as well, chunk by chunk; what lies between is lost.
Result<BlockList> find_blocks(const File& file);

struct Chunk {
  SnappyChunk head;
  std::uint64_t body = 0;     // offset in the file
  std::uint64_t content = 0;  // offset of its content in the block's memory

  std::uint64_t end() const { return content + head.content_bytes; }
};

struct ChunkList {
  std::vector<Chunk> chunks;   // those with content
  std::uint64_t bytes = 0;     // of memory that they hold: less than the block has when `error` says so
  std::uint64_t file_end = 0;  // behind the last whole chunk
  std::optional<Error> error;
};

// Reads the chunks' headers up to `stream_end`. Where that is not known to be the stream's end, all of the
// block's memory is.
ChunkList list_chunks(const File& file, const Block& block, std::uint64_t stream_end, bool is_known);

// Lists the chunks of a block when they are needed first. Thread-safe.
class ChunkTable {
 public:
  ChunkTable(const File& file, const std::vector<Block>& blocks)
      : file_(file), blocks_(blocks), lists_(blocks.size()) {}
  std::shared_ptr<const ChunkList> of(std::size_t block) const;

 private:
  const File& file_;
  const std::vector<Block>& blocks_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const ChunkList>> lists_;
};

}  // namespace hib::avml
