// The value of --format: a name for each image, in the order of the command line. "hib", or "auto,raw".
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "lib/image/format.h"

namespace hib::cli {

// To be called when the verb has its operands. A value that cannot be meant is an error of the command line.
void add_format_option(CLI::App& verb, std::string& value, const Formats& formats);

// Of image number `position`; the last name counts for all images that follow. Empty: none was given.
std::string format_name_at(const std::string& value, std::size_t position);

}  // namespace hib::cli
