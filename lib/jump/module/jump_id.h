// What names one jump: random, written to the target, kept in the context and in the image.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib::jump {

using JumpId = std::array<std::uint8_t, 16>;

Result<JumpId> new_jump_id();

// 32 hexadecimal digits, and back.
std::string to_text(const JumpId& id);
Result<JumpId> parse_jump_id(const std::string& text);

}  // namespace hib::jump
