#include "lib/report/text.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/content_digest.h"
#include "lib/report/clock.h"

namespace hib::report {
namespace {

constexpr std::size_t kShownDamage = 20;
constexpr std::size_t kShownRanges = 20;
constexpr std::size_t kHexBytesPerLine = 16;
constexpr std::size_t kShownFieldBytes = 400;

template <typename... Args>
void print(std::ostream& out, fmt::format_string<Args...> format, Args&&... args) {
  out << fmt::format(format, std::forward<Args>(args)...);
}

void row(std::ostream& out, const char* name, const std::string& value) {
  print(out, "  {:<14}{}\n", name, value);
}

std::string marked(const Style& style, LayerResult result) {
  switch (result) {  // padded before colouring: escapes have no width
    case LayerResult::Ok: return style.green(fmt::format("{:<13}", "ok"));
    case LayerResult::Bad: return style.red(fmt::format("{:<13}", "BAD"));
    case LayerResult::NotChecked: return style.yellow(fmt::format("{:<13}", "not checked"));
    case LayerResult::NotProvable: return style.yellow(fmt::format("{:<13}", "not provable"));
  }
  return "";
}

}  // namespace

std::string describe_value(const FieldValue& value) {
  if (const auto* number = std::get_if<std::uint64_t>(&value))
    return fmt::format("{} ({})", *number, hex(*number));
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value))
    return fmt::format("{} bytes", grouped(bytes->size()));
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr
             ? ""
             : printable(text->substr(0, kShownFieldBytes)) + (text->size() > kShownFieldBytes ? " …" : "");
}

std::string describe_lost(const std::vector<PfnRange>& ranges, bool swapped) {
  std::uint64_t pages = 0;
  std::size_t runs = 0;
  Pfn first = kMaxPageNumber;
  Pfn last = 0;
  for (const auto& [from, count] : ranges) {
    if (is_swapped(from) != swapped || count == 0) continue;
    ++runs;
    pages += count;
    first = std::min(first, from);
    last = std::max(last, from + count - 1);
  }
  if (runs == 0) return "";
  const Pfn base = swapped ? kFirstSwapped : 0;
  std::string text = fmt::format("{}, {} {:#x}", counted(pages, swapped ? "swapped-out page" : "page"),
                                 swapped ? "slot" : "PFN", first - base);
  if (last != first) text += fmt::format("…{:#x}", last - base);
  return runs == 1 ? text : fmt::format("{}, in {} runs", text, grouped(runs));
}

namespace {

void print_fields(std::ostream& out, const FieldList& fields, std::size_t indent) {
  for (const Field& field : fields) {
    if (const auto* nested = std::get_if<FieldList>(&field.value)) {
      print(out, "{:{}}{}\n", "", indent, printable(field.name));
      print_fields(out, *nested, indent + 2);
      continue;
    }
    const auto* text = std::get_if<std::string>(&field.value);
    if (text != nullptr && text->find('\n') != std::string::npos) {
      print(out, "{:{}}{}\n", "", indent, printable(field.name));
      std::string_view rest = *text;
      while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        print(out, "{:{}}{}\n", "", indent + 2, printable(line));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      }
      continue;
    }
    print(out, "{:{}}{:<16}{}\n", "", indent, printable(field.name), describe_value(field.value));
  }
}

void print_ranges(std::ostream& out, const char* title, const std::vector<PfnRange>& ranges,
                  std::uint32_t page_size, const char* unit) {
  if (ranges.empty()) return;
  print(out, "  {} ({}):\n", title, counted(ranges.size(), "range"));
  for (std::size_t i = 0; i < std::min(ranges.size(), kShownRanges); ++i) {
    const auto& [first, count] = ranges[i];
    print(out, "    {} {:>#12x} + {:<10} {:>10}\n", unit, first, grouped(count),
          human_bytes(count * page_size));
  }
  if (ranges.size() > kShownRanges)
    print(out, "    … {} more; --json lists all\n", grouped(ranges.size() - kShownRanges));
}

}  // namespace

std::string describe_pages(const PageCounts& pages, std::uint32_t page_size, std::string_view noun) {
  std::string text =
      fmt::format("{}{} in {}: {} data, {} zero", grouped(pages.total()), noun,
                  human_bytes(pages.total() * page_size), grouped(pages.data), grouped(pages.zero));
  if (pages.absent > 0) text += fmt::format(", {} absent", grouped(pages.absent));
  if (pages.unreadable > 0) text += fmt::format(", {} unreadable", grouped(pages.unreadable));
  return text;
}

void print_runs(std::ostream& out, const std::vector<PageRun>& runs, std::uint32_t page_size) {
  print(out, "  {:>14}  {:>12}  {:>10}  {}\n", "first PFN", "pages", "size", "state");
  for (const PageRun& run : runs) {
    const std::string state = run.state == PageState::Fill
                                  ? (run.fill == 0 ? "zero" : fmt::format("filled with {:#04x}", run.fill))
                                  : std::string(name_of(run.state));
    print(out, "  {:>#14x}  {:>12}  {:>10}  {}\n", run.first, grouped(run.count),
          human_bytes(run.count * page_size), state);
  }
}

void print_map(std::ostream& out, const std::vector<LabelledRange>& map) {
  print(out, "  {:>14}  {:>14}  {}\n", "offset", "bytes", "what");
  for (const LabelledRange& range : map)
    print(out, "  {:>#14x}  {:>14}  {}\n", range.offset, grouped(range.size), range.label);
}

void print_records(std::ostream& out, const Style& style, const std::vector<Record>& records) {
  for (const Record& record : records) {
    print(out, "{} (version {})\n", style.bold(printable(record.type)), record.version);
    print_fields(out, record.fields, 2);
  }
}

