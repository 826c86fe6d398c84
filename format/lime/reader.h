// LiME 1: a header before each range of memory (504ensicsLabs/LiME, src/lime.h).
#pragma once

#include "format/backend.h"

namespace hib::lime {
extern const Backend kBackend;
}
