#include "format/swsusp/ext_io.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "lib/base/bytes.h"

#include <ext2fs/ext2fs.h>  // last: 1.47.2 (Debian 13) defines a macro "clamp", which <algorithm> would stumble over
#undef clamp

namespace hib::swsusp {
namespace {

constexpr std::size_t kCachedBlocks = 8;  // extent trees are walked from their root for every block

struct CachedBlock {
  std::uint64_t offset = ~std::uint64_t{0};
  std::vector<std::byte> bytes;
};

// A channel and all that it reads through. libext2fs knows the first member only.
struct Channel {
  struct_io_channel io{};
  const File* file = nullptr;
  std::uint64_t base = 0;
  std::array<CachedBlock, kCachedBlocks> cache;
  std::size_t next = 0;  // to be replaced
};

// What the next open_channel() of this thread is about: libext2fs hands on nothing but a name.
struct Opening {
  const File* file = nullptr;
  std::uint64_t base = 0;
};
thread_local Opening opening;

Channel& of(io_channel io) { return *static_cast<Channel*>(io->private_data); }

errcode_t close_channel(io_channel io) {
  if (--io->refcount == 0) delete &of(io);
  return 0;
}

errcode_t set_block_size(io_channel io, int bytes) {
  io->block_size = bytes;
  return 0;
}

// A negative count is a number of bytes.
errcode_t read_blocks(io_channel io, unsigned long long block, int count, void* data) {
  Channel& channel = of(io);
  const auto block_bytes = static_cast<std::uint64_t>(io->block_size);
  const std::uint64_t bytes = count < 0 ? static_cast<std::uint64_t>(-std::int64_t{count})
                                        : static_cast<std::uint64_t>(count) * block_bytes;
  const auto in_system = checked_mul<std::uint64_t>(block, block_bytes);
  const auto offset = in_system ? checked_add(channel.base, *in_system) : std::nullopt;
  if (!offset) return EXT2_ET_SHORT_READ;
  const MutableBytes out(static_cast<std::byte*>(data), bytes);
  if (bytes != block_bytes) return channel.file->read_at(*offset, out) ? 0 : EXT2_ET_SHORT_READ;
  auto cached = std::find_if(channel.cache.begin(), channel.cache.end(), [&](const CachedBlock& one) {
    return one.offset == *offset && one.bytes.size() == bytes;
  });
  if (cached == channel.cache.end()) {
    auto read = channel.file->read_at(*offset, bytes);
    if (!read) return EXT2_ET_SHORT_READ;
    cached = channel.cache.begin() + static_cast<std::ptrdiff_t>(channel.next++ % kCachedBlocks);
    *cached = {*offset, std::move(*read)};
  }
  std::copy(cached->bytes.begin(), cached->bytes.end(), out.begin());
  return 0;
}

errcode_t read_blocks_32(io_channel io, unsigned long block, int count, void* data) {
  return read_blocks(io, block, count, data);
}

errcode_t write_nothing(io_channel, unsigned long, int, const void*) { return EXT2_ET_RO_FILSYS; }

errcode_t flush_nothing(io_channel) { return 0; }

errcode_t open_channel(const char*, int flags, io_channel* io);

struct_io_manager manager = [] {
  struct_io_manager made{};
  made.magic = EXT2_ET_MAGIC_IO_MANAGER;
  made.name = "a file of hibtool";
  made.open = open_channel;
  made.close = close_channel;
  made.set_blksize = set_block_size;
  made.read_blk = read_blocks_32;
  made.read_blk64 = read_blocks;
  made.write_blk = write_nothing;
  made.flush = flush_nothing;
  return made;
}();

errcode_t open_channel(const char*, int flags, io_channel* io) {
  if ((flags & IO_FLAG_RW) != 0) return EXT2_ET_RO_FILSYS;
  auto channel = std::make_unique<Channel>();
  channel->file = opening.file;
  channel->base = opening.base;
  channel->io.magic = EXT2_ET_MAGIC_IO_CHANNEL;
  channel->io.manager = &manager;
  channel->io.block_size = 1024;
  channel->io.refcount = 1;
  channel->io.private_data = channel.get();
  *io = &channel.release()->io;
  return 0;
}

}  // namespace

ExtFileSystem::ExtFileSystem(const File& file, std::uint64_t base) {
  opening = {&file, base};
  const int flags = EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SOFTSUPP_FEATURES;
  if (ext2fs_open2(file.path().c_str(), nullptr, flags, 0, 0, &manager, &fs_) != 0) fs_ = nullptr;
}

ExtFileSystem::~ExtFileSystem() {
  if (fs_ != nullptr) ext2fs_free(fs_);
}

}  // namespace hib::swsusp
