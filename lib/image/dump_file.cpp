#include "lib/image/dump_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/image/forwarding_reader.h"

namespace hib {
namespace {

// QEMU's records are 16 KiB, makedumpfile's larger: enough for 128 GiB of compressed pages.
constexpr std::size_t kMaxRecords = 8U << 20;
constexpr std::uint64_t kMaxDumpBytes = std::uint64_t{1} << 56;

bool is_end_mark(const FlatRecord& record) { return record.offset == kFlatEnd && record.size == kFlatEnd; }

Result<FlatRecord> read_record(const File& file, std::uint64_t position, std::size_t number) {
  const std::string where = fmt::format("flattened record {}", number);
  TRY(const auto raw, file.read_at(position, sizeof(FlatRecord)));
  Cursor in(raw, position, where);
  TRY(const FlatRecord record, in.read<FlatRecord>("header"));
  if (is_end_mark(record)) return record;
  if (record.size == 0 || record.size > kMaxDumpBytes || record.offset > kMaxDumpBytes) {
    return fail(file.error(
        ErrorKind::Corrupt, position, where,
        fmt::format("{:#x} bytes for {:#x}", std::uint64_t{record.size}, std::uint64_t{record.offset}),
        "both at most 2^56, and a size"));
  }
  if (number == kMaxRecords) {
    return fail(file.error(ErrorKind::Limit, position, where,
                           fmt::format("no end mark in {} records", kMaxRecords), "fewer records"));
  }
  return record;
}

// An image inside a flattened dump. Its reader counts offsets in the dump; the map and the findings are those
// of the file.
class FlattenedReader final : public ForwardingReader {
 public:
  FlattenedReader(DumpFile dump, std::unique_ptr<ImageReader> inside)
      : ForwardingReader(*inside),
        dump_(std::move(dump)),
        inside_(std::move(inside)),
        info_(inside_->info()) {
    info_.variant += ", flattened";
    info_.file_bytes = dump_.file().size();
    for (Finding& finding : info_.findings) {
      if (finding.offset) finding.offset = dump_.file_offset(*finding.offset);
    }
    if (!dump_.is_complete()) report_missing_end();
  }

  const ImageInfo& info() const override { return info_; }

  Result<RangeMap> map() const override {
    TRY(const RangeMap inside, inside_->map());
    RangeMap map;
    dump_.label_records(map);
    for (const LabelledRange& range : inside.ranges())
      dump_.label(map, range.offset, range.size, range.label);
    return map;
  }

  StructureCheck check_structure() const override {
    StructureCheck check = inside_->check_structure();
    check.damage = info_.damage;
    if (!check.layers.empty()) check.layers.front().text = info_.variant;
    check.layers.push_back({"flattened records", dump_.is_complete() ? LayerResult::Ok : LayerResult::Bad,
                            dump_.is_complete() ? "with the end mark" : "no end mark"});
    return check;
  }

 private:
  void report_missing_end() {
    const std::uint64_t end = dump_.file().size();
    Damage damage{dump_.file().error(ErrorKind::Truncated, end, "flattened records", "no end mark",
                                     "a record of -1 and -1 at the end"),
                  {}};
    info_.state = ImageState::Incomplete;
    info_.findings.push_back({"truncated", Severity::Error, end, damage.error.line()});
    info_.damage.push_back(std::move(damage));
  }

