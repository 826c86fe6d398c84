// Reports for people: columns that line up, everything hostile escaped.
#pragma once

#include <ostream>

#include "cli/style.h"
#include "lib/ops/diff.h"
#include "lib/ops/inspect.h"
#include "lib/ops/verify.h"

namespace hib::cli {

void print_inspect(std::ostream& out, const Style& style, const InspectReport& report);
void print_runs(std::ostream& out, const std::vector<PageRun>& runs, std::uint32_t page_size);
void print_map(std::ostream& out, const std::vector<LabelledRange>& map);
void print_records(std::ostream& out, const Style& style, const std::vector<Record>& records);
void print_page_hex(std::ostream& out, Pfn pfn, ByteView page);
void print_verify(std::ostream& out, const Style& style, const VerifyReport& report, const ImageInfo& info);
void print_diff(std::ostream& out, const Style& style, const DiffReport& report, const ImageInfo& a,
                const ImageInfo& b);

// "65,536 in 256 MiB: 20,111 data, 45,425 zero"
std::string describe_pages(const PageCounts& pages, std::uint32_t page_size);

}  // namespace hib::cli
