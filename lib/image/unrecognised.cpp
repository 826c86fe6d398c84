#include "lib/image/unrecognised.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

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

struct CompressionMagic {
  Magic magic;
  Compression compression;
};
constexpr CompressionMagic kCompressions[] = {
    {{0, "\x1F\x8B\x08"sv}, {"a gzip file", "gzip -dc"}},
    {{0, "\xFD\x37zXZ\0"sv}, {"an xz file", "xz -dc"}},
    {{0, "\x28\xB5\x2F\xFD"sv}, {"a zstd file", "zstd -dc"}},
    {{4, "1AY&SY"sv}, {"a bzip2 file", "bzip2 -dc"}},
    {{0, "\x04\x22\x4D\x18"sv}, {"an lz4 file", "lz4 -dc"}},
    {{0, "\x89LZO\0\r\n\x1A\n"sv}, {"an lzop file", "lzop -dc"}},
    {{0, "PK\x03\x04"sv}, {"a zip archive", "unzip -p"}},
    {{0, "7z\xBC\xAF\x27\x1C"sv}, {"a 7z archive", "7z x -so"}},
};

struct DiskMagic {
  Magic magic;
  std::string_view name;
};
constexpr DiskMagic kDisks[] = {
    {{0, "QFI\xFB"sv}, "a qcow2 disk image"},         {{0, "KDMV"sv}, "a VMDK disk image"},
    {{0, "vhdxfile"sv}, "a VHDX disk image"},         {{0, "conectix"sv}, "a VHD disk image"},
    {{64, "\x7F\x10\xDA\xBE"sv}, "a VDI disk image"},
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

// A path as a shell takes it.
std::string quoted(const std::string& path) {
  constexpr std::string_view kPlain = "/._-+:,@%";
  const bool is_plain = std::all_of(path.begin(), path.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kPlain.find(c) != std::string_view::npos;
  });
  if (is_plain) return path;
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

}  // namespace

const Compression* compression_of(ByteView head) {
  const auto it = std::find_if(std::begin(kCompressions), std::end(kCompressions),
                               [&](const CompressionMagic& c) { return c.magic.stands_in(as_text(head)); });
  return it == std::end(kCompressions) ? nullptr : &it->compression;
}

Unrecognised describe_unrecognised(const File& file, ByteView head) {
  const std::string_view text = as_text(head);
  const std::string path = file.path() == "-" ? "FILE" : quoted(file.path());
  if (text.empty()) return {"an empty file", ""};
  if (const Compression* compression = compression_of(head))
    return {std::string(compression->name), fmt::format("{} {} | hibtool VERB -", compression->unpack, path)};
  for (const DiskMagic& disk : kDisks) {
    if (disk.magic.stands_in(text))
      return {std::string(disk.name), fmt::format("qemu-img convert -O raw {} disk.raw", path)};
  }
  if (is_text(text)) return {is_json(text) ? "a JSON document" : "text", ""};
  if (const std::string content = content_name(file); !content.empty())
    return {content + ", and no hibernation image in it", ""};
  return {"nothing that a reader knows", "-f raw reads it as raw physical memory"};
}

}  // namespace hib
