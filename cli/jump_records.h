// What an image that a jump made says beside the memory itself: of the jump, of the machine, of the kernel
// that saved it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/image/record.h"
#include "lib/jump/context.h"
#include "lib/jump/device.h"
#include "lib/os/machine.h"

namespace hib::cli {

inline constexpr std::string_view kJumpRecord = "jump";

// The machine as it is now: "machine" and "devices".
std::vector<Record> records_of_this_machine();

// The same and the jump: what A gives to the module as it leaves. `device` and `id` are of what is armed;
// `target` is the block device that the image goes to.
std::vector<Record> records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id,
                                 const std::string& target);

// What is known when A arms: without the devices. B falls back on it.
std::vector<Record> first_records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id);

// B: what A left in its memory, over what it wrote when it armed. An image without some of it is still an
// image: what is missing and why is said in the record "jump", and returned; "" when all is there.
std::string add_left_records(std::vector<Record>& records, const jump::Device& device,
                             const jump::Context& context);

// B: the registers of the task that left, by the note at physical `address` that the module writes then.
// /proc/vmcore has them as they were when B was booted.
Result<void> add_registers(std::vector<Record>& records, const jump::Device& device, std::uint64_t address);

// The running kernel as the one that saves: added to A's records.
void add_saver(std::vector<Record>& records, bool has_stood_by);

// The firmware's memory map in records; empty where there is none.
std::vector<MemoryMapEntry> recorded_memory_map(const std::vector<Record>& records);

}  // namespace hib::cli
