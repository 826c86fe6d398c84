// Files that are compressed as a whole: gzip, bzip2, xz, zstd, LZ4. Decoded front to back; every checksum
// that they carry is checked.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

// One stream. A file may hold several, one after the other.
class Decompressor {
 public:
  struct Step {
    std::size_t taken = 0;        // of `in`
    std::size_t made = 0;         // of `out`
    bool ended = false;           // the stream; what is left of `in` is not its own
    std::optional<Error> broken;  // what comes next in `in`; it ends the work
  };

  Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  virtual ~Decompressor() = default;

  // Neither taken nor made, and not ended: it needs more of the file than there is. The smaller the pieces,
  // the more comes out of a broken stream: some libraries keep what they have made of a piece with an error
  // in it.
  virtual Step step(ByteView in, MutableBytes out) = 0;
};

struct Compression {
  std::string_view name;  // "gzip"
  Result<std::unique_ptr<Decompressor>> (*start)();
};

inline constexpr std::size_t kCompressionMagicBytes = 10;

// By the first bytes of a file; null for anything else.
const Compression* compression_of(ByteView head);

}  // namespace hib
