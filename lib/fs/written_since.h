// Was a file system written since a machine last had it? Resuming onto one that was ruins it. docs/devices.md
// has the rules as a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/fs/marks.h"

namespace hib::fs {

// Who read a mark, and when: that decides what a difference means.
enum class ReadBy : std::uint8_t {
  Machine,  // from the disk, before it stood still: it may have written once more itself
  Saver,    // from the disk, after the machine stood still: nothing came after
  Memory,   // from the pages of the image: the machine may have had it on the disk, or not yet
};

struct SavedMark {
  std::string name;
  std::string value;
  ReadBy read_by = ReadBy::Machine;
  std::string or_value = {};  // Memory: as right, where the last write may not have reached the disk
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
