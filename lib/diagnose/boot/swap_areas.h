// Swap areas: those in use, and those that the configuration sets up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/boot/block_devices.h"
#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

struct SwapArea {
  std::string name;  // as /proc/swaps or /etc/fstab has it: "/dev/dm-1", "/swapfile", "UUID=…"; hostile
  bool is_file = false;
  bool is_deleted = false;  // a file that has no name any more
  bool is_active = false;
  std::uint64_t bytes = 0;  // of an active one
  std::uint64_t used_bytes = 0;
  int priority = 0;
  std::string device;       // that it is or lies on: "dm-1"; empty where that is not known
  std::string file_system;  // of a file: "ext4", "btrfs"
  bool is_zram = false;
  bool is_thin = false;                // a thin volume of LVM
  bool is_removable = false;           // on a disk that can be pulled
  std::optional<Evidence> random_key;  // the line that gives it a new key at every boot
  std::vector<Evidence> said_by;       // /proc/swaps, /etc/fstab: the lines

  std::uint64_t free_bytes() const { return bytes > used_bytes ? bytes - used_bytes : 0; }
  // The image would be gone, or unreadable, after the power was off.
  bool is_ephemeral() const { return is_zram || random_key.has_value(); }
};

// One line of /etc/crypttab.
struct CryptLine {
  std::string mapper;
  std::string device;
  std::string key;      // "none", "/dev/urandom", a path
  std::string options;  // "swap,cipher=…"
  Evidence evidence;

  bool has_random_key() const;
};
std::vector<CryptLine> crypt_lines(const std::string& path, std::string_view text);

struct SwapSetup {
  bool is_known = false;        // /proc/swaps was read
  std::vector<SwapArea> areas;  // the active ones first, in the order of the kernel's choice
  std::vector<CryptLine> crypttab;
  std::vector<Evidence> zram_generator;  // what sets up zram at boot
};
SwapSetup read_swap_setup(const TreeReader& reader, const BlockDevices& devices);

}  // namespace hib::diagnose::boot
