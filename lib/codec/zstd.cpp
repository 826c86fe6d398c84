#include "lib/codec/zstd.h"

#include <new>

#include <fmt/format.h>
#include <zstd.h>

namespace hib {
namespace {

constexpr int kMaxWindowLog = 23;  // docs/format/hib.md §4: no window over 8 MiB

Error bad_frame(std::string found, std::string allowed = {}) {
  return make_error(ErrorKind::Corrupt, "zstd frame", std::move(found), std::move(allowed));
}

}  // namespace

int max_zstd_level() { return ZSTD_maxCLevel(); }
int min_zstd_level() { return -7; }

struct ZstdCompressor::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

ZstdCompressor::ZstdCompressor(int level) : context_(std::make_unique<Context>()) {
  if (context_->zstd == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_compressionLevel, level);
  if (level != kDefaultZstdLevel) return;
  // Measured on the memory of a machine with a filled page cache (docs/benchmarks.md): in frames of
  // 128 KiB this is faster than zstd's own level 1, which is tuned for text, and smaller; its table fits a
  // processor's first cache.
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_strategy, ZSTD_fast);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_windowLog, 20);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_hashLog, 13);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_minMatch, 5);
}
ZstdCompressor::~ZstdCompressor() = default;

std::size_t ZstdCompressor::bound(std::size_t input_bytes) { return ZSTD_compressBound(input_bytes); }

std::size_t ZstdCompressor::compress(ByteView in, MutableBytes out) {
  const std::size_t size = ZSTD_compress2(context_->zstd, out.data(), out.size(), in.data(), in.size());
  if (ZSTD_isError(size) != 0)
    throw std::bad_alloc();  // with room for the bound, memory is all that can be missing
  return size;
}

struct ZstdDecompressor::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  ~Context() { ZSTD_freeDCtx(zstd); }
};

ZstdDecompressor::ZstdDecompressor() : context_(std::make_unique<Context>()) {
  if (context_->zstd == nullptr) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context_->zstd, ZSTD_d_windowLogMax, kMaxWindowLog);
}
ZstdDecompressor::~ZstdDecompressor() = default;

Result<void> ZstdDecompressor::decompress(ByteView frame, MutableBytes out) {
  const unsigned long long declared = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (declared != out.size())
    return fail(bad_frame(fmt::format("content size {:#x}", declared), fmt::format("{:#x}", out.size())));
  const std::size_t size =
      ZSTD_decompressDCtx(context_->zstd, out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) return fail(bad_frame(ZSTD_getErrorName(size)));
  if (size != out.size())
    return fail(bad_frame(fmt::format("{} bytes of content", size), std::to_string(out.size())));
  return {};
}

Result<void> ZstdDecompressor::decompress_prefix(ByteView frame, MutableBytes out) {
  ZSTD_DCtx_reset(context_->zstd, ZSTD_reset_session_only);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  while (target.pos < target.size) {
    const std::size_t before = in.pos + target.pos;
    const std::size_t result = ZSTD_decompressStream(context_->zstd, &target, &in);
    if (ZSTD_isError(result) != 0) return fail(bad_frame(ZSTD_getErrorName(result)));
    if (in.pos + target.pos == before)
      return fail(
          bad_frame(fmt::format("ends after {} bytes", target.pos), fmt::format("at least {}", out.size())));
  }
  return {};
}

Result<std::vector<std::byte>> unpack_zstd(ByteView frame, std::size_t size) {
  std::vector<std::byte> content(size);
  const std::size_t done = ZSTD_decompress(content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(done) != 0)
    return fail(make_error(ErrorKind::Corrupt, "zstd frame", ZSTD_getErrorName(done)));
  if (done != size)
    return fail(make_error(ErrorKind::Corrupt, "zstd frame", fmt::format("{} bytes of content", done),
                           std::to_string(size)));
  return content;
}

}  // namespace hib
