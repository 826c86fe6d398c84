// The first and only process of the image-saving kernel: this program as /init.
#pragma once

namespace hib::cli {

// Does what A wants and goes back to A. Returns only when there is no way back; the kernel then panics, and
// reboots.
int run_as_init();

}  // namespace hib::cli
