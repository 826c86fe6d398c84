#include "lib/report/json.h"

#include <charconv>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/content_digest.h"
#include "lib/image/swapped_record.h"
#include "lib/report/devices.h"

namespace hib::report {
namespace {

constexpr unsigned kSchemaVersion = 1;  // of every document
constexpr std::size_t kMaxRecordsJsonBytes = 64U << 20;

Json optional_text(const std::optional<std::string>& text) {
  return text ? Json(printable(*text)) : Json(nullptr);
}
Json optional_hex(const std::optional<std::uint64_t>& value) {
  return value ? Json(hex(*value)) : Json(nullptr);
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Good: return "good";
    case Verdict::Damaged: return "damaged";
    case Verdict::Unverifiable: return "unverifiable";
  }
  return "unknown";
}

std::string_view name_of(LayerResult result) {
  switch (result) {
    case LayerResult::Ok: return "ok";
    case LayerResult::Bad: return "bad";
    case LayerResult::NotChecked: return "not-checked";
    case LayerResult::NotProvable: return "not-provable";
  }
  return "unknown";
}

std::string hex_digits(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

Json json_of_value(const FieldValue& value) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value))
    return printable(*text) == *text ? Json(*text)
                                     : Json{{"hex", hex_digits(as_bytes(*text))}, {"text", true}};
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value))
    return Json{{"hex", hex_digits(*bytes)}};
  return json_of_fields(std::get<FieldList>(value));
}

Result<std::vector<std::byte>> bytes_from_hex(const std::string& digits, const std::string& where) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < digits.size() + 1 && i < digits.size(); i += 2) {
    unsigned value = 0;
    const char* begin = digits.data() + i;
    const char* end = begin + std::min<std::size_t>(2, digits.size() - i);
    const auto [stop, error] = std::from_chars(begin, end, value, 16);
    if (error != std::errc() || stop != end || end - begin != 2) {
      return fail(make_error(ErrorKind::Corrupt, where, "not pairs of hexadecimal digits",
                             "an even number of 0-9a-f"));
    }
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

Result<FieldList> fields_from_json(const Json& object, const std::string& where, unsigned depth);

Result<FieldValue> value_from_json(const Json& value, const std::string& where, unsigned depth) {
  if (value.is_number_unsigned()) return FieldValue(value.get<std::uint64_t>());
  if (value.is_string()) return FieldValue(value.get<std::string>());
  if (value.is_boolean()) return FieldValue(std::uint64_t{value.get<bool>() ? 1U : 0U});
  if (value.is_object() && value.contains("hex") && value["hex"].is_string()) {
    TRY(auto bytes, bytes_from_hex(value["hex"].get<std::string>(), where));
    if (value.contains("text")) return FieldValue(std::string(as_text(bytes)));
    return FieldValue(std::move(bytes));
  }
  if (value.is_object()) {
    TRY(auto fields, fields_from_json(value, where, depth));
    return FieldValue(std::move(fields));
  }
  return fail(make_error(ErrorKind::Corrupt, where, value.type_name(),
                         "a whole number, a string, an object, or an array of these"));
}

Result<FieldList> fields_from_json(const Json& object, const std::string& where, unsigned depth) {
  if (depth == 0)
    return fail(make_error(ErrorKind::Limit, where, "nested too deep",
                           fmt::format("at most {} levels", kMaxFieldDepth)));
  FieldList fields;
  for (const auto& [name, value] : object.items()) {
    const std::string place = where + "." + name;
    if (name.size() > kMaxFieldNameBytes)
      return fail(make_error(ErrorKind::Limit, place, "a long name", "at most 255 bytes"));
    const Json values = value.is_array() ? value : Json::array({value});
    for (const Json& one : values) {
      TRY(auto decoded, value_from_json(one, place, depth - 1));
      fields.push_back({name, std::move(decoded)});
    }
  }
  return fields;
}

// A bare list of records has no schema.
Result<void> check_schema(const Json& document, const std::string& file) {
  if (!document.is_object() || !document.contains("schema_version")) return {};
  const Json& version = document["schema_version"];
  if (version == kSchemaVersion) return {};
  return fail(
      make_error(ErrorKind::Unsupported, "schema_version", version.dump(), fmt::format("{}", kSchemaVersion))
          .of(file));
}

}  // namespace

