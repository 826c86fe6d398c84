// Records on their way from the machine to the image. The machine's user space gives some to the module
// before the jump; the module adds how the devices were suspended and resumed (docs/format/records.md,
// "suspend"). The saver finds both in the machine's memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/record.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

inline constexpr std::string_view kSuspendRecord = "suspend";
inline constexpr std::size_t kMaxRecordsBytes = 4U << 20;  // of the machine's user space, and of the module

// Each record with its length before it (le32). Too many of them are an error.
Result<std::vector<std::byte>> pack_records(const std::vector<Record>& records);

struct LeftRecords {
  std::vector<Record> records;        // the machine's own, then the module's
  std::vector<std::string> problems;  // why some or all are missing; one line each
};

using ReadPhysical = std::function<Result<void>(std::uint64_t address, MutableBytes out)>;

// `index` is where the machine's context says that the records are; 0 bytes: there are none. Never fails: an
// image without its machine's records is still an image. The memory may hold anything: every number is
// checked before it is used.
LeftRecords read_left_records(const MemoryRange& index, const ReadPhysical& read);

// A device whose driver, bus or class returned an error from a callback.
struct DeviceFailure {
  std::string path;    // below /sys: "devices/pci0000:00/0000:00:04.0"
  std::string driver;  // "" when it has none
  std::string phase;   // "resume_noirq"
  std::string error;   // as the kernel's number: "-5"

  bool is_resume() const { return phase.starts_with("resume"); }
  std::string name() const { return path.substr(path.rfind('/') + 1); }
  std::string driver_suffix() const { return driver.empty() ? "" : " (" + driver + ")"; }
};

std::vector<DeviceFailure> failures_in(const Record& suspend);

}  // namespace hib::jump
