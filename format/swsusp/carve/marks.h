// By what a page is known to be a part of an image, on its own: without a header, and before anything leads
// to it.
#pragma once

#include <cstdint>
#include <optional>

#include "format/swsusp/abi.h"
#include "lib/base/bytes.h"

namespace hib::swsusp {

// A number of a block that no device has.
inline constexpr std::uint64_t kTooManyBlocks = std::uint64_t{1} << 40;

// A map page as the kernel leaves it: blocks of which none is named twice, then zeros; and the block of the
// next map page, which only a full one has.
struct MapPageMark {
  std::uint64_t first_entry = 0;
  std::uint64_t last_entry = 0;
  std::uint64_t smallest = 0;  // of the entries
  std::uint64_t largest = 0;   // of the entries and the next map page
  std::uint64_t next = 0;
  std::uint32_t entries = 0;

  friend bool operator==(const MapPageMark&, const MapPageMark&) = default;
};
std::optional<MapPageMark> map_page_mark(ByteView page, const Abi& abi);

// At least three quarters of its entries name blocks of the device: a map page, with some of them changed.
bool is_like_map_page(ByteView page, const Abi& abi, std::uint64_t block_count);

// An info page whose counts agree with each other and with the machine's memory. Gives its abi.
std::optional<Abi> info_page_mark(ByteView head);

// The header page of a uswsusp image, which leads to its first page of extents: that page's byte on the
// device.
std::optional<std::uint64_t> uswsusp_mark(ByteView page, const Abi& abi);
// Such a page: its first extent makes sense.
bool is_like_extents_page(ByteView page, const Abi& abi, std::uint64_t device_bytes);

}  // namespace hib::swsusp
