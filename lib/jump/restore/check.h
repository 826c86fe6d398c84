// What an image claims about where a jump would lead, compared with the machine on which it would happen. The
// image may be anybody's, and all of this is checked before anything is changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/jump/module/context.h"
#include "lib/jump/restore/page_walk.h"
#include "lib/os/machine.h"

namespace hib::jump {

// The firmware lays memory out again on each boot. With another layout, pages of the machine may have no RAM.
// The order of the entries tells nothing: memory that was added while the machine ran comes last there, and
// first at the next boot.
Result<void> check_memory_map(std::vector<MemoryMapEntry> here, std::vector<MemoryMapEntry> in_image);

// `pages`, ascending, are all that the machine used as RAM. They must lie in RAM here and outside of the
// crash region; below 640 KiB they must be pages of which the context keeps a copy.
Result<void> check_places(const Context& context, const std::vector<MemoryRange>& pages,
                          const std::vector<MemoryMapEntry>& here);

// ACPI: the firmware's signature of the hardware. A hypervisor changes it where the machine is not to be
// resumed, so that is refused. The firmware of other machines changes it for no reason, too (the kernel only
// warns there): the result is what to say, or empty.
inline constexpr std::string_view kAcceptHardware = "hardware=other";
Result<std::string> check_hardware(std::optional<std::uint64_t> saved, std::optional<std::uint64_t> here,
                                   bool is_virtual);

// The jump ends at the machine's own code, with its own context. By its page tables, both must lie in pages
// of the image.
Result<void> check_entry(const Context& context, const std::vector<MemoryRange>& pages,
                         const ReadPhysicalPage& read);

}  // namespace hib::jump
