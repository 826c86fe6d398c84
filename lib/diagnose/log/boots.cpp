#include "lib/diagnose/log/boots.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/memory_map.h"

namespace hib::diagnose::logs {
namespace {

constexpr std::size_t kMostMapEntries = 4096;
constexpr std::size_t kMostMapLineBytes = 128;
constexpr std::size_t kEventsDroppedAtOnce = kMostEvents / 4;
constexpr std::uint64_t kClockDisorderUs = 1'000'000;  // lines of several processors come out of order

void assign(LogLine& line, const HeardLine& heard) {
  line.offset = heard.offset;
  line.cursor = heard.cursor;
  line.speaker = heard.speaker;
  line.identifier = heard.identifier.substr(0, kMostTextBytes);
  line.monotonic_us = heard.monotonic_us;
  line.wall_us = heard.wall_us;
  line.text = heard.text.substr(0, kMostTextBytes);
}

std::size_t bytes_of(const LogEvent& event) {
  std::size_t bytes = sizeof(LogEvent) + event.line.source.size() + event.line.cursor.size() +
                      event.line.identifier.size() + event.line.text.size();
  for (const std::string& detail : event.message.details) bytes += sizeof(std::string) + detail.size();
  return bytes;
}

void widen(BootLog& boot, const std::optional<std::uint64_t>& wall_us) {
  if (!wall_us) return;
  boot.first_us = std::min(boot.first_us.value_or(*wall_us), *wall_us);
  boot.last_us = std::max(boot.last_us.value_or(*wall_us), *wall_us);
}

}  // namespace

BootCollector::Boot& BootCollector::current() {
  const auto found = boots_.find(current_);
  if (found != boots_.end()) return found->second;
  enter_boot({});
  return boots_.at(current_);
}

void BootCollector::enter_boot(std::string_view id) {
  const auto known = by_id_.find(id);
  if (known != by_id_.end() && boots_.contains(known->second)) {
    current_ = known->second;
    return;
  }
  current_ = ++begun_;
  Boot& boot = boots_[current_];
  boot.log.source = source_;
  boot.log.id = id;
  if (!id.empty()) by_id_.insert_or_assign(std::string(id), current_);
  keep_within_limits();
}

// The kernel's first line. Anybody can write these words into a log, but not at the beginning of a boot: the
// time since then has to go back. What the firmware and the boot loader say before it belongs to the boot.
bool BootCollector::begins_boot(const HeardLine& line) {
  const Boot& boot = current();
  if (!boot.log.id.empty() || line.speaker == Speaker::UserSpace) return false;
  if (boot.log.events.empty() && !boot.monotonic_us) return false;
  return !line.monotonic_us || !boot.monotonic_us || *line.monotonic_us < *boot.monotonic_us ||
         *line.monotonic_us == 0;
}

// A log that has lost the beginning of a boot still has its clock, which begins anew. Where a kernel has
// jumped into an image, it is the clock of the image that goes on.
bool BootCollector::is_of_another_boot(const HeardLine& line) {
  Boot& boot = current();
  if (!boot.log.id.empty() || line.speaker == Speaker::UserSpace || !line.monotonic_us) return false;
  const auto& earliest = boot.snapshot_us ? boot.snapshot_us : boot.monotonic_us;
  if (!earliest || *line.monotonic_us + kClockDisorderUs >= *earliest) return false;
  if (!boot.has_jumped) return true;
  boot.has_jumped = false;
  boot.snapshot_us.reset();
  return false;
}

void BootCollector::add(const HeardLine& line) {
  understand_line(line);
  remember(line);
}

void BootCollector::understand_line(const HeardLine& line) {
  auto message = understand(line.text.substr(0, kMostTextBytes), line.speaker);
  const bool begins =
      message && message->event == Event::BootStarted ? begins_boot(line) : is_of_another_boot(line);
  if (begins) enter_boot({});
  is_log_ = is_log_ || message || line.monotonic_us || line.wall_us;
  note_host(line.host);
  Boot& boot = current();
  widen(boot.log, line.wall_us);
  if (message) {
    note(boot, line, std::move(*message));
  } else if (line.speaker != Speaker::UserSpace && boot.log.memory_map.size() < kMostMapEntries) {
    if (auto entry = memory_map_entry(line.text.substr(0, kMostMapLineBytes))) {
      boot.log.memory_map.push_back(std::move(*entry));
    }
  }
}

void BootCollector::remember(const HeardLine& line) {
  Boot& boot = current();
  assign(boot.last[boot.lines % kLastLines], line);
  ++boot.lines;
  if (line.monotonic_us) boot.monotonic_us = line.monotonic_us;
  widen(boot.log, line.wall_us);
}

void BootCollector::note_host(std::string_view host) {
  if (host.empty() || set_.hosts.size() == kMostHosts || set_.hosts.contains(host)) return;
  set_.hosts.emplace(host);
}

void BootCollector::note(Boot& boot, const HeardLine& line, Message message) {
  if (message.event == Event::BootStarted && boot.log.kernel.empty()) {
    boot.log.kernel = message.details.front();
  }
  if (message.event == Event::CommandLine && boot.log.command_line.empty()) {
    boot.log.command_line = message.details.front();
  }
  if (message.event == Event::ImageLoaded) boot.has_jumped = true;
  if (message.event == Event::SnapshotStarted) boot.snapshot_us = line.monotonic_us;
  LogEvent event{std::move(message), {}};
  assign(event.line, line);
  event.line.source = source_;
  boot.kept_bytes += bytes_of(event);
  kept_bytes_ += bytes_of(event);
  boot.log.events.push_back(std::move(event));
  keep_within_limits();
}

void BootCollector::keep_within_limits() {
  while (boots_.size() > kMostBoots || (kept_bytes_ > kMostKeptBytes && boots_.size() > 1)) {
    const auto oldest = boots_.begin()->first == current_ ? std::next(boots_.begin()) : boots_.begin();
    kept_bytes_ -= oldest->second.kept_bytes;
    by_id_.erase(oldest->second.log.id);
    boots_.erase(oldest);
    ++lost_boots_;
  }
  Boot& boot = boots_.at(current_);
  auto& events = boot.log.events;
  if (events.size() <= kMostEvents && kept_bytes_ <= kMostKeptBytes) return;
  const std::size_t dropped = std::min(events.size(), kEventsDroppedAtOnce);
  for (std::size_t i = 0; i < dropped; ++i) {
    boot.kept_bytes -= bytes_of(events[i]);
    kept_bytes_ -= bytes_of(events[i]);
  }
  events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(dropped));
  boot.lost_events += dropped;
}

void BootCollector::finish() {
  if (!is_log_) {
    set_.not_read.push_back(source_ + ": no line of a log is in it");
    return;
  }
  if (lost_boots_ > 0) {
    set_.not_read.push_back(fmt::format("{}: of {}, only the last {} were kept", source_,
                                        counted(lost_boots_ + boots_.size(), "boot"), boots_.size()));
  }
  for (auto& [order, boot] : boots_) {
    if (boot.lines == 0) continue;
    if (boot.lost_events > 0) {
      set_.not_read.push_back(fmt::format("{}: of {} of one boot, only the last {} were kept", source_,
                                          counted(boot.lost_events + boot.log.events.size(), "event"),
                                          boot.log.events.size()));
    }
    const std::size_t kept = std::min(boot.lines, kLastLines);
    for (std::size_t i = boot.lines - kept; i < boot.lines; ++i) {
      LogLine line = std::move(boot.last[i % kLastLines]);
      line.source = source_;
      boot.log.last_lines.push_back(std::move(line));
    }
    set_.boots.push_back(std::move(boot.log));
  }
  boots_.clear();
  by_id_.clear();
}

}  // namespace hib::diagnose::logs
