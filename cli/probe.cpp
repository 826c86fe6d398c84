#include "lib/device/probe/probe.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/os/output.h"
#include "lib/report/devices.h"

namespace hib::cli {
namespace {

using report::Json;

Result<device::Probe> probe_tree(const std::string& root, const std::string& capture) {
  TRY(device::Tree tree,
      root.empty() ? Result<device::Tree>(device::Tree::live()) : device::Tree::captured(root));
  if (!capture.empty()) TRY_OK(tree.capture_into(capture));
  device::Probe found = device::probe(tree);
  TRY_OK(tree.finish_capture());
  return found;
}

Json json_of_probe(const device::Probe& found) {
  Json document = report::json_document("probe");
  document["records"] = report::json_of_records(device::records_of(found));
  return document;
}

Result<void> write_document(const Json& document, const std::string& path, bool force) {
  TRY(const auto output, Output::create(path, force));
  std::ostringstream text;
  report::print_json(text, document);
  TRY_OK(output->append(as_bytes(text.str())));
  return output->publish();
}

std::string text_of(const Record& record, const char* name) {
  const std::string* text = record.text(name);
  return text == nullptr || text->empty() ? "unknown" : printable(*text);
}

void print_machine(std::ostream& out, const report::Style& style, const device::Probe& found) {
  const auto modules = std::count_if(found.machine.fields.begin(), found.machine.fields.end(),
                                     [](const Field& field) { return field.name == "module"; });
  out << style.bold("Linux " + text_of(found.machine, "release"))
      << fmt::format(", {}, {} modules, {} devices\n", text_of(found.machine, "machine"), modules,
                     found.devices.devices.size());
}

class ProbeVerb final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats&) override {
    verb_ = &app;
    app.add_option("--root", root_, "read a captured tree instead of this machine")->type_name("DIR");
    app.add_option("--capture", capture_, "copy what is read, and nothing else, into this folder")
        ->type_name("DIR");
    app.add_option("-o,--output", output_, "write the records into this file, as create --records takes them")
        ->type_name("FILE");
    app.add_flag("-n,--numeric", numeric_, "print vendor and device ids instead of names");
    app.add_flag("--force", force_, "replace an existing file, or what a device holds");
    add_common_options(app, common);
    app.footer(
        "Examples:\n"
        "  hibtool probe\n"
        "  hibtool probe -o laptop.json && hibtool create /proc/vmcore --records laptop.json -o crash.hib\n"
        "  hibtool probe --capture odd-machine && hibtool probe --root odd-machine");
  }

  int run(const Context& context) const override {
    auto fits = only_with(*verb_, "--output", {"--force"});
    if (fits) fits = not_with(*verb_, "--numeric", {"--output"});
    if (!fits) return context.report(fits.error());
    const auto found = probe_tree(root_, capture_);
    if (!found) return context.report(found.error());
    if (!output_.empty()) {
      const auto written = write_document(json_of_probe(*found), output_, force_);
      if (!written) return context.report(written.error());
    }
    if (context.options.json) {
      context.document(json_of_probe(*found));
    } else if (output_.empty() && !context.options.quiet) {
      print_machine(context.streams.out, context.out_style, *found);
      report::print_devices(context.streams.out, context.out_style, found->devices, numeric_);
    }
    return kDone;
  }

 private:
  const CLI::App* verb_ = nullptr;
  std::string root_;
  std::string capture_;
  std::string output_;
  bool force_ = false;
  bool numeric_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_probe() { return std::make_unique<ProbeVerb>(); }

}  // namespace hib::cli
