#include "lib/report/opened.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/spool.h"

namespace hib::report {
namespace {

// What decided which reader takes it.
std::string found_by(std::string_view named, const OpenOptions& options) {
  if (!named.empty() && named != kAutoFormat) return "as --format says";
  if (named.empty() && options.at) return "as --at says";
  if (named.empty() && options.base_address) return "as --base-address says";
  return "by its content";
}

// Where it lies meanwhile. What is compressed has no other name for people.
std::string unpacked_to(const FoundIn& outside) {
  const bool is_compression = outside.name == outside.title;
  return is_compression ? ", into an unnamed file in " + printable(spool_folder()) : "";
}

}  // namespace

std::vector<std::string> details_of(const ImageReader& image, const Formats& formats, std::string_view named,
                                    const OpenOptions& options) {
  const ImageInfo& info = image.info();
  const std::string path = printable(info.path);
  std::vector<std::string> lines;
  for (const FoundIn& outside : info.found_in)
    lines.push_back(
        fmt::format("{}: taken out of {}{}", path, printable(outside.title), unpacked_to(outside)));
  lines.push_back(fmt::format("{}: opened as {}: {}{}, {}", path, info.format, formats.title(info.format),
                              info.variant.empty() ? "" : " (" + printable(info.variant) + ")",
                              found_by(named, options)));
  lines.push_back(fmt::format("{}: {} bytes, pages of {} bytes, {}", path, grouped(info.file_bytes),
                              info.page_size,
                              info.codec == "none" ? "not compressed" : "compressed with " + info.codec));
  return lines;
}

}  // namespace hib::report
