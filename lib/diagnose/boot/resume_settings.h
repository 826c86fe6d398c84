// Every place that says where to resume from, or whether to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/boot_entries.h"
#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/boot/efi_variable.h"
#include "lib/diagnose/boot/kernel_state.h"
#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

enum class Origin : std::uint8_t {
  RunningCommandLine,  // /proc/cmdline
  BootEntry,           // what the next boot is told
  CommandLineSource,   // what boot entries are made from: /etc/kernel/cmdline, /etc/default/grub
  Sysfs,               // what the running kernel would look at
  EfiVariable,
  InitramfsSource,  // /etc/initramfs-tools, /etc/dracut.conf
  Initramfs,        // what lies in the initramfs itself
};
std::string_view name_of(Origin origin);  // "the running kernel's command line"

struct ResumeSetting {
  Origin origin = Origin::RunningCommandLine;
  Evidence evidence;
  CommandLine line;  // resume, resume_offset, noresume, …, whatever spelling the place has for them
  std::optional<std::size_t> entry;  // BootEntry: which of BootEntries::entries
  bool is_for_next_boot = true;      // false: a boot entry that is not the default
  std::string kind;                  // "none", "auto" of initramfs-tools' RESUME
};

// What the generators are told, beside where to resume from.
struct GeneratorConfig {
  std::vector<std::string> mkinitcpio_hooks;
  std::vector<std::string> mkinitcpio_modules;
  std::optional<Evidence> mkinitcpio_evidence;  // of the HOOKS that count
  std::string dracut_add;                       // of add_dracutmodules
  std::string dracut_omit;                      // of omit_dracutmodules
  std::optional<Evidence> dracut_omit_evidence;
  bool dracut_is_hostonly = false;
  std::vector<std::string> files;  // that the generator reads, for their age
};

struct ResumeSettings {
  std::vector<ResumeSetting> settings;
  std::optional<HibernateLocation> efi;
  std::optional<Evidence> efi_evidence;
  std::string efi_problem;  // why the variable is there, and cannot be understood
  GeneratorConfig generator;
};

ResumeSettings read_resume_settings(const TreeReader& reader, const BootEntries& boot,
                                    const KernelState& state);

}  // namespace hib::diagnose::boot
