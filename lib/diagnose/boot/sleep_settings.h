// What systemd is told of hibernation: sleep.conf, and units that were masked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

struct SleepSettings {
  bool has_systemd = false;
  unsigned systemd_version = 0;           // by the name of its library; 0: not known
  std::optional<bool> allow_hibernation;  // nothing: not said, so allowed
  std::optional<Evidence> allow_evidence;
  std::string mode;                    // of HibernateMode: "platform shutdown"; empty: not said
  std::vector<Evidence> masked_units;  // links to /dev/null
};
// "libsystemd-shared-252.so" -> 252; 0 for other names.
unsigned systemd_version_in(const std::string& name);

SleepSettings read_sleep_settings(const TreeReader& reader);

}  // namespace hib::diagnose::boot
