#include "lib/image/format_names.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"

namespace hib {
namespace {

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

}  // namespace

std::string complaint_about_formats(const std::string& value, const Formats& formats, std::size_t images) {
  const std::vector<std::string> names = formats.names();
  const std::vector<std::string> given = split_list(value);
  for (const std::string& name : given) {
    if (name == kAutoFormat || formats.reader_of(name) != nullptr) continue;
    const std::string meant = nearest(lower_case(name), names);
    return fmt::format("unknown format \"{}\"; {}", name,
                       meant.empty() ? "the formats are " + listed(names) + ", and auto"
                                     : fmt::format("did you mean \"{}\"?", meant));
  }
  return given.size() <= images ? ""
                                : fmt::format("{} formats for {}", given.size(), counted(images, "image"));
}

std::string format_name_at(const std::string& value, std::size_t position) {
  const std::vector<std::string> names = split_list(value);
  return names[std::min(position, names.size() - 1)];
}

}  // namespace hib
