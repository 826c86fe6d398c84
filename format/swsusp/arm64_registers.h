// The registers of an arm64 kernel at the moment of its snapshot: what swsusp_arch_suspend() has to get back.
#pragma once

#include <optional>

#include "format/swsusp/restore_tables.h"
#include "lib/image/vmcore_notes.h"

namespace hib::swsusp {

// A PRSTATUS note with x19 to x30, sp, and pc: where __cpu_suspend_enter() returns to. The kernel saves no
// others. _cpu_resume, where the restore record points, loads them; its code says where they are.
std::optional<Note> find_arm64_registers(const PhysicalMemory& memory, const Arm64Tables& tables,
                                         const Arm64Record& record);

}  // namespace hib::swsusp
