#include "lib/codec/lzo.h"

#include <fmt/format.h>
#include <lzo/lzo1x.h>

namespace hib {

LzoCompressor::LzoCompressor() : work_(new std::byte[LZO1X_1_MEM_COMPRESS]) {}

// LZO's documentation gives this for incompressible input.
std::size_t LzoCompressor::bound(std::size_t input_bytes) { return input_bytes + input_bytes / 16 + 64 + 3; }

std::size_t LzoCompressor::compress(ByteView in, MutableBytes out) {
  lzo_uint size = out.size();
  lzo1x_1_compress(reinterpret_cast<const unsigned char*>(in.data()), in.size(),
                   reinterpret_cast<unsigned char*>(out.data()), &size, work_.get());
  return size;
}

Result<std::size_t> lzo_decompress_within(ByteView in, MutableBytes out) {
  lzo_uint size = out.size();
  const int status = lzo1x_decompress_safe(reinterpret_cast<const unsigned char*>(in.data()), in.size(),
                                           reinterpret_cast<unsigned char*>(out.data()), &size, nullptr);
  if (status != LZO_E_OK)
    return fail(
        make_error(ErrorKind::Corrupt, "LZO data", fmt::format("lzo1x status {}", status), "a whole stream"));
  return std::size_t{size};
}

Result<void> lzo_decompress(ByteView in, MutableBytes out) {
  TRY(const std::size_t size, lzo_decompress_within(in, out));
  if (size != out.size())
    return fail(make_error(ErrorKind::Corrupt, "LZO data", fmt::format("{} bytes of content", size),
                           std::to_string(out.size())));
  return {};
}

}  // namespace hib
