// Which distribution it is, with which tools it makes its initramfs and its boot entries, and so what has to
// be typed to change either.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/boot_entries.h"
#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

struct OsRelease {
  std::string id;  // "debian"; as os-release(5): "linux" where it says none
  std::string id_like;
  std::string image_id;
  std::string version_id;
  std::string name;  // PRETTY_NAME
  bool is_known = false;
};
OsRelease parse_os_release(std::string_view text);

// What makes the initramfs.
enum class Generator : std::uint8_t { InitramfsTools, Dracut, Mkinitcpio, Booster, NixOs, Unknown };
std::string_view name_of(Generator generator);  // "initramfs-tools"

struct Distribution {
  OsRelease os;
  Generator generator = Generator::Unknown;
  std::vector<Generator> also_installed;  // further ones
  std::vector<std::string> kernels;       // releases in /lib/modules
  bool has_kernel_install = false;
};
Distribution read_distribution(const TreeReader& reader);

// Makes the initramfs of `release` anew. An empty command where the tool is not known.
Advice rebuild_initramfs(const TreeReader& reader, const Distribution& distribution,
                         const std::string& release);

// Puts `parameters` ("resume=UUID=… resume_offset=…") into the kernel's command line. `text` of the advice
// says so; `file` is to be edited, `command` is to be typed afterwards.
Advice change_command_line(const TreeReader& reader, const Distribution& distribution,
                           const BootEntries& boot, const std::string& parameters,
                           const std::string& release);

}  // namespace hib::diagnose::boot
