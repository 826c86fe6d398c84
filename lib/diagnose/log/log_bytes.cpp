#include "lib/diagnose/log/log_bytes.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::diagnose::logs {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20U;
constexpr std::size_t kUnpackedPieceBytes = 64U << 10U;

}  // namespace

Result<LogBytes> LogBytes::open(const std::string& path) {
  TRY(auto file, File::open(path));
  LogBytes bytes(std::move(file));
  TRY(const auto head,
      bytes.file_->read_at(0, std::min<std::uint64_t>(bytes.file_->size(), kCompressionMagicBytes)));
  bytes.compression_ = compression_of(head);
  return bytes;
}

bool LogBytes::fill() {
  ended_ = ended_ || cancelled();
  if (ended_) return false;
  if (made_ >= kMostLogBytes) {
    cut_off_ = fmt::format("only its first {} were read", human_bytes(kMostLogBytes));
    ended_ = true;
    return false;
  }
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  const bool has_more = compression_ == nullptr ? fill_plain() : unpack();
  made_ += buffer_.size() - before;
  ended_ = !has_more;
  return has_more;
}

bool LogBytes::fill_plain() {
  const std::uint64_t size = std::min<std::uint64_t>(file_->size() - file_offset_, kPieceBytes);
  if (size == 0) return false;
  auto piece = file_->read_at(file_offset_, size, packed_);
  if (!piece) {
    cut_off_ = piece.error().text();
    return false;
  }
  file_offset_ += size;
  buffer_.append(as_text(*piece));
  return true;
}

bool LogBytes::unpack() {
  for (;;) {
    if (packed_at_ == packed_.size()) {
      const std::uint64_t size = std::min<std::uint64_t>(file_->size() - file_offset_, kPieceBytes);
      auto piece = file_->read_at(file_offset_, size);
      if (!piece) {
        cut_off_ = piece.error().text();
        return false;
      }
      packed_ = std::move(*piece);
      packed_at_ = 0;
      file_offset_ += size;
    }
    if (!decompressor_) {
      if (packed_at_ == packed_.size()) return false;
      auto started = compression_->start();
      if (!started) {
        cut_off_ = started.error().text();
        return false;
      }
      decompressor_ = std::move(*started);
    }
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kUnpackedPieceBytes);
    auto step =
        decompressor_->step(ByteView(packed_).subspan(packed_at_),
                            {reinterpret_cast<std::byte*>(buffer_.data()) + before, kUnpackedPieceBytes});
    buffer_.resize(before + step.made);
    packed_at_ += step.taken;
    if (step.broken) cut_off_ = fmt::format("{}: {}", compression_->name, step.broken->text());
    if (step.ended) decompressor_.reset();
    if (step.made > 0) {
      ended_ = step.broken.has_value();
      return true;
    }
    if (step.broken) return false;
    if (step.taken == 0 && !step.ended) {
      cut_off_ = fmt::format("{}: the file ends before its content does", compression_->name);
      return false;
    }
  }
}

std::optional<LogBytes::Line> LogBytes::line() {
  line_.clear();
  if (left().empty() && !fill()) return std::nullopt;
  Line line;
  if (compression_ == nullptr) line.offset = made_ - left().size();
  for (;;) {
    const std::size_t end = left().find('\n');
    const std::string_view part = left().substr(0, end);
    line_.append(part.substr(0, kMostLineBytes - line_.size()));
    skip(part.size());
    if (end != std::string_view::npos) {
      skip(1);
      break;
    }
    if (!fill()) break;
  }
  line.text = line_;
  return line;
}

std::string_view LogBytes::glimpse() {
  if (left().empty()) fill();
  return left().substr(0, left().find('\n'));
}

bool LogBytes::bytes(std::uint64_t count, std::size_t kept, std::string& out) {
  out.clear();
  while (count > 0) {
    if (left().empty() && !fill()) return false;
    const std::string_view part =
        left().substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(count, left().size())));
    out.append(part.substr(0, kept - out.size()));
    skip(part.size());
    count -= part.size();
  }
  return true;
}

}  // namespace hib::diagnose::logs
