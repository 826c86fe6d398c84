// What a terminal can do.
#pragma once

#include <cstddef>

namespace hib {

// By TERM. On a serial console or in a recorded session, what is drawn over itself floods it, and colours are
// noise.
bool is_dumb_terminal();

// 80 where it does not say.
std::size_t terminal_columns(int fd);

}  // namespace hib
