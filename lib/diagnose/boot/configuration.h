// How a machine is set up to hibernate and to resume: all that its files, its kernel and its firmware say of
// it. Read through a tree, so of this machine or of one whose files lie below a folder. Judges nothing.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/boot/block_devices.h"
#include "lib/diagnose/boot/boot_entries.h"
#include "lib/diagnose/boot/distribution.h"
#include "lib/diagnose/boot/kernel_state.h"
#include "lib/diagnose/boot/resume_settings.h"
#include "lib/diagnose/boot/sleep_settings.h"
#include "lib/diagnose/boot/swap_areas.h"
#include "lib/diagnose/boot/tree_reader.h"

namespace hib::diagnose::boot {

struct Configuration {
  Distribution distribution;
  KernelState kernel;
  BootEntries boot;
  BlockDevices devices;
  SwapSetup swap;
  ResumeSettings resume;
  SleepSettings sleep;
  std::vector<Unread> unread;  // what could not be read, and why

  // The settings of one origin, in the order of reading.
  std::vector<const ResumeSetting*> settings_of(Origin origin) const;
  // What the next boot's kernel is told: of the default boot entry; where no entry was found, of the running
  // command line. Null where neither says anything.
  const ResumeSetting* next_boot() const;
  // The kernel that the default entry boots; the running one where that is not known; of a disk that is not
  // running the newest one that is installed.
  std::string next_release() const;
};

// Never fails: what is absent is missing in the result, what is not readable is in `unread`.
Configuration read_configuration(const device::Tree& tree);

// Where the initramfs of the next boot lies in the tree: by the default entry, in a unified kernel image
// where there are no entries, or by the names that generators give it. Nothing where none was found.
std::optional<std::string> find_initramfs(const device::Tree& tree, const Configuration& configuration);

}  // namespace hib::diagnose::boot
