#include "lib/jump/boot/saver_config.h"

#include <charconv>
#include <limits>

#include "lib/base/text.h"
#include "lib/image/record_fields.h"

namespace hib::jump {
namespace {

constexpr std::string_view kType = "saver";
constexpr std::string_view kMemoryType = "memory";  // one piece of it

Result<int> level_from(const std::string& text) {
  int level = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  const bool is_number = error == std::errc() && stop == text.data() + text.size();
  if (is_number && level >= min_zstd_level() && level <= max_zstd_level()) return level;
  return fail(make_error(ErrorKind::Corrupt, "record saver: level", text, "a level of zstd"));
}

std::vector<std::byte> encode_range(const MemoryRange& range) {
  Record record;
  record.type = kMemoryType;
  record.set("start", range.start);
  record.set("bytes", range.bytes);
  return encode_record(record);
}

Result<MemoryRange> decode_range(ByteView bytes) {
  TRY(const Record record, decode_record(bytes, 0));
  TRY(auto fields, RecordFields::of(record, kMemoryType));
  MemoryRange range;
  TRY(range.start, fields.number("start"));
  TRY(range.bytes, fields.number("bytes"));
  TRY_OK(fields.finish());
  if (range.bytes <= std::numeric_limits<std::uint64_t>::max() - range.start) return range;
  return fail(make_error(ErrorKind::Corrupt, "record memory: bytes", hex(range.bytes), "an end below 2^64"));
}

}  // namespace

std::vector<std::byte> encode(const SaverConfig& config) {
  Record record;
  record.type = kType;
  record.set("context", config.context);
  record.set("note", config.note);
  if (config.target_head) record.set("target_head", *config.target_head);
  if (config.restore) record.set("restore", to_text(*config.restore));
  record.set("verify", std::uint64_t{config.verify});
  record.set("free_pages", std::uint64_t{config.free_pages});
  record.set("allow_untested", std::uint64_t{config.allow_untested});
  record.set("standby", std::uint64_t{config.standby});
  record.set("timeout_seconds", std::uint64_t{config.timeout_seconds});
  record.set("level", std::to_string(config.level));  // may be negative
  for (const Record& one : config.records) record.fields.push_back({"record", encode_record(one)});
  for (const MemoryRange& range : config.memory) record.fields.push_back({"memory", encode_range(range)});
  return encode_record(record);
}

Result<SaverConfig> decode_saver_config(ByteView bytes) {
  TRY(const Record record, decode_record(bytes, 0));
  TRY(auto fields, RecordFields::of(record, kType));
  SaverConfig config;
  TRY(config.context, fields.number("context"));
  TRY(config.note, fields.number("note"));
  TRY(config.target_head, fields.optional_number("target_head"));
  TRY(const auto restore, fields.optional_text("restore"));
  if (restore) {
    TRY(config.restore, parse_jump_id(*restore));
  }
  TRY(config.verify, fields.flag("verify"));
  TRY(config.free_pages, fields.flag("free_pages"));
  TRY(config.allow_untested, fields.flag("allow_untested"));
  TRY(config.standby, fields.flag("standby"));
  TRY(const std::uint64_t timeout, fields.number("timeout_seconds"));
  if (timeout > std::numeric_limits<unsigned>::max()) {
    return fail(
        make_error(ErrorKind::Corrupt, "record saver: timeout_seconds", std::to_string(timeout), "32 bits"));
  }
  config.timeout_seconds = static_cast<unsigned>(timeout);
  TRY(const std::string level, fields.text("level"));
  TRY(config.level, level_from(level));
  TRY(const auto records, fields.all_bytes("record"));
  for (const auto& one : records) {
    TRY(auto decoded, decode_record(one, 0));
    config.records.push_back(std::move(decoded));
  }
  TRY(const auto ranges, fields.all_bytes("memory"));
  for (const auto& one : ranges) {
    TRY(const MemoryRange range, decode_range(one));
    config.memory.push_back(range);
  }
  TRY_OK(fields.finish());
  return config;
}

}  // namespace hib::jump
