#include "format/kdump/dump_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "format/kdump/layout.h"
#include "lib/base/cursor.h"

namespace hib::kdump {
namespace {

constexpr std::size_t kMaxRecords = 8U << 20;
constexpr std::uint64_t kMaxDumpBytes = std::uint64_t{1} << 56;

}  // namespace

Result<DumpFile> DumpFile::open(std::shared_ptr<const File> file) {
  DumpFile dump(std::move(file));
  dump.size_ = dump.file_->size();
  if (dump.size_ < sizeof(FlatHeader)) return dump;
  TRY(const auto raw, dump.file_->read_at(0, sizeof(FlatHeader)));
  if (std::memcmp(raw.data(), kFlatSignature, sizeof(kFlatSignature)) != 0) return dump;
  dump.flattened_ = true;
  TRY_OK(dump.read_records());
  return dump;
}

Result<void> DumpFile::read_records() {
  size_ = 0;
  complete_ = false;
  std::uint64_t position = kFlatHeaderBytes;
  while (position + sizeof(FlatRecord) <= file_->size()) {
    const std::string where = fmt::format("flattened record {}", record_offsets_.size());
    TRY(const auto raw, file_->read_at(position, sizeof(FlatRecord)));
    Cursor in(raw, position, where);
    TRY(const FlatRecord record, in.read<FlatRecord>("header"));
    record_offsets_.push_back(position);
    if (record.offset == kFlatEnd && record.size == kFlatEnd) {
      complete_ = true;
      return {};
    }
    if (record.size == 0 || record.size > kMaxDumpBytes || record.offset > kMaxDumpBytes) {
      return fail(file_->error(ErrorKind::Corrupt, position, where, fmt::format("{:#x} bytes for {:#x}", std::uint64_t{record.size}, std::uint64_t{record.offset}),
                               "both below 2^56, and a size"));
    }
    if (record_offsets_.size() == kMaxRecords) {
      return fail(file_->error(ErrorKind::Limit, position, "flattened records", fmt::format("more than {}", kMaxRecords), "fewer"));
    }
    position += sizeof(FlatRecord);
    const std::uint64_t available = std::min<std::uint64_t>(record.size, file_->size() - position);
    if (available > 0) place(record.offset, available, position);
    position += available;
  }
  return {};
}

// A later record wins over an earlier one: makedumpfile writes the header again when it is done.
void DumpFile::place(std::uint64_t offset, std::uint64_t size, std::uint64_t file_offset) {
  const std::uint64_t end = offset + size;
  auto it = pieces_.upper_bound(offset);
  if (it != pieces_.begin() && std::prev(it)->second.end > offset) --it;
  while (it != pieces_.end() && it->first < end) {
    const std::uint64_t old_start = it->first;
    const Piece old = it->second;
    it = pieces_.erase(it);
    if (old_start < offset) pieces_[old_start] = {offset, old.file_offset};
    if (old.end > end) it = pieces_.insert_or_assign(end, Piece{old.end, old.file_offset + (end - old_start)}).first;
  }
  pieces_[offset] = {end, file_offset};
  size_ = std::max(size_, end);
}

Result<void> DumpFile::read_at(std::uint64_t offset, MutableBytes out) const {
  if (!flattened_) return file_->read_at(offset, out);
  while (!out.empty()) {
    auto it = pieces_.upper_bound(offset);
    if (it == pieces_.begin() || (--it)->second.end <= offset) {
      return fail(file_->error(ErrorKind::Truncated, file_->size(), fmt::format("dump offset {:#x}", offset), "in no flattened record", "a record that holds it"));
    }
    const std::uint64_t take = std::min<std::uint64_t>(out.size(), it->second.end - offset);
    TRY_OK(file_->read_at(it->second.file_offset + (offset - it->first), out.first(take)));
    out = out.subspan(take);
    offset += take;
  }
  return {};
}

Result<std::vector<std::byte>> DumpFile::read_at(std::uint64_t offset, std::uint64_t size) const {
  if (size > size_ || offset > size_ - size) {
    return fail(file_->error(ErrorKind::Truncated, offset, "read", fmt::format("{} bytes wanted", size), fmt::format("the dump has {} bytes", size_)));
  }
  std::vector<std::byte> out(size);
  TRY_OK(read_at(offset, MutableBytes(out)));
  return out;
}

void DumpFile::label(RangeMap& map, std::uint64_t offset, std::uint64_t size, const std::string& text) const {
  if (!flattened_) {
    map.add(offset, std::min(size, size_ - std::min(offset, size_)), text);
    return;
  }
  const std::uint64_t end = offset + size;
  for (auto it = pieces_.begin(); it != pieces_.end() && it->first < end; ++it) {
    const std::uint64_t from = std::max(offset, it->first);
    const std::uint64_t to = std::min(end, it->second.end);
    if (from < to) map.add(it->second.file_offset + (from - it->first), to - from, text);
  }
}

void DumpFile::label_records(RangeMap& map) const {
  if (!flattened_) return;
  map.add(0, kFlatHeaderBytes, "flattened header");
  for (const std::uint64_t offset : record_offsets_) map.add(offset, sizeof(FlatRecord), "flattened record header");
}

}  // namespace hib::kdump
