// The other direction: an image of any format, laid out as the stream of a snapshot.
#pragma once

#include <vector>

#include "format/swsusp/image_record.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

struct StreamPlan {
  ImageRecord record;  // its info page has the counts of this stream
  std::vector<std::byte> info_page;
  std::vector<std::byte> pfn_pages;
  std::vector<PageRun> data_runs;  // pages that are stored, in stream order; their PFNs ascend

  std::uint64_t pfn_page_count() const { return pfn_pages.size() / record.info.abi.page_size; }
  bool stores(Pfn pfn) const;  // false for a page that only has a zero flag in the PFN list
};

// Refused when the source lacks the record "swsusp", or has lost pages: a kernel must not resume from that.
Result<StreamPlan> plan_stream(const ImageReader& source);

}  // namespace hib::swsusp
