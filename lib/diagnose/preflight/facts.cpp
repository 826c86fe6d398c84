#include "lib/diagnose/preflight/facts.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose {
namespace {

using boot::Configuration;
using boot::Origin;
using boot::ResumeSetting;
using boot::SwapArea;

constexpr unsigned kFirstEfiSystemd = 254;  // HibernateLocation
constexpr std::uint64_t kUsualPage = 4096;

std::vector<Evidence> module_options(const boot::TreeReader& reader) {
  std::vector<Evidence> found;
  for (const std::string folder : {"/usr/lib/modprobe.d", "/lib/modprobe.d", "/etc/modprobe.d"}) {
    for (const std::string& name : reader.names(folder)) {
      const std::string path = folder + "/" + name;
      const std::string text = name.ends_with(".conf") ? reader.text(path).value_or("") : "";
      for (const boot::TextLine& line : boot::lines_of(text)) {
        if (boot::trimmed(line.text).starts_with("options "))
          found.push_back({path, line.offset, "", std::nullopt, std::string(boot::trimmed(line.text))});
      }
    }
  }
  return found;
}

// Files that the generator puts into the initramfs, or is told by.
std::vector<std::string> sources_of_initramfs(const Configuration& configuration) {
  std::vector<std::string> paths = configuration.resume.generator.files;
  paths.insert(paths.end(), {"/etc/crypttab", "/etc/modprobe.d", "/etc/initramfs-tools/conf.d",
                             "/etc/initramfs-tools/modules", "/etc/dracut.conf.d"});
  return paths;
}

std::vector<std::string> newer_than(const device::Tree& tree, const std::string& initramfs,
                                    const std::vector<std::string>& paths) {
  std::vector<std::string> newer;
  const auto made = tree.changed_at(initramfs);
  if (!made) return newer;
  for (const std::string& path : paths) {
    const auto changed = tree.changed_at(path);
    const bool is_new = std::find(newer.begin(), newer.end(), path) == newer.end();
    if (changed && *changed > *made && is_new) newer.push_back(path);
  }
  return newer;
}

// The most stable name of a device that an initramfs understands.
std::string spec_of(const boot::BlockDevice& device) {
  if (!device.mapped_name.empty()) return "/dev/mapper/" + device.mapped_name;
  if (!device.fact("UUID").empty()) return "UUID=" + device.fact("UUID");
  if (!device.fact("PART_ENTRY_UUID").empty()) return "PARTUUID=" + device.fact("PART_ENTRY_UUID");
  return "";
}

// The name that /etc/fstab has for the one swap area that is in use: where the devices themselves are not
// known.
std::string spec_in_fstab(const PreflightFacts& facts) {
  std::string spec;
  std::size_t active = 0;
  std::size_t idle = 0;
  for (const SwapArea& area : facts.configuration.swap.areas) {
    ++(area.is_active ? active : idle);
    if (!area.is_active && (area.name.starts_with("UUID=") || area.name.starts_with("PARTUUID=")))
      spec = area.name;
  }
  return active == 1 && idle == 1 ? spec : "";
}

// What now says the place, with the offset as the disk has it.
std::string corrected_parameters(const PreflightFacts& facts) {
  const SwapArea* file = configured_file(facts);
  const ResumePlace now = resume_place(facts);
  if (file == nullptr || now.setting == nullptr) return "";
  const auto place = facts.swap_files.find(file->name);
  if (place == facts.swap_files.end() || !place->second) return "";
  return fmt::format("resume={} resume_offset={}", *now.setting->line.resume, place->second->offset_pages);
}

std::string wanted_parameters(const PreflightFacts& facts) {
  const SwapArea* area = image_area(facts);
  if (area == nullptr) return corrected_parameters(facts);
  if (area->is_ephemeral()) return "";
  const boot::BlockDevice* device = facts.configuration.devices.by_name(area->device);
  const bool is_by_fstab = device == nullptr && !area->is_file;
  const std::string spec = is_by_fstab ? spec_in_fstab(facts) : device == nullptr ? "" : spec_of(*device);
  if (spec.empty()) return "";
  if (!area->is_file) return "resume=" + spec;
  const auto place = facts.swap_files.find(area->name);
  if (place == facts.swap_files.end() || !place->second) return "";
  return fmt::format("resume={} resume_offset={}", spec, place->second->offset_pages);
}

void read_the_initramfs(const device::Tree& tree, const std::string& wanted, PreflightFacts& facts) {
  std::optional<std::string> path;
  if (!wanted.empty()) {
    facts.initramfs_path = wanted;
    path = wanted;
  } else if (const auto found = boot::find_initramfs(tree, facts.configuration)) {
    facts.initramfs_path = *found;
    path = tree.path_here(*found);
    facts.newer_files = newer_than(tree, *found, sources_of_initramfs(facts.configuration));
  }
  if (!path) return;
  auto initramfs = boot::read_initramfs(*path, facts.initramfs_path);
  if (initramfs) {
    facts.initramfs = std::move(*initramfs);
  } else {
    facts.initramfs_error = std::move(initramfs).error();
  }
}

// Those in use; of a system that is not running, those of /etc/fstab.
void locate_swap_files(const device::Tree& tree, PreflightFacts& facts) {
  const std::uint64_t page = facts.configuration.kernel.page_bytes.value_or(kUsualPage);
  const std::string mountinfo = device::Tree::live().read("/proc/self/mountinfo").text;
  const bool is_running = facts.configuration.swap.is_known;
  for (const SwapArea& area : facts.configuration.swap.areas) {
    if (area.is_file && area.is_active == is_running && !area.is_deleted)
      facts.swap_files.emplace(area.name, boot::locate_swap_file_of(tree, area.name, page, mountinfo));
  }
}

bool is_named(const boot::KernelState& kernel) { return kernel.resume && *kernel.resume != "0:0"; }

// Whether the area lies where /sys/power/resume points; nothing where its device is not known.
std::optional<bool> is_where_named(const PreflightFacts& facts, const SwapArea& area) {
  const boot::KernelState& kernel = facts.configuration.kernel;
  const boot::BlockDevice* device = facts.configuration.devices.by_name(area.device);
  if (device == nullptr || device->number.empty()) return std::nullopt;
  if (device->number != *kernel.resume) return false;
  const auto place = facts.swap_files.find(area.name);
  if (!area.is_file || place == facts.swap_files.end() || !place->second || !kernel.resume_offset)
    return true;
  return std::to_string(place->second->offset_pages) == *kernel.resume_offset;
}

// systemd passes over zram, then takes the highest priority or the most room
// (find_suitable_hibernation_device_full).
bool is_better(const SwapArea& area, const SwapArea* best) {
  if (best == nullptr) return true;
  if (area.is_zram) return false;
  return best->is_zram || area.priority > best->priority || area.free_bytes() > best->free_bytes();
}

}  // namespace

