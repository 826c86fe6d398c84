// Values of OpenOptions as a person gives them.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib {

// The first line of a file: on the command line everybody could read it.
Result<std::string> read_passphrase(const std::string& path);

// A power of two that a machine can have; `what` names the value in the error.
Result<std::uint32_t> parse_page_size(const std::string& text, const std::string& what);

}  // namespace hib
