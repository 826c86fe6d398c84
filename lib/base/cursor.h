// A bounds-checked reader over bytes that were read from a file. Nothing else takes apart bytes from outside.
// A read that does not fit leaves the position unchanged and fails as Truncated with the file offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

class Cursor {
 public:
  // `file_offset` is where `data` starts in its file; `what` names the structure that it holds.
  Cursor(ByteView data, std::uint64_t file_offset, std::string what)
      : data_(data), file_offset_(file_offset), what_(std::move(what)) {}

  template <typename T>
  Result<T> read(std::string_view field) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1, "layout types only");
    TRY(ByteView raw, bytes(sizeof(T), field));
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  Result<ByteView> bytes(std::uint64_t count, std::string_view field);

  // LEB128, at most 10 bytes, no value over 64 bits.
  Result<std::uint64_t> varint(std::string_view field);

  std::uint64_t left() const { return data_.size() - position_; }
  std::uint64_t offset() const { return file_offset_ + position_; }
  bool at_end() const { return left() == 0; }

  Error corrupt(std::string_view field, std::string found, std::string allowed) const;

 private:
  ByteView data_;
  std::uint64_t file_offset_;
  std::string what_;
  std::uint64_t position_ = 0;
};

}  // namespace hib
