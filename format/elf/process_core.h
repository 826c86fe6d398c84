// ELF cores of processes look like vmcores: same type, same segments.
#pragma once

#include <vector>

#include "lib/base/error.h"
#include "lib/image/vmcore_notes.h"

namespace hib::elf {

// Fails when only a process can have left such notes. Its segments have virtual addresses, and no memory of a
// machine.
Result<void> refuse_core_of_a_process(const std::vector<Note>& notes);

}  // namespace hib::elf
