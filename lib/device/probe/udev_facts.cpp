#include "lib/device/probe/udev_facts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace hib::device {
namespace {

// udev's builtin "blkid" makes its own names. What is free text is there encoded.
struct Name {
  std::string_view of_udev;
  const char* of_blkid;
  bool is_encoded = false;
};
constexpr std::array<Name, 14> kNames = {{{"ID_FS_TYPE", "TYPE"},
                                          {"ID_FS_USAGE", "USAGE"},
                                          {"ID_FS_VERSION", "VERSION"},
                                          {"ID_FS_UUID", "UUID"},
                                          {"ID_FS_UUID_SUB", "UUID_SUB"},
                                          {"ID_FS_LABEL_ENC", "LABEL", true},
                                          {"ID_PART_TABLE_TYPE", "PTTYPE"},
                                          {"ID_PART_TABLE_UUID", "PTUUID"},
                                          {"ID_PART_ENTRY_SCHEME", "PART_ENTRY_SCHEME"},
                                          {"ID_PART_ENTRY_NAME", "PART_ENTRY_NAME", true},
                                          {"ID_PART_ENTRY_UUID", "PART_ENTRY_UUID"},
                                          {"ID_PART_ENTRY_TYPE", "PART_ENTRY_TYPE"},
                                          {"ID_PART_ENTRY_NUMBER", "PART_ENTRY_NUMBER"},
                                          {"ID_PART_ENTRY_OFFSET", "PART_ENTRY_OFFSET"}}};

// "my\\x20swap" -> "my swap"
std::string decoded_name(std::string_view text) {
  constexpr std::size_t kEscape = 4;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 2;
    const bool is_escape = text.substr(i, 2) == "\\x" && text.size() - i >= kEscape &&
                           std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += is_escape ? static_cast<char>(byte) : text[i];
    i += is_escape ? kEscape : 1;
  }
  return out;
}

void take_line(std::string_view line, Facts& facts) {
  const std::size_t equals = line.find('=');
  if (!line.starts_with("E:") || equals == std::string_view::npos) return;
  const std::string_view key = line.substr(2, equals - 2);
  const std::string_view value = line.substr(equals + 1);
  for (const Name& name : kNames) {
    if (key == name.of_udev)
      facts[name.of_blkid] = name.is_encoded ? decoded_name(value) : std::string(value);
  }
}

}  // namespace

Facts facts_from_udev(const std::string& text) {
  Facts facts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    take_line(std::string_view(text).substr(at, end - at), facts);
    at = end + 1;
  }
  return facts;
}

}  // namespace hib::device
