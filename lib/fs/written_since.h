// Was a file system written since the machine last had it? If so, resuming ruins the file system.
// docs/devices.md has the rules as a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/fs/marks.h"

namespace hib::fs {

// Who read a mark, and when: that decides what a difference means.
enum class ReadBy : std::uint8_t {
  Machine,  // from the disk, before the machine stood still: it may have written again
  Saver,    // from the disk, after the machine stood still: nothing came after
  Memory,   // from the pages of the image: it may not have reached the disk
};

struct SavedMark {
  std::string name;
  std::string value;
  ReadBy read_by = ReadBy::Machine;
  std::string or_value = {};  // Memory: equally right, as the last write may not have reached the disk
};

struct SavedMarks {
  std::vector<SavedMark> marks;
  std::string missing = "none recorded";  // why there is none
};

enum class Since : std::uint8_t { Untouched, Written, Unproven };

struct WrittenSince {
  Since since = Since::Untouched;
  bool by_mount = false;  // Written: somebody has mounted or checked it
  std::string expected;   // for people, as `found`; empty when Untouched
  std::string found;
};

// `here` is what the disk has now; kUnreadable there says why a mark is missing. `snapshot_ns` is
// CLOCK_REALTIME when the machine stood still, 0 when that is not known. The first mark that proves a write
// decides.
WrittenSince written_since(const SavedMarks& saved, const Marks& here, std::uint64_t snapshot_ns);

}  // namespace hib::fs
