// Would the initramfs of the next boot ask its kernel to resume, and could that kernel?
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

using boot::Availability;
using boot::Generator;
using boot::Initramfs;
using boot::Resumes;

std::string mkinitcpio_config(const PreflightFacts& facts) {
  const auto& evidence = facts.configuration.resume.generator.mkinitcpio_evidence;
  return evidence ? evidence->source : "/etc/mkinitcpio.conf";
}

// As RESUME= of initramfs-tools names the area: without an offset, for which it has no word.
std::string resume_of_initramfs_tools(const PreflightFacts& facts) {
  constexpr std::string_view kKey = "resume=";
  const std::string& wanted = facts.wanted_parameters;
  if (!wanted.starts_with(kKey)) return "UUID= of the swap area";
  return wanted.substr(kKey.size(), wanted.find(' ') - kKey.size());
}

// How the generator is told to add what resumes.
std::vector<Advice> add_resume(const PreflightFacts& facts) {
  std::vector<Advice> fix;
  const Generator generator = facts.configuration.distribution.generator;
  const boot::GeneratorConfig& config = facts.configuration.resume.generator;
  if (generator == Generator::Dracut) {
    if (config.dracut_omit.find("resume") != std::string::npos && config.dracut_omit_evidence)
      fix.push_back({"take resume out of omit_dracutmodules", "", config.dracut_omit_evidence->source});
    fix.push_back({"write the line: add_dracutmodules+=\" resume \"", "", "/etc/dracut.conf.d/resume.conf"});
  }
  if (generator == Generator::Mkinitcpio)
    fix.push_back({"put resume into HOOKS, behind udev, encrypt and lvm2", "", mkinitcpio_config(facts)});
  if (generator == Generator::InitramfsTools) {
    fix.push_back(
        {"see that the hook resume of initramfs-tools-core is there: "
         "/usr/share/initramfs-tools/hooks/resume and scripts/local-premount/resume",
         "apt install --reinstall initramfs-tools-core", ""});
    fix.push_back({fmt::format("write the line: RESUME={}", resume_of_initramfs_tools(facts)), "",
                   "/etc/initramfs-tools/conf.d/resume"});
  }
  fix.push_back(facts.remedies.rebuild());
  return fix;
}

void check_resumes(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "initramfs-resumes";
  switch (boot::resumes(initramfs)) {
    case Resumes::Yes:
      sheet.ok(kName, Code::NotTried,
               fmt::format("{} asks its kernel to resume", sheet.facts.initramfs_path));
      return;
    case Resumes::No:
      sheet
          .fails(kName, Code::NotTried,
                 fmt::format("nothing in {} asks its kernel to resume", sheet.facts.initramfs_path))
          .fix = add_resume(sheet.facts);
      return;
    case Resumes::Incomplete: {
      std::vector<std::string> missing;
      if (!initramfs.has_resume_generator) missing.emplace_back("systemd-hibernate-resume-generator");
      if (!initramfs.has_resume_unit) missing.emplace_back("systemd-hibernate-resume.service");
      if (!initramfs.has_resume_program) missing.emplace_back("systemd-hibernate-resume");
      sheet
          .fails(kName, Code::NotTried,
                 fmt::format("{} cannot resume: {} is missing in it", sheet.facts.initramfs_path,
                             listed(missing)))
          .fix = add_resume(sheet.facts);
      return;
    }
    case Resumes::Unknown:
      sheet.unknown(
          kName, Code::NotTried,
          initramfs.is_whole()
              ? fmt::format("{} resumes, if at all, by a program of its own", sheet.facts.initramfs_path)
              : fmt::format("{} could not be read to its end", sheet.facts.initramfs_path));
      return;
  }
}

// The codec that the running kernel writes with, and the next one reads.
std::string codec_of(const PreflightFacts& facts) {
  for (const boot::ResumeSetting* setting :
       facts.configuration.settings_of(boot::Origin::RunningCommandLine)) {
    if (setting->line.hibernate == "nocompress") return "none";
    if (setting->line.compressor) return *setting->line.compressor;
  }
  return facts.configuration.kernel.compressor.value_or("lzo");
}

void check_codec(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "codec";
  const std::string codec = codec_of(sheet.facts);
  switch (boot::codec_in(initramfs, codec, sheet.facts.builtin_list)) {
    case Availability::BuiltIn:
      sheet.ok(kName, Code::CodecMissing,
               codec == "none" ? "the image is not compressed"
                               : fmt::format("{} is built into the kernel", codec));
      return;
    case Availability::Module:
      sheet.ok(kName, Code::CodecMissing, fmt::format("{} is a module, and the initramfs has it", codec));
      return;
    case Availability::Missing: {
      Check& check = sheet.fails(
          kName, Code::CodecMissing,
          fmt::format("images are compressed with {}, and the initramfs has no module for it", codec));
      check.fix = sheet.facts.remedies.add_module(codec);
      return;
    }
    case Availability::Unknown:
      sheet.unknown(kName, Code::CodecMissing,
                    fmt::format("whether the next kernel can unpack {} is not known", codec));
      return;
  }
}

