// LZO1X: the checked decoder only.
#pragma once

#include <memory>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

class LzoCompressor {
 public:
  LzoCompressor();
  static std::size_t bound(std::size_t input_bytes);
  std::size_t compress(ByteView in, MutableBytes out);  // `out` holds bound(in.size()) bytes

 private:
  std::unique_ptr<std::byte[]> work_;
};

Result<void> lzo_decompress(ByteView in, MutableBytes out);  // fills `out` exactly
// The same where the content's size is not known, only its limit; says how many bytes there are.
Result<std::size_t> lzo_decompress_within(ByteView in, MutableBytes out);

}  // namespace hib
