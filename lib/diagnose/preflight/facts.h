// All that the checks look at: the configuration, the initramfs of the next boot, and where swap files lie.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/boot/configuration.h"
#include "lib/diagnose/boot/initramfs.h"
#include "lib/diagnose/boot/remedies.h"
#include "lib/diagnose/boot/swap_file.h"
#include "lib/diagnose/preflight/memory_sample.h"
#include "lib/os/firmware_map.h"

namespace hib::diagnose {

struct PreflightFacts {
  boot::Configuration configuration;
  std::string initramfs_path;  // in the tree; empty: none was found
  std::optional<boot::Initramfs> initramfs;
  std::optional<Error> initramfs_error;     // why it could not be read
  std::optional<std::string> builtin_list;  // modules.builtin of the kernel that boots next
  // That the initramfs is made from, and which changed after it; nothing: that was not looked at.
  std::optional<std::vector<std::string>> newer_files;
  std::vector<Evidence> module_options;  // "options …" lines of the machine's own modprobe.d
  // Of each swap file, by its name: an active one, or of /etc/fstab where the system is not running. An error
  // where neither this machine is looked at nor its disk is mounted.
  std::map<std::string, Result<boot::SwapFilePlace>> swap_files;

  // The firmware's memory maps of earlier boots, the oldest first, and why there are none.
  std::vector<std::vector<MemoryMapEntry>> memory_maps;
  std::string why_no_maps;

  // How far memory compresses; why that is not known. Neither where nobody asked: an image was written
  // already.
  std::optional<MemorySample> memory_sample;
  std::string why_no_sample;

  boot::Remedies remedies;
  // What the command line has to say: "resume=UUID=… resume_offset=…"; empty where no area would do.
  std::string wanted_parameters;
  Advice change_parameters;
};

// Whether the initramfs keeps its own copy of resume=, and so has to be made anew when that changes.
bool has_own_copy(const PreflightFacts& facts);

PreflightFacts read_preflight_facts(const device::Tree& tree, const std::string& initramfs);

// The swap area that an image would go to: the one that /sys/power/resume names, or else the one that
// systemd and the kernel take. Null where there is none.
const boot::SwapArea* image_area(const PreflightFacts& facts);
// The swap file of a system that is not running, where /etc/fstab has no other area. Null otherwise.
const boot::SwapArea* configured_file(const PreflightFacts& facts);
// False where /sys/power/resume names a device, and whether the area lies on that one is not known.
bool is_certain(const PreflightFacts& facts, const boot::SwapArea& area);

// Where the next boot would resume from, as the first of these says it: the command line, the initramfs' own
// copy, the EFI variable that systemd writes when it hibernates (`is_by_efi`, then without a place;
// `may_be_by_efi` where it is not known whether the machine has EFI).
struct ResumePlace {
  const boot::ResumeSetting* setting = nullptr;
  const boot::ResumeSetting* offset_setting = nullptr;
  bool is_by_efi = false;
  bool may_be_by_efi = false;
};
ResumePlace resume_place(const PreflightFacts& facts);

}  // namespace hib::diagnose
