#include "cli/inspect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/device_source.h"
#include "cli/render_devices.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "format/hib/reader.h"
#include "lib/base/text.h"
#include "lib/ops/inspect.h"

namespace hib::cli {
namespace {

Json json_of_breadcrumbs(const ImageReader& image) {
  Json list = Json::array();
  if (const auto* reader = dynamic_cast<const container::Reader*>(&image)) {
    for (const auto& crumb : reader->breadcrumbs()) {
      list.push_back({{"phase", container::phase_name(crumb.phase)},
                      {"time_ns", crumb.time_ns},
                      {"text", printable(crumb.text)}});
    }
  }
  return list;
}

std::string clock_text(std::uint64_t time_ns) {
  constexpr std::uint64_t kSecond = 1000000000;
  if (time_ns == 0) return "at an unknown time";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} UTC",
                     fmt::gmtime(static_cast<std::time_t>(time_ns / kSecond)), time_ns % kSecond / 1000000);
}

void print_breadcrumbs(std::ostream& out, const ImageReader& image) {
  const auto* reader = dynamic_cast<const container::Reader*>(&image);
  if (reader == nullptr || reader->breadcrumbs().empty()) return;
  out << "history\n";
  for (const auto& crumb : reader->breadcrumbs()) {
    out << fmt::format("  {:<30}{:<20}{}\n", clock_text(crumb.time_ns), container::phase_name(crumb.phase),
                       printable(crumb.text));
  }
}

// "sda", "/dev/sda", "0000:00:1f.2", "00:1f.2", or its path.
bool is_called(const device::Device& device, const std::string& name) {
  if (device.path == name || "/sys/" + device.path == name || device.name == name) return true;
  if (device.kind == device::Kind::Pci) return device.name == "0000:" + name;
  return name == "/dev/" + device.name && device.kind != device::Kind::FileSystem &&
         device.kind != device::Kind::Swap;
}

}  // namespace

void InspectVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("inspect", "say what an image is, reading as little of it as that takes");
  app_->add_option("IMAGE", image_, "the image; - is standard input")->required();
  app_->add_flag("--pages", pages_, "list the runs of pages and their states");
  app_->add_flag("--map", map_, "label every byte range of the file");
  app_->add_flag("--records", records_, "print the machine, processor and other records");
  app_->add_flag("--devices", devices_, "print the machine's devices as a tree");
  app_->add_flag("-n,--numeric", numeric_, "with --devices: vendor and device ids instead of names");
  app_->add_option("--device", device_,
                   "print all that is recorded of this device: kernel name, PCI address, or path below /sys")
      ->type_name("NAME");
  app_->add_flag(
      "--config", config_,
      "with --device: its PCI configuration space, as lspci -xxxx prints it and lspci -F reads it");
  app_->add_option("--page", page_, "print this page as a hex dump")->type_name("PFN");
  app_->add_flag("--raw", raw_, "with --page: the page's bytes, for a pipe");
  app_->add_flag("--salvage", common.salvage, "look into a damaged image by walking its blocks");
  add_input_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool inspect crash.hib\n"
      "  hibtool inspect --map crash.hib\n"
      "  hibtool inspect --device 0000:00:1f.2 --config crash.hib > ahci && lspci -F ahci -vv\n"
      "  hibtool inspect --page 0x1f3 --raw crash.hib | xxd | head\n"
      "  hibtool inspect --json vmcore | jq -r .kernel.release");
}

int InspectVerb::show_page(const Context& context, const ImageReader& image) const {
  const auto pfn = parse_number(page_, "--page");
  if (!pfn) return context.report(pfn.error());
  std::vector<std::byte> page(image.info().page_size);
  const auto read = image.read_page(*pfn, page);
  if (!read) return context.report(read.error());
  if (raw_) {
    context.streams.out.write(reinterpret_cast<const char*>(page.data()),
                              static_cast<std::streamsize>(page.size()));
  } else if (context.options.json) {
    Json document = json_document("inspect-page");
    document["pfn"] = hex(*pfn);
    document["hash"] = to_hex(hash128(page));
    print_json(context.streams.out, document);
  } else {
    print_page_hex(context.streams.out, *pfn, page);
  }
  return kDone;
}

