#include "lib/jump/restore/check.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::jump {
namespace {

constexpr std::uint32_t kE820Ram = 1;
constexpr std::uint64_t kKernelHalf = 1ULL << 63;

std::string describe(const MemoryMapEntry& entry) {
  return fmt::format("{} to {} {}", hex(entry.start), hex(entry.start + entry.size - 1),
                     printable(entry.name));
}

Error wrong_place(const MemoryRange& range, const char* allowed) {
  return make_error(ErrorKind::Corrupt, "pages", fmt::format("{} to {}", hex(range.start), hex(range.end())),
                    allowed);
}

bool holds(const std::vector<MemoryRange>& pages, std::uint64_t address) {
  return std::any_of(pages.begin(), pages.end(),
                     [&](const MemoryRange& range) { return range.contains(address, kPageBytes); });
}

}  // namespace

Result<void> check_memory_map(std::vector<MemoryMapEntry> here, std::vector<MemoryMapEntry> in_image) {
  const auto by_address = [](const MemoryMapEntry& a, const MemoryMapEntry& b) {
    return std::tie(a.start, a.size) < std::tie(b.start, b.size);
  };
  std::sort(here.begin(), here.end(), by_address);
  std::sort(in_image.begin(), in_image.end(), by_address);
  const auto same = [](const MemoryMapEntry& a, const MemoryMapEntry& b) {
    return a.start == b.start && a.size == b.size && a.name == b.name;
  };
  for (std::size_t i = 0; i < std::max(here.size(), in_image.size()); ++i) {
    if (i < here.size() && i < in_image.size() && same(here[i], in_image[i])) continue;
    return fail(make_error(
        ErrorKind::Refused, fmt::format("memory map of this machine, entry {}", i),
        i < here.size() ? describe(here[i]) : "nothing",
        i < in_image.size() ? describe(in_image[i]) + " as in the image" : "nothing, as in the image"));
  }
  return {};
}

Result<void> check_places(const Context& context, const std::vector<MemoryRange>& pages,
                          const std::vector<MemoryMapEntry>& here) {
  const MemoryRange& region = context.region;
  const auto is_ram = [&](const MemoryRange& range) {
    return std::any_of(here.begin(), here.end(), [&](const MemoryMapEntry& entry) {
      return entry.type == kE820Ram &&
             MemoryRange{entry.start, entry.size}.contains(range.start, range.bytes);
    });
  };
  if (region.bytes == 0 || !is_ram(region)) return fail(wrong_place(region, "a crash region in RAM"));
  std::uint64_t end = 0;
  for (const MemoryRange& range : pages) {
    if (range.start < end) return fail(wrong_place(range, "each page once"));
    if (!is_ram(range)) return fail(wrong_place(range, "RAM of this machine"));
    if (range.start < region.end() && region.start < range.end())
      return fail(wrong_place(range, "nothing in the crash region"));
    end = range.end();
    if (range.start >= kLowEnd) continue;
    const bool is_kept = std::any_of(context.low.begin(), context.low.end(), [&](const MemoryRange& low) {
      return low.start == range.start && low.bytes == range.bytes;
    });
    if (!is_kept) return fail(wrong_place(range, "the low memory that the context names"));
  }
  return {};
}

Result<std::string> check_hardware(std::optional<std::uint64_t> saved, std::optional<std::uint64_t> here,
                                   bool is_virtual) {
  if (!saved || !here || *saved == *here) return std::string();
  const std::string found = fmt::format("signature {}", hex(*here));
  const std::string allowed = fmt::format("{}, as in the image", hex(*saved));
  if (is_virtual)
    return fail(make_error(ErrorKind::Refused, "hardware, by the firmware", found, allowed)
                    .advise(fmt::format("--accept {} goes on all the same", kAcceptHardware)));
  return fmt::format("the firmware says that the hardware has changed: {}, expected {}", found, allowed);
}

Result<void> check_entry(const Context& context, const std::vector<MemoryRange>& pages,
                         const ReadPhysicalPage& read) {
  const auto corrupt = [](const char* field, std::uint64_t found, const char* allowed) {
    return fail(make_error(ErrorKind::Corrupt, std::string("jump context: ") + field, hex(found), allowed));
  };
  if (context.table % kPageBytes != 0 || !holds(pages, context.table))
    return corrupt("table", context.table, "page tables in the image");
  if ((context.entry & kKernelHalf) == 0) return corrupt("entry", context.entry, "an address of the kernel");
  if ((context.self & kKernelHalf) == 0) return corrupt("self", context.self, "an address of the kernel");
  TRY(const auto entry, translate(read, context.table, context.five_levels, context.entry));
  if (!entry || !holds(pages, *entry / kPageBytes * kPageBytes))
    return corrupt("entry", context.entry, "code in the image");
  TRY(const auto self, translate(read, context.table, context.five_levels, context.self));
  if (!self || *self != context.address)
    return corrupt("self", context.self, "the address of the context itself");
  return {};
}

}  // namespace hib::jump
