// What the saver is told when it is loaded: a file of its initramfs, written by arm (to save) or by resume
// (to restore).
#pragma once

#include <optional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/codec/zstd.h"
#include "lib/image/record.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

struct SaverConfig {
  std::uint64_t context = 0;  // physical address of the machine's context
  std::uint64_t note = 0;     // physical address of the ELF note with its registers; 0: none
  std::optional<std::uint64_t>
      target_head;                  // byte of the target's device with the area's head; none: no target
  std::optional<JumpId> restore;    // write this jump's image back, instead of saving
  bool verify = false;              // read the image back and prove it
  bool free_pages = false;          // save the pages too that the machine does not use
  bool allow_untested = false;      // hibjump.ko, on this kernel series
  bool standby = false;             // wait for the machine to leave once more, where nothing was saved
  unsigned timeout_seconds = 0;     // without progress, until the machine restarts; 0: never
  int level = kDefaultZstdLevel;    // of zstd
  std::vector<Record> records;      // the machine's, as they were when it was armed
  std::vector<MemoryRange> memory;  // to restore: where the machine's is, by memory_of_machine()
};

std::vector<std::byte> encode(const SaverConfig& config);

// Missing, unknown and repeated fields are errors: a misspelt one must not switch anything off.
Result<SaverConfig> decode_saver_config(ByteView bytes);

}  // namespace hib::jump
