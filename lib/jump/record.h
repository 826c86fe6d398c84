// The record "jump" of an image that a kernel jump saved (docs/format/records.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/image/record.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

inline constexpr std::string_view kJumpRecord = "jump";

// The kernel that saved the image. It is known to work on the machine, and to agree with the machine's module
// about the context.
struct SavedBy {
  std::string release;  // uname -r
  std::string version;  // uname -v
  std::string command_line;
  bool stood_by = false;
};

struct JumpRecord {
  JumpId id{};
  std::uint64_t context = 0;      // physical address of the machine's context (module/context.h)
  MemoryRange region;             // the machine's crash region
  bool untested_series = false;   // somebody allowed the module on this kernel series
  bool untested_machine = false;  // or under this hypervisor
  std::optional<std::uint64_t> hardware_signature;  // that ACPI's table FACS had; missing: it was not known
  std::optional<SavedBy> saved_by;                  // added by the saver
  std::optional<std::string> records_missing;       // why some of the machine's records are not in the image
};

Record encode(const JumpRecord& jump);

// Missing, unknown and repeated fields are errors.
Result<JumpRecord> decode_jump_record(const Record& record);

}  // namespace hib::jump
