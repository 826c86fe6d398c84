#pragma once

#include "lib/image/format.h"

namespace hib::lime {
extern const Format kFormat;
}