  const DumpFile dump_;
  const std::unique_ptr<ImageReader> inside_;
  ImageInfo info_;
};

}  // namespace

bool is_flattened(ByteView head) {
  return head.size() >= sizeof(kFlatSignature) &&
         std::memcmp(head.data(), kFlatSignature, sizeof(kFlatSignature)) == 0;
}

std::vector<std::byte> flattened_head(const File& file, std::size_t most) {
  std::uint64_t position = kFlatHeaderBytes;
  for (std::size_t number = 0;; ++number) {
    const auto record = read_record(file, position, number);
    if (!record || is_end_mark(*record)) return {};
    position += sizeof(FlatRecord);
    const std::uint64_t available =
        std::min<std::uint64_t>(record->size, file.size() - std::min(position, file.size()));
    if (record->offset == 0)
      return file.read_at(position, std::min<std::uint64_t>(most, available))
          .value_or(std::vector<std::byte>());
    position += available;
  }
}

Result<std::unique_ptr<ImageReader>> open_flattened(
    DumpFile dump,
    const std::function<Result<std::unique_ptr<ImageReader>>(std::shared_ptr<const File>)>& open) {
  TRY(auto inside, dump.rearranged());
  TRY(auto reader, open(std::move(inside)));
  return std::unique_ptr<ImageReader>(new FlattenedReader(std::move(dump), std::move(reader)));
}

Result<DumpFile> DumpFile::open(std::shared_ptr<const File> file) {
  DumpFile dump(std::move(file));
  dump.size_ = dump.file_->size();
  if (dump.size_ < sizeof(kFlatSignature)) return dump;
  TRY(const auto raw, dump.file_->read_at(0, sizeof(kFlatSignature)));
  if (!hib::is_flattened(raw)) return dump;
  dump.flattened_ = true;
  TRY_OK(dump.read_flat_header());
  TRY_OK(dump.read_records());
  return dump;
}

Result<void> DumpFile::read_flat_header() {
  auto raw = file_->read_at(0, kFlatHeaderBytes);
  if (!raw) return fail(std::move(raw).error().in("flattened header"));
  Cursor in(*raw, 0, "flattened header");
  TRY(const FlatHeader header, in.read<FlatHeader>("header"));
  const auto reject = [&](std::size_t offset, const char* field, std::uint64_t found, std::uint64_t allowed) {
    return fail(file_->error(ErrorKind::Unsupported, offset, fmt::format("flattened header: {}", field),
                             std::to_string(found), std::to_string(allowed)));
  };
  if (header.type != kFlatType) return reject(offsetof(FlatHeader, type), "type", header.type, kFlatType);
  if (header.version != kFlatVersion)
    return reject(offsetof(FlatHeader, version), "version", header.version, kFlatVersion);
  return {};
}

Result<void> DumpFile::read_records() {
  size_ = 0;
  complete_ = false;
  std::uint64_t position = kFlatHeaderBytes;
  while (file_->size() - position >= sizeof(FlatRecord)) {
    TRY(const FlatRecord record, read_record(*file_, position, record_offsets_.size()));
    record_offsets_.push_back(position);
    if (is_end_mark(record)) {
      complete_ = true;
      return {};
    }
    position += sizeof(FlatRecord);
    const std::uint64_t there = std::min<std::uint64_t>(record.size, file_->size() - position);
    if (there > 0) place(record.offset, there, position);
    position += there;
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
    if (old.end > end)
      it = pieces_.insert_or_assign(end, Piece{old.end, old.file_offset + (end - old_start)}).first;
  }
  pieces_[offset] = {end, file_offset};
  size_ = std::max(size_, end);
}

DumpFile::Pieces::const_iterator DumpFile::piece_at(std::uint64_t offset) const {
  const auto it = pieces_.upper_bound(offset);
  if (it == pieces_.begin() || std::prev(it)->second.end <= offset) return pieces_.end();
  return std::prev(it);
}

Result<void> DumpFile::read_at(std::uint64_t offset, MutableBytes out) const {
  if (!flattened_) return file_->read_at(offset, out);
  while (!out.empty()) {
    std::uint64_t take = 0;
    if (const auto it = piece_at(offset); it != pieces_.end()) {
      take = std::min<std::uint64_t>(out.size(), it->second.end - offset);
      TRY_OK(file_->read_at(it->second.file_offset + (offset - it->first), out.first(take)));
    } else {
      const auto next = pieces_.upper_bound(offset);
      if (!complete_ || next == pieces_.end()) {
        return fail(file_->error(ErrorKind::Truncated, file_->size(),
                                 fmt::format("dump offset {:#x}", offset), "in no flattened record",
                                 "a record that holds it"));
      }
      take = std::min<std::uint64_t>(out.size(), next->first - offset);
      std::fill_n(out.data(), take, std::byte{0});
    }
    out = out.subspan(take);
    offset += take;
  }
  return {};
}

Result<std::vector<std::byte>> DumpFile::read_at(std::uint64_t offset, std::uint64_t size) const {
  // Records can lie far apart: size_ says nothing of the memory that is safe to ask for, the file's size
  // does.
  if (size > size_ || offset > size_ - size || size > file_->size()) {
    return fail(error(ErrorKind::Truncated, offset, "read",
                      fmt::format("{} bytes wanted at {:#x}", size, offset),
                      fmt::format("inside the dump, which ends at {:#x}", size_)));
  }
  std::vector<std::byte> out(size);
  TRY_OK(read_at(offset, MutableBytes(out)));
  return out;
}

std::uint64_t DumpFile::available(std::uint64_t offset, std::uint64_t size) const {
  return complete_ ? std::min(size, size_ - std::min(offset, size_)) : written(offset, size);
}

std::uint64_t DumpFile::written(std::uint64_t offset, std::uint64_t size) const {
  if (!flattened_) return available(offset, size);
  const std::uint64_t end = checked_add(offset, size).value_or(~std::uint64_t{0});
  std::uint64_t done = offset;
  for (auto it = piece_at(offset); done < end && it != pieces_.end() && it->first <= done; ++it)
    done = std::min(end, it->second.end);
  return done - offset;
}

Result<std::shared_ptr<const File>> DumpFile::rearranged() const {
  std::vector<DeviceRange> places;
  std::uint64_t end = 0;
  for (const auto& [start, piece] : pieces_) {
    if (start > end) places.push_back({DeviceRange::kNowhere, start - end});
    places.push_back({piece.file_offset, piece.end - start});
    end = piece.end;
  }
  return file_->rearranged(std::move(places), complete_ ? File::Gaps::Zero : File::Gaps::Lost);
}

std::uint64_t DumpFile::file_offset(std::uint64_t offset) const {
  if (!flattened_) return offset;
  const auto it = piece_at(offset);
  return it == pieces_.end() ? file_->size() : it->second.file_offset + (offset - it->first);
}

Error DumpFile::error(ErrorKind kind, std::uint64_t offset, std::string where, std::string found,
                      std::string allowed) const {
  return file_->error(kind, file_offset(offset), std::move(where), std::move(found), std::move(allowed));
}

void DumpFile::label(RangeMap& map, std::uint64_t offset, std::uint64_t size, const std::string& text) const {
  if (!flattened_) {
    map.add(offset, available(offset, size), text);
    return;
  }
  const std::uint64_t end = checked_add(offset, size).value_or(~std::uint64_t{0});
  auto first = piece_at(offset);
  if (first == pieces_.end()) first = pieces_.upper_bound(offset);
  const auto last = pieces_.lower_bound(end);
  if (first == pieces_.end() || first->first >= end) return;
  const auto parts = std::distance(first, last);
  int part = 0;
  for (auto it = first; it != last; ++it) {
    const std::uint64_t from = std::max(offset, it->first);
    const std::uint64_t to = std::min(end, it->second.end);
    map.add(it->second.file_offset + (from - it->first), to - from,
            parts == 1 ? text : fmt::format("{} (part {} of {})", text, ++part, parts));
  }
}

void DumpFile::label_records(RangeMap& map) const {
  if (!flattened_) return;
  map.add(0, kFlatHeaderBytes, "flattened header");
  for (std::size_t i = 0; i < record_offsets_.size(); ++i) {
    const bool is_end = complete_ && i + 1 == record_offsets_.size();
    map.add(record_offsets_[i], sizeof(FlatRecord),
            is_end ? "flattened end mark" : "flattened record header");
  }
  label_replaced(map);
}

// What is in no piece: makedumpfile writes headers again when it knows more.
void DumpFile::label_replaced(RangeMap& map) const {
  std::vector<DeviceRange> pieces;
  for (const auto& [start, piece] : pieces_) pieces.push_back({piece.file_offset, piece.end - start});
  std::sort(pieces.begin(), pieces.end(),
            [](const DeviceRange& a, const DeviceRange& b) { return a.start < b.start; });
  auto piece = pieces.begin();
  for (std::size_t i = 0; i < record_offsets_.size(); ++i) {
    const bool is_last = i + 1 == record_offsets_.size();
    if (is_last && complete_) break;  // the end mark
    std::uint64_t at = std::min(record_offsets_[i] + sizeof(FlatRecord), file_->size());
    const std::uint64_t end = is_last ? file_->size() : record_offsets_[i + 1];
    for (; piece != pieces.end() && piece->start < end; ++piece) {
      map.add(at, piece->start - at, "replaced by a later record");
      at = piece->end();
    }
    map.add(at, end - at, "replaced by a later record");
  }
}

}  // namespace hib
