#include "lib/diagnose/boot/distribution.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

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
constexpr std::array<const char*, 5> kBinFolders = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/",
                                                    "/run/current-system/sw/bin/"};

bool has_tool(const TreeReader& reader, const std::string& name) {
  return std::any_of(kBinFolders.begin(), kBinFolders.end(),
                     [&](const std::string& folder) { return reader.tree().exists(folder + name); });
}

bool is_debian(const OsRelease& os) {
  return os.id == "debian" || os.id == "ubuntu" || os.id_like.find("debian") != std::string::npos;
}

std::string kernel_image(const TreeReader& reader, const std::string& release) {
  for (const std::string& path : {"/lib/modules/" + release + "/vmlinuz", "/boot/vmlinuz-" + release}) {
    if (reader.tree().exists(path)) return path;
  }
  return "/boot/vmlinuz-" + release;
}

// Of OSTree the deployment makes the boot entries, and GRUB's configuration is nobody's to write.
bool is_ostree(const TreeReader& reader) {
  return reader.tree().exists("/run/ostree-booted") || reader.tree().exists("/ostree/repo");
}

// "rpm-ostree kargs --append=resume=… --append=resume_offset=…"; where their values are not known, what opens
// an editor.
std::string ostree_command(const std::string& parameters) {
  std::string command = "rpm-ostree kargs";
  for (const std::string& word : words_of(parameters)) {
    if (word.find('=') >= word.size() - 1) return "rpm-ostree kargs --editor";
    command += " --append=" + word;
  }
  return command;
}

std::string grub_command(const TreeReader& reader, const BootEntries& boot) {
  if (has_tool(reader, "update-grub")) return "update-grub";
  const bool is_grub2 = has_tool(reader, "grub2-mkconfig");
  return fmt::format("{} -o {}", is_grub2 ? "grub2-mkconfig" : "grub-mkconfig", boot.config);
}

// Unified kernel images have no boot entry that could be read: their line is made from /etc/kernel/cmdline.
bool is_for_kernel_install(const Distribution& distribution, const BootEntries& boot) {
  return !boot.loader && (distribution.has_kernel_install || distribution.generator == Generator::Mkinitcpio);
}

}  // namespace

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
  distribution.kernels = reader.names("/lib/modules");
  distribution.has_kernel_install = has_tool(reader, "kernel-install");
  return distribution;
}

Advice rebuild_initramfs(const TreeReader& reader, const Distribution& distribution,
                         const std::string& release) {
  Advice advice{"make the initramfs anew", "", ""};
  if (is_ostree(reader)) {
    advice.command = "rpm-ostree initramfs --enable";
    return advice;
  }
  switch (distribution.generator) {
    case Generator::InitramfsTools: advice.command = "update-initramfs -u -k " + release; break;
    case Generator::Dracut:
      if (has_tool(reader, "dracut-rebuild")) {  // EndeavourOS
        advice.command = "dracut-rebuild";
      } else if (is_debian(distribution.os)) {
        advice.command = fmt::format("dracut --force /boot/initrd.img-{0} {0}", release);
      } else if (reader.tree().exists("/etc/kernel/install.conf") && distribution.has_kernel_install) {
        advice.command = fmt::format("kernel-install add {} {}", release, kernel_image(reader, release));
      } else {
        advice.command = "dracut --force --regenerate-all";
      }
      break;
    case Generator::Mkinitcpio: advice.command = "mkinitcpio -P"; break;
    case Generator::Booster: advice.command = "/usr/lib/booster/regenerate_images"; break;
    case Generator::NixOs: advice.command = "nixos-rebuild boot"; break;
    case Generator::Unknown: advice.text = "make the initramfs anew with the tool of this system"; break;
  }
  return advice;
}

Advice change_command_line(const TreeReader& reader, const Distribution& distribution,
                           const BootEntries& boot, const std::string& parameters,
                           const std::string& release) {
  Advice advice{fmt::format("put {} into the kernel's command line", parameters), "", ""};
  if (distribution.generator == Generator::NixOs) {
    advice.text =
        fmt::format("set boot.resumeDevice, and boot.kernelParams for resume_offset: {}", parameters);
    advice.file = "/etc/nixos/configuration.nix";
    advice.command = "nixos-rebuild boot";
    return advice;
  }
  if (is_ostree(reader)) {
    advice.command = ostree_command(parameters);
    return advice;
  }
  if (boot.loader == Loader::Grub && has_tool(reader, "grubby")) {
    advice.command = fmt::format("grubby --update-kernel=ALL --args=\"{}\"", parameters);
  } else if (boot.loader == Loader::Grub) {
    advice.text = fmt::format("put {} into GRUB_CMDLINE_LINUX", parameters);
    advice.file = "/etc/default/grub";
    advice.command = grub_command(reader, boot);
  } else if (reader.tree().exists("/etc/kernel/cmdline") || is_for_kernel_install(distribution, boot)) {
    advice.file = "/etc/kernel/cmdline";
    if (distribution.generator == Generator::Mkinitcpio) {
      advice.command = "mkinitcpio -P";
    } else if (distribution.has_kernel_install) {
      advice.command = fmt::format("kernel-install add {} {}", release, kernel_image(reader, release));
    }
  } else if (boot.loader == Loader::Limine && reader.tree().exists("/etc/default/limine")) {
    advice.file = "/etc/default/limine";
    advice.command = "limine-update";
  } else if (boot.default_entry) {
    advice.file = boot.entries[*boot.default_entry].evidence.source;
  } else {
    advice.file = boot.config;
  }
  return advice;
}

}  // namespace hib::diagnose::boot
