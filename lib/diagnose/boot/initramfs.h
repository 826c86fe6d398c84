// What an initramfs brings along for resuming: read out of the file itself, which may be older than the
// configuration that it was made from.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/distribution.h"
#include "lib/diagnose/boot/resume_settings.h"
#include "lib/diagnose/boot/swap_areas.h"

namespace hib::diagnose::boot {

struct Initramfs {
  std::string path;
  std::vector<std::string> wrappings;  // "cpio", "zstd"; "UKI" first for a unified kernel image
  std::size_t entries = 0;
  std::uint64_t unpacked_bytes = 0;
  // Where reading had to stop. What is missing below may then lie behind that place.
  std::optional<Error> broken;

  Generator generator = Generator::Unknown;
  std::string generator_evidence;    // the path inside that tells it
  std::vector<std::string> kernels;  // releases that it has modules of
  bool has_systemd = false;
  unsigned systemd_version = 0;  // by the name of its library; 0: not known
  bool has_systemd_fsck = false;
  bool has_busybox_resume = false;        // a script asks the kernel to resume
  bool has_resume_generator = false;      // systemd-hibernate-resume-generator
  bool has_resume_unit = false;           // systemd-hibernate-resume.service
  bool has_resume_program = false;        // systemd-hibernate-resume
  std::vector<std::string> resume_parts;  // paths of the above
  std::vector<std::string> hooks;         // mkinitcpio's that run, in order

  std::vector<ResumeSetting> settings;  // its own copies, all of Origin::Initramfs
  std::vector<CryptLine> crypttab;
  OsRelease os;                          // that systemd compares with HibernateLocation's
  std::set<std::string> modules;         // "nvme", "dm_crypt": with _ for -
  std::set<std::string> built_in;        // by its modules.builtin
  bool knows_built_in = false;           // it has that list
  std::vector<Evidence> module_options;  // "options …" lines of its modprobe.d

  // Of a unified kernel image.
  std::string kernel_release;
  std::string command_line;

  bool is_whole() const { return !broken; }
};

// A file, or a unified kernel image with one in it. Fails where it cannot be opened, is no initramfs
// (NotRecognised), or one that this program cannot unpack (Unsupported). `shown` is what evidence calls it,
// for a file of a tree; empty: as `path`.
Result<Initramfs> read_initramfs(const std::string& path, const std::string& shown = {});

enum class Resumes : std::uint8_t {
  Yes,
  No,          // nothing in it asks the kernel to resume
  Incomplete,  // systemd's parts are there, and one is missing
  Unknown,     // it could not be read to its end
};
Resumes resumes(const Initramfs& initramfs);

// Whether it looks at systemd's EFI variable where the command line names no place: systemd's generator does,
// and so does mkinitcpio's hook where it found systemd's program.
bool reads_hibernate_location(const Initramfs& initramfs);

// Hooks of mkinitcpio that make devices appear, and run only behind the one that resumes: "udev" (nothing is
// there before it), "encrypt", "lvm2" (what they open is not).
std::vector<std::string> hooks_behind_resume(const Initramfs& initramfs);

enum class Availability : std::uint8_t { Module, BuiltIn, Missing, Unknown };
// Whether a kernel that runs with it can unpack an image of this codec: "lzo", "lz4". `builtin_list` is the
// text of /lib/modules/RELEASE/modules.builtin, for an initramfs without a copy of it.
Availability codec_in(const Initramfs& initramfs, const std::string& codec,
                      const std::optional<std::string>& builtin_list);

// Graphics drivers in it that take the display before the image is loaded.
std::vector<std::string> early_graphics_drivers(const Initramfs& initramfs);

// The value of `option` in lines "options MODULE NAME=VALUE": the last one.
std::optional<std::string> module_option(const std::vector<Evidence>& lines, const std::string& module,
                                         const std::string& option);

}  // namespace hib::diagnose::boot
