// The records of a machine, for people and as the file that create --records takes.
#pragma once

#include <ostream>
#include <string>

#include "lib/device/probe/probe.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

Json json_of_probe(const device::Probe& found);
// The document as a file. `force`: as Output::create has it.
Result<void> write_probe(const device::Probe& found, const std::string& path, bool force);

// `numeric`: as print_devices has it.
void print_probe(std::ostream& out, const Style& style, const device::Probe& found, bool numeric);

}  // namespace hib::report
