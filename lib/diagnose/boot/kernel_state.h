// What the running kernel says of hibernation, and who forbids it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

// What crashkernel= usually sets aside for the saver, in bytes.
inline constexpr std::uint64_t kUsualCrashBytes = 192ULL << 20;

struct Process {
  std::string pid;
  std::string name;  // of /proc/PID/comm; hostile
};

// Nothing is what could not be read; an empty text is what was read.
struct KernelState {
  std::string release;                // uname -r
  std::optional<std::string> state;   // /sys/power/state: "freeze mem disk"
  std::optional<std::string> disk;    // /sys/power/disk: "[platform] shutdown reboot"
  std::optional<std::string> resume;  // /sys/power/resume: "8:2"
  std::optional<std::string> resume_offset;
  std::optional<std::string> compressor;    // what images are compressed with, since Linux 6.9: "lzo"
  std::optional<std::uint64_t> image_size;  // bytes that the kernel tries to keep the image below
  std::optional<std::string> lockdown;      // the word in brackets: "none", "integrity", "confidentiality"
  std::optional<bool> secure_boot;          // nothing: no EFI, or not readable
  std::optional<bool> has_efi;              // nothing: a tree without /sys/firmware
  std::optional<Evidence> lockdown_evidence;
  std::vector<std::string> cxl_memory;  // "mem0"
  // Processes that keep memory secret from the kernel itself (memfd_secret): while one does, no hibernation.
  std::vector<Process> secret_memory;
  std::vector<Process> snapshot_holders;  // have /dev/snapshot open, as s2disk does: nobody else hibernates
  std::size_t virtual_machines = 0;       // that processes run here by /dev/kvm
  bool has_jump = false;                  // the module hibjump is loaded, or installed for this kernel
  std::optional<std::uint64_t> crash_bytes;     // memory that crashkernel= set aside
  bool has_crash_kernel = false;                // something is loaded into it
  std::optional<bool> may_load_kernels;         // kexec_load_disabled is 0
  std::size_t processes_not_looked_at = 0;      // for all of these: needs root
  std::map<std::string, std::uint64_t> memory;  // /proc/meminfo, bytes: "MemTotal", "Active(anon)"
  std::optional<std::uint64_t> page_bytes;
  std::string machine;  // uname -m; empty where it is not known

  // /sys/power/state names it. Nothing where that was not readable.
  std::optional<bool> can_hibernate() const;
  bool is_locked_down() const { return lockdown && *lockdown != "none"; }
  // The word that is chosen, as in "[platform]"; empty where none is.
  static std::string chosen(const std::string& words);
  std::uint64_t memory_of(const std::string& name) const;  // 0 where it is not known
};

KernelState read_kernel_state(const TreeReader& reader);

}  // namespace hib::diagnose::boot
