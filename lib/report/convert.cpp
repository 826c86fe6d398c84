#include "lib/report/convert.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/content_digest.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

std::string lost_pages(const ConvertRequest& request, const ConvertReport& report) {
  const std::size_t places = report.damage.size();
  const bool anywhere = std::any_of(report.damage.begin(), report.damage.end(),
                                    [](const Damage& damage) { return damage.anywhere; });
  std::string text = fmt::format("{}: {} in the source, {} lost", printable(request.output),
                                 counted(places, "broken place"), counted(report.pages.unreadable, "page"));
  if (anywhere) text += "; one change cannot be placed: any of the pages may be another one";
  if (report.pages.unreadable == 0) return text;
  return text + (request.as->marks_lost_pages
                     ? " and marked as unreadable"
                     : "; --as hib would mark them, here they read as zeros or are left out");
}

}  // namespace

void print_convert(std::ostream& out, const ConvertRequest& request, const ConvertReport& report) {
  out << printable(request.output) << ": " << describe_pages(report.pages, report.source.page_size) << "\n";
  for (const std::string& line : report.written.lines) out << "  " << line << "\n";
  out << "  " << ContentDigest::text(report.content_digest) << "\n";
}

std::vector<std::string> notes_of(const ConvertRequest& request, const ConvertReport& report) {
  std::vector<std::string> notes;
  if (report.pages.absent > 0 && request.as->zeros_for_absent) {
    notes.push_back(fmt::format("{}: {} that the source does not hold: zeros in a {} image",
                                printable(request.output), counted(report.pages.absent, "page"),
                                request.as->name));
  }
  if (!report.damage.empty()) notes.push_back(lost_pages(request, report));
  return notes;
}

Json json_of_convert(const std::string& verb, const ConvertRequest& request, const ConvertReport& report) {
  Json document = json_document(verb);
  document["source"] = printable(request.source);
  document["source_format"] = report.source.format;
  document["output"] = printable(request.output);
  document["format"] = request.as->name;
  document["pages"] = json_of_pages(report.pages);
  document["content_digest"] = ContentDigest::text(report.content_digest);
  document.update(json_of_fields(report.written.facts));
  document["damage"] = json_of_damage(report.damage);
  return document;
}

}  // namespace hib::report
