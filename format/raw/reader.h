// Raw physical memory: the file is the memory, from --base-address on.
#pragma once

#include "format/backend.h"

namespace hib::raw {
extern const Backend kBackend;
}
