// What has to be edited and typed on one system to change what it boots with. Made while its tree is at hand;
// afterwards every parameter and every module can be asked for.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/boot/boot_entries.h"
#include "lib/diagnose/boot/distribution.h"
#include "lib/diagnose/boot/tree_reader.h"
#include "lib/diagnose/cause.h"

namespace hib::diagnose::boot {

class Remedies {
 public:
  Remedies() = default;  // of a system that is not known: advice in words alone
  // `release`: of the kernel that boots next.
  Remedies(const TreeReader& reader, const Distribution& distribution, const BootEntries& boot,
           const std::string& release);

  // `parameters`: "resume=UUID=… resume_offset=…", of the kernel's command line. The advice's file is to be
  // edited, its command to be typed afterwards; with a command alone that is all.
  Advice put(const std::string& parameters) const;
  Advice take_off(const std::string& parameters) const;
  // Where a person has to find out what to write: `text` says what for.
  Advice edit_line(std::string text) const;

  // Makes the initramfs anew. An empty command where the tool is not known.
  Advice rebuild() const { return rebuild_; }
  // Of kernel modules: "lz4"; several, with spaces between them. The last one of each is rebuild().
  std::vector<Advice> add_module(const std::string& module) const;
  std::vector<Advice> leave_out_module(const std::string& module) const;

  // systemd's HibernateLocation, that nobody needs any more. The same on every system that has it.
  static Advice clear_efi_variable() {
    return {"remove the variable", "systemctl start systemd-hibernate-clear.service", ""};
  }

  // Lets the next boot, and that one alone, take the first entry with the kernel `release`.
  Advice boot_once(const std::string& release) const;

 private:
  enum class Editor : std::uint8_t { File, Grubby, OsTree, NixOs };

  void edit_grub(std::string command);
  Advice change_line(std::string text, const std::string& parameters, bool adds) const;

  Generator generator_ = Generator::Unknown;
  Advice rebuild_{"make the initramfs anew with the tool of this system", "", ""};
  Editor editor_ = Editor::File;
  std::string variable_;  // of the file that the parameters belong into: "GRUB_CMDLINE_LINUX"; or empty
  std::string file_;
  std::string command_;  // makes the boot loader's configuration from the file; or empty
  std::string once_;     // "grub-reboot", "bootctl set-oneshot"; empty: by hand, in the menu
  BootEntries boot_;
};

}  // namespace hib::diagnose::boot
