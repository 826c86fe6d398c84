// A bzImage, as far as loading it takes (Linux: Documentation/arch/x86/boot.rst).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::jump {

inline constexpr std::size_t kBootParamsBytes = 4096;

struct BzImage {
  std::string path;
  std::string release;                // as uname -r; empty where the header does not say
  std::string version;                // what follows it, and so has uname -v at its end
  std::vector<std::byte> setup_header;  // what boot_params has from offset 0x1f1 on
  std::vector<std::byte> kernel;        // the protected-mode kernel
  std::uint64_t alignment = 0;          // of the load address
  std::uint64_t memory_bytes = 0;       // that it needs from its load address on until it has set itself up
  std::size_t max_command_line = 0;

  // Refuses what cannot be entered in 64-bit mode at any address below 4 GiB.
  static Result<BzImage> read(const std::string& path);
};

}  // namespace hib::jump
