#include "lib/diagnose/log/text_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace hib::diagnose::logs {
namespace {

constexpr std::uint64_t kMicroseconds = 1'000'000;
constexpr std::size_t kMostIdDigits = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

void take_spaces(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

std::optional<std::uint64_t> take_number(std::string_view& text, std::size_t most_digits = 19) {
  std::uint64_t number = 0;
  const std::size_t digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (digits == 0 || digits > most_digits) return std::nullopt;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

// Exactly so many digits.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  std::string_view number = text.substr(0, count);
  const auto value = take_number(number);
  if (!value || !number.empty()) return std::nullopt;
  text.remove_prefix(count);
  return static_cast<unsigned>(*value);
}

// The digits of a fraction as microseconds; what is finer is dropped.
std::uint64_t take_fraction(std::string_view& text) {
  std::uint64_t microseconds = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    if (digits < 6) microseconds = microseconds * 10 + static_cast<unsigned>(text[digits] - '0');
  }
  for (std::size_t i = digits; i < 6; ++i) microseconds *= 10;
  text.remove_prefix(digits);
  return microseconds;
}

// "12.345678"
std::optional<std::uint64_t> take_seconds(std::string_view& text) {
  std::string_view rest = text;
  const auto seconds = take_number(rest, 12);
  if (!seconds || !take(rest, ".") || rest.empty() || !is_digit(rest.front())) return std::nullopt;
  const std::uint64_t fraction = take_fraction(rest);
  text = rest;
  return *seconds * kMicroseconds + fraction;
}

// "[T123]", "[    C0]": who called printk.
void take_caller(std::string_view& text) {
  std::string_view rest = text;
  take_spaces(rest);
  if (!take(rest, "[")) return;
  take_spaces(rest);
  if (!take(rest, "T") && !take(rest, "C")) return;
  if (take_number(rest) && take(rest, "]")) text = rest;
}

// "[   12.345678] " and "[   12.345678 <    0.000123>] " of dmesg -d.
std::optional<std::uint64_t> take_uptime(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, "[")) return std::nullopt;
  take_spaces(rest);
  const auto uptime = take_seconds(rest);
  if (!uptime) return std::nullopt;
  if (take(rest, " <")) {
    take_spaces(rest);
    if (!take_seconds(rest) || !take(rest, ">")) return std::nullopt;
  }
  if (!take(rest, "]")) return std::nullopt;
  take_caller(rest);
  take(rest, " ");
  text = rest;
  return uptime;
}

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

template <typename Names>
bool take_name(std::string_view& text, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return take(text, name); });
}