int InspectVerb::show_device(const Context& context, const std::vector<Record>& records) const {
  const auto set = devices_in(records, image_);
  if (!set) return context.report(set.error());
  std::vector<const device::Device*> found;
  if (*set) {
    for (const device::Device& device : (*set)->devices) {
      if (is_called(device, device_)) found.push_back(&device);
    }
  }
  if (found.size() != 1) {
    const std::string what = !*set           ? "no device records"
                             : found.empty() ? "no such device"
                                             : fmt::format("{} devices of that name", found.size());
    return context.report(make_error(found.size() > 1 ? ErrorKind::Usage : ErrorKind::NotFound,
                                     "--device " + device_, what,
                                     found.size() > 1 ? "a path, as --devices --json prints it"
                                                      : "a name, PCI address or path of --devices")
                              .of(image_));
  }
  if (config_ && found[0]->config.empty())
    return context.report(make_error(ErrorKind::NotFound, "--config",
                                     "no configuration space of " + found[0]->name, "a PCI device")
                              .of(image_));
  if (context.options.json) {
    Json document = json_document("inspect-device");
    document["device"] = json_of_devices({{*found[0]}})[0];
    print_json(context.streams.out, document);
  } else if (config_) {
    print_config(context.streams.out, *found[0]);
  } else {
    print_device(context.streams.out, context.out_style, *found[0]);
  }
  return kDone;
}

Json InspectVerb::document(const InspectReport& report, const ImageReader& image,
                           const std::optional<device::DeviceSet>& devices) const {
  Json document = json_of_inspect(report);
  if (pages_) {
    document["runs"] = Json::array();
    for (const PageRun& run : report.runs) {
      const bool zero = run.state == PageState::Fill && run.fill == 0;
      Json entry = {{"first_pfn", hex(run.first)},
                    {"count", run.count},
                    {"state", zero                           ? "zero"
                              : run.state == PageState::Fill ? "data"
                                                             : name_of(run.state)}};
      if (run.state == PageState::Fill && !zero) entry["fill"] = run.fill;
      document["runs"].push_back(std::move(entry));
    }
  }
  if (map_) {
    document["map"] = Json::array();
    for (const LabelledRange& range : report.map)
      document["map"].push_back(
          {{"offset", hex(range.offset)}, {"bytes", range.size}, {"label", range.label}});
  }
  if (records_) document["records"] = json_of_records(report.records);
  if (Json crumbs = json_of_breadcrumbs(image); !crumbs.empty()) document["breadcrumbs"] = std::move(crumbs);
  if (devices_) document["devices"] = devices ? json_of_devices(*devices) : Json(nullptr);
  return document;
}

void InspectVerb::print(const Context& context, const InspectReport& report, const ImageReader& image,
                        const std::optional<device::DeviceSet>& devices) const {
  std::ostream& out = context.streams.out;
  print_inspect(out, context.out_style, report);
  if (pages_) print_runs(out, report.runs, report.info.page_size);
  if (map_) print_map(out, report.map);
  if (records_) print_records(out, context.out_style, report.records);
  print_breadcrumbs(out, image);
  if (!devices_) return;
  if (devices) {
    print_devices(out, context.out_style, *devices, numeric_);
  } else {
    out << "  this image holds no device records\n";
  }
}

int InspectVerb::run(const Context& context) const {
  if (config_ && device_.empty())
    return context.report(make_error(ErrorKind::Usage, "--config", "no device", "--device ADDR --config"));
  const auto image = context.open_for_look(image_, context.options.salvage);
  if (!image) return context.report(image.error());
  if (!page_.empty()) return show_page(context, **image);
  if (!device_.empty()) return show_device(context, (*image)->records());
  const auto report = inspect(**image, {pages_, map_});
  if (!report) return context.report(report.error());
  std::optional<device::DeviceSet> devices;
  if (devices_) {
    auto set = devices_in(report->records, image_);
    if (!set) return context.report(set.error());
    devices = std::move(*set);
  }
  if (context.options.json) {
    print_json(context.streams.out, document(*report, **image, devices));
  } else {
    print(context, *report, **image, devices);
  }
  return kDone;
}

}  // namespace hib::cli
