#include "lib/diagnose/boot/remedies.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose::boot {
namespace {

constexpr const char* kNixFile = "/etc/nixos/configuration.nix";
constexpr const char* kNixCommand = "nixos-rebuild boot";
constexpr const char* kMkinitcpioFile = "/etc/mkinitcpio.conf";
constexpr const char* kKernelCmdline = "/etc/kernel/cmdline";
constexpr const char* kGrubFile = "/etc/default/grub";
constexpr const char* kDracutFile = "/etc/dracut.conf.d/resume.conf";

// Of OSTree the deployment makes the boot entries, and GRUB's configuration is nobody's to write.
bool is_ostree(const TreeReader& reader) {
  return reader.tree().exists("/run/ostree-booted") || reader.tree().exists("/ostree/repo");
}

std::string kernel_image(const TreeReader& reader, const std::string& release) {
  for (const std::string& path : {"/lib/modules/" + release + "/vmlinuz", "/boot/vmlinuz-" + release}) {
    if (reader.tree().exists(path)) return path;
  }
  return "/boot/vmlinuz-" + release;
}

// "rpm-ostree kargs --append=resume=… --append=resume_offset=…"
std::string ostree_command(const std::string& parameters, bool adds) {
  std::string command = "rpm-ostree kargs";
  for (const std::string& word : words_of(parameters)) command += (adds ? " --append=" : " --delete=") + word;
  return command;
}

// Fedora and SUSE have their own names for GRUB's files and programs.
bool calls_it_grub2(const OsRelease& os) {
  const std::string names = os.id + " " + os.id_like;
  return names.find("fedora") != std::string::npos || names.find("rhel") != std::string::npos ||
         names.find("suse") != std::string::npos;
}

// A hook of initramfs-tools; it has no setting that leaves a module out.
std::string hook_without(const std::string& modules) {
  std::string names;
  for (std::string word : words_of(modules)) {
    std::replace(word.begin(), word.end(), '_', '?');  // in names of files it may be a dash
    names += (names.empty() ? "-name '" : " -o -name '") + word + ".ko*'";
  }
  return "[ \"$1\" = prereqs ] || find \"$DESTDIR\" \\( " + names + " \\) -delete";
}

std::string grub_command(const TreeReader& reader, const std::string& config) {
  if (has_tool(reader, "update-grub")) return "update-grub";
  const bool is_grub2 = has_tool(reader, "grub2-mkconfig");
  return fmt::format("{} -o {}", is_grub2 ? "grub2-mkconfig" : "grub-mkconfig", config);
}

// Unified kernel images have no boot entry that could be read: their line is made from /etc/kernel/cmdline.
bool is_for_kernel_install(const Distribution& distribution, const BootEntries& boot) {
  return !boot.loader && (distribution.has_kernel_install || distribution.generator == Generator::Mkinitcpio);
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
    case Generator::NixOs: advice.command = kNixCommand; break;
    case Generator::Unknown: return Remedies().rebuild();
  }
  return advice;
}

std::string once_command(const TreeReader& reader, const BootEntries& boot) {
  if (boot.loader == Loader::SystemdBoot) return "bootctl set-oneshot";
  if (boot.loader != Loader::Grub) return "";
  for (const char* tool : {"grub-reboot", "grub2-reboot"}) {
    if (has_tool(reader, tool)) return tool;
  }
  return "";
}

// How the loader's own command calls an entry: by --id, or by its place in the menu.
std::string name_in_menu(Loader loader, const BootEntry& entry) {
  if (loader == Loader::SystemdBoot) return entry.id + ".conf";
  return entry.id.empty() ? entry.position : entry.id;
}

}  // namespace

Remedies::Remedies(const TreeReader& reader, const Distribution& distribution, const BootEntries& boot,
                   const std::string& release)
    : generator_(distribution.generator),
      rebuild_(rebuild_initramfs(reader, distribution, release)),
      once_(once_command(reader, boot)),
      boot_(boot) {
  if (generator_ == Generator::NixOs) {
    editor_ = Editor::NixOs;
    file_ = kNixFile;
    command_ = kNixCommand;
  } else if (is_ostree(reader)) {
    editor_ = Editor::OsTree;
  } else if (boot.loader == Loader::Grub && has_tool(reader, "grubby")) {
    editor_ = Editor::Grubby;
  } else if (boot.loader == Loader::Grub) {
    edit_grub(grub_command(reader, boot.config));
  } else if (!boot.loader && reader.tree().exists(kGrubFile) && !reader.tree().exists(kKernelCmdline)) {
    edit_grub(is_debian(distribution.os)        ? "update-grub"  // captured without /boot
              : calls_it_grub2(distribution.os) ? "grub2-mkconfig -o /boot/grub2/grub.cfg"
                                                : "grub-mkconfig -o /boot/grub/grub.cfg");
  } else if (reader.tree().exists(kKernelCmdline) || is_for_kernel_install(distribution, boot)) {
    file_ = kKernelCmdline;
    if (generator_ == Generator::Mkinitcpio) {
      command_ = "mkinitcpio -P";
    } else if (distribution.has_kernel_install) {
      command_ = fmt::format("kernel-install add {} {}", release, kernel_image(reader, release));
    }
  } else if (boot.loader == Loader::Limine && reader.tree().exists("/etc/default/limine")) {
    file_ = "/etc/default/limine";
    command_ = "limine-update";
  } else if (boot.default_entry) {
    file_ = boot.entries[*boot.default_entry].evidence.source;
  } else {
    file_ = boot.config;
  }
}

