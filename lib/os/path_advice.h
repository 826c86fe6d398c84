// What to do about a path that could not be opened.
#pragma once

#include "lib/base/error.h"

namespace hib {

// An error of "open", "stat", "create" or "open folder", with advice where it has none: a name beside it that
// is meant, who may read or write there, what takes a folder. Other errors come back as they are.
Error with_path_advice(Error error);

}  // namespace hib
