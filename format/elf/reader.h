// ELF vmcores: /proc/vmcore, makedumpfile -E, QEMU's dump-guest-memory.
#pragma once

#include "format/backend.h"

namespace hib::elf {
extern const Backend kBackend;
}
