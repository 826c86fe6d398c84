// Files of records: JSON that "hibtool probe" or "inspect --records --json" wrote.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/record.h"
#include "lib/os/firmware_map.h"

namespace hib::report {

// The records of any such file.
Result<std::vector<Record>> read_records_file(const std::string& path);

// The records of a file that "hibtool probe" wrote; nothing when it is none. Recognised by content, as an
// object with the schema hibtool.probe.
Result<std::optional<std::vector<Record>>> read_probe_file(const std::string& path);

// The memory maps in what "hibtool probe" has kept of earlier boots; a file without one adds none.
Result<std::vector<std::vector<MemoryMapEntry>>> read_memory_maps(const std::vector<std::string>& files);

// Types that hibtool does not know, and that are like one that it does: a line for people for each. Any other
// type is kept, as that of another program.
std::vector<std::string> notes_of_types(const std::vector<Record>& records);

}  // namespace hib::report
