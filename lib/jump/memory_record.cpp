#include "lib/jump/memory_record.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::jump {
namespace {

constexpr std::string_view kRangeField = "range";

Error wrong_memory(std::string_view field, std::string found, std::string allowed) {
  return make_error(ErrorKind::Corrupt, fmt::format("record \"{}\": {}", kMemoryRecord, field),
                    std::move(found), std::move(allowed));
}

// Of a field that may be there once.
Result<void> take_number(const Field& field, std::optional<std::uint64_t>& number) {
  const auto* value = std::get_if<std::uint64_t>(&field.value);
  if (value == nullptr || number) return fail(wrong_memory(field.name, "no number, or a second one", "one"));
  number = *value;
  return {};
}

Result<MemoryRange> decode_range(const Field& field) {
  const auto* fields = std::get_if<FieldList>(&field.value);
  if (fields == nullptr) return fail(wrong_memory(kRangeField, "no fields", "start and bytes"));
  std::optional<std::uint64_t> start;
  std::optional<std::uint64_t> bytes;
  for (const Field& part : *fields) {
    if (part.name != "start" && part.name != "bytes")
      return fail(wrong_memory(kRangeField, printable(part.name), "start and bytes"));
    TRY_OK(take_number(part, part.name == "start" ? start : bytes));
  }
  if (!start || !bytes) return fail(wrong_memory(kRangeField, "one number", "start and bytes"));
  if (*start % kPageBytes != 0 || *bytes % kPageBytes != 0 || *bytes == 0 ||
      !checked_add<std::uint64_t>(*start, *bytes))
    return fail(wrong_memory(kRangeField, fmt::format("{} bytes at {}", *bytes, hex(*start)), "whole pages"));
  return MemoryRange{*start, *bytes};
}

Error hole(std::uint64_t start, std::uint64_t end) {
  return make_error(ErrorKind::Corrupt, "memory",
                    fmt::format("{} to {} is missing", hex(start), hex(end - 1)),
                    "all that the machine had as RAM, but for its crash region");
}

// A piece of RAM without a hole.
Result<void> check_piece(std::uint64_t start, std::uint64_t end, const std::vector<MemoryRange>& covered) {
  auto next = std::partition_point(covered.begin(), covered.end(),
                                   [&](const MemoryRange& range) { return range.end() <= start; });
  while (start < end) {
    if (next == covered.end()) return fail(hole(start, end));
    if (next->start > start) return fail(hole(start, std::min(end, next->start)));
    start = next->end();
    ++next;
  }
  return {};
}

}  // namespace

Record encode(const MemoryRecord& memory) {
  Record record;
  record.type = kMemoryRecord;
  for (const MemoryRange& range : memory.ram) {
    FieldList fields;
    fields.emplace_back("start", range.start);
    fields.emplace_back("bytes", range.bytes);
    record.fields.emplace_back(std::string(kRangeField), std::move(fields));
  }
  record.set("offline_pages", memory.offline_pages);
  record.set("poisoned_pages", memory.poisoned_pages);
  return record;
}

Result<MemoryRecord> decode_memory_record(const Record& record) {
  MemoryRecord memory;
  std::optional<std::uint64_t> offline;
  std::optional<std::uint64_t> poisoned;
  for (const Field& field : record.fields) {
    if (field.name == "offline_pages") {
      TRY_OK(take_number(field, offline));
    } else if (field.name == "poisoned_pages") {
      TRY_OK(take_number(field, poisoned));
    } else if (field.name == kRangeField) {
      TRY(const MemoryRange range, decode_range(field));
      if (!memory.ram.empty() && range.start < memory.ram.back().end())
        return fail(wrong_memory(kRangeField, hex(range.start), "ascending"));
      memory.ram.push_back(range);
    } else {
      return fail(wrong_memory(printable(field.name), "a field", "none of this name"));
    }
  }
  if (memory.ram.empty()) return fail(wrong_memory(kRangeField, "none", "one or more"));
  if (!offline || !poisoned) return fail(wrong_memory("pages that were not read", "no number", "both"));
  memory.offline_pages = *offline;
  memory.poisoned_pages = *poisoned;
  return memory;
}

void append(std::vector<MemoryRange>& pieces, const PageRun& run) {
  const MemoryRange range{run.first * kPageBytes, run.count * kPageBytes};
  if (!pieces.empty() && pieces.back().end() == range.start)
    pieces.back().bytes += range.bytes;
  else
    pieces.push_back(range);
}

Result<std::vector<MemoryRange>> ram_in(const ImageReader& image) {
  std::vector<MemoryRange> ram;
  TRY(const auto runs, image.runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return ram;
    append(ram, *run);
  }
}

Result<void> check_coverage(const std::vector<MemoryRange>& ram, const MemoryRange& region,
                            const std::vector<MemoryRange>& covered) {
  for (const MemoryRange& range : ram) {
    TRY_OK(check_piece(range.start, std::min(range.end(), region.start), covered));
    TRY_OK(check_piece(std::max(range.start, region.end()), range.end(), covered));
  }
  return {};
}

}  // namespace hib::jump
