#include "lib/diagnose/log/journal_entry.h"

#include <charconv>

namespace hib::diagnose::logs {
namespace {

constexpr std::size_t kMostFieldBytes = 1024;  // of all but the message

std::optional<std::uint64_t> microseconds_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void JournalEntry::set(std::string_view name, std::string_view value) {
  const std::string_view few = value.substr(0, kMostFieldBytes);
  if (name == "MESSAGE") message_ = value.substr(0, kMostTextBytes);
  if (name == "__CURSOR") cursor_ = few;
  if (name == "_BOOT_ID") boot_id_ = few;
  if (name == "_TRANSPORT") transport_ = few;
  if (name == "SYSLOG_FACILITY") facility_ = few;
  if (name == "SYSLOG_IDENTIFIER") identifier_ = few;
  if (name == "__REALTIME_TIMESTAMP") wall_us_ = microseconds_in(value);
  if (name == "__MONOTONIC_TIMESTAMP") monotonic_us_ = microseconds_in(value);
  if (name == "_SOURCE_MONOTONIC_TIMESTAMP") source_monotonic_us_ = microseconds_in(value);
}

Speaker JournalEntry::speaker() const {
  if (transport_.empty()) return Speaker::Unproven;
  const bool is_kernel = transport_ == "kernel" && (facility_.empty() || facility_ == "0");
  return is_kernel ? Speaker::Kernel : Speaker::UserSpace;
}

HeardLine JournalEntry::line() const {
  HeardLine line;
  line.cursor = cursor_;
  line.speaker = speaker();
  line.identifier = identifier_;
  line.monotonic_us = source_monotonic_us_ ? source_monotonic_us_ : monotonic_us_;
  line.wall_us = wall_us_;
  line.text = std::string_view(message_).substr(0, message_.find('\n'));
  return line;
}

}  // namespace hib::diagnose::logs
