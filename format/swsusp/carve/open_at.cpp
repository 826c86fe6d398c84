// --at: an image by the block of its first map page, or of uswsusp's header page.
#include <fmt/format.h>

#include "format/swsusp/carve/carve.h"
#include "format/swsusp/carve/headerless.h"
#include "format/swsusp/layout.h"
#include "lib/base/text.h"
#include "lib/image/place.h"

namespace hib::swsusp {
namespace {

// How well a block fits.
enum class Fit { None, MapPage, MapPageOfSomething, Image };

struct Candidate {
  Device device;
  Abi abi;
  Fit fit = Fit::None;
  bool is_uswsusp = false;
};

// Where the entry leads that has to be the info page.
Fit fit_of_map_page(const BlockSpace& space, const Abi& abi, ByteView map_page) {
  if (!is_like_map_page(map_page, abi, space.block_count())) return Fit::None;
  std::vector<std::byte> page(abi.page_size);
  const std::uint64_t first = abi.u64(map_page, 0);
  if (first != 0 && space.contiguous(first, 1) == 1 && space.read(first, page)) {
    const InfoPage info = parse_info_page(page, abi, true);
    if (info.claims_agree()) return Fit::Image;
    if (info.evidence > 0) return Fit::MapPageOfSomething;
  }
  return map_page_mark(map_page, abi) ? Fit::MapPage : Fit::None;
}

bool is_uswsusp_header(const BlockSpace& space, const Abi& abi, ByteView page) {
  const auto map_start = uswsusp_mark(page, abi);
  std::vector<std::byte> extents(abi.page_size);
  return map_start && space.read(*map_start / abi.page_size, extents) &&
         is_like_extents_page(extents, abi, space.block_count() * abi.page_size);
}

// Page size and byte order are those for which the block makes the most sense.
Candidate best_fit(const Device& device, std::uint64_t block) {
  Candidate best{device, {}, Fit::None, false};
  for (const std::uint32_t page_size : kPageSizes) {
    const BlockSpace space = device.space(page_size);
    std::vector<std::byte> page(page_size);
    if (space.contiguous(block, 1) == 0 || !space.read(block, page)) continue;
    for (const bool big_endian : {false, true}) {
      const Abi abi{page_size, 8, big_endian};
      const Fit fit = fit_of_map_page(space, abi, page);
      if (fit > best.fit) best = {device, abi, fit, false};
      if (best.fit < Fit::Image && is_uswsusp_header(space, abi, page))
        best = {device, abi, Fit::Image, true};
    }
  }
  return best;
}

Candidate find_candidate(const std::shared_ptr<const File>& file, const ImagePlace& place) {
  const auto partitions = list_partitions(*file);
  std::vector<std::int64_t> starts = {place.device_start.value_or(0)};
  if (!place.device_start) {
    for (const Partition& partition : partitions)
      starts.push_back(static_cast<std::int64_t>(partition.offset));
  }
  Candidate best;
  for (const std::int64_t start : starts) {
    Candidate candidate = best_fit(device_at(file, partitions, start), place.block);
    if (candidate.fit > best.fit) best = std::move(candidate);
  }
  return best;
}

}  // namespace

Result<std::unique_ptr<ImageReader>> open_at(std::shared_ptr<const File> file, const OpenOptions& options) {
  const ImagePlace place = options.at.value_or(ImagePlace{});
  const Candidate candidate = find_candidate(file, place);
  const auto refuse = [&](std::string found) {
    return fail(file->error(ErrorKind::NotRecognised, 0, "--at " + to_text(place), std::move(found),
                            "the first map page of an image, as inspect --carve lists it"));
  };
  if (candidate.fit == Fit::None) return refuse("no map page of an image in that block");
  if (candidate.is_uswsusp)
    return open_headerless_uswsusp(candidate.device, candidate.abi, place.block, options.passphrase);
  TRY(auto image, open_headerless(candidate.device, candidate.abi, place.block));
  if (image.reader->info().pages.total() == 0)
    return refuse("what is left of an image: its PFN list is lost, so which page is which is not known");
  return std::move(image.reader);
}

}  // namespace hib::swsusp