Json json_of_fields(const FieldList& fields) {
  Json object = Json::object();
  for (const Field& field : fields) {
    const std::string name = printable(field.name);
    Json value = json_of_value(field.value);
    if (!object.contains(name)) {
      object[name] = std::move(value);
    } else if (object[name].is_array()) {
      object[name].push_back(std::move(value));
    } else {
      object[name] = Json::array({object[name], std::move(value)});
    }
  }
  return object;
}

Json json_of_page(Pfn pfn, ByteView page) {
  Json document = json_document("inspect-page");
  document["pfn"] = hex(pfn);
  document["hash"] = to_hex(hash128(page));
  return document;
}

Json json_of_device(const device::Device& device) {
  Json document = json_document("inspect-device");
  document["device"] = json_of_devices({{device}})[0];
  return document;
}

Json json_of_runs(const std::vector<PageRun>& runs) {
  Json list = Json::array();
  for (const PageRun& run : runs) {
    const bool fill = run.state == PageState::Fill;
    const bool zero = fill && run.fill == 0;
    Json entry = {{"first_pfn", hex(run.first)},
                  {"count", run.count},
                  {"state", zero   ? "zero"
                            : fill ? "data"
                                   : hib::name_of(run.state)}};
    if (fill && !zero) entry["fill"] = run.fill;
    list.push_back(std::move(entry));
  }
  return list;
}

Json json_of_map(const std::vector<LabelledRange>& map) {
  Json list = Json::array();
  for (const LabelledRange& range : map) {
    list.push_back({{"offset", hex(range.offset)}, {"bytes", range.size}, {"label", range.label}});
  }
  return list;
}

Json json_of_history(const std::vector<Breadcrumb>& history) {
  Json list = Json::array();
  for (const Breadcrumb& crumb : history) {
    list.push_back(
        {{"phase", phase_name(crumb.phase)}, {"time_ns", crumb.time_ns}, {"text", printable(crumb.text)}});
  }
  return list;
}

Json json_document(const std::string& verb) {
  return Json{{"schema", "hibtool." + verb}, {"schema_version", kSchemaVersion}};
}

