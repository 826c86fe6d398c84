// Which distribution it is, and with which tools it makes its initramfs and its boot entries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/tree_reader.h"

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

bool is_debian(const OsRelease& os);
// In one of the folders for programs.
bool has_tool(const TreeReader& reader, const std::string& name);

}  // namespace hib::diagnose::boot
