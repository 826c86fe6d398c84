#include "lib/diagnose/boot/distribution.h"

#include <algorithm>
#include <array>

#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose::boot {
namespace {

struct Tool {
  Generator generator;
  const char* name;
};
// Where several are installed the first one counts. Debian's dracut brings an update-initramfs of its own, so
// that initramfs-tools is told by mkinitramfs.
constexpr std::array<Tool, 5> kTools = {{{Generator::NixOs, "nixos-rebuild"},
                                         {Generator::InitramfsTools, "mkinitramfs"},
                                         {Generator::Dracut, "dracut"},
                                         {Generator::Mkinitcpio, "mkinitcpio"},
                                         {Generator::Booster, "booster"}}};
// Who has captured a machine has taken its settings along, and not its programs.
// Removed packages leave theirs behind: dracut's are not there by default.
constexpr std::array<Tool, 4> kSettings = {
    {{Generator::NixOs, "/etc/nixos"},
     {Generator::Dracut, "/etc/dracut.conf.d"},
     {Generator::InitramfsTools, "/etc/initramfs-tools/initramfs.conf"},
     {Generator::Mkinitcpio, "/etc/mkinitcpio.conf"}}};
constexpr std::array<const char*, 5> kBinFolders = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/",
                                                    "/run/current-system/sw/bin/"};

}  // namespace

bool has_tool(const TreeReader& reader, const std::string& name) {
  return std::any_of(kBinFolders.begin(), kBinFolders.end(),
                     [&](const std::string& folder) { return reader.tree().exists(folder + name); });
}

bool is_debian(const OsRelease& os) {
  return os.id == "debian" || os.id == "ubuntu" || os.id_like.find("debian") != std::string::npos;
}

OsRelease parse_os_release(std::string_view text) {
  const auto assignments = assignments_of(text);
  OsRelease os;
  os.is_known = true;
  os.id = value_of(assignments, "ID");
  if (os.id.empty()) os.id = "linux";
  os.id_like = value_of(assignments, "ID_LIKE");
  os.image_id = value_of(assignments, "IMAGE_ID");
  os.version_id = value_of(assignments, "VERSION_ID");
  os.name = value_of(assignments, "PRETTY_NAME");
  return os;
}

std::string_view name_of(Generator generator) {
  switch (generator) {
    case Generator::InitramfsTools: return "initramfs-tools";
    case Generator::Dracut: return "dracut";
    case Generator::Mkinitcpio: return "mkinitcpio";
    case Generator::Booster: return "booster";
    case Generator::NixOs: return "NixOS";
    case Generator::Unknown: return "unknown";
  }
  return "unknown";
}

Distribution read_distribution(const TreeReader& reader) {
  Distribution distribution;
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const auto text = reader.text(path);
    if (!text) continue;
    distribution.os = parse_os_release(*text);
    break;
  }
  for (const Tool& tool : kTools) {
    if (!has_tool(reader, tool.name)) continue;
    if (distribution.generator == Generator::Unknown) {
      distribution.generator = tool.generator;
    } else {
      distribution.also_installed.push_back(tool.generator);
    }
  }
  const auto settings = std::find_if(kSettings.begin(), kSettings.end(), [&](const Tool& one) {
    return distribution.generator == Generator::Unknown && reader.tree().exists(one.name);
  });
  if (settings != kSettings.end()) distribution.generator = settings->generator;
  distribution.kernels = reader.names("/lib/modules");
  distribution.has_kernel_install = has_tool(reader, "kernel-install");
  return distribution;
}

}  // namespace hib::diagnose::boot
