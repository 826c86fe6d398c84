#include "lib/report/convert.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/content_digest.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

std::string describe_loss(const ConvertRequest& request, const ConvertReport& report) {
  const bool anywhere = std::any_of(report.damage.begin(), report.damage.end(),
                                    [](const Damage& damage) { return damage.anywhere; });
  std::string text = printable(request.output) + ": ";
  if (!report.damage.empty()) text += counted(report.damage.size(), "broken place") + " in the source, ";
  text += lost_pages(report.pages.unreadable + report.missing_pages, report.source);
  if (anywhere) text += "; something changed in one of the pages, and in which cannot be told";
  if (report.missing_pages > 0) {
    text += "; " + counted(report.missing_pages, "page") + " whose place is not known left out";
  }
  if (report.pages.unreadable == 0) return text;
  return text + (report.marks_lost_pages
                     ? "; marked as unreadable"
                     : "; in this format they read as zeros or are missing, --as hib marks them");
}

std::string describe_missing_slots(const ConvertRequest& request, const ConvertReport& report) {
  const std::string output = printable(request.output);
  if (!report.missing_slots) {
    return output + ": whether the machine had swapped out pages is not known: none of them are in the image";
  }
  return fmt::format(
      "{}: {} that the machine had swapped out are not in the source: the image can be looked at, and not "
      "resumed from; restore --as swsusp refuses it without --without-swapped-pages",
      output, counted(*report.missing_slots, "page"));
}

}  // namespace

void print_convert(std::ostream& out, const ConvertRequest& request, const ConvertReport& report) {
  out << printable(request.output) << ": " << describe_pages(report.pages, report.source.page_size, " pages")
      << "\n";
  for (const std::string& line : report.written.lines) out << "  " << line << "\n";
  out << "  content digest " << ContentDigest::text(report.content_digest) << "\n";
}

std::vector<std::string> notes_of(const ConvertRequest& request, const ConvertReport& report) {
  std::vector<std::string> notes;
  const std::uint64_t known = report.pages.present() + report.pages.unreadable;
  if (report.source.end_pfn > known && request.as->zeros_for_absent) {
    notes.push_back(fmt::format(
        "{}: {} that the source does not hold: zeros in a {} image, whose content digest is another",
        printable(request.output), counted(report.source.end_pfn - known, "page"), request.as->name));
  }
  if (request.as->takes_page_size && report.source.page_size != OpenOptions().page_size) {
    notes.push_back(fmt::format(
        "{}: a {} image does not say that its pages have {} bytes: read it with --page-size {}",
        printable(request.output), request.as->name, report.source.page_size, report.source.page_size));
  }
  if (report.other_kernel) {
    notes.push_back(fmt::format(
        "{}: the memory is of Linux {}, the added records are of Linux {}: what they say of their "
        "kernel is left out",
        printable(request.output), printable(report.other_kernel->in_memory),
        printable(report.other_kernel->added)));
  }
  if (report.live) {
    notes.push_back(fmt::format("{}: the machine went on: of {} looked at again {} had changed",
                                printable(request.output), counted(report.live->pages, "page"),
                                grouped(report.live->changed)));
  }
  if (report.missing_slots != std::uint64_t{0}) notes.push_back(describe_missing_slots(request, report));
  if (report.is_partial()) notes.push_back(describe_loss(request, report));
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
  if (report.missing_slots.value_or(0) > 0) document["missing_slots"] = *report.missing_slots;
  if (report.live) {
    document["live"] = {{"sampled_pages", report.live->pages}, {"changed_pages", report.live->changed}};
  }
  document["damage"] = json_of_damage(report.damage);
  return document;
}

}  // namespace hib::report
