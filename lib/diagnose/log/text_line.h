// A line of a log in text, taken apart: of dmesg in all its ways of showing the time, /dev/kmsg, pstore, a
// serial console, syslog files, journalctl.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/diagnose/log/boots.h"

namespace hib::diagnose::logs {

class TextLines {
 public:
  struct Parsed {
    HeardLine line;  // its texts are good until the next line
    bool enters_boot = false;
    std::string_view boot_id;  // where the line says that another boot begins, and names it
  };

  // Nothing where the line says nothing.
  std::optional<Parsed> parse(std::string_view raw);

 private:
  HeardLine of_line(std::string_view text);
  HeardLine of_syslog(std::string_view text);
  HeardLine of_dmesg(std::string_view text);
  HeardLine of_kernel(std::string_view text);
  void note_host(std::string_view text);

  std::string clean_;
  bool has_kmsg_ = false;
  std::string host_;  // "journalctl -o short-monotonic" has it behind the time
};

// "2026-11-27T12:00:01.123456+01:00" at the beginning of `text`, which then goes on behind it.
std::optional<std::uint64_t> take_iso_time(std::string_view& text);

}  // namespace hib::diagnose::logs
