#include <algorithm>

#include <fmt/format.h>

#include "cli/each_image.h"
#include "cli/option_rules.h"
#include "cli/report_option.h"
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
#include "lib/report/html/inspect.h"
#include "lib/report/inspect.h"
#include "lib/report/text.h"

namespace hib::cli {
namespace {

using device::Device;

class Inspect final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", images_, "the images, or folders of images; - is standard input")->required();
    app.add_flag("--pages", parts_.pages, "list the runs of pages and their states");
    app.add_flag("--map", parts_.map, "say what every byte range of the file is");
    app.add_flag("--records", parts_.records, "print the records: what the image knows of its machine");
    app.add_flag("--devices", parts_.devices, "print the machine's devices as a tree");
    app.add_flag("--dmesg", dmesg_, "print the kernel's log, which lies in the memory");
    app.add_flag("-n,--numeric", parts_.numeric, "with --devices: vendor and device ids instead of names");
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
    report_.add_to(app);
    add_input_options(app, common, formats);
    app.footer(
        "Examples:\n"
        "  hibtool inspect crash.hib\n"
        "  hibtool inspect --report crash.html crash.hib   # to be looked at, printed or sent"
        "\n"
        "  hibtool inspect --map crash.hib\n"
        "  hibtool inspect --carve /dev/sda3   # after mkswap, or where the first page was wiped\n"
        "  hibtool inspect --device 0000:00:1f.2 --config crash.hib > ahci && lspci -F ahci -vv\n"
        "  hibtool inspect --dmesg -q crash.hib | grep -i error\n"
        "  hibtool inspect --page 0x1f3 --raw crash.hib | xxd | head\n"
        "  hibtool inspect --json vmcore | jq -r .kernel.release\n"
        "  hibtool inspect --json /srv/images > fleet.jsonl   # one document a line, of each image in the "
        "folder");
  }

  int run(const Context& given) const override {
    const bool is_one = !is_list(images_);
    const Context context = is_one ? given : given.with_lines_of_json();
    const auto fits = check_options();
    if (!fits) return context.report(fits.error());
    if (!is_one) return show_list(context);
    if (carve_) return show_carving(context);
    const auto code = look_at_one(context);
    return code ? *code : context.report(code.error());
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
    TRY_OK(not_with(*verb_, "--raw", {"--json"}));
    TRY_OK(not_with(*verb_, "--report", {"--page", "--device", "--carve"}));
    if (!is_list(images_)) return {};
    for (const char* option : {"--page", "--device", "--carve", "--at", "--report"}) {
      if (verb_->count(option) > 0)
        return fail(make_error(ErrorKind::Usage, option, "together with several images", "one image"));
    }
    return {};
  }

  // Of all images of the command; an option must be of use for one of them.
  int show_list(const Context& context) const {
    const auto options = context.open_options();  // what is wrong with them is said once
    if (!options) return context.report(options.error());
    const int code = for_each_image(context, images_, [&](const std::string& path, std::size_t operand) {
      return look_at(context, path, operand);
    });
    const auto all_used = context.refuse_unused_options(opened_);
    return code >= kSignal || opened_.empty() || all_used ? code : context.report(all_used.error());
  }

  Result<int> look_at_one(const Context& context) const {
    TRY(auto file, report_.open(context, images_));
    TRY(const int code, look_at(context, images_[0], 0, &file));
    if (context.shows_text()) file.print_place(context.streams.out, false);
    return code;
  }

  Result<int> look_at(const Context& context, const std::string& path, std::size_t operand,
                      report::ReportFile* file = nullptr) const {
    TRY(auto image, context.open_without_base(path, operand));
    if (search_) {
      TRY(image, find_kernel(std::move(image), context.options.threads, context.progress("search")));
    }
    if (is_list(images_)) {
      remember(image->info());
    } else {
      TRY_OK(context.refuse_unused_options({image->info()}));
    }
    if (!page_.empty()) return show_page(context, *image);
    if (!device_.empty()) return show_device(context, image->records());
    return show_image(context, *image, path, file);
  }

  // One of each sort is enough to say which options are of use.
  void remember(const ImageInfo& info) const {
    const auto is_like = [&](const ImageInfo& other) {
      return other.format == info.format && other.is_encrypted == info.is_encrypted &&
             other.is_incremental == info.is_incremental;
    };
    if (std::none_of(opened_.begin(), opened_.end(), is_like)) opened_.push_back(info);
  }

  int show_carving(const Context& context) const {
    const auto open = context.open_options();
    if (!open) return context.report(open.error());
    const auto found = carve(context.formats, images_[0], *open, context.progress("carve"));
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
      context.bytes().write(reinterpret_cast<const char*>(page.data()),
                            static_cast<std::streamsize>(page.size()));
    } else if (context.options.json) {
      context.document(report::json_of_page(*pfn, page));
    } else {
      report::print_page_hex(context.streams.out, *pfn, page);
    }
    return kDone;
  }

  Result<Device> device_of(const std::vector<Record>& records) const {
    TRY(Device device, device::device_in_records(records, device_, images_[0]));
    if (!config_ || !device.config.empty()) return device;
    return fail(make_error(ErrorKind::NotFound, "--config", "no configuration space of " + device.name,
                           "a PCI device"));
  }

  int show_device(const Context& context, const std::vector<Record>& records) const {
    const auto device = device_of(records);
    if (!device) return context.report(Error(device.error()).of(images_[0]));
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

  // What is needed for all that is shown; a page of HTML shows all there is.
  InspectOptions wanted(const Context& context) const {
    InspectOptions options;
    options.want_runs = parts_.pages;
    options.want_strip = report_.is_given();
    options.want_map = parts_.map || report_.is_given();
    options.want_damage = context.options.salvage || report_.is_given();
    options.want_log = dmesg_;
    options.was_searched = search_;
    return options;
  }

  Result<int> show_image(const Context& context, const ImageReader& image, const std::string& path,
                         report::ReportFile* file) const {
    TRY(const auto report, inspect(image, wanted(context)));
    TRY(const auto devices, parts_.devices || report_.is_given() ? device::devices_in(report.records, path)
                                                                 : Result<Devices>(Devices()));
    const report::Inspected inspected{report, image.history(), devices};
    const auto title = context.formats.title(report.info.format);
    if (file != nullptr) TRY_OK(file->publish([&] { return report::html_of_inspected(inspected, title); }));
    auto parts = parts_;
    parts.no_summary = context.options.quiet;
    if (context.options.json) {
      context.document(report::json_of_inspected(inspected, parts));
    } else {
      if (has_shown_one_) context.streams.out << "\n";
      report::print_inspected(context.streams.out, context.out_style, inspected, parts, title);
    }
    has_shown_one_ = true;
    // The answer is printed all the same: without its pages.
    if (report.info.has_finding("encrypted")) return kAuthentication;
    return report.damage.empty() ? kDone : kPartial;
  }

  const CLI::App* verb_ = nullptr;
  std::vector<std::string> images_;
  mutable std::vector<ImageInfo> opened_;  // of a list, each sort once
  mutable bool has_shown_one_ = false;
  ReportOption report_;
  report::InspectParts parts_;
  bool search_ = false;
  bool dmesg_ = false;
  bool raw_ = false;
  bool config_ = false;
  bool carve_ = false;
  std::string device_;
  std::string page_;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() { return std::make_unique<Inspect>(); }

}  // namespace hib::cli
