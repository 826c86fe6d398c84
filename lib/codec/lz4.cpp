#include "lib/codec/lz4.h"

#include <fmt/format.h>
#include <lz4.h>

namespace hib {

std::size_t lz4_bound(std::size_t input_bytes) {
  return static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(input_bytes)));
}

std::size_t lz4_compress(ByteView in, MutableBytes out) {
  const int size =
      LZ4_compress_default(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
                           static_cast<int>(in.size()), static_cast<int>(out.size()));
  return static_cast<std::size_t>(size);
}

Result<std::size_t> lz4_decompress_within(ByteView in, MutableBytes out) {
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
                          static_cast<int>(in.size()), static_cast<int>(out.size()));
  if (size < 0)
    return fail(make_error(ErrorKind::Corrupt, "LZ4 data",
                           fmt::format("broken at byte {}", -static_cast<long long>(size)), "a whole block"));
  return static_cast<std::size_t>(size);
}

Result<void> lz4_decompress(ByteView in, MutableBytes out) {
  TRY(const std::size_t size, lz4_decompress_within(in, out));
  if (size != out.size())
    return fail(make_error(ErrorKind::Corrupt, "LZ4 data", fmt::format("{} bytes of content", size),
                           std::to_string(out.size())));
  return {};
}

}  // namespace hib
