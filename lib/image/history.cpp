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

}  // namespace hib
