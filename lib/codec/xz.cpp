#include "lib/codec/xz.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <lzma.h>

namespace hib {
namespace {

constexpr std::size_t kPieceBytes = 2U << 20;  // between two words of progress

}  // namespace

Result<std::vector<std::byte>> unpack_xz(ByteView stream, std::size_t limit, std::size_t expected,
                                         const std::function<void(std::size_t done)>& progress) {
  constexpr std::uint64_t kMaxDecoderBytes = 128U << 20;
  std::vector<std::byte> content(std::min(limit, std::max<std::size_t>({stream.size() * 4, expected, 4096})));
  lzma_stream decoder = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&decoder, kMaxDecoderBytes, 0) != LZMA_OK)
    return fail(make_error(ErrorKind::Io, "xz", "out of memory"));
  decoder.next_in = reinterpret_cast<const std::uint8_t*>(stream.data());
  decoder.avail_in = stream.size();
  lzma_ret result = LZMA_OK;
  std::size_t size = 0;
  while (result == LZMA_OK) {
    if (size == content.size()) {
      if (size == limit) break;
      content.resize(std::min(limit, size * 2));
    }
    decoder.next_out = reinterpret_cast<std::uint8_t*>(content.data()) + size;
    const std::size_t piece = std::min(content.size() - size, kPieceBytes);
    decoder.avail_out = piece;
    result = lzma_code(&decoder, LZMA_FINISH);
    size += piece - decoder.avail_out;
    if (progress) progress(size);
  }
  lzma_end(&decoder);
  if (result == LZMA_OK)
    return fail(make_error(ErrorKind::Limit, "xz stream", fmt::format("more than {} bytes of content", limit),
                           fmt::format("up to {}", limit)));
  if (result != LZMA_STREAM_END)
    return fail(make_error(ErrorKind::Corrupt, "xz stream",
                           fmt::format("liblzma's error {}", static_cast<int>(result))));
  content.resize(size);
  return content;
}

}  // namespace hib
