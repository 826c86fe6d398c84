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

// The same, "processor", "jump" and "memory": what the machine gives to the module as it leaves. `target` is
// the block device that receives the image.
Result<std::vector<Record>> records_on_leaving(const DeviceInfo& device, const JumpId& id,
                                               const std::string& target);

// The records when the machine is armed, without the devices. The saver uses them when it finds no newer
// ones.
Result<std::vector<Record>> records_on_arming(const DeviceInfo& device, const JumpId& id);

// Saver: records that the machine left in its memory replace those of arming. An image without some of them
// is still an image: the record "jump" says what is missing and why. Returns the same text, "" when all are
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
