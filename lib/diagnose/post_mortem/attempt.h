// One attempt to resume, asked for its events.
#pragma once

#include <vector>

#include "lib/diagnose/post_mortem/story.h"

namespace hib::diagnose {

class Attempt {
 public:
  explicit Attempt(const Resuming& resuming) : resuming_(resuming) {}

  const LogEvent* find(Event event) const {
    return find_event(*resuming_.boot, resuming_.first, resuming_.end, event);
  }
  bool has(Event event) const { return find(event) != nullptr; }

  std::vector<const LogEvent*> all(Event event) const {
    std::vector<const LogEvent*> found;
    for (std::size_t i = resuming_.first; i < resuming_.end; ++i) {
      if (resuming_.boot->events[i].message.event == event) found.push_back(&resuming_.boot->events[i]);
    }
    return found;
  }

  const BootLog& boot() const { return *resuming_.boot; }

 private:
  const Resuming& resuming_;
};

}  // namespace hib::diagnose
