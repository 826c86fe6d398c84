#include "lib/diagnose/boot/resume_settings.h"

#include <fmt/format.h>

#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose::boot {
namespace {

// As much of a variable as is shown: a damaged one may be as large as a file may be.
std::string beginning_of(const std::string& text) {
  constexpr std::size_t kMostCharacters = 200;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool goes_on = (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;  // of UTF-8
    if (!goes_on && ++characters > kMostCharacters) return text.substr(0, i) + "…";
  }
  return text;
}

class SettingsReader {
 public:
  SettingsReader(const TreeReader& reader, const BootEntries& boot, const KernelState& state)
      : reader_(reader), boot_(boot), state_(state) {}

  ResumeSettings run() {
    command_line_file("/proc/cmdline", Origin::RunningCommandLine);
    boot_entries();
    for (const char* path : {"/etc/kernel/cmdline", "/usr/lib/kernel/cmdline", "/etc/cmdline"})
      command_line_file(path, Origin::CommandLineSource);
    for (const char* folder : {"/etc/cmdline.d", "/usr/lib/kernel/cmdline.d", "/etc/kernel/cmdline.d"}) {
      for (const std::string& name : reader_.names(folder))
        command_line_file(fmt::format("{}/{}", folder, name), Origin::CommandLineSource);
    }
    grub_defaults();
    sysfs();
    efi();
    initramfs_tools();
    dracut();
    mkinitcpio();
    return std::move(found_);
  }

 private:
  // Keeps what says anything of resuming.
  void add(Origin origin, Evidence evidence, CommandLine line, std::optional<std::size_t> entry = {},
           bool is_for_next_boot = true) {
    const bool says_anything = line.says_where() || line.no_resume || line.no_hibernate || line.hibernate ||
                               line.compressor || !line.malformed.empty();
    if (!says_anything) return;
    found_.settings.push_back(
        {origin, std::move(evidence), std::move(line), entry, is_for_next_boot, std::string()});
  }

  void command_line_file(const std::string& path, Origin origin) {
    const auto text = reader_.text(path);
    if (!text) return;
    std::string kept;  // without comments
    for (const TextLine& line : lines_of(*text)) {
      if (!trimmed(line.text).starts_with("#")) kept += std::string(line.text) + "\n";
    }
    CommandLine line = parse_command_line(kept);
    const std::size_t at = line.says_where() ? text->find("resume") : 0;
    add(origin, {path, at == std::string::npos ? 0 : at, "", std::nullopt, std::string(trimmed(kept))},
        std::move(line));
  }

  void boot_entries() {
    for (std::size_t i = 0; i < boot_.entries.size(); ++i) {
      const BootEntry& entry = boot_.entries[i];
      const bool is_next = !boot_.default_entry || *boot_.default_entry == i;
      add(Origin::BootEntry, entry.evidence, parse_command_line(entry.options), i, is_next);
    }
  }

  void grub_defaults() {
    for (const std::string& path : reader_.with_drop_ins({"/etc/default"}, "grub", ".cfg")) {
      const auto text = reader_.text(path);
      if (!text) continue;
      for (const Assignment& assignment : assignments_of(*text)) {
        if (assignment.key != "GRUB_CMDLINE_LINUX" && assignment.key != "GRUB_CMDLINE_LINUX_DEFAULT")
          continue;
        add(Origin::CommandLineSource, evidence_of(path, assignment), parse_command_line(assignment.value));
      }
    }
  }

  void sysfs() {
    const bool has_device = state_.resume && *state_.resume != "0:0";
    const bool has_offset = state_.resume_offset && *state_.resume_offset != "0";
    if (!has_device && !has_offset) return;
    CommandLine line;
    if (has_device) line.resume = *state_.resume;
    if (has_offset) {
      line.resume_offset = *state_.resume_offset;
      if (!check_decimal("resume_offset", *state_.resume_offset))
        line.offset_pages = std::stoull(*state_.resume_offset);
    }
    add(Origin::Sysfs,
        {"/sys/power/resume", std::nullopt, "", std::nullopt,
         fmt::format("{}, resume_offset {}", state_.resume.value_or("?"),
                     state_.resume_offset.value_or("?"))},
        std::move(line));
  }

  void efi() {
    const auto variable = efi_variable(reader_, "HibernateLocation", kSystemdGuid);
    if (!variable) return;
    const std::string json = text_of_utf16(variable->data);
    found_.efi_evidence =
        Evidence{variable->path, sizeof(std::uint32_t), "", std::nullopt, beginning_of(json)};
    auto location = parse_hibernate_location(json);
    if (!location) {
      found_.efi_problem = beginning_of(location.error().text());
      return;
    }
    CommandLine line;
    line.resume = "UUID=" + location->uuid;
    line.resume_offset = std::to_string(*location->offset);
    line.offset_pages = location->offset;
    found_.efi = std::move(*location);
    add(Origin::EfiVariable, *found_.efi_evidence, std::move(line));
  }

