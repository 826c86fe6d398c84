#pragma once

#include "lib/image/format.h"

namespace hib::hib_image {
extern const Format kFormat;
}
