// What an image that a jump made says beside the memory itself: of the jump, of the machine, of the kernel that saved it.
#pragma once

#include <string_view>
#include <vector>

#include "lib/image/record.h"
#include "lib/jump/device.h"
#include "lib/os/machine.h"

namespace hib::cli {

inline constexpr std::string_view kJumpRecord = "jump";

// A, before it leaves.
std::vector<Record> records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id, const std::vector<MemoryMapEntry>& firmware_map);

// The running kernel as the one that saves: added to A's records.
void add_saver(std::vector<Record>& records);

// The firmware's memory map in records; empty where there is none.
std::vector<MemoryMapEntry> recorded_memory_map(const std::vector<Record>& records);

}  // namespace hib::cli
