// The kernel's own log (what dmesg shows), out of its memory. In a hibernation image it ends where the
// snapshot was made.
//
// From Linux 5.10 on it is a ring of descriptors beside a ring of texts (kernel/printk/printk_ringbuffer.h),
// before that one ring of records (struct printk_log). VMCOREINFO names both and the members of their
// structures, so that neither symbols nor types are needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib::memory {

// Limits, checked before anything is read.
inline constexpr unsigned kMaxLogDescriptorBits = 24;
inline constexpr unsigned kMaxLogBits = 30;
inline constexpr std::uint64_t kMaxLogBytes = std::uint64_t{1} << kMaxLogBits;

struct LogLine {
  std::uint64_t time_ns = 0;            // since the kernel has started, as in dmesg
  unsigned level = 0;                   // 0 emergency … 7 debug
  unsigned facility = 0;                // 0: the kernel itself; others were written to /dev/kmsg
  std::optional<std::uint32_t> caller;  // as the kernel has it: bit 31 and a processor, else a thread
  std::string text;                     // hostile, may have several lines: printable() each
};

struct KernelLog {
  std::vector<LogLine> lines;     // oldest first
  std::uint64_t lost_before = 0;  // overwritten by later ones; known from Linux 5.10 on
  std::uint64_t unreadable = 0;   // in the ring, and their pages are not in the image
};

// NotFound where the image does not say where its kernel's log is; Corrupt where the ring contradicts itself.
// Borrows the image only while it runs.
Result<KernelLog> kernel_log(const ImageReader& image);

// "CPU 3", "thread 1234".
std::string caller_of(std::uint32_t caller);

}  // namespace hib::memory
