// ELF as vmcores use it: System V ABI, elf(5). Little-endian files only.
#pragma once

#include "lib/base/bytes.h"

namespace hib::elf {

inline constexpr char kMagic[4] = {0x7F, 'E', 'L', 'F'};
inline constexpr std::uint8_t kClass32 = 1;
inline constexpr std::uint8_t kClass64 = 2;
inline constexpr std::uint8_t kLittleEndian = 1;
inline constexpr std::uint16_t kTypeCore = 4;
inline constexpr std::uint32_t kPtLoad = 1;
inline constexpr std::uint32_t kPtNote = 4;
inline constexpr std::uint16_t kPnXnum = 0xFFFF;  // the real count is sh_info of section 0

struct Ident {
  std::uint8_t magic[4];    // 0
  std::uint8_t file_class;  // 4
  std::uint8_t data;        // 5
  std::uint8_t version;     // 6
  std::uint8_t os_abi;      // 7
  std::uint8_t padding[8];  // 8
};
static_assert(sizeof(Ident) == 16);

struct Header64 {
  Ident ident;     // 0
  le16 type;       // 16
  le16 machine;    // 18
  le32 version;    // 20
  le64 entry;      // 24
  le64 phoff;      // 32
  le64 shoff;      // 40
  le32 flags;      // 48
  le16 ehsize;     // 52
  le16 phentsize;  // 54
  le16 phnum;      // 56
  le16 shentsize;  // 58
  le16 shnum;      // 60
  le16 shstrndx;   // 62
};
static_assert(sizeof(Header64) == 64);

struct Header32 {
  Ident ident;     // 0
  le16 type;       // 16
  le16 machine;    // 18
  le32 version;    // 20
  le32 entry;      // 24
  le32 phoff;      // 28
  le32 shoff;      // 32
  le32 flags;      // 36
  le16 ehsize;     // 40
  le16 phentsize;  // 42
  le16 phnum;      // 44
  le16 shentsize;  // 46
  le16 shnum;      // 48
  le16 shstrndx;   // 50
};
static_assert(sizeof(Header32) == 52);

struct Program64 {
  le32 type;    // 0
  le32 flags;   // 4
  le64 offset;  // 8
  le64 vaddr;   // 16
  le64 paddr;   // 24
  le64 filesz;  // 32
  le64 memsz;   // 40
  le64 align;   // 48
};
static_assert(sizeof(Program64) == 56);

struct Program32 {
  le32 type;    // 0
  le32 offset;  // 4
  le32 vaddr;   // 8
  le32 paddr;   // 12
  le32 filesz;  // 16
  le32 memsz;   // 20
  le32 flags;   // 24
  le32 align;   // 28
};
static_assert(sizeof(Program32) == 32);

struct Section64 {
  le32 name;       // 0
  le32 type;       // 4
  le64 flags;      // 8
  le64 addr;       // 16
  le64 offset;     // 24
  le64 size;       // 32
  le32 link;       // 40
  le32 info;       // 44
  le64 addralign;  // 48
  le64 entsize;    // 56
};
static_assert(sizeof(Section64) == 64);

struct Section32 {
  le32 name;       // 0
  le32 type;       // 4
  le32 flags;      // 8
  le32 addr;       // 12
  le32 offset;     // 16
  le32 size;       // 20
  le32 link;       // 24
  le32 info;       // 28
  le32 addralign;  // 32
  le32 entsize;    // 36
};
static_assert(sizeof(Section32) == 40);

}  // namespace hib::elf
