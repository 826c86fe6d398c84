// main() of the saver, the kernel whose only process, number 1, this program then is.
#pragma once

#include "lib/image/format.h"

namespace hib::jump {

// Does what the machine that left wants, or what resume wants, and goes back or powers off. Returns only when
// it can do neither: the kernel panics without its init, which takes it back into the machine, or restarts it
// where the machine's memory has been written.
int run_saver(const Formats& formats);

}  // namespace hib::jump
