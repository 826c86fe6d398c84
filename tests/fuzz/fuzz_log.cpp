// Logs of anybody: what is kept of them stays within its limits.

#include <cstdlib>

#include "lib/diagnose/log/boots.h"
#include "tests/fuzz/input_file.h"

using namespace hib::diagnose;

namespace {

void expect_small(const LogLine& line) {
  if (line.text.size() > logs::kMostTextBytes || line.text.find('\n') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LogSet set;
  if (!read_log_file(input_file(data, size), set)) return 0;
  if (set.boots.size() > logs::kMostBoots) std::abort();
  for (const BootLog& boot : set.boots) {
    if (boot.events.size() > logs::kMostEvents || boot.last_lines.size() > kLastLines) std::abort();
    for (const LogEvent& event : boot.events) expect_small(event.line);
    for (const LogLine& line : boot.last_lines) expect_small(line);
  }
  return 0;
}
