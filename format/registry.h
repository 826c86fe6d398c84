// The table of all formats (lib/image/format.h).
#pragma once

#include "lib/image/format.h"

namespace hib {

const Formats& formats();

}  // namespace hib
