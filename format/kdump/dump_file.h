// A dump's bytes by their offset in the dump: the file itself, or the records of a flattened dump put in
// order.
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

  // Offsets count in the dump. What no record holds is Truncated, never zeros.
  Result<void> read_at(std::uint64_t offset, MutableBytes out) const;
  Result<std::vector<std::byte>> read_at(std::uint64_t offset, std::uint64_t size) const;

  // How many of `size` bytes from `offset` on are there without a gap.
  std::uint64_t available(std::uint64_t offset, std::uint64_t size) const;

  std::uint64_t size() const { return size_; }  // of the dump, not of the file
  bool is_flattened() const { return flattened_; }
  bool is_complete() const { return complete_; }  // flattened: the end mark was there
  const File& file() const { return *file_; }

  // Where in the file a byte of the dump lies; the file's end when no record holds it.
  std::uint64_t file_offset(std::uint64_t offset) const;
  // An error at an offset in the dump. The error has the offset in the file.
  Error error(ErrorKind kind, std::uint64_t offset, std::string where, std::string found,
              std::string allowed) const;

  // Labels a range of the dump where it lies in the file: several labels when several records hold the range.
  void label(RangeMap& map, std::uint64_t offset, std::uint64_t size, const std::string& text) const;
  void label_records(RangeMap& map) const;

 private:
  struct Piece {
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;
  };
  using Pieces = std::map<std::uint64_t, Piece>;

  explicit DumpFile(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  Result<void> read_flat_header();
  Result<void> read_records();
  void place(std::uint64_t offset, std::uint64_t size, std::uint64_t file_offset);
  Pieces::const_iterator piece_at(std::uint64_t offset) const;  // the one that holds `offset`, or end

  std::shared_ptr<const File> file_;
  bool flattened_ = false;
  bool complete_ = true;
  std::uint64_t size_ = 0;
  Pieces pieces_;                              // by offset in the dump; disjoint
  std::vector<std::uint64_t> record_offsets_;  // in the file
};

}  // namespace hib::kdump
