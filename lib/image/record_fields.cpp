#include "lib/image/record_fields.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib {

Result<RecordFields> RecordFields::of(const Record& record, std::string_view type) {
  if (record.type == type) return RecordFields(record);
  return fail(make_error(ErrorKind::Corrupt, "record: type", record.type, std::string(type)));
}

Error RecordFields::wrong(std::string_view name, std::string found, std::string allowed) const {
  return make_error(ErrorKind::Corrupt, fmt::format("record {}: {}", record_->type, name), std::move(found),
                    std::move(allowed));
}

Result<const Field*> RecordFields::find(std::string_view name) {
  asked_.emplace_back(name);
  const Field* found = nullptr;
  for (const Field& field : record_->fields) {
    if (field.name != name) continue;
    if (found != nullptr) return fail(wrong(name, "there more than once", "once"));
    found = &field;
  }
  return found;
}

Result<const Field*> RecordFields::required(std::string_view name) {
  TRY(const Field* field, find(name));
  if (field == nullptr) return fail(wrong(name, "missing", "a field of this record"));
  return field;
}

Result<std::uint64_t> RecordFields::number(std::string_view name) {
  TRY(const Field* field, required(name));
  if (const auto* value = std::get_if<std::uint64_t>(&field->value)) return *value;
  return fail(wrong(name, "of another kind", "a number"));
}

Result<bool> RecordFields::flag(std::string_view name) {
  TRY(const std::uint64_t value, number(name));
  if (value > 1) return fail(wrong(name, std::to_string(value), "0 or 1"));
  return value == 1;
}

Result<std::string> RecordFields::text(std::string_view name) {
  TRY(const Field* field, required(name));
  if (const auto* value = std::get_if<std::string>(&field->value)) return *value;
  return fail(wrong(name, "of another kind", "text"));
}

Result<std::optional<std::uint64_t>> RecordFields::optional_number(std::string_view name) {
  if (record_->find(name) != nullptr) {
    TRY(const std::uint64_t value, number(name));
    return std::optional(value);
  }
  return std::optional<std::uint64_t>();
}

Result<std::optional<std::string>> RecordFields::optional_text(std::string_view name) {
  if (record_->find(name) != nullptr) {
    TRY(std::string value, text(name));
    return std::optional(std::move(value));
  }
  return std::optional<std::string>();
}

Result<std::vector<std::vector<std::byte>>> RecordFields::all_bytes(std::string_view name) {
  asked_.emplace_back(name);
  std::vector<std::vector<std::byte>> values;
  for (const Field& field : record_->fields) {
    if (field.name != name) continue;
    const auto* value = std::get_if<std::vector<std::byte>>(&field.value);
    if (value == nullptr) return fail(wrong(name, "of another kind", "bytes"));
    values.push_back(*value);
  }
  return values;
}

Result<std::vector<const FieldList*>> RecordFields::all_fields(std::string_view name) {
  asked_.emplace_back(name);
  std::vector<const FieldList*> lists;
  for (const Field& field : record_->fields) {
    if (field.name != name) continue;
    const auto* list = std::get_if<FieldList>(&field.value);
    if (list == nullptr) return fail(wrong(name, "of another kind", "fields"));
    lists.push_back(list);
  }
  return lists;
}

Result<void> RecordFields::finish() const {
  for (const Field& field : record_->fields) {
    if (std::find(asked_.begin(), asked_.end(), field.name) != asked_.end()) continue;
    return fail(wrong(field.name, "unknown", "a field that this version knows"));
  }
  return {};
}

}  // namespace hib
