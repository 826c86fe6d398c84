#include "lib/diagnose/post_mortem/candidates.h"

#include <algorithm>

namespace hib::diagnose {
namespace {

void add_once(std::vector<std::string>& paths, const std::string& path) {
  if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
}

// A file is a candidate by itself: its place on the device is found by its file system.
void add_area(const boot::SwapArea& area, std::vector<std::string>& paths) {
  if (area.is_zram || area.is_deleted) return;
  if (area.is_file) return add_once(paths, area.name);
  if (!area.device.empty()) add_once(paths, "/dev/" + area.device);
}

void add_named(const boot::BlockDevices& devices, const std::string& spec, std::vector<std::string>& paths) {
  for (const std::string& name : devices.resolve(spec).names) {
    const boot::BlockDevice* device = devices.by_name(name);
    const bool is_swap =
        device != nullptr && (device->fact("TYPE") == "swap" || device->fact("TYPE") == "swsuspend");
    if (is_swap) add_once(paths, "/dev/" + name);  // a file system's device is named for a swap file on it
  }
}

}  // namespace

std::vector<std::string> candidates_of(const PreflightFacts& facts) {
  std::vector<std::string> paths;
  const boot::Configuration& configuration = facts.configuration;
  const ResumePlace place = resume_place(facts);
  if (place.setting != nullptr) add_named(configuration.devices, *place.setting->line.resume, paths);
  if (configuration.kernel.resume && *configuration.kernel.resume != "0:0")
    add_named(configuration.devices, *configuration.kernel.resume, paths);
  if (configuration.resume.efi)
    add_named(configuration.devices, "UUID=" + configuration.resume.efi->uuid, paths);
  for (const boot::SwapArea& area : configuration.swap.areas) add_area(area, paths);
  return paths;
}

}  // namespace hib::diagnose
