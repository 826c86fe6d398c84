// A dump's bytes by their offset in the dump: the file itself, or the records of a flattened dump put in
// order.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib {

// Flattened: a header block of 4096 bytes, then records of target offset, size and that many bytes,
// big-endian. Any dump may be inside: kdump-compressed or ELF (makedumpfile: IMPLEMENTATION).
inline constexpr char kFlatSignature[16] = "makedumpfile";
inline constexpr std::uint64_t kFlatHeaderBytes = 4096;
inline constexpr std::uint64_t kFlatType = 1;
inline constexpr std::uint64_t kFlatVersion = 1;
struct FlatHeader {
  char signature[16];  // 0
  be64 type;           // 16
  be64 version;        // 24
};
static_assert(sizeof(FlatHeader) == 32);

struct FlatRecord {
  be64 offset;  // 0   −1: end
  be64 size;    // 8
};
static_assert(sizeof(FlatRecord) == 16);
inline constexpr std::uint64_t kFlatEnd = ~std::uint64_t{0};

class DumpFile {
 public:
  // Recognises the flattened form by its signature and reads its record headers.
  static Result<DumpFile> open(std::shared_ptr<const File> file);

  // Offsets count in the dump. What no record holds reads as zeros when the end mark is there: makedumpfile
  // does not write the rest of a block. Without an end mark it may be lost: Truncated.
  Result<void> read_at(std::uint64_t offset, MutableBytes out) const;
  Result<std::vector<std::byte>> read_at(std::uint64_t offset, std::uint64_t size) const;

  // How many of `size` bytes from `offset` on can be read.
  std::uint64_t available(std::uint64_t offset, std::uint64_t size) const;
  // All of them are in the file: none reads as zero because no record holds it.
  bool is_written(std::uint64_t offset, std::uint64_t size) const { return written(offset, size) == size; }

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

  // The dump as a file of its own, for a reader that knows nothing of records.
  Result<std::shared_ptr<const File>> rearranged() const;

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
  std::uint64_t written(std::uint64_t offset, std::uint64_t size) const;
  void label_replaced(RangeMap& map) const;

  std::shared_ptr<const File> file_;
  bool flattened_ = false;
  bool complete_ = true;
  std::uint64_t size_ = 0;
  Pieces pieces_;                              // by offset in the dump; disjoint
  std::vector<std::uint64_t> record_offsets_;  // in the file
};

bool is_flattened(ByteView head);

// The first bytes of the dump inside a flattened one: what a format is recognised by. Empty when the records
// are broken before they come to it.
std::vector<std::byte> flattened_head(const File& file, std::size_t most);

// An image inside a flattened dump, by a reader that knows nothing of records: `open` gets the dump as a file
// of its own. The map and all offsets are those of the file that there is.
Result<std::unique_ptr<ImageReader>> open_flattened(
    DumpFile dump,
    const std::function<Result<std::unique_ptr<ImageReader>>(std::shared_ptr<const File>)>& open);

}  // namespace hib
