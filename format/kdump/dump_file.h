// A dump's bytes by their place in the dump: the file itself, or the records of a flattened one put in order.
#pragma once

#include <map>
#include <memory>

#include "lib/image/range_map.h"
#include "lib/os/file.h"

namespace hib::kdump {

class DumpFile {
 public:
  // Recognises the flattened form by its signature and reads its record headers.
  static Result<DumpFile> open(std::shared_ptr<const File> file);

  Result<void> read_at(std::uint64_t offset, MutableBytes out) const;
  Result<std::vector<std::byte>> read_at(std::uint64_t offset, std::uint64_t size) const;

  std::uint64_t size() const { return size_; }  // of the dump, not of the file
  bool is_flattened() const { return flattened_; }
  bool is_complete() const { return complete_; }  // flattened: the end mark was there
  const File& file() const { return *file_; }

  // Labels a range of the dump where it lies in the file.
  void label(RangeMap& map, std::uint64_t offset, std::uint64_t size, const std::string& text) const;
  void label_records(RangeMap& map) const;

 private:
  struct Piece {
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;
  };
  explicit DumpFile(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  Result<void> read_records();
  void place(std::uint64_t offset, std::uint64_t size, std::uint64_t file_offset);

  std::shared_ptr<const File> file_;
  bool flattened_ = false;
  bool complete_ = true;
  std::uint64_t size_ = 0;
  std::map<std::uint64_t, Piece> pieces_;              // by offset in the dump; disjoint
  std::vector<std::uint64_t> record_offsets_;          // in the file
};

}  // namespace hib::kdump
