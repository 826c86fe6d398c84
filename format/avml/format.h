#pragma once

#include "lib/image/format.h"

namespace hib::avml {
extern const Format kFormat;
}
