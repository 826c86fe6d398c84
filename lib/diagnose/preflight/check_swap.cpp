// Where would the image go, and would it still be there after the power was off?
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

using boot::SwapArea;

std::vector<std::string> names_of_areas(const PreflightFacts& facts, bool active) {
  std::vector<std::string> names;
  for (const SwapArea& area : facts.configuration.swap.areas) {
    if (area.is_active == active) names.push_back(area.name);
  }
  return names;
}

void say_no_area(Sheet& sheet) {
  constexpr std::string_view kName = "swap-area";
  const boot::KernelState& kernel = sheet.facts.configuration.kernel;
  const auto active = names_of_areas(sheet.facts, true);
  const auto idle = names_of_areas(sheet.facts, false);
  if (active.empty()) {
    Check& check = sheet.fails(kName, Code::NoSpace,
                               idle.empty() ? "no swap is in use, and none is set up"
                                            : fmt::format("no swap is in use; {} is set up", listed(idle)));
    check.fix.push_back(idle.empty()
                            ? Advice{"make a swap area that is as large as the memory", "", "/etc/fstab"}
                            : Advice{"take it into use", "swapon -a", ""});
    return;
  }
  Check& check = sheet.fails(
      kName, Code::WrongPlace,
      fmt::format(
          "the kernel was told to use device {}{}, and no swap in use is there: {} is elsewhere",
          kernel.resume.value_or(""),
          kernel.resume_offset && *kernel.resume_offset != "0" ? " at page " + *kernel.resume_offset : "",
          listed(active)));
  check.evidence.push_back({"/sys/power/resume", std::nullopt, "", std::nullopt, kernel.resume.value_or("")});
  check.fix = fix_parameters(sheet.facts);
}

void say_area(Sheet& sheet, const SwapArea& area) {
  constexpr std::string_view kName = "swap-area";
  if (is_certain(sheet.facts, area)) {
    sheet.ok(kName, Code::NoSpace, fmt::format("the image would go to {}", area.name)).evidence =
        area.said_by;
    return;
  }
  Check& check = sheet.unknown(
      kName, Code::WrongPlace,
      fmt::format("whether {} lies on device {}, which the kernel was told to use, is not known", area.name,
                  sheet.facts.configuration.kernel.resume.value_or("")));
  check.evidence = area.said_by;
}

void check_ephemeral(Sheet& sheet, const SwapArea& area) {
  constexpr std::string_view kName = "swap-ephemeral";
  if (area.is_zram) {
    sheet.fails(kName, Code::EphemeralSwap, "the only swap is zram: an image in it is gone with the power")
        .fix.push_back({"make a swap area on a disk", "", "/etc/fstab"});
    return;
  }
  if (area.random_key) {
    Check& check = sheet.fails(
        kName, Code::EphemeralSwap,
        fmt::format("{} has a new random key at every boot: no image in it can be read again", area.name));
    check.evidence.push_back(*area.random_key);
    check.fix.push_back(
        {"give it a key that stays", "", area.random_key->source == "/etc/crypttab" ? "/etc/crypttab" : ""});
    return;
  }
  // Below a device-mapper there may be a key that is made anew at every boot.
  if (area.name.starts_with("/dev/dm-") &&
      sheet.facts.configuration.devices.by_name(area.device) == nullptr) {
    sheet.unknown(kName, Code::EphemeralSwap,
                  fmt::format("whether what is written to {} stays there is not known: what it is made of is "
                              "not",
                              area.name));
    return;
  }
  sheet.ok(kName, Code::EphemeralSwap, fmt::format("what is written to {} stays there", area.name));
}

void check_zram_first(Sheet& sheet, const SwapArea& area) {
  const boot::Configuration& configuration = sheet.facts.configuration;
  const bool has_zram = std::any_of(configuration.swap.areas.begin(), configuration.swap.areas.end(),
                                    [](const SwapArea& each) { return each.is_active && each.is_zram; });
  constexpr unsigned kFirstChooses = 255;  // systemd that names the area to the kernel
  if (!has_zram || area.is_zram || configuration.kernel.resume != "0:0" ||
      configuration.sleep.systemd_version >= kFirstChooses)
    return;
  sheet
      .warn(
          "swap-choice", Code::EphemeralSwap,
          "the kernel was not told which swap to use: it may take zram, and the image is gone with the power")
      .fix = fix_parameters(sheet.facts);
}

void check_device(Sheet& sheet, const SwapArea& area) {
  if (area.is_thin)
    sheet.warn("swap-thin", Code::NoSpace,
               fmt::format("{} is a thin volume: it must be fully allocated, and its pool must not run full",
                           area.name));
  if (area.is_removable)
    sheet
        .warn("swap-removable", Code::DeviceMoved,
              fmt::format("{} lies on a disk that can be pulled, or hangs on USB", area.name))
        .fix.push_back({"leave the disk where it is while the machine hibernates", "", ""});
}

void check_swap_file(Sheet& sheet, const SwapArea& area) {
  constexpr std::string_view kName = "swap-file";
  const auto place = sheet.facts.swap_files.find(area.name);
  if (place == sheet.facts.swap_files.end()) return;
  if (!place->second) {
    sheet.unknown(
        kName, Code::SwapFile,
        fmt::format("where {} lies could not be found out: {}", area.name, place->second.error().line()));
    return;
  }
  if (place->second->spans_devices) {
    sheet.fails(kName, Code::SwapFile,
                fmt::format("{} is spread over several devices of its btrfs", area.name));
    return;
  }
  if (place->second->is_shared) {
    sheet
        .fails(kName, Code::SwapFile,
               fmt::format("{} shares blocks with a snapshot or a copy: the kernel will not take it again",
                           area.name))
        .fix.push_back({"keep the swap file in a subvolume of its own that no snapshot includes", "", ""});
    return;
  }
  sheet.ok(kName, Code::SwapFile,
           fmt::format("{} begins at page {} of its device", area.name, place->second->offset_pages));
}

}  // namespace

void check_swap(Sheet& sheet) {
  constexpr std::string_view kName = "swap-area";
  if (!sheet.facts.configuration.swap.is_known) {
    sheet.unknown(kName, Code::NoSpace, "which swap is in use is not known: /proc/swaps cannot be read");
    if (const SwapArea* file = configured_file(sheet.facts)) check_swap_file(sheet, *file);
    return;
  }
  const SwapArea* area = image_area(sheet.facts);
  if (area == nullptr) return say_no_area(sheet);
  say_area(sheet, *area);
  check_ephemeral(sheet, *area);
  check_zram_first(sheet, *area);
  check_device(sheet, *area);
  if (area->is_file) check_swap_file(sheet, *area);
}

}  // namespace hib::diagnose::checks
