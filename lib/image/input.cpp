#include "lib/image/input.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/decompressor.h"
#include "lib/os/cancel.h"
#include "lib/os/disk_image.h"
#include "lib/os/spool.h"

namespace hib {
namespace {

constexpr std::size_t kMaxWrappings = 4;  // one in the other
constexpr std::size_t kHeadBytes = 512;
constexpr std::size_t kReadBytes = 1U << 20;
constexpr std::size_t kPieceBytes = 64U << 10;  // for a decoder
constexpr std::size_t kContentBytes = 4U << 20;

// Unpacks one file, stream by stream.
class Unpacker {
 public:
  Unpacker(const File& file, const Compression& compression, const UnpackProgress& progress)
      : file_(file), compression_(compression), progress_(progress) {}

  Result<std::shared_ptr<const File>> run();

 private:
  Result<void> unpack_stream(Spool& spool);
  Result<bool> another_stream();
  Result<void> refill();
  Result<bool> only_zeros_follow() const;
  Error broken(Error why, const Spool& spool) const;

  const File& file_;
  const Compression& compression_;
  const UnpackProgress& progress_;
  std::vector<std::byte> buffer_;
  ByteView input_;              // read and not yet decoded
  std::uint64_t position_ = 0;  // of the first byte of input_
  std::vector<std::byte> content_ = std::vector<std::byte>(kContentBytes);
};

Result<std::shared_ptr<const File>> Unpacker::run() {
  TRY(auto spool, Spool::create(fmt::format("what {} holds", file_.path())));
  Wrapping wrapping{std::string(compression_.name), std::string(compression_.name), {}};
  for (bool more = true; more;) {
    auto done = unpack_stream(spool);
    auto next = done ? another_stream() : Result<bool>(false);
    if (!done || !next) {
      Error error = done ? std::move(next).error() : std::move(done).error();
      const bool is_damage = error.kind == ErrorKind::Corrupt || error.kind == ErrorKind::Truncated;
      if (!is_damage) return fail(std::move(error));
      wrapping.broken = broken(std::move(error), spool);
      break;
    }
    more = *next;
  }
  TRY(auto fd, spool.finish());
  return file_.content(std::move(fd), std::move(wrapping));
}

Result<void> Unpacker::unpack_stream(Spool& spool) {
  auto decoder = compression_.start();
  if (!decoder) return fail(std::move(decoder).error());
  for (;;) {
    if (cancelled()) return fail(cancelled_error());
    if (progress_) progress_(compression_.name, position_, file_.size());
    TRY_OK(refill());
    auto step = (*decoder)->step(input_.first(std::min(input_.size(), kPieceBytes)), content_);
    input_ = input_.subspan(step.taken);
    position_ += step.taken;
    TRY_OK(spool.write(ByteView(content_).first(step.made)));
    if (step.broken) return fail(std::move(*step.broken));
    if (step.ended) return {};
    const bool at_end = position_ == file_.size();
    if (step.taken == 0 && step.made == 0) {
      return fail(make_error(
          at_end ? ErrorKind::Truncated : ErrorKind::Corrupt, fmt::format("{} stream", compression_.name),
          at_end ? "the file ends before the stream does" : "nothing that can be decoded"));
    }
  }
}

Result<void> Unpacker::refill() {
  if (!input_.empty() || position_ == file_.size()) return {};
  const std::uint64_t bytes = std::min<std::uint64_t>(kReadBytes, file_.size() - position_);
  TRY(const MutableBytes read, file_.read_at(position_, bytes, buffer_));
  input_ = read;
  return {};
}

// Behind the end of a stream: as the compressors' own tools take it.
Result<bool> Unpacker::another_stream() {
  if (position_ == file_.size()) return false;
  const std::uint64_t bytes = std::min<std::uint64_t>(kCompressionMagicBytes, file_.size() - position_);
  TRY(const auto head, file_.read_at(position_, bytes));
  if (compression_of(head) == &compression_) return true;
  TRY(const bool is_padding, only_zeros_follow());
  if (is_padding) return false;
  return fail(
      make_error(ErrorKind::Corrupt, fmt::format("behind the {} stream", compression_.name),
                 fmt::format("{} that belong to nothing", counted(file_.size() - position_, "byte"))));
}

Result<bool> Unpacker::only_zeros_follow() const {
  std::vector<std::byte> buffer;
  for (std::uint64_t offset = position_; offset < file_.size(); offset += buffer.size()) {
    if (cancelled()) return fail(cancelled_error());
    const std::uint64_t bytes = std::min<std::uint64_t>(kReadBytes, file_.size() - offset);
    TRY(buffer, file_.read_at(offset, bytes));
    if (!all_zero(buffer)) return false;
  }
  return true;
}

Error Unpacker::broken(Error why, const Spool& spool) const {
  why.file = file_.path();
  why.offset = position_;
  why.found += fmt::format("; {} of content come before it", human_bytes(spool.size()));
  return why;
}

}  // namespace

Result<std::shared_ptr<const File>> open_input(const std::string& path, const UnpackProgress& progress) {
  TRY(auto file, File::open(path));
  for (std::size_t depth = 0;; ++depth) {
    TRY(const auto head, file->read_at(0, std::min<std::uint64_t>(file->size(), kHeadBytes)));
    const Compression* compression = compression_of(head);
    const DiskImageKind* disk_image = disk_image_kind(head);
    if (compression == nullptr && disk_image == nullptr) return file;
    if (depth == kMaxWrappings) {
      return fail(make_error(ErrorKind::Limit, "open", "more compressed files in one another",
                             fmt::format("up to {}", kMaxWrappings))
                      .of(path));
    }
    TRY(file, compression != nullptr ? Unpacker(*file, *compression, progress).run()
                                     : open_disk_image(*file, *disk_image));
  }
}

void describe_input(const File& file, ImageInfo& info) {
  info.path = file.path();
  info.file_bytes = file.size();
  for (const Wrapping& wrapping : file.wrappings()) {
    info.found_in.push_back({wrapping.name, wrapping.title});
    if (wrapping.broken)
      info.damage.push_back({*wrapping.broken, {}, wrapping.broken->kind == ErrorKind::Corrupt});
  }
}

}  // namespace hib