void check_graphics(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "early-graphics";
  const auto drivers = boot::early_graphics_drivers(initramfs);
  if (std::find(drivers.begin(), drivers.end(), "nvidia") == drivers.end()) return;
  constexpr const char* kOption = "NVreg_PreserveVideoMemoryAllocations";
  auto lines = sheet.facts.module_options;
  lines.insert(lines.end(), initramfs.module_options.begin(), initramfs.module_options.end());
  const bool preserves = boot::module_option(lines, "nvidia", kOption) == "1";
  Check& check = sheet.warn(
      kName, Code::DriverRefused,
      preserves ? fmt::format("the initramfs loads nvidia with {}=1: the driver may refuse to stop "
                              "(error -5), and the image is not resumed",
                              kOption)
                : "the initramfs loads nvidia before the image: what is in video memory may be lost");
  for (const Evidence& line : lines) {
    if (line.text.find(kOption) != std::string::npos) check.evidence.push_back(line);
  }
  check.fix = sheet.facts.remedies.leave_out_module("nvidia nvidia_modeset nvidia_uvm nvidia_drm");
}

// What has to run before the image's device is there. "encrypt" and "lvm2" make devices for some machines.
void check_hooks(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "hook-order";
  const std::vector<std::string> behind = boot::hooks_behind_resume(initramfs);
  if (behind.empty()) return;
  const bool is_certain = std::find(behind.begin(), behind.end(), "udev") != behind.end();
  const std::string text =
      fmt::format("the hook resume runs before {}, and does not find what they make", listed(behind));
  Check& check =
      is_certain ? sheet.fails(kName, Code::NotTried, text) : sheet.warn(kName, Code::NotTried, text);
  check.fix = {
      {fmt::format("put resume behind {} in HOOKS", listed(behind)), "", mkinitcpio_config(sheet.facts)},
      sheet.facts.remedies.rebuild()};
}

void check_order(Sheet& sheet, const Initramfs& initramfs) {
  const auto& hooks = initramfs.hooks;
  const auto zfs = std::find(hooks.begin(), hooks.end(), "zfs");
  const auto resume = std::find(hooks.begin(), hooks.end(), "resume");
  if (zfs == hooks.end() || resume == hooks.end() || zfs > resume) return;
  sheet
      .warn("zfs-order", Code::FileSystemWritten,
            "the initramfs imports the ZFS pool before it resumes, which can ruin the pool")
      .fix = {{"put resume before zfs in HOOKS", "", mkinitcpio_config(sheet.facts)},
              sheet.facts.remedies.rebuild()};
}

// Before 254, systemd in an initramfs starts mounts of the root file system without waiting for the resume;
// only that they wait for systemd-fsck, which waits, keeps them apart.
void check_systemd_order(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "resume-order";
  constexpr unsigned kFirstWaits = 254;
  if (!initramfs.has_systemd || initramfs.systemd_version == 0 || boot::resumes(initramfs) != Resumes::Yes)
    return;
  if (initramfs.systemd_version >= kFirstWaits || initramfs.has_systemd_fsck) {
    sheet.ok(kName, Code::FileSystemWritten,
             "the initramfs mounts the root file system only after the resume");
    return;
  }
  if (!initramfs.is_whole()) return;
  sheet
      .warn(kName, Code::FileSystemWritten,
            fmt::format(
                "systemd {} in the initramfs, without systemd-fsck, may mount the root file system while "
                "it resumes, which can ruin it",
                initramfs.systemd_version))
      .fix = {
      {fmt::format("put systemd-fsck, or systemd {} or later, into the initramfs", kFirstWaits), "", ""},
      sheet.facts.remedies.rebuild()};
}

// systemd compares the ID of os-release in the initramfs with the one that it noted when it hibernated.
void check_system_id(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "efi-system";
  if (!resume_place(sheet.facts).is_by_efi) return;
  const std::string& here = sheet.facts.configuration.distribution.os.id;
  if (!initramfs.os.is_known || here.empty()) {
    sheet.unknown(kName, Code::EfiVariable, "which system the initramfs takes itself for is not known");
    return;
  }
  if (initramfs.os.id == here) {
    sheet.ok(kName, Code::EfiVariable,
             fmt::format("the initramfs takes itself for the same system: {}", here));
    return;
  }
  Check& check = sheet.fails(
      kName, Code::EfiVariable,
      fmt::format("the initramfs takes itself for {}, this system is {}: systemd would not resume from it",
                  initramfs.os.id, here));
  check.fix = {sheet.facts.change_parameters};
}

