// The bytes of a log, front to back: of a file as it is, or of a compressed one. Nothing is kept but one
// piece.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/codec/decompressor.h"
#include "lib/os/file.h"

namespace hib::diagnose::logs {

inline constexpr std::uint64_t kMostLogBytes = 256U << 20U;  // of one file, unpacked
inline constexpr std::size_t kMostLineBytes = 64U << 10U;

class LogBytes {
 public:
  static Result<LogBytes> open(const std::string& path);

  struct Line {
    std::string_view text;                // without its end; cut at kMostLineBytes; good until the next call
    std::optional<std::uint64_t> offset;  // none in a compressed file
  };
  // Nothing at the end.
  std::optional<Line> line();
  // The next line without taking it, as far as it is short.
  std::string_view glimpse();
  // The next `count` bytes, of which the first `kept` go to `out`. False when there are not as many.
  bool bytes(std::uint64_t count, std::size_t kept, std::string& out);

  // Why the end is not the end of the file: damage, or kMostLogBytes.
  const std::optional<std::string>& cut_off() const { return cut_off_; }

 private:
  explicit LogBytes(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  bool fill();  // one piece more behind what is left; false at the end
  bool fill_plain();
  bool unpack();
  std::string_view left() const { return std::string_view(buffer_).substr(at_); }
  void skip(std::size_t count) { at_ += count; }

  std::shared_ptr<const File> file_;
  const Compression* compression_ = nullptr;
  std::unique_ptr<Decompressor> decompressor_;
  std::vector<std::byte> packed_;
  std::size_t packed_at_ = 0;
  std::uint64_t file_offset_ = 0;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t made_ = 0;  // bytes that have been in the buffer
  std::string line_;
  std::optional<std::string> cut_off_;
  bool ended_ = false;
};

}  // namespace hib::diagnose::logs
