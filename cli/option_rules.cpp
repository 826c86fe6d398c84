#include "cli/option_rules.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/image/format_names.h"

namespace hib::cli {
namespace {

// How many images the operands may name, and how many they do name.
struct ImageCount {
  int most = 0;
  std::size_t given = 0;
};

ImageCount count_images(const CLI::App& verb) {
  ImageCount count;
  for (const CLI::Option* option : verb.get_options()) {
    if (!option->get_positional()) continue;
    count.most += std::min(option->get_items_expected_max(), 2);
    count.given += option->count();
  }
  return count;
}

}  // namespace

std::size_t images_given(const CLI::App& verb) { return std::max<std::size_t>(1, count_images(verb).given); }

void add_format_option(CLI::App& verb, std::string& value, const Formats& formats) {
  const auto complaint = [&verb, &formats](const std::string& text) {
    return complaint_about_formats(text, formats, images_given(verb));
  };
  verb.add_option("-f,--format", value,
                  fmt::format("read the image as this format: {}; auto: find out (default){}",
                              listed(formats.names()),
                              count_images(verb).most > 1 ? "; for several images: A,B" : ""))
      ->type_name("NAME")
      ->check(complaint, "", listed(formats.names()) + ", " + std::string(kAutoFormat));
}

void take_one_of(CLI::Option& option, std::vector<std::string> values) {
  const std::string all = listed(values);
  const auto complaint = [values = std::move(values)](const std::string& text) -> std::string {
    if (std::find(values.begin(), values.end(), text) != values.end()) return "";
    const std::string meant = nearest(text, values);
    const std::string advice = meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant);
    return fmt::format("\"{}\", expected {}{}", text, listed(values), advice);
  };
  option.check(complaint, "", all);  // the check's name: nobody sees it but values_of()
}

void offer(CLI::Option& option, const std::vector<std::string>& values) {
  option.check([](const std::string&) { return std::string(); }, "", listed(values));
}

std::vector<std::string> values_of(CLI::Option& option) {
  std::vector<std::string> values;
  try {
    const std::string all = option.get_validator(0)->get_name();
    for (const std::string& value : split_list(all))
      values.push_back(value.starts_with(' ') ? value.substr(1) : value);
    if (all.empty()) values.clear();
  } catch (const CLI::OptionNotFound&) {  // it has no check
  }
  return values;
}

void take_from_to(CLI::Option& option, std::int64_t low, std::int64_t high) {
  const auto complaint = [low, high](const std::string& text) -> std::string {
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stop == end && value >= low && value <= high) return "";
    return fmt::format("\"{}\", expected {} to {}", text, low, high);
  };
  option.check(complaint, fmt::format("{}..{}", low, high));
}

Result<void> only_with(const CLI::App& verb, const char* needed, OptionNames options) {
  if (verb.count(needed) > 0) return {};
  for (const char* option : options) {
    if (verb.count(option) == 0) continue;
    return fail(
        make_error(ErrorKind::Usage, option, std::string("without ") + needed, std::string(needed) + " too"));
  }
  return {};
}

Result<void> not_with(const CLI::App& verb, const char* option, OptionNames others) {
  if (verb.count(option) == 0) return {};
  for (const char* other : others) {
    if (verb.count(other) == 0) continue;
    return fail(
        make_error(ErrorKind::Usage, option, std::string("together with ") + other, "one of the two"));
  }
  return {};
}

}  // namespace hib::cli
