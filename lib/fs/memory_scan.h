// Which file systems a machine had mounted, and how far it had written them, from the pages of its memory:
// superblocks in the page cache, and the log records that XFS builds.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/fs/super_block.h"
#include "lib/fs/written_since.h"
#include "lib/image/reader.h"

namespace hib::fs {

struct InMemory {
  std::string type;  // as libblkid names it: "ext4", "btrfs", "xfs"
  SavedMarks marks;
};

class MemoryScan {
 public:
  // From a loaded batch. Several threads may not share a scan.
  void add(const PageBatch& batch, std::uint32_t page_size);

  // By UUID; the newest of several copies. `log_sectors` of an XFS file system tells where its log wraps; 0
  // when it is not known.
  InMemory of(const std::string& uuid, std::uint64_t log_sectors) const;
  std::vector<std::string> uuids() const;

 private:
  struct Found {
    std::string type;
    Marks marks;
    std::uint64_t age = 0;          // grows with every write: the newest copy counts
    std::vector<XfsLogRecord> log;  // in the order of finding
  };

  void look_at(ByteView page);
  void take(const std::string& uuid, std::string type, Marks marks, std::uint64_t age);
  void take(XfsLogRecord record);

  std::map<std::string, Found> found_;
};

}  // namespace hib::fs
