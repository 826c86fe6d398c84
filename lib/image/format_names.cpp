#include "cli/format_names.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/nearest.h"
#include "lib/base/text.h"

namespace hib::cli {
namespace {

// "hib,raw": at least one name, which may be empty.
std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == ',')
      names.emplace_back();
    else
      names.back() += c;
  }
  return names;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool takes_several_images(const CLI::App& verb) {
  int most = 0;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional()) most += std::min(option->get_items_expected_max(), 2);
  }
  return most > 1;
}

std::size_t images_given(const CLI::App& verb) {
  std::size_t count = 0;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional()) count += option->count();
  }
  return count;
}

// What is wrong with the value of --format; empty: nothing.
std::string complaint_about(const std::string& value, const Formats& formats, const CLI::App& verb) {
  const std::vector<std::string> names = formats.names();
  const std::vector<std::string> given = split_names(value);
  for (const std::string& name : given) {
    if (name == kAutoFormat || formats.reader_of(name) != nullptr) continue;
    const std::string meant = nearest(lower_case(name), names);
    return fmt::format("unknown format \"{}\"; {}", name,
                       meant.empty() ? "the formats are " + listed(names) + ", and auto"
                                     : fmt::format("did you mean \"{}\"?", meant));
  }
  const std::size_t images = std::max<std::size_t>(1, images_given(verb));
  return given.size() <= images ? ""
                                : fmt::format("{} formats for {}", given.size(), counted(images, "image"));
}

}  // namespace

void add_format_option(CLI::App& verb, std::string& value, const Formats& formats) {
  verb.add_option(
          "-f,--format", value,
          fmt::format("read the image as this format: {}; auto: find out (default){}",
                      listed(formats.names()), takes_several_images(verb) ? "; for several images: A,B" : ""))
      ->type_name("NAME")
      ->check([&verb, &formats](const std::string& text) { return complaint_about(text, formats, verb); },
              "");
}

std::string format_name_at(const std::string& value, std::size_t position) {
  const std::vector<std::string> names = split_names(value);
  return names[std::min(position, names.size() - 1)];
}

}  // namespace hib::cli
