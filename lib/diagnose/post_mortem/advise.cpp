// What several rules say in the same words.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownLastLines = 3;

void add_lines(const std::vector<LogLine>& lines, Cause& cause) {
  for (std::size_t i = lines.size() - std::min(lines.size(), kShownLastLines); i < lines.size(); ++i)
    cause.evidence.push_back(evidence_of(lines[i]));
}

// What the boot that hibernated was told. Not where the next one was told the same and did not find it; and
// not
// "/dev/sda5", which names another disk when their order changes.
std::string parameters_of_saving(const Story& story) {
  if (!story.saving) return "";
  const auto place_of = [](const BootLog& boot) {
    return boot::parse_command_line(boot.command_line).place();
  };
  const std::string then = place_of(*story.saving->boot);
  const auto& later = story.later_boots;
  const bool has_failed =
      std::any_of(later.begin(), later.end(), [&](const BootLog* boot) { return place_of(*boot) == then; });
  return has_failed || then.starts_with("resume=/dev/") ? "" : then;
}

// Of the device that was looked at and holds the image.
std::string parameters_of_disk(const Case& facts) {
  if (facts.disk == nullptr || !facts.disk->is_kernels() || !facts.disk->info.swap_offset) return "";
  const boot::BlockDevice* device = facts.setup->configuration.devices.by_path(facts.disk->path);
  if (device == nullptr || device->fact("UUID").empty()) return "";
  const std::uint64_t offset = *facts.disk->info.swap_offset;
  return "resume=UUID=" + device->fact("UUID") +
         (offset == 0 ? "" : fmt::format(" resume_offset={}", offset));
}

// What the next boot has to be told: as the disk says, the boot that hibernated, or the machine as it is now.
// Empty: not known.
std::string parameters_of_image(const Case& facts) {
  const std::string then = parameters_of_saving(facts.story);
  if (facts.setup == nullptr) return then;
  const std::string there = parameters_of_disk(facts);
  if (!there.empty()) return there;
  return then.empty() ? facts.setup->wanted_parameters : then;
}

// Drivers of disks, of what they hang on, and of what lies over them: without them no root file system.
bool may_hold_disks(std::string_view driver) {
  constexpr std::string_view kBeginnings[] = {
      "nvme", "ahci", "ata",         "pata",      "sata",     "sd",   "scsi",   "virtio", "xen",
      "vmw",  "hv_",  "mmc",         "ufs",       "usb",      "uas",  "dm",     "md",     "raid",
      "mpt",  "mega", "hpsa",        "aacr",      "smartpqi", "pci",  "vmd",    "xhci",   "ehci",
      "ohci", "uhci", "thunderbolt", "intel_vmd", "nbd",      "loop", "bcache", "sr"};
  return std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                     [&](std::string_view beginning) { return driver.starts_with(beginning); });
}

}  // namespace

const boot::Remedies& remedies_of(const Case& facts) {
  static const boot::Remedies kOfNoSystem;
  return facts.setup != nullptr ? facts.setup->remedies : kOfNoSystem;
}

void append(std::vector<Advice>& all, std::vector<Advice> more) {
  for (Advice& advice : more) {
    const bool is_known = std::any_of(all.begin(), all.end(), [&](const Advice& one) {
      return one.text == advice.text && one.command == advice.command && one.file == advice.file;
    });
    if (!is_known) all.push_back(std::move(advice));
  }
}

std::vector<Advice> advise_place(const Case& facts) {
  const std::string parameters = parameters_of_image(facts);
  std::vector<Advice> advice = {
      parameters.empty() ? remedies_of(facts).edit_line(
                               "let resume= (and resume_offset= of a swap file) name the place of the image")
                         : remedies_of(facts).put(parameters)};
  if (facts.setup != nullptr && has_own_copy(*facts.setup)) advice.push_back(remedies_of(facts).rebuild());
  return advice;
}

Advice advise_preflight(std::string text) { return {std::move(text), "hibtool diagnose --preflight", ""}; }

Advice advise_looking(const Case& facts) {
  if (facts.setup == nullptr) return advise_preflight("see what keeps the next boot from resuming");
  return advise_rearm(facts, "see in that boot's journal what its initramfs did");
}

Advice advise_kernel(const Case& facts) {
  std::string release =
      facts.disk != nullptr && !facts.disk->error ? facts.disk->info.kernel.release.value_or("") : "";
  if (release.empty() && facts.story.saving) release = facts.story.saving->boot->kernel;
  return remedies_of(facts).boot_once(release);
}

std::vector<Advice> advise_without(const Case& facts, const std::string& driver) {
  if (may_hold_disks(driver)) {
    return {
        advise_rearm(facts, fmt::format("{} may hold disks that the boot needs, and cannot be left out: try "
                                        "again, and report it where it refuses twice",
                                        driver))};
  }
  std::string module = driver;
  std::replace(module.begin(), module.end(), '-', '_');
  std::vector<Advice> advice = {advise_rearm(
      facts, fmt::format("for the next boot alone, add module_blacklist={} to the kernel's line in "
                         "the boot menu",
                         module))};
  if (facts.setup != nullptr) append(advice, remedies_of(facts).leave_out_module(module));
  return advice;
}

// How the boot ended, how the kernel in the image ended, and what the clock kept of a hang.
void add_last_words(const Case& facts, const BootLog& boot, Cause& cause) {
  add_lines(boot.last_lines, cause);
  if (facts.disk != nullptr && facts.disk->log) add_lines(facts.disk->log->last_lines, cause);
  for (const BootLog& any : facts.logs.boots) {
    if (const LogEvent* traced = find_event(any, 0, any.events.size(), Event::TraceMatched))
      cause.evidence.push_back(evidence_of(traced->line));
  }
}

const BootLog* boot_that_mounted(const Case& facts) {
  if (!facts.story.saving || facts.story.saving->has_come_back) return nullptr;
  const auto& later = facts.story.later_boots;
  const auto found = std::find_if(later.begin(), later.end(),
                                  [](const BootLog* boot) { return mounted_in(*boot) != nullptr; });
  return found == later.end() ? nullptr : *found;
}

Advice advise_rearm(const Case& facts, std::string text) {
  if (facts.disk == nullptr || facts.disk->error)
    return {text + "; then hibtool rearm says of the device whether the image can be tried again", "", ""};
  const auto& checks = facts.disk->rearm;
  const bool is_proven =
      std::all_of(checks.begin(), checks.end(), [](const RearmCheck& check) { return check.ok; });
  const bool is_written = std::any_of(checks.begin(), checks.end(), [](const RearmCheck& check) {
    return check.since == fs::Since::Written;
  });
  const bool can_be =
      facts.disk->info.state == ImageState::Consumed && facts.disk->damage.empty() && !is_written;
  if (!can_be || (!is_proven && boot_that_mounted(facts) != nullptr)) return {std::move(text), "", ""};
  const std::string command = "hibtool rearm " + shell_word(facts.disk->path);
  if (!is_proven) return {text + ", then ask whether the signature can be put back", command, ""};
  return {text + ", then put the signature back", command + " --yes", ""};
}

}  // namespace hib::diagnose
