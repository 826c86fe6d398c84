#include "lib/diagnose/boot/cpio_stream.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kHeaderBytes = 110;  // "070701" and 13 fields of 8 hexadecimal digits
constexpr std::size_t kAlignment = 4;
constexpr std::string_view kTrailer = "TRAILER!!!";

std::size_t padding_after(std::uint64_t bytes) {
  return static_cast<std::size_t>(round_up(bytes, kAlignment) - bytes);
}

std::string without_root(std::string_view path) {
  while (path.starts_with("/") || path.starts_with("./")) path.remove_prefix(path.front() == '/' ? 1 : 2);
  return std::string(path);
}

}  // namespace

Error CpioStream::wrong(ErrorKind kind, const char* field, std::string found, std::string allowed) const {
  return make_error(kind, fmt::format("initramfs archive: entry {}: {}", entries_, field), std::move(found),
                    std::move(allowed))
      .at(position_ - pending_.size());
}

// Moves bytes into pending_ until it holds `wanted_bytes`.
bool CpioStream::collect(ByteView& bytes, std::size_t wanted_bytes) {
  const std::size_t count = std::min(wanted_bytes - pending_.size(), bytes.size());
  pending_ += as_text(bytes.first(count));
  position_ += count;
  bytes = bytes.subspan(count);
  return pending_.size() == wanted_bytes;
}

Result<std::uint32_t> CpioStream::hex_field(std::size_t index, const char* field) const {
  const std::string digits = pending_.substr(6 + index * 8, 8);
  if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    return fail(wrong(ErrorKind::Corrupt, field, printable(digits), "8 hexadecimal digits"));
  return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
}

Result<void> CpioStream::take_header() {
  if (!pending_.starts_with("070701") && !pending_.starts_with("070702"))
    return fail(wrong(ErrorKind::Corrupt, "magic", printable(pending_.substr(0, 6)), "070701 or 070702"));
  entry_ = {};
  TRY(entry_.mode, hex_field(1, "mode"));
  TRY(entry_.bytes, hex_field(6, "file size"));
  TRY(const std::uint32_t name_bytes, hex_field(11, "name size"));
  if (name_bytes == 0 || name_bytes > kMaxName)
    return fail(wrong(ErrorKind::Corrupt, "name size", std::to_string(name_bytes), "1 to 4096"));
  if (entries_ == kMaxEntries)
    return fail(wrong(ErrorKind::Limit, "number", "more entries", fmt::format("{} at most", kMaxEntries)));
  ++entries_;
  // The name is padded so that header and name together are a multiple of 4.
  name_bytes_ = name_bytes;
  padded_name_ = name_bytes + padding_after(kHeaderBytes + name_bytes);
  pending_.clear();
  state_ = State::Name;
  return {};
}

Result<void> CpioStream::take_name() {
  const std::string_view name = until_nul(pending_);
  if (pending_[name_bytes_ - 1] != '\0')
    return fail(wrong(ErrorKind::Corrupt, "name", "no end", "a NUL at its end"));
  if (name == kTrailer) {
    pending_.clear();
    padding_ = padding_after(entry_.bytes);
    left_ = entry_.bytes;
    is_kept_ = false;
    entry_.path.clear();
    entry_.mode = 0;
    state_ = State::Content;
    --entries_;
    return {};
  }
  entry_.path = without_root(name);
  pending_.clear();
  left_ = entry_.bytes;
  padding_ = padding_after(entry_.bytes);
  const bool fits = entry_.bytes <= kMaxContent && kept_bytes_ + entry_.bytes <= kMaxAllContent;
  is_kept_ = fits && ((entry_.is_file() && wanted_(entry_.path)) || (entry_.is_link() && left_ <= kMaxName));
  if (is_kept_) kept_bytes_ += entry_.bytes;
  state_ = State::Content;
  return {};
}

void CpioStream::take_content(ByteView& bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  if (is_kept_) entry_.content += as_text(bytes.first(count));
  left_ -= count;
  position_ += count;
  bytes = bytes.subspan(count);
  if (left_ == 0) state_ = State::Padding;
}

void CpioStream::end_entry() {
  const bool is_trailer = entry_.path.empty() && entry_.mode == 0;
  if (!is_trailer) on_entry_(std::move(entry_));
  entry_ = {};
  state_ = is_trailer ? State::Between : State::Header;
}

Result<std::size_t> CpioStream::feed(ByteView bytes) {
  const std::size_t size = bytes.size();
  while (!bytes.empty()) {
    switch (state_) {
      case State::Between: {
        const auto data =
            std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
        const auto zeros = static_cast<std::size_t>(data - bytes.begin());
        position_ += zeros;
        bytes = bytes.subspan(zeros);
        if (bytes.empty()) return size;
        if (bytes.front() != std::byte{'0'}) return size - bytes.size();
        state_ = State::Header;
        break;
      }
      case State::Header:
        if (collect(bytes, kHeaderBytes)) TRY_OK(take_header());
        break;
      case State::Name:
        if (collect(bytes, padded_name_)) TRY_OK(take_name());
        break;
      case State::Content: take_content(bytes); break;
      case State::Padding: {
        const std::size_t count = std::min(padding_, bytes.size());
        padding_ -= count;
        position_ += count;
        bytes = bytes.subspan(count);
        break;
      }
    }
    // An entry without content or padding ends where its name does.
    if (state_ == State::Content && left_ == 0) state_ = State::Padding;
    if (state_ == State::Padding && padding_ == 0) end_entry();
  }
  return size;
}

}  // namespace hib::diagnose::boot
