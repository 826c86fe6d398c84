#include "format/swsusp/parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/image/input.h"

namespace hib::swsusp {
namespace {

std::string describe_place(const Located& found) { return found.place.empty() ? "swap area" : found.place; }

ImageState image_state(State state) {
  switch (state) {
    case State::Plain: return ImageState::None;
    case State::Armed: return ImageState::Armed;
    case State::Consumed: return ImageState::Consumed;
  }
  return ImageState::Unknown;
}

}  // namespace

ImageInfo basic_info(const Located& found) {
  const File& file = found.space.file();
  ImageInfo info;
  info.format = "swsusp";
  info.variant = describe_place(found);
  describe_input(file, info);
  info.state = image_state(found.header.state);
  info.swap_offset = found.header_block;
  info.page_size = found.header.page_size;
  info.findings = found.findings;
  const std::string uuid = found.header.uuid_text();
  if (!uuid.empty()) info.details.emplace_back("swap UUID", uuid);
  if (!found.header.label.empty()) info.details.emplace_back("swap label", found.header.label);
  info.details.emplace_back("swap header",
                            fmt::format("page {} of the device (resume_offset), byte {:#x} of the file",
                                        found.header_block, found.header_offset));
  return info;
}

void label_header(RangeMap& map, const Located& found) {
  map.add(found.header_offset, found.header.page_size,
          found.header.state == State::Plain ? "swap header" : "swap header with hibernation header");
}

std::vector<BlockList::Run> in_order(std::vector<BlockList::Run> runs) {
  std::sort(runs.begin(), runs.end(),
            [](const BlockList::Run& a, const BlockList::Run& b) { return a.block < b.block; });
  std::vector<BlockList::Run> joined;
  for (const BlockList::Run& run : runs) {
    if (!joined.empty() && joined.back().block + joined.back().count == run.block)
      joined.back().count += run.count;
    else
      joined.push_back(run);
  }
  return joined;
}

std::vector<BlockList::Run> all_blocks(const MapChain& chain) {
  std::vector<BlockList::Run> runs;
  for (const BlockList::Run& run : chain.blocks.runs()) {
    if (run.block != kNoBlock) runs.push_back({0, run.block, run.count});
  }
  for (const std::uint64_t block : chain.map_pages) runs.push_back({0, block, 1});
  return in_order(std::move(runs));
}

SlotPlaces slots_beside(const Located& found, const std::vector<BlockList::Run>& image) {
  SlotPlaces places{found.space,
                    SwapSlots::of(found),
                    std::uint64_t{found.header.last_page} + 1,
                    found.header.uuid_text(),
                    found.header.label,
                    AreaIs::Known,
                    {}};
  places.slots.remove_blocks(block_set(image));
  return places;
}

}  // namespace hib::swsusp
