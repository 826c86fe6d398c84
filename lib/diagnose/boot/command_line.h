// What a kernel's command line says of hibernation. Values are kept as they stand there: one that the kernel
// or systemd reads otherwise than its writer meant is a cause.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hib::diagnose::boot {

struct Malformed {
  std::string key;
  std::string value;    // hostile
  std::size_t at = 0;   // of the first character in `value` that does not belong there
  std::string allowed;  // "decimal digits"

  std::string text()
      const;  // "resume_offset=36151296..: \".\" at character 9, only decimal digits are allowed"
};

// The last of several counts, as for the kernel.
struct CommandLine {
  std::optional<std::string> resume;         // "UUID=…", "/dev/…", "8:2"; hostile
  std::optional<std::string> resume_offset;  // as written
  std::optional<std::uint64_t> offset_pages;
  std::optional<std::string> hibernate;   // of "hibernate=": "no", "noresume", "nocompress", …
  std::optional<std::string> compressor;  // of "hibernate.compressor="
  std::optional<std::string> lockdown;    // of "lockdown="
  bool no_resume = false;                 // "noresume", "hibernate=noresume"
  bool no_hibernate = false;              // "nohibernate", "hibernate=no"
  std::string off_by;                     // the parameters that say either, as written: "hibernate=no"
  std::vector<Malformed> malformed;

  bool says_where() const { return resume.has_value() || resume_offset.has_value(); }
  std::string place() const;  // "resume=… resume_offset=…", as written; empty where it has no resume=
};
CommandLine parse_command_line(std::string_view text);

// Checks "UUID=…", "PARTUUID=…", "LABEL=…", "PARTLABEL=…", "/dev/…", "MAJOR:MINOR".
std::optional<Malformed> check_device_spec(const std::string& key, const std::string& value);
std::optional<Malformed> check_decimal(const std::string& key, const std::string& value);

// A command line in words; quotes hold a word together and are left out, as by the kernel.
std::vector<std::string> parameters_of(std::string_view text);

}  // namespace hib::diagnose::boot
