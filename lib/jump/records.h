// What an image that a jump made says beside the memory itself: of the machine, of the jump, of the kernel
// that saved it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/device/device.h"
#include "lib/image/record.h"
#include "lib/jump/module/context.h"
#include "lib/jump/module/device.h"
#include "lib/jump/record.h"
#include "lib/os/machine.h"

namespace hib::jump {

// The machine as it is now: "machine" and "devices".
std::vector<Record> records_of_this_machine();

// The same and the jump: what the machine gives to the module as it leaves. `target` is the block device that
// the image goes to.
std::vector<Record> records_on_leaving(const DeviceInfo& device, const JumpId& id, const std::string& target);

// What is known when the machine is armed: without the devices. The saver falls back on it.
std::vector<Record> records_on_arming(const DeviceInfo& device, const JumpId& id);

// Saver: what the machine left in its memory replaces what it wrote when it was armed. An image without some
// of it is still an image: what is missing and why is said in the record "jump", and returned; "" when all is
// there.
std::string add_left_records(std::vector<Record>& records, const Device& device, const Context& context);

// Saver: the registers of the task that left, by the note at physical `address` that the module writes then.
// /proc/vmcore has them as they were when the saver was booted.
Result<void> add_registers(std::vector<Record>& records, const Device& device, std::uint64_t address);

// Saver: the running kernel, as the one that saves, is added to the record "jump".
Result<void> add_saved_by(std::vector<Record>& records, bool has_stood_by);

// The firmware's memory map in records; empty where there is none.
std::vector<MemoryMapEntry> recorded_memory_map(const std::vector<Record>& records);

// Says of the disk or partition at `path` that it carries the image of this jump. `source` is who says so.
void mark_image(device::DeviceSet& set, const std::string& path, const JumpId& id, std::string_view source);

}  // namespace hib::jump
