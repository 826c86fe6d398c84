#include "lib/device/probe/probe.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/report/probe.h"

namespace hib::cli {
namespace {

Result<device::Probe> probe_tree(const std::string& root, const std::string& capture) {
  TRY(device::Tree tree,
      root.empty() ? Result<device::Tree>(device::Tree::live()) : device::Tree::captured(root));
  if (!capture.empty()) TRY_OK(tree.capture_into(capture));
  device::Probe found = device::probe(tree);
  TRY_OK(tree.finish_capture());
  return found;
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
      const auto written = report::write_probe(*found, output_, force_);
      if (!written) return context.report(written.error());
    }
    if (context.options.json) {
      context.document(report::json_of_probe(*found));
    } else if (output_.empty() && !context.options.quiet) {
      report::print_probe(context.streams.out, context.out_style, *found, numeric_);
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