// Of encrypted swap, the initramfs has to open it before it can look for an image.
void check_unlocked(Sheet& sheet, const Initramfs& initramfs) {
  constexpr std::string_view kName = "swap-unlocked";
  const boot::SwapArea* area = image_area(sheet.facts);
  const boot::BlockDevices& devices = sheet.facts.configuration.devices;
  const boot::BlockDevice* top = area == nullptr ? nullptr : devices.by_name(area->device);
  if (top == nullptr || area->is_ephemeral()) return;
  for (const boot::BlockDevice* device : devices.stack_of(*top)) {
    if (!device->is_crypt()) continue;
    const auto has_line =
        std::any_of(initramfs.crypttab.begin(), initramfs.crypttab.end(),
                    [&](const boot::CryptLine& line) { return line.mapper == device->mapped_name; });
    if (has_line) {
      sheet.ok(kName, Code::SwapLocked, fmt::format("the initramfs opens {}", device->mapped_name));
    } else if (initramfs.generator == Generator::InitramfsTools && initramfs.is_whole()) {
      sheet
          .fails(kName, Code::SwapLocked,
                 fmt::format("{} is encrypted, and the initramfs does not open it: it is not in its crypttab",
                             device->mapped_name))
          .fix = {{fmt::format("add the option initramfs to the line of {}", device->mapped_name), "",
                   "/etc/crypttab"},
                  sheet.facts.remedies.rebuild()};
    } else {
      // Others open what the command line or the partition table says.
      sheet.unknown(
          kName, Code::SwapLocked,
          fmt::format("{} is encrypted, and whether the initramfs opens it before it resumes is not known",
                      device->mapped_name));
    }
  }
}

void check_age(Sheet& sheet) {
  constexpr std::string_view kName = "initramfs-age";
  if (!sheet.facts.newer_files) return;  // it was named: for which machine is not known
  if (sheet.facts.newer_files->empty()) {
    sheet.ok(kName, Code::NotTried, "the initramfs is newer than its configuration");
    return;
  }
  sheet
      .warn(kName, Code::NotTried,
            fmt::format("{} changed after {} was made", listed(*sheet.facts.newer_files),
                        sheet.facts.initramfs_path))
      .fix.push_back(sheet.facts.remedies.rebuild());
}

// The kernel itself resumes as well, and knows fewer names of devices.
bool boots_without_initramfs(const PreflightFacts& facts) {
  const boot::BootEntries& boot = facts.configuration.boot;
  return boot.default_entry && boot.loader == boot::Loader::Grub &&
         boot.entries[*boot.default_entry].initrds.empty() &&
         !boot.entries[*boot.default_entry].kernel.empty();
}

void check_kernel_alone(Sheet& sheet, std::string_view name) {
  const ResumePlace place = resume_place(sheet.facts);
  const std::string spec = place.setting == nullptr ? "" : *place.setting->line.resume;
  const bool is_known = spec.starts_with("/dev/") || spec.starts_with("PARTUUID=") ||
                        spec.starts_with("PARTLABEL=") ||
                        (!spec.empty() && spec.front() >= '0' && spec.front() <= '9');
  if (is_known) {
    sheet.ok(name, Code::NotTried, "the kernel is booted without an initramfs, and resumes by itself");
    return;
  }
  Check& check = sheet.fails(
      name, Code::NotTried,
      fmt::format("the kernel is booted without an initramfs, and does not know what resume={} names", spec));
  if (place.setting != nullptr) check.evidence.push_back(place.setting->evidence);
  check.fix.push_back({"name the swap area by PARTUUID=", "", ""});
}

}  // namespace

void check_initramfs(Sheet& sheet) {
  constexpr std::string_view kName = "initramfs";
  const PreflightFacts& facts = sheet.facts;
  if (boots_without_initramfs(facts)) return check_kernel_alone(sheet, kName);
  if (facts.initramfs_path.empty()) {
    sheet.unknown(kName, Code::NotTried, "the initramfs of the next boot was not found");
    return;
  }
  if (!facts.initramfs) {
    sheet.unknown(
        kName, Code::NotTried,
        facts.initramfs_error ? facts.initramfs_error->line() : facts.initramfs_path + " could not be read");
    return;
  }
  check_resumes(sheet, *facts.initramfs);
  check_codec(sheet, *facts.initramfs);
  check_graphics(sheet, *facts.initramfs);
  check_hooks(sheet, *facts.initramfs);
  check_order(sheet, *facts.initramfs);
  check_systemd_order(sheet, *facts.initramfs);
  check_system_id(sheet, *facts.initramfs);
  check_unlocked(sheet, *facts.initramfs);
  check_age(sheet);
}

}  // namespace hib::diagnose::checks
