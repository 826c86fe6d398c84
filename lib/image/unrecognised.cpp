#include "lib/image/unrecognised.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/partitions.h"

namespace hib {
namespace {

using namespace std::string_view_literals;

// magic(5) has the values.
struct Magic {
  std::size_t offset;
  std::string_view bytes;

  bool stands_in(std::string_view head) const {
    return head.size() > offset && head.substr(offset).starts_with(bytes);
  }
};

// What is neither unpacked nor read (lib/image/input.h).
struct Other {
  Magic magic;
  std::string_view name;
  std::string_view unpack;  // takes the file and writes what is inside to its output
};
constexpr Other kOthers[] = {
    {{0, "\x89LZO\0\r\n\x1A\n"sv}, "an lzop file", "lzop -dc"},
    {{0, "PK\x03\x04"sv}, "a zip archive", "unzip -p"},
    {{0, "7z\xBC\xAF\x27\x1C"sv}, "a 7z archive", "7z x -so"},
};

bool is_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
}

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

std::string path_for_shell(const File& file) { return file.path() == "-" ? "FILE" : shell_word(file.path()); }

Unrecognised describe_unrecognised(const File& file, ByteView head) {
  const std::string_view text = as_text(head);
  const std::string path = path_for_shell(file);
  if (text.empty()) return {"an empty file", "whatever wrote it has failed: write it again"};
  for (const Other& other : kOthers) {
    if (other.magic.stands_in(text))
      return {std::string(other.name), fmt::format("{} {} | hibtool VERB -", other.unpack, path)};
  }
  if (is_text(text)) return {is_json(text) ? "a JSON document" : "text", "name the image: it is no text"};
  if (const std::string content = content_name(file); !content.empty())
    return {content + ", and no hibernation image in it", ""};
  return {"nothing that a reader knows", "-f raw reads it as raw physical memory"};
}

}  // namespace hib