// "12:00:01", as microseconds of the day.
std::optional<std::uint64_t> take_clock(std::string_view& text) {
  std::string_view rest = text;
  const auto hours = take_digits(rest, 2);
  if (!hours || *hours > 23 || !take(rest, ":")) return std::nullopt;
  const auto minutes = take_digits(rest, 2);
  if (!minutes || *minutes > 59 || !take(rest, ":")) return std::nullopt;
  const auto seconds = take_digits(rest, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  std::uint64_t fraction = 0;
  if (take(rest, ".") || take(rest, ",")) fraction = take_fraction(rest);
  text = rest;
  return ((*hours * 60U + *minutes) * 60U + *seconds) * kMicroseconds + fraction;
}

// "2026-11-27", as days since 1970.
std::optional<std::uint64_t> take_date(std::string_view& text) {
  std::string_view rest = text;
  const auto year = take_digits(rest, 4);
  if (!year || !take(rest, "-")) return std::nullopt;
  const auto month = take_digits(rest, 2);
  if (!month || !take(rest, "-")) return std::nullopt;
  const auto day = take_digits(rest, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok() || *year < 1970) return std::nullopt;
  text = rest;
  return static_cast<std::uint64_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

// "Z", "+01:00", "-0330": how far the clock is ahead, in microseconds.
std::optional<std::int64_t> take_zone(std::string_view& text) {
  if (take(text, "Z")) return 0;
  std::string_view rest = text;
  const bool is_behind = take(rest, "-");
  if (!is_behind && !take(rest, "+")) return std::nullopt;
  const auto hours = take_digits(rest, 2);
  take(rest, ":");
  const auto minutes = take_digits(rest, 2);
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  text = rest;
  const auto ahead = static_cast<std::int64_t>((*hours * 60U + *minutes) * 60U * kMicroseconds);
  return is_behind ? -ahead : ahead;
}

// The time at the beginning of a line of syslog or journalctl. Most do not tell the year, or not the zone.
struct SyslogTime {
  std::optional<std::uint64_t> wall_us;
};

// "Nov 27 12:00:01", "Nov  7 12:00:01.123456", and "oct. 02 12:38:18" of another language.
bool take_short_time(std::string_view& text) {
  constexpr std::size_t kLongestMonth = 12;
  const std::size_t month = text.find_first_of(" 0123456789[");
  if (month == 0 || month > kLongestMonth) return false;
  std::string_view rest = text.substr(month);
  if (!take(rest, " ")) return false;
  take_spaces(rest);
  if (!take_number(rest, 2) || !take(rest, " ") || !take_clock(rest) || !take(rest, " ")) return false;
  text = rest;
  return true;
}

// "Fri 2026-11-27 12:00:01.123456 CET": the zone's name is understood only where it is UTC.
std::optional<SyslogTime> take_full_time(std::string_view& text) {
  std::string_view rest = text;
  if (!take_name(rest, kWeekdays) || !take(rest, " ")) return std::nullopt;
  const auto day = take_date(rest);
  if (!day || !take(rest, " ")) return std::nullopt;
  const auto clock = take_clock(rest);
  if (!clock || !take(rest, " ")) return std::nullopt;
  const std::size_t zone_end = rest.find(' ');
  if (zone_end == std::string_view::npos) return std::nullopt;
  SyslogTime time;
  if (rest.substr(0, zone_end) == "UTC") time.wall_us = *day * 86400 * kMicroseconds + *clock;
  rest.remove_prefix(zone_end + 1);
  text = rest;
  return time;
}

// "1795780801.123456" of journalctl -o short-unix
std::optional<std::uint64_t> take_unix_time(std::string_view& text) {
  std::string_view rest = text;
  const auto wall_us = take_seconds(rest);
  if (!wall_us || *wall_us < 100'000'000 * kMicroseconds || !take(rest, " ")) return std::nullopt;
  text = rest;
  return wall_us;
}

std::optional<SyslogTime> take_syslog_time(std::string_view& text) {
  if (take_short_time(text)) return SyslogTime{};
  if (const auto time = take_full_time(text)) return time;
  std::string_view rest = text;
  if (const auto wall_us = take_iso_time(rest); wall_us && take(rest, " ")) {
    text = rest;
    return SyslogTime{wall_us};
  }
  if (const auto wall_us = take_unix_time(text)) return SyslogTime{wall_us};
  return std::nullopt;
}

// "systemd[1]: ", "kernel: ": who speaks. `needs_process`: in a kernel's log, where "usb 1-1: " is no
// speaker.
std::optional<std::string_view> take_identifier(std::string_view& text, bool needs_process) {
  const std::size_t colon = text.find(": ");
  const std::size_t end = colon == std::string_view::npos && text.ends_with(':') ? text.size() - 1 : colon;
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  std::string_view identifier = text.substr(0, end);
  if (identifier.find(' ') != std::string_view::npos) return std::nullopt;
  const std::size_t process = identifier.rfind('[');
  std::string_view number = process == std::string_view::npos ? "" : identifier.substr(process + 1);
  const bool has_process = process != 0 && take_number(number) && number == "]";
  if (has_process) identifier = identifier.substr(0, process);
  if (needs_process && !has_process) return std::nullopt;
  text.remove_prefix(std::min(end + 2, text.size()));
  return identifier;
}

// "[  OK  ] Started …": systemd on the console.
void take_status(std::string_view& text) {
  constexpr std::size_t kWidth = 6;
  if (text.size() < kWidth + 3 || text[0] != '[' || text[kWidth + 1] != ']' || text[kWidth + 2] != ' ')
    return;
  const std::string_view status = text.substr(1, kWidth);
  if (std::all_of(status.begin(), status.end(), [](char c) { return c == ' ' || is_letter(c); })) {
    text.remove_prefix(kWidth + 3);
  }
}

// "<6>", with the facility in the upper bits.
std::optional<std::uint64_t> take_priority(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, "<")) return std::nullopt;
  const auto priority = take_number(rest, 4);
  if (!priority || !take(rest, ">")) return std::nullopt;
  text = rest;
  return priority;
}

