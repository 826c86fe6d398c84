#include "lib/image/record.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lib/base/cursor.h"

namespace hib {
namespace {

// docs/format/records.md. kind u8 ‖ name length u8 ‖ reserved u16 ‖ value length u32 ‖ name ‖ value
enum FieldKind : std::uint8_t { kNumber = 1, kText = 2, kBytes = 3, kFields = 4 };

struct FieldHeader {
  std::uint8_t kind;
  std::uint8_t name_bytes;
  le16 reserved;
  le32 value_bytes;
};
static_assert(sizeof(FieldHeader) == 8);

struct RecordHeader {
  le16 version;
  std::uint8_t type_bytes;
  std::uint8_t reserved;
  le32 fields_bytes;
};
static_assert(sizeof(RecordHeader) == 8);

void append(std::vector<std::byte>& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void encode_fields(std::vector<std::byte>& out, const FieldList& fields);

std::vector<std::byte> encode_value(const FieldValue& value) {
  std::vector<std::byte> out;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) append(out, object_bytes(le64(*number)));
  if (const auto* text = std::get_if<std::string>(&value)) append(out, as_bytes(*text));
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) append(out, *bytes);
  if (const auto* fields = std::get_if<FieldList>(&value)) encode_fields(out, *fields);
  return out;
}

void encode_fields(std::vector<std::byte>& out, const FieldList& fields) {
  for (const Field& field : fields) {
    const auto value = encode_value(field.value);
    FieldHeader header{};
    header.kind = static_cast<std::uint8_t>(field.value.index() + 1);
    header.name_bytes = static_cast<std::uint8_t>(std::min(field.name.size(), kMaxFieldNameBytes));
    header.value_bytes = static_cast<std::uint32_t>(value.size());
    append(out, object_bytes(header));
    append(out, as_bytes(std::string_view(field.name).substr(0, header.name_bytes)));
    append(out, value);
  }
}

Result<FieldList> decode_fields(Cursor& in, unsigned depth);

Result<FieldValue> decode_value(Cursor& in, const FieldHeader& header, unsigned depth) {
  const std::uint64_t start = in.offset();
  TRY(const ByteView raw, in.bytes(header.value_bytes, "field value"));
  switch (header.kind) {
    case kNumber: {
      Cursor value(raw, start, "number");
      TRY(const le64 number, value.read<le64>("value"));
      if (!value.at_end())
        return fail(in.corrupt("field value", fmt::format("{} bytes", raw.size()), "8 for a number"));
      return FieldValue(std::uint64_t{number});
    }
    case kText: return FieldValue(std::string(as_text(raw)));
    case kBytes: return FieldValue(std::vector<std::byte>(raw.begin(), raw.end()));
    case kFields: {
      if (depth == 0)
        return fail(in.corrupt("field", "nested too deep", fmt::format("at most {} levels", kMaxFieldDepth)));
      Cursor nested(raw, start, "fields");
      TRY(FieldList fields, decode_fields(nested, depth - 1));
      return FieldValue(std::move(fields));
    }
  }
  return fail(in.corrupt("field kind", std::to_string(header.kind), "1 to 4"));
}

Result<FieldList> decode_fields(Cursor& in, unsigned depth) {
  FieldList fields;
  while (!in.at_end()) {
    TRY(const FieldHeader header, in.read<FieldHeader>("field header"));
    if (header.reserved != 0)
      return fail(in.corrupt("field reserved", fmt::format("{:#x}", std::uint16_t{header.reserved}), "0"));
    TRY(const ByteView name, in.bytes(header.name_bytes, "field name"));
    TRY(FieldValue value, decode_value(in, header, depth));
    fields.push_back({std::string(as_text(name)), std::move(value)});
  }
  return fields;
}

}  // namespace

Field::Field(const Field& other) : name(other.name) {
  std::visit([&](const auto& alone) { value = alone; }, other.value);
}

const Field* Record::find(std::string_view name) const {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return it == fields.end() ? nullptr : &*it;
}

const std::string* Record::text(std::string_view name) const {
  const Field* field = find(name);
  return field == nullptr ? nullptr : std::get_if<std::string>(&field->value);
}

const std::uint64_t* Record::number(std::string_view name) const {
  const Field* field = find(name);
  return field == nullptr ? nullptr : std::get_if<std::uint64_t>(&field->value);
}

void Record::set(std::string name, FieldValue value) {
  for (Field& field : fields) {
    if (field.name == name) {
      field.value = std::move(value);
      return;
    }
  }
  fields.push_back({std::move(name), std::move(value)});
}

std::vector<std::byte> encode_record(const Record& record) {
  std::vector<std::byte> fields;
  encode_fields(fields, record.fields);
  RecordHeader header{};
  header.version = record.version;
  header.type_bytes = static_cast<std::uint8_t>(std::min(record.type.size(), kMaxFieldNameBytes));
  header.fields_bytes = static_cast<std::uint32_t>(fields.size());
  std::vector<std::byte> out;
  append(out, object_bytes(header));
  append(out, as_bytes(std::string_view(record.type).substr(0, header.type_bytes)));
  append(out, fields);
  return out;
}

Result<Record> decode_record(ByteView bytes, std::uint64_t file_offset) {
  Cursor in(bytes, file_offset, "record");
  TRY(const RecordHeader header, in.read<RecordHeader>("header"));
  if (header.reserved != 0) return fail(in.corrupt("reserved", std::to_string(header.reserved), "0"));
  TRY(const ByteView type, in.bytes(header.type_bytes, "type"));
  const std::uint64_t fields_offset = in.offset();
  TRY(const ByteView raw, in.bytes(header.fields_bytes, "fields"));
  if (!in.at_end())
    return fail(in.corrupt("length", fmt::format("{} bytes after the fields", in.left()), "none"));
  Cursor fields_in(raw, fields_offset, fmt::format("record \"{}\"", as_text(type)));
  Record record{std::string(as_text(type)), header.version, {}};
  TRY(record.fields, decode_fields(fields_in, kMaxFieldDepth));
  return record;
}

const Record* find_record(const std::vector<Record>& records, std::string_view type) {
  const auto it =
      std::find_if(records.begin(), records.end(), [&](const Record& r) { return r.type == type; });
  return it == records.end() ? nullptr : &*it;
}

Record* find_record(std::vector<Record>& records, std::string_view type) {
  return const_cast<Record*>(find_record(std::as_const(records), type));
}

Record& machine_record(std::vector<Record>& records) {
  Record* machine = find_record(records, kMachineRecord);
  if (machine != nullptr) return *machine;
  return *records.insert(records.begin(), Record{std::string(kMachineRecord), 1, {}});
}

}  // namespace hib
