#include "lib/diagnose/boot/initramfs_stream.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/decompressor.h"
#include "lib/codec/lz4.h"
#include "lib/os/cancel.h"

namespace hib::diagnose::boot {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kReadBytes = 256U << 10;
constexpr std::size_t kLeastBytes = 16;  // that a step sees, unless the file ends: what decides is shorter
constexpr std::size_t kContentBytes = 1U << 20;

// What "lz4 -l" makes, the only LZ4 that the kernel unpacks: a magic, then blocks of 8 MiB with their sizes
// before them. Nothing marks the end.
class LegacyLz4 final : public Decompressor {
 public:
  static constexpr std::string_view kMagic = "\x02\x21\x4c\x18";

  Step step(ByteView in, MutableBytes out) override {
    Step done;
    done.made = drain(out);
    if (done.made != 0) return done;
    if (in.empty()) {
      done.ended = is_size_ && all_zero(pending_);  // what pads the file
      return done;
    }
    done.taken = std::min(in.size(), wanted_ - pending_.size());
    const ByteView taken = in.first(done.taken);
    pending_.insert(pending_.end(), taken.begin(), taken.end());
    if (pending_.size() < wanted_) return done;
    if (is_size_) {
      take_size(done);
    } else if (auto decoded = lz4_decompress_within(pending_, block_)) {
      content_ = ByteView(block_).first(*decoded);
      expect_size();
    } else {
      done.broken = std::move(decoded).error();
    }
    return done;
  }

 private:
  static constexpr std::size_t kBlockBytes = 8U << 20;

  std::size_t drain(MutableBytes out) {
    const std::size_t count = std::min(content_.size(), out.size());
    std::copy_n(content_.begin(), count, out.begin());
    content_ = content_.subspan(count);
    return count;
  }
  void expect_size() {
    pending_.clear();
    is_size_ = true;
    wanted_ = sizeof(le32);
  }
  void take_size(Step& done) {
    if (as_text(pending_) == kMagic) return expect_size();  // another stream begins
    le32 size;
    std::copy_n(pending_.begin(), sizeof size, size.raw.begin());
    if (size == 0 || size > lz4_bound(kBlockBytes)) {
      done.ended = true;  // before these bytes, which are no block
      done.taken = 0;
      return;
    }
    pending_.clear();
    is_size_ = false;
    wanted_ = size;
  }

  std::vector<std::byte> pending_;
  bool is_size_ = true;
  std::size_t wanted_ = sizeof(le32);
  std::vector<std::byte> block_ = std::vector<std::byte>(kBlockBytes);
  ByteView content_;
};

struct Foreign {
  std::size_t offset;
  std::string_view magic;
  const char* name;
};
constexpr std::array<Foreign, 5> kForeign = {{{0, "hsqs"sv, "squashfs"},
                                              {1024, "\xe2\xe1\xf5\xe0"sv, "erofs"},
                                              {0, "\x89LZO"sv, "lzop"},
                                              {0, "\x5d\x00\x00"sv, "lzma"},
                                              {0, "\x53\xef"sv, "ext4"}}};

class Unpacker {
 public:
  Unpacker(const File& file, CpioStream& stream) : file_(file), stream_(stream) {}

  Result<Unpacking> run() {
    if (auto done = unpack(); !done) {
      if (stream_.entries() == 0) return fail(std::move(done).error().of(file_.path()));
      unpacking_.broken = std::move(done).error().of(file_.path());
    }
    return std::move(unpacking_);
  }

 private:
  Result<void> unpack() {
    while (true) {
      // An archive may go on in the next compressed stream.
      if (stream_.is_between()) TRY_OK(open_archives());
      if (position_ == file_.size()) return check_end();
      TRY_OK(compressed_stream());
    }
  }

  // Archives that are not compressed, and the zeros behind them.
  Result<void> open_archives() {
    while (position_ < file_.size()) {
      if (cancelled()) return fail(cancelled_error());
      TRY_OK(refill());
      const std::size_t before = stream_.entries();
      auto taken = stream_.feed(input_);
      if (stream_.entries() > before) note_wrapping("cpio");  // also where it is damaged further on
      if (!taken) return fail(std::move(taken).error());
      TRY_OK(count(*taken));
      advance(*taken);
      if (!input_.empty()) return {};
    }
    return {};
  }

