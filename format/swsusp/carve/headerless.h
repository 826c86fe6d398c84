// An image by the block of its first map page, without the header that names it, or with one that names none.
#pragma once

#include "format/swsusp/carve/links.h"
#include "format/swsusp/locate.h"
#include "format/swsusp/snapshot_reader.h"
#include "format/swsusp/swap_stream.h"
#include "lib/image/carve.h"

namespace hib::swsusp {

// What else is known of the device.
struct Surroundings {
  std::vector<ChainOfFound> chains;  // all of them
  std::optional<Located> area;       // the swap area that the file is known by
};

struct HeaderlessImage {
  std::unique_ptr<ImageReader> reader;
  const SnapshotReader* snapshot = nullptr;  // the same
  const SwapStream* stream = nullptr;        // its own
  std::uint64_t first_map_block = 0;         // lost or not
  std::optional<State> named;                // by a swap header that leads to it after all: its state
  std::uint64_t lost_map_pages = 0;
  std::uint64_t rebuilt_map_pages = 0;
  std::uint64_t taken_blocks = 0;  // that another image has taken
};

// Without `around`, what lies among its blocks is searched for images that were written over it, and all of
// the file if its chain is broken.
Result<HeaderlessImage> open_headerless(const Device& device, const Abi& abi, std::uint64_t block,
                                        const Surroundings* around = nullptr);

// The image that a swap header leads to, where its chain is broken: all of its device is searched for the map
// pages behind. Unsupported where that is larger than kMostSearched, or no one part of the file.
Result<std::unique_ptr<ImageReader>> open_mended(const Located& found);
inline constexpr std::uint64_t kMostSearched = std::uint64_t{64} << 30;

// By its header page, `block` of the device.
Result<std::unique_ptr<ImageReader>> open_headerless_uswsusp(const Device& device, const Abi& abi,
                                                             std::uint64_t block,
                                                             const std::string& passphrase);

}  // namespace hib::swsusp
