// The two shapes that configuration files have: lines, and assignments as a shell reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hib::diagnose::boot {

struct TextLine {
  std::uint64_t offset = 0;  // of its first byte in the text
  std::string_view text;     // without the line end
};
std::vector<TextLine> lines_of(std::string_view text);
std::vector<TextLine> lines_of(std::string&&) = delete;  // the lines are views of it

// The words between spaces and tabs.
std::vector<std::string> words_of(std::string_view text);

std::string_view trimmed(std::string_view text);

// KEY=VALUE, KEY+=VALUE, KEY=(VALUE VALUE). Nothing is executed: $NAME stays as it is.
struct Assignment {
  std::string key;
  std::string value;  // without its quotes; of an array the elements with spaces between them
  bool appends = false;
  std::uint64_t offset = 0;  // of the key in the text
  std::string line;          // all of it, as it stands there
};
std::vector<Assignment> assignments_of(std::string_view text);

// What `key` holds after the last of them; empty where nothing assigns it.
std::string value_of(const std::vector<Assignment>& assignments, std::string_view key);

}  // namespace hib::diagnose::boot