void Remedies::edit_grub(std::string command) {
  variable_ = "GRUB_CMDLINE_LINUX";
  file_ = kGrubFile;
  command_ = std::move(command);
}

Advice Remedies::change_line(std::string text, const std::string& parameters, bool adds) const {
  switch (editor_) {
    case Editor::OsTree: return {std::move(text), ostree_command(parameters, adds), ""};
    case Editor::Grubby:
      return {
          std::move(text),
          fmt::format("grubby --update-kernel=ALL --{}=\"{}\"", adds ? "args" : "remove-args", parameters),
          ""};
    case Editor::NixOs:
    case Editor::File: break;
  }
  return {std::move(text), command_, file_};
}

Advice Remedies::put(const std::string& parameters) const {
  if (editor_ == Editor::NixOs) {
    const std::string text = parameters.starts_with("resume=")
                                 ? "set boot.resumeDevice, and boot.kernelParams for resume_offset: "
                                 : "put into boot.kernelParams: ";
    return {text + parameters, command_, file_};
  }
  const std::string where = variable_.empty() ? "the kernel's command line" : variable_;
  return change_line(fmt::format("put {} into {}", parameters, where), parameters, true);
}

Advice Remedies::edit_line(std::string text) const {
  if (editor_ == Editor::OsTree) return {std::move(text), "rpm-ostree kargs --editor", ""};
  return {std::move(text), command_, file_};
}

Advice Remedies::take_off(const std::string& parameters) const {
  const std::string where = editor_ == Editor::NixOs ? "boot.kernelParams"
                            : variable_.empty()      ? "the kernel's command line"
                                                     : variable_ + " (or " + variable_ + "_DEFAULT)";
  return change_line(fmt::format("take {} out of {}", parameters, where), parameters, false);
}

std::vector<Advice> Remedies::add_module(const std::string& module) const {
  switch (generator_) {
    case Generator::InitramfsTools:
      return {{fmt::format("add a line: {}", module), "", "/etc/initramfs-tools/modules"}, rebuild_};
    case Generator::Dracut:
      return {{fmt::format("write the line: add_drivers+=\" {} \"", module), "", kDracutFile}, rebuild_};
    case Generator::Mkinitcpio:
      return {{fmt::format("put {} into MODULES", module), "", kMkinitcpioFile}, rebuild_};
    case Generator::Booster:
      return {{fmt::format("put {} into modules:", module), "", "/etc/booster.yaml"}, rebuild_};
    case Generator::NixOs:
      return {{fmt::format("put \"{}\" into boot.initrd.kernelModules", module), "", kNixFile}, rebuild_};
    case Generator::Unknown: break;
  }
  return {{fmt::format("put the module {} into the initramfs", module), "", ""}, rebuild_};
}

std::vector<Advice> Remedies::leave_out_module(const std::string& module) const {
  switch (generator_) {
    case Generator::InitramfsTools:
      return {{"write this hook, behind a first line #!/bin/sh, with mode 0755: " + hook_without(module), "",
               "/etc/initramfs-tools/hooks/leave-out"},
              rebuild_};
    case Generator::Dracut:
      return {{fmt::format("write the line: omit_drivers+=\" {} \"", module), "", kDracutFile}, rebuild_};
    case Generator::Mkinitcpio:
      return {{fmt::format("take {} out of MODULES, and what brings it in out of HOOKS", module), "",
               kMkinitcpioFile},
              rebuild_};
    case Generator::NixOs:
      return {{fmt::format("take \"{}\" out of boot.initrd.kernelModules", module), "", kNixFile}, rebuild_};
    case Generator::Booster:
    case Generator::Unknown: break;
  }
  return {{fmt::format("take {} out of the initramfs", module), "", ""}, rebuild_};
}

Advice Remedies::boot_once(const std::string& release) const {
  const auto entry = std::find_if(boot_.entries.begin(), boot_.entries.end(), [&](const BootEntry& one) {
    return !release.empty() && one.release == release;
  });
  if (entry == boot_.entries.end())
    return {release.empty() ? "choose the kernel of the image in the boot menu"
                            : fmt::format("choose Linux {} in the boot menu", release),
            "", ""};
  const std::string title = entry->title.empty() ? release : entry->title;
  const std::string name = boot_.loader ? name_in_menu(*boot_.loader, *entry) : "";
  Advice advice{fmt::format("choose \"{}\" in the boot menu", title), "", ""};
  if (once_.empty() || name.empty()) return advice;
  advice.text += ", or let the next boot take it";
  advice.command = once_ + " " + shell_word(name);
  return advice;
}

}  // namespace hib::diagnose::boot
