// Reports for people: columns that line up, everything hostile escaped.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "lib/ops/diff.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"
#include "lib/report/style.h"

namespace hib::report {

void print_runs(std::ostream& out, const std::vector<PageRun>& runs, std::uint32_t page_size);
void print_map(std::ostream& out, const std::vector<LabelledRange>& map);
void print_records(std::ostream& out, const Style& style, const std::vector<Record>& records);
void print_page_hex(std::ostream& out, Pfn pfn, ByteView page);
void print_verify(std::ostream& out, const Style& style, const VerifyReport& report, const ImageInfo& info);
void print_diff(std::ostream& out, const Style& style, const DiffReport& report, const ImageInfo& before,
                const ImageInfo& now);
void print_sides(std::ostream& out, std::string_view before, std::string_view before_format,
                 std::string_view now, std::string_view now_format);
void print_history(std::ostream& out, const std::vector<Breadcrumb>& history);

// "65,536 in 256 MiB: 20,111 data, 45,425 zero"
std::string describe_pages(const PageCounts& pages, std::uint32_t page_size, std::string_view noun = "");
// "68 pages, PFN 0x1aa…0x4341, in 40 runs": those of memory, or of the swapped-out pages; empty: none.
std::string describe_lost(const std::vector<PfnRange>& ranges, bool swapped);
// "17 (0x11)", the text, "4,096 bytes"; empty for a list of fields.
std::string describe_value(const FieldValue& value);

}  // namespace hib::report
