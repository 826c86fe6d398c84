// What the image knows beside the pages: records, details, the kernel's log.

#include "lib/abi/handles.h"

namespace hib::abi {
namespace {

// The handle of a list of fields is its address.
const hibtool_fields* handle_of(const FieldList& fields) {
  return reinterpret_cast<const hibtool_fields*>(&fields);
}
const FieldList& fields_of(const hibtool_fields* handle) {
  return *reinterpret_cast<const FieldList*>(handle);
}

struct Describe {
  hibtool_field& out;

  void operator()(std::uint64_t number) const {
    out.kind = HIBTOOL_FIELD_NUMBER;
    out.number = number;
  }
  void operator()(const std::string& text) const {
    out.kind = HIBTOOL_FIELD_TEXT;
    out.bytes = text.c_str();
    out.byte_count = text.size();
  }
  void operator()(const std::vector<std::byte>& bytes) const {
    out.kind = HIBTOOL_FIELD_BYTES;
    out.bytes = bytes.empty() ? static_cast<const void*>("") : bytes.data();
    out.byte_count = bytes.size();
  }
  void operator()(const FieldList& fields) const {
    out.kind = HIBTOOL_FIELD_FIELDS;
    out.fields = handle_of(fields);
  }
};

}  // namespace
}  // namespace hib::abi

extern "C" {

size_t hibtool_record_count(const hibtool_image* image) {
  return image == nullptr ? 0 : image->reader->records().size();
}

hibtool_status hibtool_get_record(const hibtool_image* image, size_t index, hibtool_record* record,
                                  hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(record, "record"));
    TRY_OK(require_size("hibtool_record", record->size, HIB_UP_TO(hibtool_record, fields)));
    TRY_OK(require_index(index, hibtool_record_count(image)));
    const hib::Record& found = image->reader->records()[index];
    fill(record, {0, found.type.c_str(), found.version, 0, handle_of(found.fields)});
    return {};
  });
}

size_t hibtool_field_count(const hibtool_fields* fields) {
  return fields == nullptr ? 0 : hib::abi::fields_of(fields).size();
}

hibtool_status hibtool_get_field(const hibtool_fields* fields, size_t index, hibtool_field* field,
                                 hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(fields, "fields"));
    TRY_OK(require(field, "field"));
    TRY_OK(require_size("hibtool_field", field->size, HIB_UP_TO(hibtool_field, fields)));
    TRY_OK(require_index(index, hibtool_field_count(fields)));
    const hib::Field& found = fields_of(fields)[index];
    hibtool_field out = {};
    out.name = found.name.c_str();
    std::visit(Describe{out}, found.value);
    fill(field, out);
    return {};
  });
}

const hibtool_fields* hibtool_details(const hibtool_image* image) {
  return image == nullptr ? nullptr : hib::abi::handle_of(image->details);
}

hibtool_status hibtool_log_open(const hibtool_image* image, hibtool_log** log, hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(image, "image"));
    TRY_OK(require(log, "log"));
    TRY(auto lines, hib::memory::kernel_log(*image->reader));
    *log = new hibtool_log{std::move(lines)};
    return {};
  });
}

size_t hibtool_log_line_count(const hibtool_log* log) { return log == nullptr ? 0 : log->log.lines.size(); }
uint64_t hibtool_log_overwritten(const hibtool_log* log) { return log == nullptr ? 0 : log->log.lost_before; }
uint64_t hibtool_log_unreadable(const hibtool_log* log) { return log == nullptr ? 0 : log->log.unreadable; }

hibtool_status hibtool_get_log_line(const hibtool_log* log, size_t index, hibtool_log_line* line,
                                    hibtool_error** error) {
  using namespace hib::abi;
  return guarded(error, [&]() -> hib::Result<void> {
    TRY_OK(require(log, "log"));
    TRY_OK(require(line, "line"));
    TRY_OK(require_size("hibtool_log_line", line->size, HIB_UP_TO(hibtool_log_line, has_caller)));
    TRY_OK(require_index(index, log->log.lines.size()));
    const hib::memory::LogLine& found = log->log.lines[index];
    fill(line, {0, found.time_ns, found.level, found.facility, found.text.c_str(), found.text.size(),
                found.caller.value_or(0), found.caller.has_value()});
    return {};
  });
}

void hibtool_log_close(hibtool_log* log) { delete log; }

}  // extern "C"