  Result<void> compressed_stream() {
    const std::size_t head_bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(2048, file_.size() - position_));
    TRY(const auto head, file_.read_at(position_, head_bytes));
    TRY(const auto decoder, decoder_for(head));
    bool ignores_rest = false;
    while (true) {
      if (cancelled()) return fail(cancelled_error());
      TRY_OK(refill());
      auto step = decoder->step(input_, content_);
      advance(step.taken);
      if (step.made != 0) TRY_OK(feed_content(ByteView(content_).first(step.made), ignores_rest));
      if (step.broken) return fail(std::move(*step.broken).at(position_));
      if (step.ended) return {};
      if (step.taken == 0 && step.made == 0) {
        const bool at_end = position_ == file_.size();
        return fail(
            make_error(at_end ? ErrorKind::Truncated : ErrorKind::Corrupt, "initramfs",
                       at_end ? "the file ends before its stream does" : "nothing that can be decoded")
                .at(position_));
      }
    }
  }

  Result<void> feed_content(ByteView content, bool& ignores_rest) {
    TRY_OK(count(content.size()));
    if (ignores_rest) return {};
    auto taken = stream_.feed(content);
    if (!taken) {
      Error error = std::move(taken).error();
      error.where += fmt::format(", {} bytes unpacked", error.offset.value_or(0));
      return fail(std::move(error).at(position_));
    }
    if (*taken == content.size()) return {};
    if (stream_.entries() == 0) TRY_OK(recognise_foreign(content));
    ignores_rest = true;  // the kernel stops at what is no archive
    if (!unpacking_.broken)
      unpacking_.broken =
          make_error(ErrorKind::Corrupt, "initramfs", "something that is no archive", "an archive or the end")
              .at(position_);
    return {};
  }

  Result<std::unique_ptr<Decompressor>> decoder_for(ByteView head) {
    if (const Compression* compression = compression_of(head)) {
      note_wrapping(std::string(compression->name));
      return compression->start();
    }
    if (as_text(head).starts_with(LegacyLz4::kMagic)) {
      note_wrapping("lz4");
      return std::make_unique<LegacyLz4>();
    }
    TRY_OK(recognise_foreign(head));
    return fail(make_error(ErrorKind::NotRecognised, "initramfs",
                           printable(as_text(head.first(std::min<std::size_t>(head.size(), 6)))),
                           "an archive (cpio), or one in gzip, xz, zstd, lz4 or bzip2")
                    .at(position_));
  }

  // Fails for what has a name and cannot be read here.
  Result<void> recognise_foreign(ByteView head) const {
    for (const Foreign& foreign : kForeign) {
      if (head.size() > foreign.offset && as_text(head.subspan(foreign.offset)).starts_with(foreign.magic))
        return fail(make_error(ErrorKind::Unsupported, "initramfs", foreign.name,
                               "an archive (cpio), or one in gzip, xz, zstd, lz4 or bzip2")
                        .at(position_));
    }
    return {};
  }

  Result<void> check_end() const {
    if (stream_.entries() == 0)
      return fail(make_error(ErrorKind::NotRecognised, "initramfs", "nothing", "an archive").at(position_));
    if (stream_.is_between()) return {};
    return fail(
        make_error(ErrorKind::Truncated, "initramfs", "the file ends inside of an archive").at(position_));
  }

  Result<void> count(std::uint64_t bytes) {
    unpacking_.unpacked_bytes += bytes;
    if (unpacking_.unpacked_bytes <= kMaxUnpackedBytes) return {};
    return fail(make_error(ErrorKind::Limit, "initramfs", "more than that",
                           fmt::format("{} unpacked at most", human_bytes(kMaxUnpackedBytes)))
                    .at(position_));
  }

  Result<void> refill() {
    if (input_.size() >= kLeastBytes || position_ + input_.size() == file_.size()) return {};
    const std::uint64_t bytes = std::min<std::uint64_t>(kReadBytes, file_.size() - position_);
    TRY(const MutableBytes read, file_.read_at(position_, bytes, buffer_));
    input_ = read;
    return {};
  }
  void advance(std::size_t bytes) {
    input_ = input_.subspan(bytes);
    position_ += bytes;
  }
  void note_wrapping(const std::string& name) {
    auto& names = unpacking_.wrappings;
    if (names.empty() || names.back() != name) names.push_back(name);
  }

  const File& file_;
  CpioStream& stream_;
  Unpacking unpacking_;
  std::vector<std::byte> buffer_;
  ByteView input_;
  std::uint64_t position_ = 0;
  std::vector<std::byte> content_ = std::vector<std::byte>(kContentBytes);
};

}  // namespace

Result<Unpacking> unpack_initramfs(const File& file, CpioStream& stream) {
  return Unpacker(file, stream).run();
}

}  // namespace hib::diagnose::boot
