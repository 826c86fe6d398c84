#include "lib/diagnose/boot/command_line.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxParameters = 4096;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexAndDash = "0123456789abcdefABCDEF-";

// The value of "KEY=VALUE"; nothing for another key.
std::optional<std::string> value_for(const std::string& parameter, std::string_view key) {
  if (!parameter.starts_with(key) || parameter.size() <= key.size() || parameter[key.size()] != '=')
    return std::nullopt;
  return parameter.substr(key.size() + 1);
}

std::optional<Malformed> check_characters(const std::string& key, const std::string& value, std::size_t from,
                                          std::string_view allowed, const std::string& name) {
  if (value.size() == from) return Malformed{key, value, from, name};
  const std::size_t bad = value.find_first_not_of(allowed, from);
  if (bad == std::string::npos) return std::nullopt;
  return Malformed{key, value, bad, name};
}

void note(CommandLine& line, std::optional<Malformed> malformed) {
  if (malformed) line.malformed.push_back(std::move(*malformed));
}

// Each of these keeps the kernel from resuming.
void take_refusal(CommandLine& line, bool& refusal, const std::string& parameter) {
  refusal = true;
  line.off_by += (line.off_by.empty() ? "" : " ") + parameter;
}

void take_hibernate(CommandLine& line, const std::string& value) {
  constexpr std::array<std::string_view, 4> kKnown = {"no", "noresume", "nocompress", "protect_image"};
  line.hibernate = value;
  if (value == "noresume") take_refusal(line, line.no_resume, "hibernate=" + value);
  if (value == "no" || value == "protect_image") take_refusal(line, line.no_hibernate, "hibernate=" + value);
  if (std::find(kKnown.begin(), kKnown.end(), value) == kKnown.end())
    line.malformed.push_back({"hibernate", value, 0, "no, noresume, nocompress or protect_image"});
}

void take(CommandLine& line, const std::string& parameter) {
  if (parameter == "noresume") take_refusal(line, line.no_resume, parameter);
  if (parameter == "nohibernate") take_refusal(line, line.no_hibernate, parameter);
  for (const std::string_view near :
       {"no_resume", "noresume=", "no-resume", "no_hibernate", "no-hibernate"}) {
    if (parameter.starts_with(near)) line.malformed.push_back({parameter, "", 0, "noresume or nohibernate"});
  }
  if (const auto value = value_for(parameter, "resume")) {
    line.resume = *value;
    note(line, check_device_spec("resume", *value));
  }
  if (const auto value = value_for(parameter, "resume_offset")) {
    line.resume_offset = *value;
    line.offset_pages.reset();
    auto malformed = check_decimal("resume_offset", *value);
    if (!malformed) line.offset_pages = std::stoull(*value);
    note(line, std::move(malformed));
  }
  if (const auto value = value_for(parameter, "hibernate")) take_hibernate(line, *value);
  if (const auto value = value_for(parameter, "hibernate.compressor")) line.compressor = *value;
  if (const auto value = value_for(parameter, "lockdown")) line.lockdown = *value;
}

}  // namespace

std::string CommandLine::place() const {
  if (!resume) return "";
  return "resume=" + *resume + (resume_offset ? " resume_offset=" + *resume_offset : "");
}

std::string Malformed::text() const {
  if (value.empty()) return fmt::format("\"{}\" is not known, {} is", printable(key), allowed);
  const std::string shown = printable(key) + "=" + printable(value);
  if (at >= value.size()) return fmt::format("{} ends too early, {} must follow", shown, allowed);
  return fmt::format("{}: \"{}\" at character {} of the value, only {} may stand there", shown,
                     printable(value.substr(at, 1)), at + 1, allowed);
}

std::optional<Malformed> check_decimal(const std::string& key, const std::string& value) {
  constexpr std::size_t kMostDigits = 19;  // of what surely fits into 64 bits
  if (value.size() > kMostDigits && value.find_first_not_of(kDigits) == std::string::npos)
    return Malformed{key, value, kMostDigits, "19 decimal digits at most"};
  return check_characters(key, value, 0, kDigits, "decimal digits");
}

std::optional<Malformed> check_device_spec(const std::string& key, const std::string& value) {
  for (const std::string_view tag : {"UUID=", "PARTUUID="}) {
    if (value.starts_with(tag))
      return check_characters(key, value, tag.size(), kHexAndDash, "hexadecimal digits and \"-\"");
  }
  for (const std::string_view tag : {"LABEL=", "PARTLABEL=", "ID=", "PATH="}) {
    if (value.starts_with(tag) && value.size() > tag.size()) return std::nullopt;
  }
  if (value.starts_with("/dev/") && value.size() > 5) return std::nullopt;
  const std::size_t colon = value.find(':');
  if (colon != std::string::npos && colon != 0) {
    const std::string digits = value.substr(0, colon) + value.substr(colon + 1);
    if (digits.find_first_not_of(kDigits) == std::string::npos && colon + 1 < value.size())
      return std::nullopt;
  }
  return Malformed{key, value, 0, "UUID=, PARTUUID=, LABEL=, a path below /dev, or MAJOR:MINOR"};
}

std::vector<std::string> parameters_of(std::string_view text) {
  std::vector<std::string> found;
  std::string word;
  bool is_quoted = false;
  const auto end_word = [&] {
    if (!word.empty() && found.size() < kMaxParameters) found.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      end_word();
    } else {
      word += c;
    }
  }
  end_word();
  return found;
}

CommandLine parse_command_line(std::string_view text) {
  CommandLine line;
  for (const std::string& parameter : parameters_of(text)) {
    if (parameter == "--" || parameter == "---") break;  // the rest is for init
    take(line, parameter);
  }
  return line;
}

}  // namespace hib::diagnose::boot
