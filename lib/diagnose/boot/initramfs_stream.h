// What an initramfs unpacks to: archives that lie open, then compressed ones, as the kernel takes them.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/boot/cpio_stream.h"
#include "lib/os/file.h"

namespace hib::diagnose::boot {

struct Unpacking {
  std::vector<std::string> wrappings;  // in order: "cpio", "zstd"
  std::uint64_t unpacked_bytes = 0;
  std::optional<Error> broken;  // where it had to stop; what came before it was handed over
};

inline constexpr std::uint64_t kMaxUnpackedBytes = 2ULL << 30;

// Hands the entries of `file` to `stream`. Fails where nothing of it is an initramfs: NotRecognised, or
// Unsupported for what the kernel or another tool might read.
Result<Unpacking> unpack_initramfs(const File& file, CpioStream& stream);

}  // namespace hib::diagnose::boot
