// zstd frames. A context belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <memory>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

inline constexpr int kDefaultZstdLevel = 1;
int max_zstd_level();
int min_zstd_level();

class ZstdCompressor {
 public:
  explicit ZstdCompressor(int level);
  ~ZstdCompressor();

  static std::size_t bound(std::size_t input_bytes);

  // One complete frame that declares its content size; returns the frame's size. `out` holds bound(in.size())
  // bytes.
  std::size_t compress(ByteView in, MutableBytes out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

class ZstdDecompressor {
 public:
  ZstdDecompressor();
  ~ZstdDecompressor();

  // Fills `out` exactly; a frame of another content size, or with a window over `window_limit`, is an error.
  Result<void> decompress(ByteView frame, MutableBytes out);

  // The first out.size() bytes of the frame's content, decoding no further than that takes.
  Result<void> decompress_prefix(ByteView frame, MutableBytes out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// A frame of any window that unpacks to `size` bytes, no more and no fewer.
Result<std::vector<std::byte>> unpack_zstd(ByteView frame, std::size_t size);

}  // namespace hib
