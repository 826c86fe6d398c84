// The pages of a machine's memory. Every page is in exactly one state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hib {

using Pfn = std::uint64_t;  // physical address / page size

// What an image says of a page before its bytes are looked at.
enum class PageState : std::uint8_t {
  Data,        // present: its bytes can be read
  Fill,        // present: every byte has one known value; a zero page is Fill with value 0
  Absent,      // part of the machine's memory, but not in this image
  Unreadable,  // should be here, but its bytes are lost
};

constexpr std::string_view name_of(PageState state) {
  switch (state) {
    case PageState::Data: return "data";
    case PageState::Fill: return "fill";
    case PageState::Absent: return "absent";
    case PageState::Unreadable: return "unreadable";
  }
  return "unknown";
}

struct PageRun {
  Pfn first = 0;
  std::uint64_t count = 0;
  PageState state = PageState::Data;
  std::uint8_t fill = 0;  // Fill only

  Pfn end() const { return first + count; }
  bool is_present() const { return state == PageState::Data || state == PageState::Fill; }
  bool continues(const PageRun& previous) const {
    return first == previous.end() && state == previous.state &&
           (state != PageState::Fill || fill == previous.fill);
  }
};

// Highest PFN that any reader accepts: 2^52 bytes of physical address space (x86-64, arm64 and s390x have no
// more).
constexpr Pfn kMaxPfn = (std::uint64_t{1} << 52) / 4096;

// Swapped-out pages have numbers behind all memory: kFirstSwapped + their slot, the page of the swap area
// that holds them (docs/format/hib.md §11).
constexpr Pfn kFirstSwapped = kMaxPfn;
constexpr Pfn kMaxPageNumber = 2 * kMaxPfn;
constexpr bool is_swapped(Pfn number) { return number >= kFirstSwapped; }

constexpr std::uint32_t kMinPageBytes = 4096;
constexpr std::uint32_t kMaxPageBytes = 65536;

// Pages by state. `data` counts pages whose bytes are not all zero.
struct PageCounts {
  std::uint64_t data = 0;
  std::uint64_t zero = 0;
  std::uint64_t absent = 0;
  std::uint64_t unreadable = 0;

  std::uint64_t total() const { return data + zero + absent + unreadable; }
  std::uint64_t present() const { return data + zero; }
  void add(const PageRun& run) {
    switch (run.state) {
      case PageState::Data: data += run.count; break;
      case PageState::Fill: (run.fill == 0 ? zero : data) += run.count; break;
      case PageState::Absent: absent += run.count; break;
      case PageState::Unreadable: unreadable += run.count; break;
    }
  }
  friend bool operator==(const PageCounts&, const PageCounts&) = default;
};

}  // namespace hib
