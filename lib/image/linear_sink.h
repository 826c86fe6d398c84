// The writer of every format that keeps memory as it is (the counterpart of ExtentReader): ELF, LiME and raw
// differ only in which bytes of the file are headers and which are which pages.
#pragma once

#include <memory>

#include "lib/image/linear_layout.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib {

// Pages that are not in the layout are dropped; pages of the layout that never come, or are absent or
// unreadable, stay zero. `output` must outlive the sink.
std::unique_ptr<PageSink> make_linear_sink(Output& output, LinearLayout layout);

}  // namespace hib
