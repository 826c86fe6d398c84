// The first page of a swap area, and the hibernation header that lies at its end.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "format/swsusp/abi.h"
#include "format/swsusp/layout.h"
#include "lib/base/error.h"

namespace hib::swsusp {

enum class Dialect { Swsusp, Uswsusp };

enum class State {
  Plain,     // a swap area without an image
  Armed,     // the next kernel will try to resume from it
  Consumed,  // a kernel has tried: the signature is taken back, the image may be whole
};

// The header page, taken apart. Nothing is checked here but the signatures.
struct Header {
  Dialect dialect = Dialect::Swsusp;
  State state = State::Plain;
  std::uint32_t page_size = 4096;
  bool big_endian = false;

  std::string sig;       // as it stands there, 10 bytes
  std::string orig_sig;  // armed: what the kernel will put back
  std::uint32_t hw_sig = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t image = 0;  // Swsusp: block of the first map page
  std::uint32_t flags = 0;  // Swsusp
  std::uint64_t uswsusp_image =
      0;  // Uswsusp: byte offset of the image's header; lies over `image` and `flags`

  std::array<std::byte, kUuidBytes> uuid{};
  std::string label;
  std::uint32_t swap_version = 0;
  std::uint32_t last_page = 0;
  std::uint32_t bad_count = 0;           // as stated
  std::vector<std::uint32_t> bad_pages;  // those that fit into the page

  bool has_crc() const { return (flags & kFlagCrc) != 0; }
  bool has_hw_sig() const { return (flags & kFlagHwSig) != 0; }
  bool compressed() const { return (flags & kFlagNoCompress) == 0; }
  const char* codec() const { return !compressed() ? "none" : (flags & kFlagLz4) != 0 ? "lz4" : "lzo"; }
  std::string uuid_text() const;  // empty when it has none
};

// `head` is what the area begins with, up to 64 KiB. None when there is no swap signature at the end of a
// page of any size.
std::optional<Header> find_header(ByteView head);

// Sets the fields of the header page that belong to an image; everything else in it stays.
void encode_tail(const Header& header, MutableBytes page);

}  // namespace hib::swsusp
