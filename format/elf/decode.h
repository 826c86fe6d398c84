// ELF headers turned into native values. Everything is checked against the file's size before it is used.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib::elf {

struct ProgramHeader {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::uint64_t paddr = 0;
  std::uint64_t filesz = 0;
  std::uint64_t memsz = 0;
};

struct Headers {
  bool is_64 = true;
  std::uint16_t machine = 0;
  std::uint64_t header_bytes = 0;
  std::uint64_t phoff = 0;
  std::uint64_t phentsize = 0;
  std::uint64_t shoff = 0;  // 0: none
  std::uint64_t sections_bytes = 0;
  std::vector<ProgramHeader> program;
};

// PN_XNUM allows 2^32 headers; no machine has this many pieces of memory.
inline constexpr std::uint64_t kMaxProgramHeaders = 1U << 20;

Result<Headers> decode_headers(const File& file);

}  // namespace hib::elf
