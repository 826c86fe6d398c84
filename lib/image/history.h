// How far a save or a resume got, as an image keeps it: breadcrumbs, in the order in which things happened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hib {

enum class Phase : std::uint16_t {
  Armed = 1,
  DevicesSuspended,
  Jumped,
  Saving,
  Verified,
  Committed,
  PoweredOff,
  ResumeAttempted,
  Loaded,
  JumpedBack,
  Resumed,
  Failed,
  DeviceFailed,
  Overridden,
};

struct Breadcrumb {
  std::uint16_t phase = 0;    // a Phase, or a number that a later version has
  std::uint64_t time_ns = 0;  // CLOCK_REALTIME; 0: not known
  std::string text;

  bool is(Phase wanted) const { return phase == static_cast<std::uint16_t>(wanted); }
};

std::string_view phase_name(std::uint16_t phase);  // "unknown" for other numbers

bool has_phase(const std::vector<Breadcrumb>& history, Phase phase);

// The machine has gone on from the image: it said so, or a jump into it left, or the saver failed when the
// image was whole (it could not power off, or panicked), of which the machine was told. A jump that failed
// before it left is noted right after it; a failure of a later attempt says nothing of an earlier jump.
bool has_gone_on(const std::vector<Breadcrumb>& history);

}  // namespace hib
