#include "lib/image/place.h"

#include <fmt/format.h>

#include "lib/base/number.h"
#include "lib/base/text.h"

namespace hib {
namespace {

constexpr const char* kOption = "--at";
constexpr std::string_view kNoPlace = "auto";
constexpr std::uint64_t kFarthestStart = std::uint64_t{1} << 62;

std::optional<std::int64_t> distance(std::string_view text) {
  const bool is_before = text.starts_with('-');
  if (is_before) text.remove_prefix(1);
  const auto bytes = parse_number(std::string(text), kOption);
  if (!bytes || *bytes > kFarthestStart) return std::nullopt;
  return is_before ? -static_cast<std::int64_t>(*bytes) : static_cast<std::int64_t>(*bytes);
}

Error not_a_place(std::string_view text) {
  return make_error(ErrorKind::Usage, kOption, "\"" + std::string(text) + "\"",
                    "a block as inspect --carve lists it, such as 33 or 33@0x100000");
}

Result<std::optional<ImagePlace>> parse_place(std::string_view text) {
  const std::size_t mark = text.find('@');
  const auto block = parse_number(std::string(text.substr(0, mark)), kOption);
  ImagePlace place{block ? *block : 0, std::nullopt};
  if (mark != std::string_view::npos) place.device_start = distance(text.substr(mark + 1));
  if (block && (mark == std::string_view::npos || place.device_start)) return std::optional(place);
  return fail(not_a_place(text));
}

}  // namespace

std::string to_text(const ImagePlace& place) {
  const std::int64_t start = place.device_start.value_or(0);
  if (start == 0) return std::to_string(place.block);
  const auto bits = static_cast<std::uint64_t>(start);
  return fmt::format("{}@{}{:#x}", place.block, start < 0 ? "-" : "", start < 0 ? 0 - bits : bits);
}

Result<std::optional<ImagePlace>> place_of_image(const std::string& list, std::size_t position) {
  const std::vector<std::string> items = split_list(list);
  if (position >= items.size() || items[position].empty() || items[position] == kNoPlace)
    return std::optional<ImagePlace>();
  return parse_place(items[position]);
}

std::string complaint_about_places(const std::string& list, std::size_t images) {
  const std::vector<std::string> items = split_list(list);
  for (const std::string& item : items) {
    if (item == kNoPlace || (!item.empty() && parse_place(item))) continue;
    const Error wrong = not_a_place(item);
    return fmt::format("{}, expected {}", wrong.found, wrong.allowed);
  }
  return items.size() <= images ? ""
                                : fmt::format("{} places for {}", items.size(), counted(images, "image"));
}

}  // namespace hib
