// Options of a verb that belong together, or exclude each other: nothing that was given is passed over in
// silence.
#pragma once

#include <initializer_list>
#include <string>

#include <CLI/CLI.hpp>

#include "lib/base/error.h"

namespace hib::cli {

using OptionNames = std::initializer_list<const char*>;

// Options that say something only together with another one.
Result<void> only_with(const CLI::App& verb, const char* needed, OptionNames options);

// At most one of `option` and the others.
Result<void> not_with(const CLI::App& verb, const char* option, OptionNames others);

}  // namespace hib::cli
