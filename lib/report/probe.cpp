#include "lib/report/probe.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/output.h"
#include "lib/report/devices.h"

namespace hib::report {
namespace {

std::string text_of(const Record& record, const char* name) {
  const std::string* text = record.text(name);
  return text == nullptr || text->empty() ? "unknown" : printable(*text);
}

}  // namespace

Json json_of_probe(const device::Probe& found) {
  Json document = json_document("probe");
  document["records"] = json_of_records(device::records_of(found));
  return document;
}

Result<void> write_probe(const device::Probe& found, const std::string& path, bool force) {
  TRY(const auto output, Output::create(path, force));
  std::ostringstream text;
  print_json(text, json_of_probe(found));
  TRY_OK(output->append(as_bytes(text.str())));
  return output->publish();
}

void print_probe(std::ostream& out, const Style& style, const device::Probe& found, bool numeric) {
  const auto modules = std::count_if(found.machine.fields.begin(), found.machine.fields.end(),
                                     [](const Field& field) { return field.name == "module"; });
  out << style.bold("Linux " + text_of(found.machine, "release"))
      << fmt::format(", {}, {} modules, {} devices\n", text_of(found.machine, "machine"), modules,
                     found.devices.devices.size());
  print_devices(out, style, found.devices, numeric);
}

}  // namespace hib::report
