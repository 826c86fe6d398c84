// A bzImage, as far as loading it takes (Linux: Documentation/arch/x86/boot.rst). Its kernel is unpacked in
// the machine, where nobody waits for it, and entered directly: the saver would unpack longer than it boots.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/image/input.h"

namespace hib::jump {

inline constexpr std::size_t kBootParamsBytes = 4096;

struct KernelPart {
  std::uint64_t offset = 0;  // from the load address
  ByteView bytes;
};

struct BzImage {
  std::string path;
  std::string release;                                    // as uname -r; empty where the header does not say
  std::string version;                                    // what follows it, and so has uname -v at its end
  std::vector<std::byte> setup_header;                    // what boot_params has from offset 0x1f1 on
  std::shared_ptr<const std::vector<std::byte>> content;  // what the parts lie in
  std::vector<KernelPart> parts;   // ascending, not overlapping; what follows one up to the next is zero
  std::uint64_t entry = 0;         // offset of the 64-bit entry
  std::uint64_t alignment = 0;     // of the load address
  std::uint64_t memory_bytes = 0;  // that it takes from its load address on until it has set itself up
  std::size_t max_command_line = 0;

  // Refuses what cannot be entered in 64-bit mode at any address below 4 GiB.
  // `progress` is told how far the kernel is unpacked, where that takes a second.
  static Result<BzImage> read(const std::string& path, const UnpackProgress& progress = {});
};

}  // namespace hib::jump
