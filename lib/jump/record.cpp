#include "lib/jump/record.h"

#include <algorithm>
#include <iterator>

#include "lib/image/record_fields.h"

namespace hib::jump {
namespace {

constexpr const char* kSaverFields[] = {"saver_release", "saver_version", "saver_command_line",
                                        "saver_stood_by"};

// All of the fields, or none.
bool names_a_saver(const Record& record) {
  return std::any_of(std::begin(kSaverFields), std::end(kSaverFields),
                     [&](const char* name) { return record.find(name) != nullptr; });
}

}  // namespace

Record encode(const JumpRecord& jump) {
  Record record;
  record.type = kJumpRecord;
  record.set("id", to_text(jump.id));
  record.set("context", jump.context);
  record.set("region_start", jump.region.start);
  record.set("region_bytes", jump.region.bytes);
  record.set("untested_series", std::uint64_t{jump.untested_series});
  if (jump.untested_machine) record.set("untested_machine", std::uint64_t{1});
  if (jump.hardware_signature) record.set("hardware_signature", *jump.hardware_signature);
  if (jump.records_missing) record.set("records_missing", *jump.records_missing);
  if (!jump.saved_by) return record;
  record.set("saver_release", jump.saved_by->release);
  record.set("saver_version", jump.saved_by->version);
  record.set("saver_command_line", jump.saved_by->command_line);
  record.set("saver_stood_by", std::uint64_t{jump.saved_by->stood_by});
  return record;
}

Result<JumpRecord> decode_jump_record(const Record& record) {
  TRY(auto fields, RecordFields::of(record, kJumpRecord));
  JumpRecord jump;
  TRY(const std::string id, fields.text("id"));
  TRY(jump.id, parse_jump_id(id));
  TRY(jump.context, fields.number("context"));
  TRY(jump.region.start, fields.number("region_start"));
  TRY(jump.region.bytes, fields.number("region_bytes"));
  TRY(jump.untested_series, fields.flag("untested_series"));
  if (record.find("untested_machine") != nullptr) {
    TRY(jump.untested_machine, fields.flag("untested_machine"));
  }
  TRY(jump.hardware_signature, fields.optional_number("hardware_signature"));
  TRY(jump.records_missing, fields.optional_text("records_missing"));
  if (names_a_saver(record)) {
    SavedBy saver;
    TRY(saver.release, fields.text("saver_release"));
    TRY(saver.version, fields.text("saver_version"));
    TRY(saver.command_line, fields.text("saver_command_line"));
    TRY(saver.stood_by, fields.flag("saver_stood_by"));
    jump.saved_by = std::move(saver);
  }
  TRY_OK(fields.finish());
  return jump;
}

}  // namespace hib::jump
