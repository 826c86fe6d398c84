#pragma once

#include "format/backend.h"

namespace hib::swsusp {

extern const Backend kSwsuspBackend;    // swap areas of every dialect: swsusp, uswsusp, TuxOnIce
extern const Backend kSnapshotBackend;  // the stream of /dev/snapshot in a file

}  // namespace hib::swsusp
