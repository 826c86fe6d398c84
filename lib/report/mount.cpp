#include "lib/report/mount.h"

#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"
#include "lib/mount/text_file.h"
#include "lib/ops/inspect.h"
#include "lib/report/inspect.h"
#include "lib/report/kernel_log.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

const std::optional<device::DeviceSet> kNoDevices;

Result<std::string> log_of(const ImageReader& image, bool is_searched) {
  TRY(const InspectReport report, inspect(image, {.want_log = true, .was_searched = is_searched}));
  std::ostringstream text;
  print_log(text, Style(false), *report.log);
  return text.str();
}

Result<std::string> records_of(const ImageReader& image, bool is_searched) {
  TRY(const InspectReport report, inspect(image, {.was_searched = is_searched}));
  std::ostringstream text;
  print_json(text, json_of_inspected({report, image.history(), kNoDevices}, {.records = true}));
  return text.str();
}

Result<std::string> map_of(const ImageReader& image) {
  TRY(const InspectReport report, inspect(image, {.want_runs = true, .want_map = true}));
  std::ostringstream text;
  print_inspected(text, Style(false), {report, image.history(), kNoDevices},
                  {.pages = true, .map = true, .no_summary = true}, "");
  return text.str();
}

}  // namespace

// The map takes a pass over all structures of the file: it is made when somebody wants it.
Result<void> add_texts(const ImageReader& image, bool is_searched, MountReport& report) {
  auto log = log_of(image, is_searched);
  if (log) {
    report.files.push_back({"log", std::make_shared<mount::TextFile>(std::move(*log))});
  } else {
    report.missing.push_back({"log", log.error().text()});
  }
  TRY(std::string records, records_of(image, is_searched));
  report.files.push_back({"records.json", std::make_shared<mount::TextFile>(std::move(records))});
  report.files.push_back({"map.txt", std::make_shared<mount::TextFile>([&image] { return map_of(image); })});
  return {};
}

void print_mount(std::ostream& out, const MountReport& report) {
  std::vector<std::string> files;
  for (const mount::MountedFile& file : report.files) {
    files.push_back(file.layout == nullptr
                        ? file.name
                        : fmt::format("{} ({})", file.name, human_bytes(file.content->size())));
  }
  out << printable(report.folder) << ": " << listed(files) << "\n"
      << "  of " << printable(report.image.path) << ": "
      << describe_pages(report.image.pages, report.image.page_size, " pages") << "\n";
  for (const MissingFile& file : report.missing) out << "  no " << file.name << ": " << file.reason << "\n";
  if (report.image.pages.absent > 0) {
    out << (report.absent_is_zero
                ? "  absent pages read as zeros\n"
                : "  absent pages cannot be read; with -o absent=zero they read as zeros\n");
  }
  out << "  fusermount3 -u " << printable(shell_word(report.folder)) << " ends it\n";
}

Json json_of_mount(const MountReport& report) {
  Json document = json_document("mount");
  document["path"] = printable(report.image.path);
  document["format"] = report.image.format;
  document["folder"] = printable(report.folder);
  document["process"] = report.server;
  document["absent"] = report.absent_is_zero ? "zero" : "error";
  document["pages"] = json_of_pages(report.image.pages);
  document["files"] = Json::array();
  for (const mount::MountedFile& file : report.files) {
    Json entry;
    entry["name"] = file.name;
    const bool is_ready = file.content->is_ready();
    entry["bytes"] = is_ready ? Json(file.content->size()) : Json(nullptr);
    entry["stored_bytes"] = is_ready ? Json(file.content->stored_bytes()) : Json(nullptr);
    document["files"].push_back(std::move(entry));
  }
  document["missing"] = Json::array();
  for (const MissingFile& file : report.missing)
    document["missing"].push_back({{"name", file.name}, {"text", file.reason}});
  return document;
}

}  // namespace hib::report
