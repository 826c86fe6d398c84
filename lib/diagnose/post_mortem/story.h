// The boots that matter, out of all that the logs tell: the one that hibernated last, and those after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/cause.h"
#include "lib/diagnose/log/log.h"

namespace hib::diagnose {

// One try to hibernate, within a boot.
struct Saving {
  const BootLog* boot = nullptr;
  std::size_t first = 0;       // of the boot's events: from entering on
  std::size_t end = 0;         // one past its last event
  bool has_come_back = false;  // this boot's kernel went on after it: resumed, or the try has failed
};

// One try to resume, within a boot.
struct Resuming {
  const BootLog* boot = nullptr;
  std::size_t first = 0;
  std::size_t end = 0;
};

struct Story {
  std::optional<Saving> saving;        // the last one
  std::optional<Resuming> resuming;    // after it: the first that found the image, else the first that looked
  const BootLog* last_boot = nullptr;  // of all, whatever it tells
  std::vector<const BootLog*> later_boots;  // that started after `saving`, in order
};

// Borrows `logs`.
Story story_of(const LogSet& logs);

// systemd's operations that write an image: "hibernate", "hybrid-sleep", "suspend-then-hibernate".
bool is_hibernation(std::string_view operation);

const LogEvent* find_event(const BootLog& boot, std::size_t first, std::size_t end, Event event);

// Its kernel found an image and took its signature away.
bool has_begun_to_resume(const BootLog& boot);

// Somebody asked this boot to hibernate, and was told why not; or its kernel tried, and said that it failed.
bool has_refused_to_hibernate(const BootLog& boot);

// Where every swap area that the boot switched on was zram: one of them. Null otherwise.
const LogEvent* only_zram(const BootLog& boot);

// "?" where this version of the message has none. Hostile.
std::string detail_of(const LogEvent& event, std::size_t number);

Evidence evidence_of(const LogLine& line);
Evidence command_line_of(const BootLog& boot);

// The kernel's words in the journal are the kernel's. Any program can have said the rest.
Confidence confidence_of(const LogEvent& event);
Confidence confidence_of_command_line(const BootLog& boot);

// The first file system that it has mounted; null where its log has none.
const LogEvent* mounted_in(const BootLog& boot);

// Shown by this event, and as sure as it is.
Cause cause_of(Code code, const LogEvent& event, std::string text);

}  // namespace hib::diagnose
