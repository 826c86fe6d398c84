// An entry of the journal, whatever brought it: its fields, and what the journal itself vouches for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/diagnose/log/boots.h"

namespace hib::diagnose::logs {

class JournalEntry {
 public:
  // Fields that say nothing here are dropped.
  void set(std::string_view name, std::string_view value);
  void set_wall(std::uint64_t microseconds) { wall_us_ = microseconds; }
  void set_monotonic(std::uint64_t microseconds) { monotonic_us_ = microseconds; }
  void clear() { *this = {}; }
  bool empty() const { return message_.empty(); }

  // Names that begin with "_" are the journal's own, and cannot be forged by who logs. What root writes to
  // /dev/kmsg comes the kernel's way, but not with the kernel's facility.
  Speaker speaker() const;
  const std::string& boot_id() const { return boot_id_; }
  HeardLine line() const;

 private:
  std::string message_;
  std::string cursor_;
  std::string boot_id_;
  std::string transport_;
  std::string facility_;
  std::string identifier_;
  std::optional<std::uint64_t> wall_us_;
  std::optional<std::uint64_t> monotonic_us_;         // when the journal got it
  std::optional<std::uint64_t> source_monotonic_us_;  // when it was said
};

}  // namespace hib::diagnose::logs
