#include "lib/diagnose/boot/unified_image.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::uint64_t kPeOffsetAt = 0x3c;
constexpr std::size_t kMaxSections = 96;  // what Windows allows
constexpr std::size_t kSectionBytes = 40;
constexpr std::size_t kMaxText = 64U << 10;  // of a section with text

struct Section {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
};

Result<Section> section_at(Cursor& cursor) {
  Section section;
  TRY(const ByteView name, cursor.bytes(8, "name"));
  section.name = until_nul(as_text(name));
  TRY(const le32 size, cursor.read<le32>("virtual size"));
  TRY_OK(cursor.bytes(4, "address"));
  TRY(const le32 raw_size, cursor.read<le32>("raw size"));
  TRY(const le32 offset, cursor.read<le32>("raw offset"));
  TRY_OK(cursor.bytes(16, "relocations"));
  // What is raw is rounded up; what is virtual is the size of the content.
  section.bytes = std::min<std::uint32_t>(size, raw_size);
  section.offset = offset;
  return section;
}

Result<std::vector<Section>> sections_of(const File& file) {
  TRY(const auto dos, file.read_at(kPeOffsetAt, sizeof(le32)));
  le32 pe;
  std::copy_n(dos.begin(), sizeof pe, pe.raw.begin());
  constexpr std::uint64_t kPeHeaderBytes = 24;
  TRY(const auto header, file.read_at(pe, kPeHeaderBytes));
  Cursor cursor(header, pe, "PE header");
  TRY(const ByteView magic, cursor.bytes(4, "signature"));
  if (as_text(magic) != std::string_view("PE\0\0", 4))
    return fail(
        file.error(ErrorKind::NotRecognised, pe, "PE header: signature", printable(as_text(magic)), "PE"));
  TRY_OK(cursor.bytes(2, "machine"));
  TRY(const le16 count, cursor.read<le16>("number of sections"));
  TRY_OK(cursor.bytes(12, "symbols"));
  TRY(const le16 optional_bytes, cursor.read<le16>("size of the optional header"));
  if (count > kMaxSections)
    return fail(file.error(ErrorKind::Corrupt, pe, "PE header: number of sections",
                           std::to_string(std::uint16_t{count}), fmt::format("{} at most", kMaxSections)));
  const std::uint64_t table = std::uint64_t{pe} + kPeHeaderBytes + optional_bytes;
  TRY(const auto raw, file.read_at(table, std::uint64_t{count} * kSectionBytes));
  Cursor rows(raw, table, "PE section");
  std::vector<Section> sections;
  for (std::uint16_t i = 0; i < count; ++i) {
    TRY(auto section, section_at(rows));
    sections.push_back(std::move(section));
  }
  return sections;
}

Result<std::string> text_in(const File& file, const Section& section) {
  TRY(const auto bytes, file.read_at(section.offset, std::min<std::uint64_t>(section.bytes, kMaxText)));
  return std::string(until_nul(as_text(bytes)));
}

}  // namespace

bool is_unified_image(const File& file) {
  const auto head = file.read_at(0, 2);
  return head && as_text(*head) == "MZ";
}

Result<UnifiedImage> read_unified_image(const File& file) {
  TRY(const auto sections, sections_of(file));
  UnifiedImage image;
  // The first profile is booted unless another one is asked for: what stands before it and what it has
  // itself.
  unsigned profiles = 0;
  for (const Section& section : sections) {
    if (section.name == ".profile" && ++profiles == 2) break;
    if (section.offset > file.size() || section.bytes > file.size() - section.offset)
      return fail(file.error(ErrorKind::Truncated, section.offset, "PE section " + printable(section.name),
                             fmt::format("{} bytes", section.bytes), "inside of the file"));
    if (section.name == ".initrd") {
      TRY(image.initrd, file.window({{section.offset, section.bytes}}));
    }
    if (section.name == ".cmdline") {
      TRY(image.command_line, text_in(file, section));
    }
    if (section.name == ".uname") {
      TRY(image.release, text_in(file, section));
    }
    if (section.name == ".osrel") {
      TRY(image.os_release, text_in(file, section));
    }
  }
  return image;
}

}  // namespace hib::diagnose::boot