const SwapArea* image_area(const PreflightFacts& facts) {
  const SwapArea* best = nullptr;
  for (const SwapArea& area : facts.configuration.swap.areas) {
    if (!area.is_active || area.is_deleted) continue;
    const auto is_there = is_named(facts.configuration.kernel) ? is_where_named(facts, area) : std::nullopt;
    if (is_there == true) return &area;
    if (is_there != false && is_better(area, best)) best = &area;
  }
  return best;
}

const SwapArea* configured_file(const PreflightFacts& facts) {
  const boot::SwapSetup& swap = facts.configuration.swap;
  const bool is_alone = !swap.is_known && swap.areas.size() == 1 && swap.areas.front().is_file;
  return is_alone ? &swap.areas.front() : nullptr;
}

bool is_certain(const PreflightFacts& facts, const SwapArea& area) {
  return !is_named(facts.configuration.kernel) || is_where_named(facts, area) == true;
}

bool has_own_copy(const PreflightFacts& facts) {
  if (facts.configuration.distribution.generator == boot::Generator::InitramfsTools) return true;
  return facts.initramfs &&
         std::any_of(facts.initramfs->settings.begin(), facts.initramfs->settings.end(),
                     [](const ResumeSetting& setting) { return setting.origin == boot::Origin::Initramfs; });
}

ResumePlace resume_place(const PreflightFacts& facts) {
  ResumePlace place;
  const auto take = [&](const ResumeSetting& setting) {
    if (place.setting == nullptr && setting.line.resume) place.setting = &setting;
    if (place.offset_setting == nullptr && setting.line.resume_offset) place.offset_setting = &setting;
  };
  if (const ResumeSetting* next = facts.configuration.next_boot()) take(*next);
  if (facts.initramfs) {
    for (const ResumeSetting& setting : facts.initramfs->settings) take(setting);
  }
  if (place.setting != nullptr) return place;
  // NixOS and others tell the kernel by sysfs alone; what is left is systemd's variable.
  const bool reads_variable =
      facts.initramfs ? boot::reads_hibernate_location(*facts.initramfs)
                      : facts.configuration.distribution.generator != boot::Generator::InitramfsTools;
  const unsigned version = facts.configuration.sleep.systemd_version;
  const bool writes_variable =
      facts.configuration.sleep.has_systemd && (version == 0 || version >= kFirstEfiSystemd);
  const std::optional<bool> has_efi = facts.configuration.kernel.has_efi;
  place.is_by_efi = has_efi == true && writes_variable && reads_variable;
  place.may_be_by_efi = !has_efi && writes_variable && reads_variable;
  return place;
}

PreflightFacts read_preflight_facts(const device::Tree& tree, const std::string& initramfs) {
  PreflightFacts facts;
  facts.configuration = boot::read_configuration(tree);
  boot::Configuration& configuration = facts.configuration;
  const boot::TreeReader reader(tree, configuration.unread);
  const std::string release = configuration.next_release();
  facts.module_options = module_options(reader);
  facts.builtin_list = reader.text("/lib/modules/" + release + "/modules.builtin");
  read_the_initramfs(tree, initramfs, facts);
  locate_swap_files(tree, facts);
  facts.remedies = boot::Remedies(reader, configuration.distribution, configuration.boot, release);
  facts.wanted_parameters = wanted_parameters(facts);
  facts.change_parameters = facts.wanted_parameters.empty()
                                ? facts.remedies.edit_line("let resume= name the swap area")
                                : facts.remedies.put(facts.wanted_parameters);
  return facts;
}

}  // namespace hib::diagnose
