#include <algorithm>

#include <fmt/format.h>

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/device/device_record.h"
#include "lib/device/find_device.h"
#include "lib/ops/carve.h"
#include "lib/ops/find_kernel.h"
#include "lib/ops/inspect.h"
#include "lib/report/carve.h"
#include "lib/report/devices.h"
#include "lib/report/kernel_log.h"
#include "lib/report/text.h"

namespace hib::cli {
namespace {

using device::Device;
using report::Json;

class Inspect final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", image_, "the image; - is standard input")->required();
    app.add_flag("--pages", pages_, "list the runs of pages and their states");
    app.add_flag("--map", map_, "say what every byte range of the file is");
    app.add_flag("--records", records_, "print the records: what the image knows of its machine");
    app.add_flag("--devices", devices_, "print the machine's devices as a tree");
    app.add_flag("--dmesg", dmesg_, "print the kernel's log, which lies in the memory");
    app.add_flag("-n,--numeric", numeric_, "with --devices: vendor and device ids instead of names");
    app.add_option("--device", device_,
                   "print all that is recorded of this device. NAME is its kernel name, its PCI address, or "
                   "its path below /sys")
        ->type_name("NAME");
    app.add_flag(
        "--config", config_,
        "with --device: its PCI configuration space, as lspci -xxxx prints it and lspci -F reads it");
    app.add_option("--page", page_, "print this page as a hex dump")->type_name("PFN");
    app.add_flag("--raw", raw_, "with --page: the page's bytes, for a pipe");
    app.add_flag("--search", search_,
                 "where the format does not say which kernel runs this memory: read all pages to find it");
    app.add_flag("--carve", carve_,
                 "find hibernation images whose swap header is gone, and what is left of older ones");
    app.add_flag("--salvage", common.salvage,
                 "go on past damage: find the blocks of a .hib image without its index (exit code 3)");
    add_input_options(app, common, formats);
    app.footer(
        "Examples:\n"
        "  hibtool inspect crash.hib\n"
        "  hibtool inspect --map crash.hib\n"
        "  hibtool inspect --carve /dev/sda3   # after mkswap, or where the first page was wiped\n"
        "  hibtool inspect --device 0000:00:1f.2 --config crash.hib > ahci && lspci -F ahci -vv\n"
        "  hibtool inspect --dmesg -q crash.hib | grep -i error\n"
        "  hibtool inspect --page 0x1f3 --raw crash.hib | xxd | head\n"
        "  hibtool inspect --json vmcore | jq -r .kernel.release");
  }

  int run(const Context& context) const override {
    const auto fits = check_options();
    if (!fits) return context.report(fits.error());
    if (carve_) return show_carving(context);
    auto image = context.open_without_base(image_);
    if (image && search_)
      image = find_kernel(std::move(*image), context.options.threads, context.progress("search"));
    if (!image) return context.report(image.error());
    const auto all_used = context.refuse_unused_options({(*image)->info()});
    if (!all_used) return context.report(all_used.error());
    if (!page_.empty()) return show_page(context, **image);
    if (!device_.empty()) return show_device(context, (*image)->records());
    return show_image(context, **image);
  }

 private:
  Result<void> check_options() const {
    static constexpr OptionNames kParts = {"--pages", "--map", "--records", "--devices", "--dmesg"};
    TRY_OK(only_with(*verb_, "--page", {"--raw"}));
    TRY_OK(only_with(*verb_, "--device", {"--config"}));
    TRY_OK(only_with(*verb_, "--devices", {"--numeric"}));
    TRY_OK(not_with(*verb_, "--page", {"--device"}));
    TRY_OK(not_with(*verb_, "--carve", kParts));
    TRY_OK(not_with(*verb_, "--carve", {"--page", "--device", "--search", "--salvage", "--at"}));
    TRY_OK(not_with(*verb_, "--page", kParts));
    TRY_OK(not_with(*verb_, "--device", kParts));
    return not_with(*verb_, "--raw", {"--json"});
  }

  int show_carving(const Context& context) const {
    const auto open = context.open_options();
    if (!open) return context.report(open.error());
    const auto found = carve(context.formats, image_, *open, context.progress("carve"));
    if (!found) return context.report(found.error());
    if (context.options.json)
      context.document(report::json_of_carve(*found));
    else
      report::print_carve(context.streams.out, context.out_style, context.formats, *found);
    return kDone;
  }

