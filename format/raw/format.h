#pragma once

#include "lib/image/format.h"

namespace hib::raw {
extern const Format kFormat;
}
