// How many pages a stream has, and how many of them are data: told by the info page, which no checksum
// covers, by the PFN list, and by what the stream lies in.
#pragma once

#include <optional>

#include "format/swsusp/info_page.h"
#include "format/swsusp/pfn_list.h"

namespace hib::swsusp {

struct StreamCounts {
  std::uint64_t pages = 0;        // more than image_pages
  std::uint64_t image_pages = 0;  // data pages
};

// What most of them say. `counted`: PageStream::counted_pages(). `list`: null when where the list ends is not
// known.
StreamCounts judge_counts(const InfoPage& info, std::optional<std::uint64_t> counted, const PfnCounter* list);

// The fields of the info page that say something else than `counts`, and what they should say.
std::vector<Error> wrong_counts(const InfoPage& info, const StreamCounts& counts, std::uint64_t file_offset);

}  // namespace hib::swsusp