  int show_page(const Context& context, const ImageReader& image) const {
    const auto pfn = parse_number(page_, "--page");
    if (!pfn) return context.report(pfn.error());
    std::vector<std::byte> page(image.info().page_size);
    const auto read = image.read_page(*pfn, page);
    if (!read) return context.report(read.error());
    if (raw_) {
      context.streams.out.write(reinterpret_cast<const char*>(page.data()),
                                static_cast<std::streamsize>(page.size()));
    } else if (context.options.json) {
      context.document(report::json_of_page(*pfn, page));
    } else {
      report::print_page_hex(context.streams.out, *pfn, page);
    }
    return kDone;
  }

  Result<Device> device_of(const std::vector<Record>& records) const {
    TRY(const auto set, device::devices_in(records, image_));
    if (!set) {
      return fail(make_error(ErrorKind::NotFound, "--device " + device_, "no device records in this image",
                             "one with them: create --records or --probe"));
    }
    TRY(const Device* found, device::find_device(*set, device_));
    if (config_ && found->config.empty()) {
      return fail(make_error(ErrorKind::NotFound, "--config", "no configuration space of " + found->name,
                             "a PCI device"));
    }
    return *found;
  }

  int show_device(const Context& context, const std::vector<Record>& records) const {
    const auto device = device_of(records);
    if (!device) return context.report(Error(device.error()).of(image_));
    if (context.options.json) {
      context.document(report::json_of_device(*device));
    } else if (config_) {
      report::print_config(context.streams.out, *device);
    } else {
      report::print_device(context.streams.out, context.out_style, *device);
    }
    return kDone;
  }

  using Devices = std::optional<device::DeviceSet>;

  int show_image(const Context& context, const ImageReader& image) const {
    auto report = inspect(image, {pages_, map_, context.options.salvage, dmesg_, search_});
    if (!report) return context.report(report.error());
    const auto devices = devices_ ? device::devices_in(report->records, image_) : Result<Devices>(Devices());
    if (!devices) return context.report(devices.error());
    if (context.options.json) {
      context.document(document(*report, image, *devices));
    } else {
      print(context, *report, image, *devices);
    }
    // The answer is printed all the same: without its pages.
    if (report->info.has_finding("encrypted")) return kAuthentication;
    return report->damage.empty() ? kDone : kPartial;
  }

  Json document(const InspectReport& report, const ImageReader& image, const Devices& devices) const {
    Json document = report::json_of_inspect(report);
    if (pages_) document["runs"] = report::json_of_runs(report.runs);
    if (map_) document["map"] = report::json_of_map(report.map);
    if (records_) document["records"] = report::json_of_records(report.records);
    if (report.log) document.update(report::json_of_log(*report.log));
    if (!image.history().empty()) document["breadcrumbs"] = report::json_of_history(image.history());
    if (devices_) document["devices"] = devices ? report::json_of_devices(*devices) : Json(nullptr);
    return document;
  }

  void print(const Context& context, const InspectReport& report, const ImageReader& image,
             const Devices& devices) const {
    std::ostream& out = context.streams.out;
    if (!context.options.quiet)
      report::print_inspect(out, context.out_style, report, context.formats.title(report.info.format));
    if (pages_) report::print_runs(out, report.runs, report.info.page_size);
    if (map_) report::print_map(out, report.map);
    if (records_) report::print_records(out, context.out_style, report.records);
    if (!context.options.quiet) report::print_history(out, image.history());
    if (report.log) report::print_log(out, context.out_style, *report.log);
    if (!devices_) return;
    if (devices) {
      report::print_devices(out, context.out_style, *devices, numeric_);
    } else {
      out << "  this image holds no device records; create --probe adds those of this machine, create "
             "--records those\n"
             "  that hibtool probe -o FILE wrote on another\n";
    }
  }

  const CLI::App* verb_ = nullptr;
  std::string image_;
  bool search_ = false;
  bool pages_ = false;
  bool map_ = false;
  bool records_ = false;
  bool devices_ = false;
  bool dmesg_ = false;
  bool numeric_ = false;
  bool raw_ = false;
  bool config_ = false;
  bool carve_ = false;
  std::string device_;
  std::string page_;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() { return std::make_unique<Inspect>(); }

}  // namespace hib::cli
