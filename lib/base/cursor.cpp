#include "lib/base/cursor.h"

#include <fmt/format.h>

namespace hib {

Result<ByteView> Cursor::bytes(std::uint64_t count, std::string_view field) {
  if (count > left()) {
    return fail(make_error(ErrorKind::Truncated, fmt::format("{}: {}", what_, field),
                           fmt::format("{} bytes left", left()), fmt::format("{}", count))
                    .at(offset()));
  }
  const ByteView view = data_.subspan(position_, count);
  position_ += count;
  return view;
}

Result<std::uint64_t> Cursor::varint(std::string_view field) {
  const std::uint64_t start = position_;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    auto next = bytes(1, field);
    if (!next) {
      position_ = start;
      return fail(std::move(next).error());
    }
    const auto byte = std::to_integer<std::uint64_t>((*next)[0]);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  position_ = start;
  return fail(corrupt(field, "a number of more than 64 bits", "at most 64 bits"));
}

Error Cursor::corrupt(std::string_view field, std::string found, std::string allowed) const {
  return make_error(ErrorKind::Corrupt, fmt::format("{}: {}", what_, field), std::move(found),
                    std::move(allowed))
      .at(offset());
}

}  // namespace hib
