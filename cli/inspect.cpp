#include "cli/inspect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

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
      list.push_back({{"phase", container::phase_name(crumb.phase)}, {"time_ns", crumb.time_ns}, {"text", printable(crumb.text)}});
    }
  }
  return list;
}

std::string clock_text(std::uint64_t time_ns) {
  constexpr std::uint64_t kSecond = 1000000000;
  if (time_ns == 0) return "at an unknown time";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} UTC", fmt::gmtime(static_cast<std::time_t>(time_ns / kSecond)), time_ns % kSecond / 1000000);
}

void print_breadcrumbs(std::ostream& out, const ImageReader& image) {
  const auto* reader = dynamic_cast<const container::Reader*>(&image);
  if (reader == nullptr || reader->breadcrumbs().empty()) return;
  out << "history\n";
  for (const auto& crumb : reader->breadcrumbs()) {
    out << fmt::format("  {:<30}{:<20}{}\n", clock_text(crumb.time_ns), container::phase_name(crumb.phase), printable(crumb.text));
  }
}

}  // namespace

void InspectVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("inspect", "say what an image is, reading as little of it as that takes");
  app_->add_option("IMAGE", image_, "the image; - is standard input")->required();
  app_->add_flag("--pages", pages_, "list the runs of pages and their states");
  app_->add_flag("--map", map_, "label every byte range of the file");
  app_->add_flag("--records", records_, "print the machine, processor and other records");
  app_->add_flag("--devices", devices_, "print the device records");
  app_->add_option("--page", page_, "print this page as a hex dump")->type_name("PFN");
  app_->add_flag("--raw", raw_, "with --page: the page's bytes, for a pipe");
  app_->add_flag("--salvage", common.salvage, "look into a damaged image by walking its blocks");
  add_input_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool inspect crash.hib\n"
      "  hibtool inspect --map crash.hib\n"
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
    context.streams.out.write(reinterpret_cast<const char*>(page.data()), static_cast<std::streamsize>(page.size()));
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

int InspectVerb::run(const Context& context) const {
  const auto image = context.open_for_look(image_, context.options.salvage);
  if (!image) return context.report(image.error());
  if (!page_.empty()) return show_page(context, **image);
  const auto report = inspect(**image, {pages_, map_});
  if (!report) return context.report(report.error());
  std::ostream& out = context.streams.out;
  std::vector<Record> devices;
  for (const Record& record : report->records) {
    if (record.type == kDevicesRecord) devices.push_back(record);
  }
  if (context.options.json) {
    Json document = json_of_inspect(*report);
    if (pages_) {
      document["runs"] = Json::array();
      for (const PageRun& run : report->runs) {
        const bool zero = run.state == PageState::Fill && run.fill == 0;
        Json entry = {{"first_pfn", hex(run.first)}, {"count", run.count}, {"state", zero ? "zero" : run.state == PageState::Fill ? "data" : name_of(run.state)}};
        if (run.state == PageState::Fill && !zero) entry["fill"] = run.fill;
        document["runs"].push_back(std::move(entry));
      }
    }
    if (map_) {
      document["map"] = Json::array();
      for (const LabelledRange& range : report->map) document["map"].push_back({{"offset", hex(range.offset)}, {"bytes", range.size}, {"label", range.label}});
    }
    if (records_) document["records"] = json_of_records(report->records);
    if (Json crumbs = json_of_breadcrumbs(**image); !crumbs.empty()) document["breadcrumbs"] = std::move(crumbs);
    if (devices_) document["devices"] = json_of_records(devices);
    print_json(out, document);
    return kDone;
  }
  print_inspect(out, context.out_style, *report);
  if (pages_) print_runs(out, report->runs, report->info.page_size);
  if (map_) print_map(out, report->map);
  if (records_) print_records(out, context.out_style, report->records);
  print_breadcrumbs(out, **image);
  if (devices_) {
    print_records(out, context.out_style, devices);
    if (devices.empty()) out << "  this image holds no device records\n";
  }
  return kDone;
}

}  // namespace hib::cli
