#include "lib/image/history.h"

#include <algorithm>
#include <array>

namespace hib {
namespace {

constexpr std::array<std::string_view, 15> kPhases = {
    "",          "armed",         "devices-suspended", "jumped", "saving",      "verified",
    "committed", "powered-off",   "resume-attempted",  "loaded", "jumped-back", "resumed",
    "failed",    "device-failed", "overridden"};

}  // namespace

std::string_view phase_name(std::uint16_t phase) {
  return phase > 0 && phase < kPhases.size() ? kPhases[phase] : std::string_view("unknown");
}

bool has_phase(const std::vector<Breadcrumb>& history, Phase phase) {
  return std::any_of(history.begin(), history.end(),
                     [&](const Breadcrumb& crumb) { return crumb.is(phase); });
}

bool has_gone_on(const std::vector<Breadcrumb>& history) {
  bool has_jumped = false;
  bool is_new_image = false;  // a whole one, and nobody has tried to resume from it
  for (const Breadcrumb& crumb : history) {
    if (crumb.is(Phase::Resumed)) return true;
    if (crumb.is(Phase::Failed) && is_new_image) return true;
    if (crumb.is(Phase::Committed)) is_new_image = true;
    if (crumb.is(Phase::ResumeAttempted)) is_new_image = false;
    const bool begins_anew = crumb.is(Phase::ResumeAttempted) || crumb.is(Phase::JumpedBack);
    if (has_jumped && begins_anew) return true;
    if (crumb.is(Phase::JumpedBack)) has_jumped = true;
    if (crumb.is(Phase::Failed)) has_jumped = false;
  }
  return has_jumped;
}

}  // namespace hib
