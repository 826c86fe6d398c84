// A log that was given in the place of the image.
#pragma once

#include "lib/base/error.h"

namespace hib::diagnose {

// The same error, which says how a log is given where `error` is that its file is no image, and it is a log.
Error with_hint_of_log(Error error);

}  // namespace hib::diagnose
