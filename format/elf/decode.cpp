#include "format/elf/decode.h"

#include <cstring>

#include <fmt/format.h>

#include "format/elf/layout.h"
#include "lib/base/cursor.h"

namespace hib::elf {
namespace {

struct Bits32 {
  using Header = Header32;
  using Program = Program32;
  using Section = Section32;
};
struct Bits64 {
  using Header = Header64;
  using Program = Program64;
  using Section = Section64;
};

template <typename T>
Result<T> read_struct(const File& file, std::uint64_t offset, const char* name) {
  TRY(const auto raw, file.read_at(offset, sizeof(T)));
  Cursor in(raw, offset, name);
  return in.read<T>(name);
}

// e_phnum, or sh_info of the first section where e_phnum is PN_XNUM.
template <typename Bits>
Result<std::uint64_t> program_count(const File& file, const typename Bits::Header& header) {
  if (header.phnum != kPnXnum) return std::uint64_t{header.phnum};
  if (header.shoff == 0) {
    return fail(file.error(ErrorKind::Corrupt, offsetof(typename Bits::Header, shoff), "ELF header: e_shoff",
                           "0 where e_phnum is PN_XNUM", "the section that holds the real count"));
  }
  auto section = read_struct<typename Bits::Section>(file, header.shoff, "section header 0");
  if (!section)
    return fail(std::move(section).error().in("section header 0, which holds the program header count"));
  return std::uint64_t{section->info};
}

template <typename Bits>
Result<Headers> decode(const File& file) {
  using Program = typename Bits::Program;
  TRY(const auto header, read_struct<typename Bits::Header>(file, 0, "ELF header"));
  const auto reject = [&](std::uint64_t offset, const char* field, std::string found, std::string allowed) {
    return fail(file.error(ErrorKind::Corrupt, offset, fmt::format("ELF header: {}", field), std::move(found),
                           std::move(allowed)));
  };
  using H = typename Bits::Header;
  if (header.type != kTypeCore) {
    return fail(file.error(ErrorKind::Unsupported, offsetof(H, type), "ELF header: e_type",
                           std::to_string(std::uint16_t{header.type}), "4, a core file"));
  }
  if (header.phentsize != sizeof(Program)) {
    return reject(offsetof(H, phentsize), "e_phentsize", std::to_string(std::uint16_t{header.phentsize}),
                  std::to_string(sizeof(Program)));
  }
  TRY(const std::uint64_t count, program_count<Bits>(file, header));
  if (count == 0 || count > kMaxProgramHeaders) {
    return reject(offsetof(H, phnum), "e_phnum", std::to_string(count),
                  fmt::format("1 to {}", kMaxProgramHeaders));
  }
  auto table = file.read_at(header.phoff, count * sizeof(Program));
  if (!table) {
    return fail(std::move(table).error().in(fmt::format("{} program headers at e_phoff", count)));
  }
  Headers out;
  out.is_64 = std::is_same_v<Bits, Bits64>;
  out.machine = header.machine;
  out.header_bytes = sizeof(typename Bits::Header);
  out.phoff = header.phoff;
  out.phentsize = sizeof(Program);
  out.shoff = header.shoff;
  out.sections_bytes = std::uint64_t{header.shnum} * header.shentsize;
  Cursor in(*table, header.phoff, "program headers");
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY(const Program p, in.read<Program>("program header"));
    out.program.push_back({p.type, p.offset, p.paddr, p.filesz, p.memsz});
  }
  return out;
}

}  // namespace

Result<Headers> decode_headers(const File& file) {
  TRY(const auto ident, read_struct<Ident>(file, 0, "ELF header"));
  if (std::memcmp(ident.magic, kMagic, sizeof(kMagic)) != 0)
    return fail(
        file.error(ErrorKind::Corrupt, 0, "ELF header: magic", "not that of an ELF file", "7f 45 4c 46"));
  if (ident.data != kLittleEndian) {
    return fail(file.error(ErrorKind::Unsupported, offsetof(Ident, data), "ELF header: EI_DATA",
                           std::to_string(ident.data), "1, little-endian"));
  }
  if (ident.file_class == kClass64) return decode<Bits64>(file);
  if (ident.file_class == kClass32) return decode<Bits32>(file);
  return fail(file.error(ErrorKind::Corrupt, offsetof(Ident, file_class), "ELF header: EI_CLASS",
                         std::to_string(ident.file_class), "1 or 2"));
}

}  // namespace hib::elf