// "kern  :info  : " of dmesg -x; the facility.
std::optional<std::string_view> take_facility(std::string_view& text) {
  constexpr std::size_t kFacilityWidth = 6;
  constexpr std::size_t kLevelWidth = 6;
  constexpr std::size_t kWidth = kFacilityWidth + 1 + kLevelWidth + 2;
  if (text.size() < kWidth || text[kFacilityWidth] != ':' || text.substr(kWidth - 2, 2) != ": ") {
    return std::nullopt;
  }
  std::string_view facility = text.substr(0, kFacilityWidth);
  facility = facility.substr(0, facility.find(' '));
  if (facility.empty() || !std::all_of(facility.begin(), facility.end(), is_letter)) return std::nullopt;
  text.remove_prefix(kWidth);
  return facility;
}

// "[Fri Nov 27 12:00:01 2026] ", "[Nov27 12:00] " and "[  +0.000123] ": dmesg -T, -H and -d. dmesg reckons
// these times from the start of the machine, and they are wrong once it has slept: they are not kept.
bool take_dmesg_clock(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, "[")) return false;
  const std::size_t end = rest.find("] ");
  if (end == std::string_view::npos || end > 40) return false;
  std::string_view clock = rest.substr(0, end);
  take_spaces(clock);
  const bool is_known =
      take(clock, "+") || take_name(clock, kWeekdays) || take_name(clock, kMonths) || take(clock, "<");
  if (!is_known) return false;
  text = rest.substr(end + 2);
  return true;
}

// "2026-11-27T12:00:01,123456+00:00 " of dmesg --time-format iso: only dmesg has a comma.
bool take_dmesg_iso(std::string_view& text) {
  constexpr std::size_t kComma = sizeof("2026-11-27T12:00:01") - 1;
  if (text.size() <= kComma || text[kComma] != ',') return false;
  std::string_view rest = text;
  if (!take_iso_time(rest) || !take(rest, " ")) return false;
  text = rest;
  return true;
}

struct KmsgRecord {
  std::uint64_t priority = 0;
  std::uint64_t monotonic_us = 0;
};

// "6,1234,5678901,-;" of /dev/kmsg
std::optional<KmsgRecord> take_kmsg(std::string_view& text) {
  std::string_view rest = text;
  KmsgRecord record;
  const auto priority = take_number(rest, 4);
  if (!priority || !take(rest, ",") || !take_number(rest) || !take(rest, ",")) return std::nullopt;
  const auto monotonic_us = take_number(rest);
  if (!monotonic_us || !take(rest, ",")) return std::nullopt;
  const std::size_t end = rest.find(';');
  if (end == std::string_view::npos || end > 80) return std::nullopt;
  text = rest.substr(end + 1);
  return KmsgRecord{*priority, *monotonic_us};
}

// At the beginning, or behind text that somebody else wrote into the same line of a console.
std::optional<std::size_t> uptime_inside(std::string_view text) {
  for (std::size_t at = text.find('['); at != std::string_view::npos; at = text.find('[', at + 1)) {
    std::string_view rest = text.substr(at);
    if (take_uptime(rest)) return at;
  }
  return std::nullopt;
}

// Without the escapes of a terminal, carriage returns, and the kernel's own "\x1b" of old consoles.
void strip_escapes(std::string_view raw, std::string& clean) {
  clean.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\r' || raw[i] == '\0') continue;
    if (raw[i] != '\x1b') {
      clean.push_back(raw[i]);
      continue;
    }
    if (i + 1 < raw.size() && raw[i + 1] == '[') {  // to its letter
      i += 2;
      while (i < raw.size() && (raw[i] < '@' || raw[i] > '~')) ++i;
    } else if (i + 1 < raw.size() && raw[i + 1] == ']') {  // to the bell, or ESC backslash
      i += 2;
      while (i < raw.size() && raw[i] != '\a' && raw[i] != '\x1b') ++i;
      if (i < raw.size() && raw[i] == '\x1b') ++i;
    } else {
      ++i;
    }
  }
}

constexpr std::uint64_t kFacilityUnit = 8;

}  // namespace

std::optional<std::uint64_t> take_iso_time(std::string_view& text) {
  std::string_view rest = text;
  const auto day = take_date(rest);
  if (!day || !(take(rest, "T") || take(rest, " "))) return std::nullopt;
  const auto clock = take_clock(rest);
  if (!clock) return std::nullopt;
  const auto ahead = take_zone(rest);
  if (!ahead) return std::nullopt;
  const auto local = static_cast<std::int64_t>(*day * 86400 * kMicroseconds + *clock);
  if (local < *ahead) return std::nullopt;
  text = rest;
  return static_cast<std::uint64_t>(local - *ahead);
}

