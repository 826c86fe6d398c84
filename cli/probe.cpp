#include "cli/probe.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "cli/render_devices.h"
#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/device/probe.h"
#include "lib/os/output.h"

namespace hib::cli {
namespace {

Result<device::Probe> probe_tree(const std::string& root, const std::string& capture) {
  TRY(device::Tree tree,
      root.empty() ? Result<device::Tree>(device::Tree::live()) : device::Tree::captured(root));
  if (!capture.empty()) TRY_OK(tree.capture_into(capture));
  device::Probe found = device::probe(tree);
  TRY_OK(tree.capture_result());
  return found;
}

Json json_of_probe(const device::Probe& found) {
  Json document = json_document("probe");
  document["records"] = json_of_records(device::records_of(found));
  return document;
}

Result<void> write_document(const Json& document, const std::string& path, bool force) {
  TRY(const auto output, Output::create(path, force));
  std::ostringstream text;
  print_json(text, document);
  TRY_OK(output->append(as_bytes(text.str())));
  return output->publish();
}

std::string text_of(const Record& record, const char* name) {
  const std::string* text = record.text(name);
  return text == nullptr || text->empty() ? "unknown" : printable(*text);
}

void print_machine(std::ostream& out, const Style& style, const device::Probe& found) {
  const auto modules = std::count_if(found.machine.fields.begin(), found.machine.fields.end(),
                                     [](const Field& field) { return field.name == "module"; });
  out << style.bold("Linux " + text_of(found.machine, "release"))
      << fmt::format(", {}, {} modules, {} devices\n", text_of(found.machine, "machine"), modules,
                     found.devices.devices.size());
}

}  // namespace

void ProbeVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand(
      "probe", "record this machine: its kernel and its devices, and what each of them can be known by");
  app_->add_option("--root", root_, "read a captured tree instead of this machine")->type_name("DIR");
  app_->add_option("--capture", capture_, "copy what is read, and nothing else, into this folder")
      ->type_name("DIR");
  app_->add_option("-o,--output", output_, "write the records, as create --records takes them")
      ->type_name("FILE");
  app_->add_flag("-n,--numeric", numeric_, "vendor and device ids instead of names");
  app_->add_flag("--force", force_, "replace an existing file");
  add_common_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool probe\n"
      "  hibtool probe -o laptop.json && hibtool create /proc/vmcore --records laptop.json -o crash.hib\n"
      "  hibtool probe --capture odd-machine && hibtool probe --root odd-machine");
}

int ProbeVerb::run(const Context& context) const {
  const auto found = probe_tree(root_, capture_);
  if (!found) return context.report(found.error());
  if (!output_.empty()) {
    if (const auto written = write_document(json_of_probe(*found), output_, force_); !written)
      return context.report(written.error());
  }
  std::ostream& out = context.streams.out;
  if (context.options.json) {
    print_json(out, json_of_probe(*found));
  } else if (output_.empty() && !context.options.quiet) {
    print_machine(out, context.out_style, *found);
    print_devices(out, context.out_style, found->devices, numeric_);
  }
  return kDone;
}

}  // namespace hib::cli
