// Logs of boots, whatever kept them: the journal, or files with the text of dmesg, of a serial console, of
// pstore, of journalctl. Only what tells of hibernation is kept of them, and how each boot ended.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/diagnose/log/messages.h"
#include "lib/os/firmware_map.h"

namespace hib::diagnose {

struct LogLine {
  std::string source;                   // a path, or "journal"
  std::optional<std::uint64_t> offset;  // of the line in the file
  std::string cursor;                   // of the entry in the journal
  Speaker speaker = Speaker::Unproven;
  std::string identifier;                     // of user space, where known: "systemd-sleep"
  std::optional<std::uint64_t> monotonic_us;  // since the boot
  std::optional<std::uint64_t> wall_us;       // since 1970
  std::string text;                           // without time and priority; hostile, without line ends
};

struct LogEvent {
  Message message;
  LogLine line;
};

inline constexpr std::size_t kLastLines = 10;  // of a boot

struct BootLog {
  std::string source;                      // a path, or "journal"
  std::string id;                          // of the journal; empty: a file
  std::string kernel;                      // "6.12.43+deb13-amd64"; empty: not seen
  std::string command_line;                // of the kernel; empty: not seen
  std::vector<MemoryMapEntry> memory_map;  // the BIOS-e820 lines; empty: not seen
  std::optional<std::uint64_t> first_us;   // wall clock of its first and its last line
  std::optional<std::uint64_t> last_us;
  std::vector<LogEvent> events;     // in order
  std::vector<LogLine> last_lines;  // the last kLastLines, whoever said them
};

struct LogSet {
  std::vector<BootLog> boots;                // oldest first within each source
  std::vector<std::string> not_read;         // one line each: what could not be read and why
  std::set<std::string, std::less<>> hosts;  // that logs in text say they are of
};

// Adds the boots that the file tells of. Fails when it cannot be read at all; what a limit cuts off is in
// `not_read`.
Result<void> read_log_file(const std::string& path, LogSet& set);

// Adds the boots of the journal below `folder` (/var/log/journal, or a copy of it); of this machine where
// `folder` is empty. ErrorKind::Unsupported where libsystemd is not installed.
Result<void> read_journal(const std::string& folder, LogSet& set);

// The same, but of each boot only its first entries: what its kernel said of the machine.
Result<void> read_journal_beginnings(const std::string& folder, LogSet& set);

}  // namespace hib::diagnose
