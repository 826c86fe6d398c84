#include "lib/image/swapped_record.h"

namespace hib {
namespace {

constexpr std::string_view kByKernel = "kernel";
constexpr std::string_view kByBlocks = "blocks";

std::optional<std::string> text_of(const Record& record, std::string_view name) {
  const std::string* text = record.text(name);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<std::uint64_t> number_of(const Record& record, std::string_view name) {
  const std::uint64_t* number = record.number(name);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

FieldList fields_of(const SwapAreaUse& area) {
  FieldList fields;
  if (area.path) fields.push_back({"path", *area.path});
  if (area.device) fields.push_back({"device", *area.device});
  if (area.kind) fields.push_back({"kind", *area.kind});
  if (area.slots) fields.push_back({"slots", *area.slots});
  if (area.used) fields.push_back({"used", *area.used});
  if (area.holds_image) fields.push_back({"holds_image", std::uint64_t{1}});
  return fields;
}

SwapAreaUse area_of(const FieldList& fields) {
  const Record area{"area", 1, fields};
  const auto holds_image = number_of(area, "holds_image");
  return {text_of(area, "path"),    text_of(area, "device"), text_of(area, "kind"),
          number_of(area, "slots"), number_of(area, "used"), holds_image && *holds_image != 0};
}

}  // namespace

Record encode(const SwappedRecord& swapped) {
  Record record{std::string(kSwappedRecord), 1, {}};
  if (!swapped.swap_uuid.empty()) record.set("swap_uuid", swapped.swap_uuid);
  if (!swapped.swap_label.empty()) record.set("swap_label", swapped.swap_label);
  record.set("account", std::string(swapped.exact ? kByKernel : kByBlocks));
  return record;
}

std::optional<SwappedRecord> swapped_record_in(const std::vector<Record>& records) {
  const Record* record = find_record(records, kSwappedRecord);
  if (record == nullptr) return std::nullopt;
  return SwappedRecord{text_of(*record, "swap_uuid").value_or(""),
                       text_of(*record, "swap_label").value_or(""), text_of(*record, "account") == kByKernel};
}

Record encode(const std::vector<SwapAreaUse>& areas) {
  Record record{std::string(kSwapAreasRecord), 1, {}};
  for (const SwapAreaUse& area : areas) record.fields.push_back({"area", fields_of(area)});
  return record;
}

std::optional<std::vector<SwapAreaUse>> swap_areas_in(const std::vector<Record>& records) {
  const Record* record = find_record(records, kSwapAreasRecord);
  if (record == nullptr) return std::nullopt;
  std::vector<SwapAreaUse> areas;
  for (const Field& field : record->fields) {
    const auto* fields = std::get_if<FieldList>(&field.value);
    if (field.name == "area" && fields != nullptr) areas.push_back(area_of(*fields));
  }
  return areas;
}

std::optional<std::uint64_t> swapped_out(const std::vector<SwapAreaUse>& areas) {
  std::uint64_t used = 0;
  for (const SwapAreaUse& area : areas) {
    if (!area.kind || !area.used) return std::nullopt;
    if (*area.kind != kZram) used += *area.used;
  }
  return used;
}

}  // namespace hib
