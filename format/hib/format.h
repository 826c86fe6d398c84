#pragma once

#include "lib/image/format.h"

namespace hib::container {
extern const Format kFormat;
}
