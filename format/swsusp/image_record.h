// The record "swsusp": all that a hibernation image has beside its pages, so that one can be written again
// from any format (docs/format/records.md).
#pragma once

#include "format/swsusp/header.h"
#include "format/swsusp/info_page.h"
#include "format/swsusp/map_chain.h"
#include "lib/image/record.h"

namespace hib::swsusp {

inline constexpr std::string_view kSwsuspRecord = "swsusp";

struct ImageRecord {
  InfoPage info;
  std::string codec = "lzo";
  std::uint32_t flags = 0;
  std::uint32_t hw_sig = 0;
  bool uses_zero_flag = false;
  std::string swap_uuid;
  std::string swap_label;
  std::uint64_t header_block = 0;
  std::vector<BlockList::Run> blocks;  // map pages and stream, in ascending order; empty when unknown
};

Record encode_image_record(const ImageRecord& image);
Result<ImageRecord> decode_image_record(const Record& record);

}  // namespace hib::swsusp