void print_json(std::ostream& out, const Json& document) {
  out << document.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void print_json_line(std::ostream& out, const Json& document) {
  out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

Json json_of_error(const Error& error) {
  Json document = json_document("error");
  document["kind"] = hib::name_of(error.kind);
  document["file"] = printable(error.file);
  document["offset"] = optional_hex(error.offset);
  document["where"] = printable(error.where);
  document["found"] = printable(error.found);
  document["allowed"] = printable(error.allowed);
  document["advice"] = printable(error.advice);
  document["message"] = error.line();
  return document;
}

Json json_of_pages(const PageCounts& pages) {
  return {{"data", pages.data},
          {"zero", pages.zero},
          {"total", pages.total()},
          {"absent", pages.absent},
          {"unreadable", pages.unreadable}};
}

Json json_of_kernel(const KernelIdentity& kernel) {
  return {{"release", optional_text(kernel.release)},
          {"version", optional_text(kernel.version)},
          {"machine", optional_text(kernel.machine)}};
}

Json json_of_ranges(const std::vector<PfnRange>& ranges) {
  Json list = Json::array();
  for (const auto& [first, count] : ranges) list.push_back({hex(first), count});
  return list;
}

// structure, record and field come apart at the colon that every error puts between them: "page map: count".
// The ranges of memory, or of swapped-out pages by their slots.
std::vector<PfnRange> in_space(const std::vector<PfnRange>& ranges, bool swapped) {
  std::vector<PfnRange> out;
  for (const auto& [first, count] : ranges) {
    if (is_swapped(first) == swapped) out.emplace_back(first - (swapped ? kFirstSwapped : 0), count);
  }
  return out;
}

Json json_of_damage(const std::vector<Damage>& damage) {
  Json list = Json::array();
  for (const Damage& d : damage) {
    const auto colon = d.error.where.rfind(": ");
    const std::string structure = d.error.where.substr(0, colon);
    list.push_back({{"offset", optional_hex(d.error.offset)},
                    {"structure", printable(structure)},
                    {"record", printable(structure)},
                    {"field", colon == std::string::npos ? "" : printable(d.error.where.substr(colon + 2))},
                    {"found", printable(d.error.found)},
                    {"allowed", printable(d.error.allowed)},
                    {"text", d.error.line()},
                    {"lost_pfns", json_of_ranges(in_space(d.lost_pfns, false))},
                    {"lost_slots", json_of_ranges(in_space(d.lost_pfns, true))},
                    {"anywhere", d.anywhere}});
  }
  return list;
}

Json json_of_records(const std::vector<Record>& records) {
  Json list = Json::array();
  for (const Record& record : records) {
    list.push_back({{"type", printable(record.type)},
                    {"version", record.version},
                    {"fields", json_of_fields(record.fields)}});
  }
  return list;
}

namespace {

// What the machine's kernel says of its swap areas.
Json json_of_areas(const std::vector<SwapAreaUse>& areas, const std::string& image_uuid) {
  Json list = Json::array();
  for (const SwapAreaUse& area : areas) {
    const bool has_uuid = area.holds_image && !image_uuid.empty();
    list.push_back({{"uuid", has_uuid ? Json(printable(image_uuid)) : Json(nullptr)},
                    {"path", optional_text(area.path)},
                    {"kind", optional_text(area.kind)},
                    {"slots", area.used.value_or(0)},
                    {"holds_image", area.holds_image}});
  }
  return list;
}

// Null where neither pages nor an account of them are in the image.
Json json_of_swapped_out(const InspectReport& report) {
  const auto kept = swapped_record_in(report.records);
  const auto areas = swap_areas_in(report.records);
  if (!report.swapped && !areas) return nullptr;
  return {{"slots", report.swapped ? report.swapped->total() : 0},
          {"exact", !kept || kept->exact},
          {"areas", areas ? json_of_areas(*areas, kept ? kept->swap_uuid : "") : Json::array()}};
}

}  // namespace

Json json_of_inspect(const InspectReport& report) {
  const ImageInfo& info = report.info;
  Json document = json_document("inspect");
  document["format"] = info.format;
  document["variant"] = info.variant;
  document["path"] = printable(info.path);
  document["file_bytes"] = info.file_bytes;
  document["found_in"] = Json::array();
  for (const FoundIn& around : info.found_in) document["found_in"].push_back(around.name);
  document["state"] = name_of(info.state);
  document["codec"] = info.codec;
  document["page_size"] = info.page_size;
  document["pages"] = json_of_pages(info.pages);
  if (auto swapped = json_of_swapped_out(report); !swapped.is_null())
    document["swapped_out"] = std::move(swapped);
  document["end_pfn"] = hex(info.end_pfn);
  document["kernel"] = json_of_kernel(info.kernel);
  document["kernel"]["build_id"] = report.build_id ? Json(printable(*report.build_id)) : Json(nullptr);
  document["kernel"]["kaslr_slide"] = optional_hex(report.kaslr_slide);
  document["details"] = Json::object();
  for (const auto& [name, text] : info.details) document["details"][name] = printable(text);
  document["integrity"] = {
      {"algorithm", info.integrity_algorithm},
      {"value", info.integrity_value.empty() ? Json(nullptr) : Json(info.integrity_value)}};
  document["content_digest"] = optional_text(info.content_digest);
  document["findings"] = Json::array();
  for (const Finding& f : info.findings) {
    document["findings"].push_back({{"code", f.code},
                                    {"severity", name_of(f.severity)},
                                    {"offset", optional_hex(f.offset)},
                                    {"text", printable(f.text)}});
  }
  return document;
}

Json json_of_verify(const VerifyReport& report, const ImageInfo& info) {
  Json document = json_document("verify");
  document["path"] = printable(info.path);
  document["format"] = info.format;
  document["verdict"] = name_of(report.verdict);
  document["layers"] = Json::array();
  for (const Layer& layer : report.layers) {
    document["layers"].push_back(
        {{"name", layer.name}, {"result", name_of(layer.result)}, {"text", printable(layer.text)}});
  }
  if (!report.acceptance.empty()) {
    document["acceptable"] = report.acceptable();
    document["acceptance"] = Json::array();
    for (const Layer& layer : report.acceptance) {
      document["acceptance"].push_back(
          {{"name", layer.name}, {"result", name_of(layer.result)}, {"text", printable(layer.text)}});
    }
  }
  document["damage"] = json_of_damage(report.damage);
  document["pages"] = json_of_pages(report.pages);
  if (report.swapped) document["swapped_pages"] = json_of_pages(*report.swapped);
  document["content_digest"] = ContentDigest::text(report.content_digest);
  return document;
}

Json json_of_diff(const DiffReport& report, const ImageInfo& a, const ImageInfo& b) {
  Json document = json_document("diff");
  document["a"] = {{"path", printable(a.path)}, {"format", a.format}};
  document["b"] = {{"path", printable(b.path)}, {"format", b.format}};
  document["identical"] = report.identical();
  document["pages"] = {{"same", report.same},
                       {"changed", report.changed},
                       {"only_a", report.only_a},
                       {"only_b", report.only_b},
                       {"unknown", report.unknown}};
  document["ranges"] = {{"changed", json_of_ranges(report.changed_ranges)},
                        {"only_a", json_of_ranges(report.only_a_ranges)},
                        {"only_b", json_of_ranges(report.only_b_ranges)},
                        {"unknown", json_of_ranges(report.unknown_ranges)}};
  if (report.swapped != nullptr) {
    document["swapped_pages"] = {{"same", report.swapped->same},
                                 {"changed", report.swapped->changed},
                                 {"only_a", report.swapped->only_a},
                                 {"only_b", report.swapped->only_b},
                                 {"unknown", report.swapped->unknown}};
  }
  document["devices"] = nullptr;  // the caller knows which sides have records of them
  document["compared_by"] = report.by_stored_hashes ? "stored page hashes" : "pages";
  return document;
}

Result<std::vector<Record>> records_from_json(const std::string& text, const std::string& file) {
  if (text.size() > kMaxRecordsJsonBytes)
    return fail(make_error(ErrorKind::Limit, "records", "too large", "at most 64 MiB").of(file));
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded())
    return fail(make_error(ErrorKind::Corrupt, "records", "not JSON", "a JSON document").of(file));
  TRY_OK(check_schema(document, file));
  const Json& list = document.is_object() && document.contains("records") ? document["records"] : document;
  if (!list.is_array())
    return fail(
        make_error(ErrorKind::Corrupt, "records", document.type_name(), "an array of records").of(file));
  std::vector<Record> records;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    const std::string where = fmt::format("records[{}]", i);
    const bool good = entry.is_object() && entry.contains("type") && entry["type"].is_string() &&
                      entry.contains("fields") && entry["fields"].is_object();
    if (!good)
      return fail(
          make_error(ErrorKind::Corrupt, where, entry.type_name(), "an object with \"type\" and \"fields\"")
              .of(file));
    auto fields = fields_from_json(entry["fields"], where + ".fields", kMaxFieldDepth);
    if (!fields) return fail(std::move(fields).error().of(file));
    const Json version = entry.value("version", Json(1U));
    if (!version.is_number_unsigned() || version.get<std::uint64_t>() > UINT16_MAX)
      return fail(make_error(ErrorKind::Corrupt, where + ".version", version.dump(), "0 to 65535").of(file));
    records.push_back({entry["type"].get<std::string>().substr(0, kMaxFieldNameBytes),
                       version.get<std::uint16_t>(), std::move(*fields)});
  }
  return records;
}

}  // namespace hib::report