void print_page_hex(std::ostream& out, Pfn pfn, ByteView page) {
  const std::uint64_t base = pfn * page.size();
  for (std::size_t at = 0; at < page.size(); at += kHexBytesPerLine) {
    std::string hex_part;
    std::string text_part;
    for (std::size_t i = at; i < at + kHexBytesPerLine; ++i) {
      const auto byte = std::to_integer<unsigned>(page[i]);
      hex_part += fmt::format("{}{:02x}", i == at + kHexBytesPerLine / 2 ? "  " : " ", byte);
      text_part += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    print(out, "{:012x} {}  |{}|\n", base + at, hex_part, text_part);
  }
}

namespace {

void print_layers(std::ostream& out, const Style& style, const std::vector<Layer>& layers) {
  for (const Layer& layer : layers) {
    print(out, "  {:<26}{} {}\n", layer.name, marked(style, layer.result), printable(layer.text));
  }
}

// The answer to what was asked: of the image, or of the image on a machine.
std::string headline(const Style& style, const VerifyReport& report) {
  if (report.verdict == Verdict::Damaged) return style.red("DAMAGED");
  if (!report.acceptable()) return style.red("would not be accepted");
  if (report.verdict == Verdict::Unverifiable && report.pages.unreadable > 0) {
    return style.yellow(fmt::format("whole as it was saved, {} of its source lost",
                                    counted(report.pages.unreadable, "page")));
  }
  if (report.verdict == Verdict::Unverifiable) return style.yellow("nothing wrong, but not provable");
  if (report.acceptance.empty()) return style.green("good");
  const bool all_compared =
      std::none_of(report.acceptance.begin(), report.acceptance.end(),
                   [](const Layer& layer) { return layer.result == LayerResult::NotChecked; });
  return all_compared ? style.green("good, and nothing speaks against accepting it")
                      : style.yellow("good, and nothing that could be compared speaks against accepting it");
}

void print_damage(std::ostream& out, const Style& style, const VerifyReport& report) {
  for (std::size_t i = 0; i < std::min(report.damage.size(), kShownDamage); ++i) {
    const Damage& damage = report.damage[i];
    print(out, "  {} {}\n", style.red("damage:"), damage.error.text());
    for (const bool swapped : {false, true}) {
      const std::string lost = describe_lost(damage.lost_pfns, swapped);
      if (!lost.empty()) print(out, "    lost: {}\n", lost);
    }
    if (damage.anywhere) {
      print(out, "    lost: which of the {} pages was changed cannot be told\n",
            grouped(report.pages.present()));
    }
  }
  if (report.damage.size() > kShownDamage) {
    print(out, "  … {} more; --json lists all\n", report.damage.size() - kShownDamage);
  }
}

}  // namespace

void print_verify(std::ostream& out, const Style& style, const VerifyReport& report, const ImageInfo& info) {
  print(out, "{}: {}\n", style.bold(printable(info.path)), headline(style, report));
  print_layers(out, style, report.layers);
  print_layers(out, style, report.acceptance);
  print(out, "  {:<26}{}\n", "pages", describe_pages(report.pages, info.page_size));
  print(out, "  {:<26}{}\n", "content digest", ContentDigest::text(report.content_digest));
  print_damage(out, style, report);
}

void print_sides(std::ostream& out, std::string_view before, std::string_view before_format,
                 std::string_view now, std::string_view now_format) {
  print(out, "before {} ({})\nnow    {} ({})\n", printable(before), before_format, printable(now),
        now_format);
}

namespace {

void print_comparison_of_pages(std::ostream& out, const DiffReport& report, std::uint32_t page_size,
                               const char* unit) {
  row(out, "same", grouped(report.same));
  row(out, "changed", grouped(report.changed));
  row(out, "only before", grouped(report.only_a));
  row(out, "only now", grouped(report.only_b));
  if (report.unknown > 0) row(out, "unreadable", grouped(report.unknown));
  print_ranges(out, "changed", report.changed_ranges, page_size, unit);
  print_ranges(out, "only before", report.only_a_ranges, page_size, unit);
  print_ranges(out, "only now", report.only_b_ranges, page_size, unit);
  print_ranges(out, "unreadable", report.unknown_ranges, page_size, unit);
}

}  // namespace

void print_diff(std::ostream& out, const Style& style, const DiffReport& report, const ImageInfo& before,
                const ImageInfo& now) {
  print_sides(out, before.path, before.format, now.path, now.format);
  print(out, "{}\n",
        report.identical_memory() ? style.green("identical memory") : style.yellow("the memory differs"));
  print_comparison_of_pages(out, report, before.page_size, "PFN");
  if (report.swapped != nullptr) {
    print(out, "{}\n",
          report.swapped->identical() ? style.green("identical swapped-out pages")
                                      : style.yellow("the swapped-out pages differ"));
    print_comparison_of_pages(out, *report.swapped, before.page_size, "slot");
  }
  if (report.swapped_on_one_side) print(out, "swapped-out pages are not compared: only one side has them\n");
  if (report.by_stored_hashes) {
    print(out,
          "  compared by the page hashes that both images store; the pages were not read (verify does)\n");
    return;
  }
  for (const std::string& path : report.not_read)
    print(out, "  of {} only the stored page hashes were read (verify reads its pages)\n", printable(path));
}

void print_history(std::ostream& out, const std::vector<Breadcrumb>& history) {
  if (history.empty()) return;
  out << "history\n";
  for (const Breadcrumb& crumb : history) {
    print(out, "  {:<30}{:<20}{}\n", clock_text(crumb.time_ns), phase_name(crumb.phase),
          printable(crumb.text));
  }
}

}  // namespace hib::report
