// An error on its way through the jump: the saver met it, the machine reports it. The module carries 255
// bytes of text that it does not look at.
#pragma once

#include <string>

#include "lib/base/error.h"

namespace hib::jump {

inline constexpr std::size_t kMaxReasonBytes = 255;

// Kind, file, offset, where, found, allowed and advice. What does not fit is cut: the advice first, `found`
// last.
std::string encode_reason(const Error& error);

// Text that is no error of encode_reason() becomes what was found. The place begins with "saver".
Error decode_reason(const std::string& reason);
// False of what the saver's kernel says as it panics: plain text.
bool is_encoded_reason(const std::string& reason);

}  // namespace hib::jump
