#pragma once

#include "lib/image/format.h"

namespace hib::kdump {
extern const Format kFormat;
}
