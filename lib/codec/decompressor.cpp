#include "lib/codec/decompressor.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace hib {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kMaxXzBytes = 1U << 30;  // of the decoder: what xz -9 makes needs 65 MiB
constexpr std::size_t kMostAtOnce = std::numeric_limits<int>::max();

Error corrupt(std::string_view name, std::string found) {
  return make_error(ErrorKind::Corrupt, fmt::format("{} stream", name), std::move(found));
}

Error no_memory(std::string_view name) {
  return make_error(ErrorKind::Io, std::string(name), "out of memory");
}

// Gives a stream of zlib, libbz2 or liblzma, which are alike, its next pieces. None of them writes to its
// input, whatever the type says.
template <typename Stream>
void offer(Stream& stream, ByteView in, MutableBytes out) {
  stream.next_in = reinterpret_cast<decltype(stream.next_in)>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<decltype(stream.avail_in)>(std::min(in.size(), kMostAtOnce));
  stream.next_out = reinterpret_cast<decltype(stream.next_out)>(out.data());
  stream.avail_out = static_cast<decltype(stream.avail_out)>(std::min(out.size(), kMostAtOnce));
}

// What has become of them.
template <typename Stream>
Decompressor::Step progress(const Stream& stream, ByteView in, MutableBytes out) {
  return {std::min(in.size(), kMostAtOnce) - stream.avail_in,
          std::min(out.size(), kMostAtOnce) - stream.avail_out,
          false,
          {}};
}

class Gzip final : public Decompressor {
 public:
  static Result<std::unique_ptr<Decompressor>> start() {
    constexpr int kGzipOnly = 16;
    auto made = std::make_unique<Gzip>();
    if (inflateInit2(&made->stream_, 15 + kGzipOnly) != Z_OK) return fail(no_memory("gzip"));
    return made;
  }
  ~Gzip() override { inflateEnd(&stream_); }

  Step step(ByteView in, MutableBytes out) override {
    offer(stream_, in, out);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    Step done = progress(stream_, in, out);
    done.ended = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      done.broken =
          corrupt("gzip", stream_.msg != nullptr ? stream_.msg : fmt::format("zlib's error {}", result));
    return done;
  }

 private:
  z_stream stream_{};
};

class Bzip2 final : public Decompressor {
 public:
  static Result<std::unique_ptr<Decompressor>> start() {
    auto made = std::make_unique<Bzip2>();
    if (BZ2_bzDecompressInit(&made->stream_, 0, 0) != BZ_OK) return fail(no_memory("bzip2"));
    return made;
  }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }

  Step step(ByteView in, MutableBytes out) override {
    offer(stream_, in, out);
    const int result = BZ2_bzDecompress(&stream_);
    Step done = progress(stream_, in, out);
    done.ended = result == BZ_STREAM_END;
    if (result != BZ_OK && result != BZ_STREAM_END)
      done.broken = corrupt("bzip2", result == BZ_DATA_ERROR ? "a block that does not match its checksum"
                                                             : fmt::format("libbz2's error {}", result));
    return done;
  }

 private:
  bz_stream stream_{};
};

class Xz final : public Decompressor {
 public:
  static Result<std::unique_ptr<Decompressor>> start() {
    auto made = std::make_unique<Xz>();
    if (lzma_stream_decoder(&made->stream_, kMaxXzBytes, 0) != LZMA_OK) return fail(no_memory("xz"));
    return made;
  }
  ~Xz() override { lzma_end(&stream_); }

  Step step(ByteView in, MutableBytes out) override {
    offer(stream_, in, out);
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    Step done = progress(stream_, in, out);
    done.ended = result == LZMA_STREAM_END;
    if (result == LZMA_MEMLIMIT_ERROR) {
      done.broken = make_error(ErrorKind::Limit, "xz stream",
                               fmt::format("a decoder of {} MiB", lzma_memusage(&stream_) >> 20),
                               fmt::format("up to {} MiB", kMaxXzBytes >> 20))
                        .advise("unpack it with xz and pipe it in");
    } else if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) {
      done.broken = corrupt("xz", result == LZMA_DATA_ERROR ? "a block that does not match its checksum"
                                                            : fmt::format("liblzma's error {}", int{result}));
    }
    return done;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Zstd final : public Decompressor {
 public:
  explicit Zstd(ZSTD_DCtx* decoder) : decoder_(decoder) {}
  static Result<std::unique_ptr<Decompressor>> start() {
    ZSTD_DCtx* decoder = ZSTD_createDCtx();
    if (decoder == nullptr) return fail(no_memory("zstd"));
    return std::make_unique<Zstd>(decoder);
  }
  ~Zstd() override { ZSTD_freeDCtx(decoder_); }

  Step step(ByteView in, MutableBytes out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(decoder_, &to, &from);
    Step done{from.pos, to.pos, result == 0, {}};
    if (ZSTD_isError(result) == 0) return done;
    done = Step{0, 0, false, corrupt("zstd", ZSTD_getErrorName(result))};
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) {
      done.broken->kind = ErrorKind::Limit;
      done.broken->advice = "unpack it with zstd --long=31 and pipe it in";
    }
    return done;
  }

 private:
  ZSTD_DCtx* decoder_;
};

class Lz4 final : public Decompressor {
 public:
  explicit Lz4(LZ4F_dctx* decoder) : decoder_(decoder) {}
  static Result<std::unique_ptr<Decompressor>> start() {
    LZ4F_dctx* decoder = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&decoder, LZ4F_VERSION)) != 0)
      return fail(no_memory("lz4"));
    return std::make_unique<Lz4>(decoder);
  }
  ~Lz4() override { LZ4F_freeDecompressionContext(decoder_); }

  Step step(ByteView in, MutableBytes out) override {
    Step done{in.size(), out.size(), false, {}};
    const std::size_t result =
        LZ4F_decompress(decoder_, out.data(), &done.made, in.data(), &done.taken, nullptr);
    done.ended = result == 0;
    if (LZ4F_isError(result) != 0) done = Step{0, 0, false, corrupt("lz4", LZ4F_getErrorName(result))};
    return done;
  }

 private:
  LZ4F_dctx* decoder_;
};

struct Row {
  Compression compression;
  std::string_view magic;
};

constexpr std::array kRows = {
    Row{{"gzip", Gzip::start}, "\x1f\x8b\x08"},
    Row{{"xz", Xz::start}, "\xfd\x37zXZ\0"sv},
    Row{{"zstd", Zstd::start}, "\x28\xb5\x2f\xfd"},
    Row{{"lz4", Lz4::start}, "\x04\x22\x4d\x18"},
};

// "BZh", the size of its blocks as a digit, and the magic of the first block, or of the end.
bool is_bzip2(std::string_view head) {
  constexpr std::string_view kBlock = "\x31\x41\x59\x26\x53\x59";
  constexpr std::string_view kEnd = "\x17\x72\x45\x38\x50\x90";
  if (head.size() < 10 || !head.starts_with("BZh") || head[3] < '1' || head[3] > '9') return false;
  const std::string_view magic = head.substr(4, 6);
  return magic == kBlock || magic == kEnd;
}

}  // namespace

const Compression* compression_of(ByteView head) {
  static constexpr Compression kBzip2{"bzip2", Bzip2::start};
  const std::string_view text = as_text(head);
  for (const Row& row : kRows) {
    if (text.starts_with(row.magic)) return &row.compression;
  }
  return is_bzip2(text) ? &kBzip2 : nullptr;
}

}  // namespace hib
