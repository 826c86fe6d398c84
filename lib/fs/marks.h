// Marks: values that change when a file system is written. They are read from the device, never through a
// mount.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/fs/super_block.h"
#include "lib/os/file.h"

namespace hib::fs {

// Name -> value, both text: "MARK_GENERATION" -> "81".
using Marks = std::map<std::string, std::string>;

inline constexpr const char* kMountTime = "MARK_MOUNT_TIME";
inline constexpr const char* kWriteTime = "MARK_WRITE_TIME";
inline constexpr const char* kCheckTime = "MARK_CHECK_TIME";
inline constexpr const char* kMountCount = "MARK_MOUNT_COUNT";
inline constexpr const char* kGeneration = "MARK_GENERATION";
inline constexpr const char* kLogHead = "MARK_LOG_HEAD";
inline constexpr const char* kDirectories = "MARK_DIRECTORIES";
inline constexpr const char* kUnreadable = "MARK_UNREADABLE";

// By libblkid's TYPE:
//   ext2, ext3, ext4            MARK_MOUNT_TIME, MARK_WRITE_TIME, MARK_CHECK_TIME (seconds since 1970),
//                               MARK_MOUNT_COUNT
//   btrfs                       MARK_GENERATION
//   xfs                         MARK_LOG_HEAD: "CYCLE:SECTOR" where the log is written next
//   f2fs                        MARK_GENERATION: the version of the newer valid checkpoint
//   vfat                        MARK_DIRECTORIES (fat_mark.h)
//   exfat, ntfs, swap           MARK=none
//   iso9660, squashfs, erofs    MARK=none: they are never written
// Numbers are decimal. MARK_UNREADABLE says why a mark that this type has could not be read. Other types have
// no marks.
Marks file_system_marks(const File& file, const std::string& type);

// The place of the log's end: the cycle number of the sectors before it, and its number. Sectors carry the
// number of the pass over the log in which they were written (fs/xfs/xfs_log_recover.c: xlog_find_head), so
// this is a binary search.
struct XfsLogHead {
  std::uint64_t cycle = 0;
  std::uint64_t sector = 0;
};
using ReadBytes = std::function<Result<std::vector<std::byte>>(std::uint64_t offset, std::size_t bytes)>;
Result<XfsLogHead> xfs_log_head(const ReadBytes& read, const XfsSuperBlock& block);

// checkpoint_ver of the newer of the two packs whose checksum and both ends agree.
Result<std::uint64_t> f2fs_checkpoint_version(const ReadBytes& read, const F2fsSuperBlock& block);

}  // namespace hib::fs
