#pragma once

#include "lib/image/format.h"

namespace hib::elf {
extern const Format kFormat;
}
