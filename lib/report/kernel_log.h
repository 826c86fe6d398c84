// The kernel's log as dmesg prints it, and as a document.
#pragma once

#include <ostream>

#include "lib/memory/kernel_log.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

// "[    1.234567] text", as dmesg has it.
void print_log(std::ostream& out, const Style& style, const memory::KernelLog& log);

// {lines: [{time_ns, level, caller, text}], lines_overwritten, lines_unreadable}
Json json_of_log(const memory::KernelLog& log);

}  // namespace hib::report
