// Numbers that a person has typed.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib {

// "0x1f3" or "499". `what` names the option in the error.
Result<std::uint64_t> parse_number(const std::string& text, const std::string& what);

}  // namespace hib