// A line of the kernel's log without its time. User space writes there as well: "systemd[1]: …".
HeardLine TextLines::of_kernel(std::string_view text) {
  HeardLine line;
  const bool has_host =
      !host_.empty() && text.size() > host_.size() && text.starts_with(host_) && text[host_.size()] == ' ';
  if (has_host) {
    line.host = host_;
    text.remove_prefix(host_.size() + 1);
  }
  if (const auto identifier = take_identifier(text, !has_host)) {
    line.identifier = *identifier;
    if (*identifier != "kernel") line.speaker = Speaker::UserSpace;
  }
  line.text = text;
  return line;
}

// Where "HOST kernel: …" goes on, the log is journalctl's, and all its lines have the host.
void TextLines::note_host(std::string_view text) {
  constexpr std::size_t kLongestHost = 64;
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || space == 0 || space > kLongestHost) return;
  const std::string_view host = text.substr(0, space);
  const bool is_host =
      host.find(':') == std::string_view::npos && text.substr(space + 1).starts_with("kernel: ");
  if (is_host) host_ = host;
}

// Behind the time of syslog or journalctl: "host kernel: [   12.345678] text", "host sshd[12]: text".
HeardLine TextLines::of_syslog(std::string_view text) {
  const std::string_view host = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  const std::string_view behind_host = text;
  const auto identifier = take_identifier(text, false);
  if (identifier.value_or("") == "kernel") {
    const auto uptime = take_uptime(text);
    HeardLine line = of_kernel(text);
    line.monotonic_us = uptime;
    if (line.identifier.empty()) line.identifier = *identifier;
    line.host = host;
    return line;
  }
  HeardLine line;
  line.text = text;
  if (identifier) {
    line.identifier = *identifier;
    // "NAME[12]:" proves the column; "usb hub: …" may be a message that has no host before it.
    const std::size_t end = identifier->size();
    if (end < behind_host.size() && behind_host[end] == '[') line.host = host;
    line.speaker = Speaker::UserSpace;
  }
  return line;
}

// A line that has at most the kernel's time in front.
HeardLine TextLines::of_dmesg(std::string_view text) {
  if (const auto at = uptime_inside(text)) {
    text.remove_prefix(*at);
    const auto uptime = take_uptime(text);
    if (host_.empty()) note_host(text);
    HeardLine line = of_kernel(text);
    line.monotonic_us = uptime;
    return line;
  }
  if (!take_dmesg_clock(text)) {
    take_status(text);
    take_spaces(text);
  }
  return of_kernel(text);
}

HeardLine TextLines::of_line(std::string_view text) {
  if (const auto record = take_kmsg(text)) {
    has_kmsg_ = true;
    HeardLine line = of_kernel(text);
    line.monotonic_us = record->monotonic_us;
    if (record->priority >= kFacilityUnit) line.speaker = Speaker::UserSpace;
    return line;
  }
  const auto priority = take_priority(text);
  const auto facility = take_facility(text);
  HeardLine line;
  if (take_dmesg_iso(text)) {
    line = of_kernel(text);
  } else if (const auto time = take_syslog_time(text)) {
    line = of_syslog(text);
    line.wall_us = time->wall_us;
  } else {
    line = of_dmesg(text);
  }
  const bool is_of_kernel = priority.value_or(0) < kFacilityUnit && facility.value_or("kern") == "kern";
  if (!is_of_kernel) line.speaker = Speaker::UserSpace;
  return line;
}

std::optional<TextLines::Parsed> TextLines::parse(std::string_view raw) {
  strip_escapes(raw, clean_);
  std::string_view text = clean_;
  if (text.empty() || (has_kmsg_ && text.front() == ' ')) return std::nullopt;  // " SUBSYSTEM=pci"
  Parsed parsed;
  parsed.enters_boot = text == "-- Reboot --" || (text.starts_with("-- Boot ") && text.ends_with(" --"));
  if (parsed.enters_boot) {
    if (take(text, "-- Boot ")) parsed.boot_id = text.substr(0, std::min(text.find(' '), kMostIdDigits));
    return parsed;
  }
  parsed.line = of_line(text);
  if (parsed.line.text.empty()) return std::nullopt;
  return parsed;
}

}  // namespace hib::diagnose::logs
