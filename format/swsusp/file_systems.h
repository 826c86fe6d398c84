// Which file systems a hibernated machine had mounted, from the superblocks in its page cache, and whether
// they were written since: resuming onto a changed file system ruins it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib::swsusp {

struct SuperBlock {
  std::string kind;  // "ext", "btrfs", "xfs"
  std::string uuid;
  // What changes when it is mounted or checked, and what grows with every write.
  std::vector<std::uint64_t> mount_state;
  std::uint64_t write_state = 0;
};

// Collects from loaded pages.
class SuperBlockScan {
 public:
  void add(const PageBatch& batch, std::uint32_t page_size);
  const std::map<std::string, SuperBlock>& found() const {
    return found_;
  }  // by UUID; the newest of several copies

 private:
  void look_at(ByteView page);
  void take(SuperBlock block);
  std::map<std::string, SuperBlock> found_;
};

// The file systems on a disk, a partition or a disk image: in the whole of it and in each partition.
std::vector<SuperBlock> super_blocks_of(const File& file);

// Nothing when `now` is as the hibernated machine left it, otherwise what has happened.
std::optional<std::string> written_since(const SuperBlock& image, const SuperBlock& now);

}  // namespace hib::swsusp
