// What journalctl -o export and -o json write.
#pragma once

#include <string_view>

#include "lib/diagnose/log/boots.h"
#include "lib/diagnose/log/log_bytes.h"

namespace hib::diagnose::logs {

// By the first line.
bool is_export(std::string_view line);
bool is_json(std::string_view line);

void read_export(LogBytes& bytes, BootCollector& boots);
// An entry that is no JSON is left out; the next line is another one.
void read_json(LogBytes& bytes, BootCollector& boots);

}  // namespace hib::diagnose::logs