  void initramfs_tools() {
    std::vector<std::string> paths = {"/etc/initramfs-tools/initramfs.conf"};
    for (const std::string& name : reader_.names("/etc/initramfs-tools/conf.d"))
      paths.push_back("/etc/initramfs-tools/conf.d/" + name);
    for (const std::string& path : paths) {
      const auto text = reader_.text(path);
      if (!text) continue;
      found_.generator.files.push_back(path);
      for (const Assignment& assignment : assignments_of(*text)) {
        if (assignment.key == "RESUME")
          found_.settings.push_back(
              resume_of_initramfs_tools(evidence_of(path, assignment), assignment.value));
      }
    }
    if (reader_.tree().exists("/etc/initramfs-tools/modules"))
      found_.generator.files.emplace_back("/etc/initramfs-tools/modules");
  }

  static ResumeSetting resume_of_initramfs_tools(Evidence evidence, const std::string& value) {
    ResumeSetting setting{Origin::InitramfsSource, std::move(evidence), {}, {}, true, {}};
    if (value == "none" || value == "auto" || value.empty()) {
      setting.kind = value.empty() ? "auto" : value;
      return setting;
    }
    setting.line.resume = value;
    if (auto malformed = check_device_spec("RESUME", value)) setting.line.malformed.push_back(*malformed);
    return setting;
  }

  void dracut() {
    for (const std::string& path :
         reader_.with_drop_ins({"/etc", "/usr/lib/dracut"}, "dracut.conf", ".conf")) {
      const auto text = reader_.text(path);
      if (!text) continue;
      found_.generator.files.push_back(path);
      for (const Assignment& assignment : assignments_of(*text)) take_dracut(path, assignment);
    }
  }

  void take_dracut(const std::string& path, const Assignment& assignment) {
    GeneratorConfig& config = found_.generator;
    const auto put = [&](std::string& value) {
      value = assignment.appends ? value + " " + assignment.value : assignment.value;
    };
    if (assignment.key == "add_dracutmodules" || assignment.key == "force_add_dracutmodules")
      config.dracut_add += " " + assignment.value;
    if (assignment.key == "omit_dracutmodules") {
      put(config.dracut_omit);
      config.dracut_omit_evidence = evidence_of(path, assignment);
    }
    if (assignment.key == "hostonly") config.dracut_is_hostonly = assignment.value == "yes";
    if (assignment.key == "kernel_cmdline")
      add(Origin::InitramfsSource, evidence_of(path, assignment), parse_command_line(assignment.value));
  }

  void mkinitcpio() {
    GeneratorConfig& config = found_.generator;
    for (const std::string& path : reader_.with_drop_ins({"/etc"}, "mkinitcpio.conf", ".conf")) {
      const auto text = reader_.text(path);
      if (!text) continue;
      config.files.push_back(path);
      for (const Assignment& assignment : assignments_of(*text)) {
        const bool is_hooks = assignment.key == "HOOKS";
        if (!is_hooks && assignment.key != "MODULES") continue;
        auto& list = is_hooks ? config.mkinitcpio_hooks : config.mkinitcpio_modules;
        if (!assignment.appends) list.clear();
        const auto words = words_of(assignment.value);
        list.insert(list.end(), words.begin(), words.end());
        if (is_hooks) config.mkinitcpio_evidence = evidence_of(path, assignment);
      }
    }
  }

  static Evidence evidence_of(const std::string& path, const Assignment& assignment) {
    return {path, assignment.offset, "", std::nullopt, assignment.line};
  }

  const TreeReader& reader_;
  const BootEntries& boot_;
  const KernelState& state_;
  ResumeSettings found_;
};

}  // namespace

std::string_view name_of(Origin origin) {
  switch (origin) {
    case Origin::RunningCommandLine: return "the running kernel's command line";
    case Origin::BootEntry: return "the boot entry";
    case Origin::CommandLineSource: return "what boot entries are made from";
    case Origin::Sysfs: return "the running kernel";
    case Origin::EfiVariable: return "the EFI variable HibernateLocation";
    case Origin::InitramfsSource: return "the initramfs' configuration";
    case Origin::Initramfs: return "the initramfs";
  }
  return "";
}

ResumeSettings read_resume_settings(const TreeReader& reader, const BootEntries& boot,
                                    const KernelState& state) {
  return SettingsReader(reader, boot, state).run();
}

}  // namespace hib::diagnose::boot
