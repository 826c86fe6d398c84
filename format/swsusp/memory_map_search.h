// The firmware's memory map in the pages of an x86 kernel: the table of which the restore record has the
// digest.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "format/swsusp/info_page.h"
#include "lib/os/firmware_map.h"

namespace hib::swsusp {

class MemoryMapSearch {
 public:
  explicit MemoryMapSearch(const RestoreRecord& record);

  // From any thread. Tables lie inside a page: the kernel allocates them.
  void look_at(ByteView page);

  bool is_wanted() const { return !wanted_.empty(); }  // the record has a digest
  struct Result {
    LayerResult result = LayerResult::NotProvable;
    std::string wanted;                 // the digest in the record
    std::string found;                  // of the table that comes nearest; empty: no table
    std::vector<MemoryMapEntry> table;  // Ok: the one of the digest
  };
  Result result() const;

 private:
  std::string digest_of(ByteView table) const;
  static unsigned differing_bits(const std::string& a, const std::string& b);

  std::string wanted_;  // hexadecimal
  bool is_md5_ = false;
  std::atomic<bool> is_found_{false};  // no table can come nearer
  mutable std::mutex mutex_;           // guards what follows
  std::optional<unsigned> bits_;
  std::string found_;
  std::vector<std::byte> table_;  // of the digest found_
};

}  // namespace hib::swsusp
