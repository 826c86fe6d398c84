#include "lib/jump/module/suspend_records.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/base/cursor.h"
#include "lib/base/text.h"

namespace hib::jump {
namespace {

static_assert(kMaxRecordsBytes == HIBJUMP_MAX_RECORDS);

// struct hibjump_records as it lies in memory
struct Index {
  le64 magic;
  le32 version;
  le32 page_count;
  le32 own_bytes;
  le32 given_start;
  le32 given_bytes;
  le32 reserved;
};
static_assert(sizeof(Index) == sizeof(hibjump_records));

constexpr std::uint64_t kMaxPages = 2 * kMaxRecordsBytes / kPageBytes;
constexpr std::uint64_t kMaxIndexBytes = sizeof(Index) + kMaxPages * sizeof(le64);

Result<void> check_index(const Cursor& in, const Index& index, std::uint64_t index_bytes) {
  if (index.magic != HIBJUMP_RECORDS_MAGIC)
    return fail(in.corrupt("magic", hex(index.magic), hex(HIBJUMP_RECORDS_MAGIC)));
  if (index.version != HIBJUMP_VERSION)
    return fail(in.corrupt("version", std::to_string(index.version), std::to_string(HIBJUMP_VERSION)));
  if (index.page_count > kMaxPages || sizeof(Index) + index.page_count * sizeof(le64) != index_bytes)
    return fail(in.corrupt("page_count", std::to_string(index.page_count),
                           fmt::format("as many as {} bytes name", index_bytes)));
  if (index.own_bytes > index.given_start)
    return fail(in.corrupt("own_bytes", std::to_string(index.own_bytes),
                           fmt::format("up to {}", std::uint32_t{index.given_start})));
  const std::uint64_t end = std::uint64_t{index.given_start} + index.given_bytes;
  if (end > index.page_count * kPageBytes)
    return fail(in.corrupt("given_bytes", std::to_string(index.given_bytes),
                           fmt::format("in {} pages", std::uint32_t{index.page_count})));
  return {};
}

struct RecordArea {
  Index index;
  std::vector<std::uint64_t> pages;  // physical addresses
};

Result<RecordArea> read_area(const MemoryRange& place, const ReadPhysical& read) {
  if (place.bytes < sizeof(Index) || place.bytes > kMaxIndexBytes)
    return fail(make_error(ErrorKind::Corrupt, "records of the jump: index",
                           fmt::format("{} bytes", place.bytes),
                           fmt::format("{} to {}", sizeof(Index), kMaxIndexBytes)));
  std::vector<std::byte> raw(place.bytes);
  TRY_OK(read(place.start, raw));
  Cursor in(raw, place.start, "records of the jump");
  RecordArea area;
  TRY(area.index, in.read<Index>("index"));
  TRY_OK(check_index(in, area.index, place.bytes));
  while (!in.at_end()) {
    TRY(const le64 page, in.read<le64>("page"));
    if (page % kPageBytes != 0) return fail(in.corrupt("page", hex(page), "the address of one"));
    area.pages.push_back(page);
  }
  return area;
}

// Reads a piece of the records' pages, taken one after the other; check_index() has checked its bounds. Most
// of these pages were never written. Pages that are adjacent in memory are read at once.
Result<std::vector<std::byte>> read_piece(const RecordArea& area, std::uint64_t start, std::uint64_t bytes,
                                          const ReadPhysical& read) {
  const std::size_t first = start / kPageBytes;
  const std::size_t end = bytes == 0 ? first : (start + bytes - 1) / kPageBytes + 1;
  std::vector<std::byte> content((end - first) * kPageBytes);
  for (std::size_t i = first; i < end;) {
    std::size_t next = i + 1;
    while (next < end && area.pages[next] == area.pages[next - 1] + kPageBytes) ++next;
    TRY_OK(read(area.pages[i],
                MutableBytes(content).subspan((i - first) * kPageBytes, (next - i) * kPageBytes)));
    i = next;
  }
  const auto skipped = static_cast<std::ptrdiff_t>(start - first * kPageBytes);
  content.erase(content.begin(), content.begin() + skipped);
  content.resize(bytes);
  return content;
}

// A damaged record does not hide the records behind it. A damaged length does.
void unpack_records(ByteView bytes, LeftRecords& into) {
  Cursor in(bytes, 0, "records of the machine");
  while (!in.at_end()) {
    const auto size = in.read<le32>("length");
    const auto raw = size ? in.bytes(*size, "record") : fail(size.error());
    if (!raw) {
      into.problems.push_back(raw.error().line());
      return;
    }
    auto record = decode_record(*raw, in.offset() - raw->size());
    if (record)
      into.records.push_back(std::move(*record));
    else
      into.problems.push_back(record.error().line());
  }
}

const std::string* text_in(const FieldList& fields, std::string_view name) {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<std::string>(&it->value);
}

std::string text_or_nothing(const FieldList& fields, std::string_view name) {
  const std::string* text = text_in(fields, name);
  return text == nullptr ? std::string() : *text;
}

}  // namespace

Result<std::vector<std::byte>> pack_records(const std::vector<Record>& records) {
  std::vector<std::byte> packed;
  for (const Record& record : records) {
    const auto bytes = encode_record(record);
    if (packed.size() + sizeof(le32) + bytes.size() > kMaxRecordsBytes) {
      return fail(make_error(ErrorKind::Limit, fmt::format("record \"{}\"", printable(record.type)),
                             fmt::format("{} bytes behind {} of other records", bytes.size(), packed.size()),
                             fmt::format("up to {} in all", kMaxRecordsBytes)));
    }
    const le32 size(static_cast<std::uint32_t>(bytes.size()));
    packed.insert(packed.end(), size.raw.begin(), size.raw.end());
    packed.insert(packed.end(), bytes.begin(), bytes.end());
  }
  return packed;
}

LeftRecords read_left_records(const MemoryRange& index, const ReadPhysical& read) {
  LeftRecords left;
  if (index.bytes == 0) {
    left.problems.emplace_back("the machine left no records");
    return left;
  }
  const auto area = read_area(index, read);
  const auto given =
      area ? read_piece(*area, area->index.given_start, area->index.given_bytes, read) : fail(area.error());
  const auto own = given ? read_piece(*area, 0, area->index.own_bytes, read) : fail(given.error());
  if (!own) {
    left.problems.push_back(own.error().line());
    return left;
  }
  unpack_records(*given, left);
  auto suspend = decode_record(*own, 0);
  if (suspend)
    left.records.push_back(std::move(*suspend));
  else
    left.problems.push_back(suspend.error().line());
  return left;
}

std::vector<DeviceFailure> failures_in(const Record& suspend) {
  std::vector<DeviceFailure> failures;
  for (const Field& field : suspend.fields) {
    const auto* fields = std::get_if<FieldList>(&field.value);
    if (field.name != "failed" || fields == nullptr) continue;
    failures.push_back({text_or_nothing(*fields, "path"), text_or_nothing(*fields, "driver"),
                        text_or_nothing(*fields, "phase"), text_or_nothing(*fields, "error")});
  }
  return failures;
}

}  // namespace hib::jump
