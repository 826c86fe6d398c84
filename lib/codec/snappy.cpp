#include "lib/codec/snappy.h"

#include <new>

#include <fmt/format.h>
#include <snappy-c.h>

namespace hib {

std::size_t snappy_bound(std::size_t input_bytes) { return snappy_max_compressed_length(input_bytes); }

std::size_t snappy_pack(ByteView in, MutableBytes out) {
  std::size_t size = out.size();
  const auto status = snappy_compress(reinterpret_cast<const char*>(in.data()), in.size(),
                                      reinterpret_cast<char*>(out.data()), &size);
  if (status != SNAPPY_OK)
    throw std::bad_alloc();  // with room for the bound, memory is all that can be missing
  return size;
}

Result<void> snappy_decompress(ByteView in, MutableBytes out) {
  const auto* data = reinterpret_cast<const char*>(in.data());
  std::size_t declared = 0;
  if (snappy_uncompressed_length(data, in.size(), &declared) != SNAPPY_OK || declared != out.size()) {
    return fail(make_error(ErrorKind::Corrupt, "snappy data", fmt::format("{} bytes of content", declared),
                           std::to_string(out.size())));
  }
  std::size_t size = out.size();
  if (snappy_uncompress(data, in.size(), reinterpret_cast<char*>(out.data()), &size) != SNAPPY_OK) {
    return fail(make_error(ErrorKind::Corrupt, "snappy data", "broken", "a whole stream"));
  }
  return {};
}

}  // namespace hib
