// kdump-compressed dumps (makedumpfile, QEMU's dump-guest-memory -z), flat or flattened.
#pragma once

#include "format/backend.h"

namespace hib::kdump {
extern const Backend kBackend;
}
