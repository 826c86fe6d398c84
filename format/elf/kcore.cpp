#include "format/elf/kcore.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/elf/layout.h"

namespace hib::elf {
namespace {

constexpr std::uint64_t kNoPhysicalAddress = ~std::uint64_t{0};

}  // namespace

bool is_kcore(const Headers& headers) {
  return std::any_of(headers.program.begin(), headers.program.end(), [](const ProgramHeader& segment) {
    return segment.type == kPtLoad && segment.paddr == kNoPhysicalAddress;
  });
}

std::vector<Extent> system_ram(const Headers& headers) {
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < headers.program.size(); ++i) {
    const ProgramHeader& segment = headers.program[i];
    if (segment.type != kPtLoad || segment.paddr == kNoPhysicalAddress || segment.memsz == 0) continue;
    extents.push_back(
        {segment.paddr, segment.memsz, segment.offset, segment.filesz, fmt::format("PT_LOAD {}", i)});
  }
  const auto lies_inside = [](const Extent& inner, const Extent& outer) {
    return inner.size_bytes < outer.size_bytes && inner.physical >= outer.physical &&
           inner.physical - outer.physical <= outer.size_bytes - inner.size_bytes;
  };
  const std::vector<Extent> all = extents;
  std::erase_if(extents, [&](const Extent& one) {
    return std::any_of(all.begin(), all.end(), [&](const Extent& other) { return lies_inside(one, other); });
  });
  return extents;
}

}  // namespace hib::elf
