#include "lib/codec/zlib.h"

#include <new>

#include <fmt/format.h>
#include <zlib.h>

namespace hib {

std::size_t zlib_bound(std::size_t input_bytes) { return compressBound(input_bytes); }

std::size_t zlib_compress(ByteView in, MutableBytes out) {
  uLongf size = out.size();
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(in.data()), in.size(), Z_BEST_SPEED);
  if (status != Z_OK) throw std::bad_alloc();  // with room for the bound, memory is all that can be missing
  return size;
}

Result<void> zlib_decompress(ByteView in, MutableBytes out) {
  uLongf size = out.size();
  const int status = uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                                reinterpret_cast<const Bytef*>(in.data()), in.size());
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_OK)
    return fail(
        make_error(ErrorKind::Corrupt, "zlib data", fmt::format("zlib status {}", status), "a whole stream"));
  if (size != out.size())
    return fail(make_error(ErrorKind::Corrupt, "zlib data", fmt::format("{} bytes of content", size),
                           std::to_string(out.size())));
  return {};
}

}  // namespace hib
