#include "lib/image/place.h"

#include <charconv>

#include <fmt/format.h>

namespace hib {
namespace {

constexpr std::uint64_t kFarthestStart = std::uint64_t{1} << 62;

std::optional<std::uint64_t> number(std::string_view text) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  if (is_hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, is_hex ? 16 : 10);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> distance(std::string_view text) {
  const bool is_before = text.starts_with('-');
  if (is_before) text.remove_prefix(1);
  const auto bytes = number(text);
  if (!bytes || *bytes > kFarthestStart) return std::nullopt;
  return is_before ? -static_cast<std::int64_t>(*bytes) : static_cast<std::int64_t>(*bytes);
}

Result<std::optional<ImagePlace>> parse_place(std::string_view text) {
  const std::size_t mark = text.find('@');
  const auto block = number(text.substr(0, mark));
  ImagePlace place{block.value_or(0), std::nullopt};
  if (mark != std::string_view::npos) place.device_start = distance(text.substr(mark + 1));
  if (block && (mark == std::string_view::npos || place.device_start)) return std::optional(place);
  return fail(make_error(ErrorKind::Usage, "--at", "\"" + std::string(text) + "\"",
                         "a block as inspect --carve lists it, such as 33 or 33@0x100000"));
}

}  // namespace

std::string to_text(const ImagePlace& place) {
  const std::int64_t start = place.device_start.value_or(0);
  if (start == 0) return std::to_string(place.block);
  const auto bits = static_cast<std::uint64_t>(start);
  return fmt::format("{}@{}{:#x}", place.block, start < 0 ? "-" : "", start < 0 ? 0 - bits : bits);
}

Result<std::optional<ImagePlace>> place_of_image(const std::string& list, std::size_t position) {
  std::string_view rest = list;
  for (; position > 0 && !rest.empty(); --position) {
    const std::size_t comma = rest.find(',');
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  const std::string_view item = rest.substr(0, rest.find(','));
  if (item.empty() || item == "auto") return std::optional<ImagePlace>();
  return parse_place(item);
}

}  // namespace hib
