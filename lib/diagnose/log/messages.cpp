#include "lib/diagnose/log/messages.h"

#include <algorithm>
#include <array>
#include <span>

namespace hib::diagnose {
namespace {

// A pattern begins where the line does, and ends where it does. "{2}" stands for what becomes detail 2, and
// is not empty; "{}" for anything that is not kept, and may be nothing.
struct MessagePattern {
  std::string_view text;
  Event event;
  std::string_view last = {};  // a further detail, which the line does not spell out
};

// "PM: " stands for "PM: hibernation: " too: hibernate.c and snapshot.c say that since 5.10.
constexpr MessagePattern kKernelPatterns[] = {
    {"Linux version {0} {}", Event::BootStarted},
    {"Command line: {0}", Event::CommandLine},
    {"Kernel command line: {0}", Event::CommandLine},
    {"Kernel is locked down from {0}; see man kernel_lockdown.7", Event::LockdownSet},
    {"Lockdown: {0}: hibernation is restricted; see man kernel_lockdown.7", Event::ForbiddenByLockdown},
    {"Lockdown: {0}: Hibernation is restricted; see {}", Event::ForbiddenByLockdown},
    {"Lockdown: hibernation is restricted; see {}", Event::ForbiddenByLockdown},
    {"Lockdown: Hibernation is restricted; see {}", Event::ForbiddenByLockdown},
    {"secureboot: Secure boot {0}", Event::SecureBoot},
    {"Secure boot {0}", Event::SecureBoot},
    {"virtio_blk {}: [{0}] {1}-byte logical blocks {}", Event::DiskFound},
    {"sd {}: [{0}] {1}-byte logical blocks: {}", Event::DiskFound},
    {"Adding {1}k swap on {0}.  Priority:{}", Event::SwapAdded},
    {"Unable to find swap-space signature", Event::SwapRefused},
    {"ACPI: PM: (supports {0})", Event::SleepStates},
    {"ACPI: (supports {0})", Event::SleepStates},
    {"EXT4-fs ({0}): mounted filesystem with{}", Event::FilesMounted, "ext4"},  // before 6.2
    {"EXT4-fs ({0}): mounted filesystem {1} {}", Event::FilesMounted, "ext4"},
    {"EXT4-fs ({0}): recovery complete", Event::JournalReplayed, "ext4"},
    {"XFS ({0}): Mounting V{} Filesystem {1}", Event::FilesMounted, "xfs"},
    {"XFS ({0}): Mounting V{} Filesystem", Event::FilesMounted, "xfs"},  // before 6.1
    {"XFS ({0}): Starting recovery (logdev: {})", Event::JournalReplayed, "xfs"},
    {"BTRFS info (device {0}): first mount of filesystem {1}", Event::FilesMounted, "btrfs"},
    {"BTRFS info (device {0}): start tree-log replay", Event::JournalReplayed, "btrfs"},
    {"F2FS-fs ({0}): Mounted with checkpoint version {}", Event::FilesMounted, "f2fs"},
    {"VFS: Mounted root ({}", Event::SystemStarted},  // without an initramfs
    {"EXT4-fs ({}): re-mounted{}", Event::SystemStarted},
    {"reboot: Power down", Event::ShutDown, "power down"},
    {"reboot: Restarting system{}", Event::ShutDown, "restart"},
    {"reboot: System halted", Event::ShutDown, "halt"},
    {"Kernel panic - not syncing: {0}", Event::KernelPanic},

    {"PM: hibernation entry", Event::HibernationEntered},
    {"PM: Creating image:{}", Event::SnapshotStarted},
    {"PM: Creating hibernation image:{}", Event::SnapshotStarted},
    {"PM: Image created ({0} pages copied{}", Event::SnapshotTaken},
    {"PM: Hibernation image created ({0} pages copied{}", Event::SnapshotTaken},
    {"PM: Error {0} creating image", Event::SnapshotFailed},
    {"PM: Error {0} creating hibernation image", Event::SnapshotFailed},
    {"PM: Compressing and saving image data ({0} pages)...{}", Event::SavingStarted},
    {"PM: Saving image data pages ({0} pages)...{}", Event::SavingStarted},
    {"PM: Image saving done", Event::SavingDone},
    {"PM: Wrote {0} kbytes in {1} seconds {}", Event::ImageWritten},
    {"PM: S|", Event::SignatureWritten},
    {"PM: Image saving failed: {0}", Event::SavingFailed},
    {"PM: {0} compression failed", Event::SavingFailed},
    {"PM: Cannot get swap writer", Event::SavingFailed, "cannot get swap writer"},
    {"PM: Write-error on swap-device ({0})", Event::WriteFailed},
    {"Write-error on swap-device ({0})", Event::WriteFailed},
    {"PM: Filesystems sync failed{}", Event::SyncFailed},
    {"Filesystems sync failed{}", Event::SyncFailed},
    {"PM: hibernation debug: Waiting for {0} second{}", Event::SaveTested},
    {"PM: debug: Waiting for {0} second{}", Event::SaveTested},  // behind "hibernation: "
    {"hibernation debug: Waiting for {0} second{}", Event::SaveTested},
    {"PM: Not enough free swap", Event::NoSpaceForImage},
    {"PM: Image allocation is {0} pages short", Event::NoMemoryForCopy},
    {"PM: Not enough free memory", Event::NoMemoryForCopy},
    {"PM: Memory allocation failed", Event::NoMemoryForCopy},
    {"PM: Cannot allocate original bitmap", Event::NoMemoryForCopy},
    {"PM: Cannot allocate copy bitmap", Event::NoMemoryForCopy},
    {"PM: Cannot allocate zero bitmap", Event::NoMemoryForCopy},
    {"PM: Cannot find swap device, try swapon -a{}", Event::NoSwapDevice},
    {"PM: Swap header not found!", Event::NoSwapDevice},
    {"Freezing {} failed after {0} seconds {}", Event::TasksDidNotFreeze, "failed"},
    {"Freezing {} aborted after {0} seconds {}", Event::TasksDidNotFreeze, "aborted"},
    {"task:{0} state:{}pid:{1} tgid:{}", Event::TaskShown},
    {"task:{0} state:{}pid:{1} ppid:{}", Event::TaskShown},
    {"PM: Some devices failed to power down, aborting", Event::DevicesDidNotStop, "saving"},
    {"PM: Some devices failed to power down, aborting hibernation", Event::DevicesDidNotStop, "saving"},
    {"PM: Some system devices failed to power down, aborting{}", Event::DevicesDidNotStop, "saving"},
    {"PM: Some devices failed to power down, aborting resume", Event::DevicesDidNotStop, "resuming"},
    {"PM: Wakeup event detected during hibernation, rolling back.", Event::WokenUp},
    {"PM: Wakeup pending, aborting{}", Event::WokenUp},
    {"Wakeup pending, aborting{}", Event::WokenUp},
    {"Wakeup pending. Abort CPU freeze", Event::WokenUp},
    {"PM: Power down manually", Event::HibernationLeft},
    {"PM: Please power down manually", Event::HibernationLeft},
    {"PM: Hibernation not available.", Event::HibernationForbidden},

    {"PM: Hibernation image partition {0} present", Event::ResumeAsked},
    {"PM: Starting manual resume from disk", Event::ResumeAsked},  // before 5.2
    {"PM: Image signature found, resuming", Event::ImageFound},
    {"PM: Image not found (code {0})", Event::ImageNotFound},
    {"PM: Suspend image hardware signature mismatch ({0} now {1}); aborting resume.",
     Event::SignatureMismatch},
    {"PM: resume from hibernation", Event::ResumeStarted},
    {"PM: Loading and decompressing image data ({0} pages)...{}", Event::LoadingStarted},
    {"PM: Loading image data pages ({0} pages)...{}", Event::LoadingStarted},
    {"Hibernate inconsistent memory map detected!", Event::MemoryMapMoved},
    {"PM: Image mismatch: {0}", Event::ImageMismatch},
    {"Unrecognized hibernate image header format!", Event::ImageMismatch, "header format"},
    {"hibernate: Hibernate image not generated by this kernel!", Event::ImageMismatch, "kernel build"},
    {"Hibernate image not generated by this kernel!", Event::ImageMismatch, "kernel build"},
    {"PM: [Firmware Bug]: Memory map mismatch at {0} after hibernation", Event::PfnOutsideMemory},
    {"PM: {0} compression is not available", Event::CodecMissing},
    {"PM: Failed to allocate {0}", Event::NoMemoryToWork},
    {"PM: Cannot start {0}", Event::NoMemoryToWork},
    {"PM: Read-error on swap-device ({0})", Event::ReadFailed},
    {"Read-error on swap-device ({0})", Event::ReadFailed},
    {"PM: Invalid {0} compressed length", Event::DecodingFailed},
    {"PM: Invalid {0} uncompressed length", Event::DecodingFailed},
    {"PM: {0} decompression failed", Event::DecodingFailed},
    {"PM: Invalid image CRC32!", Event::ChecksumWrong},
    {"PM: Read {0} kbytes in {1} seconds {}", Event::ImageRead},
    {"PM: Image loading done", Event::LoadingDone},
    {"PM: Image successfully loaded", Event::ImageLoaded},
    {"PM: Device {0} failed to freeze{}: error {2}", Event::DriverRefused, "freeze"},
    {"PM: Device {0} failed to thaw{}: error {2}", Event::DriverRefused, "thaw"},
    {"PM: Device {0} failed to hibernate{}: error {2}", Event::DriverRefused, "hibernate"},
    {"PM: Device {0} failed to quiesce{}: error {2}", Event::DriverRefused, "quiesce"},
    {"PM: Device {0} failed to restore{}: error {2}", Event::DriverRefused, "restore"},
    {"PM: {}(): {3} returns {2}", Event::CallbackFailed},
    {"dpm_run_callback(): {3} returns {2}", Event::CallbackFailed},
    {"pci_pm_{}(): {3} returns {2}", Event::CallbackFailed},
    {"{0}: PM: failed to freeze{}: error {2}", Event::DriverRefused, "freeze"},
    {"{0}: PM: failed to thaw{}: error {2}", Event::DriverRefused, "thaw"},
    {"{0}: PM: failed to hibernate{}: error {2}", Event::DriverRefused, "hibernate"},
    {"{0}: PM: failed to quiesce{}: error {2}", Event::DriverRefused, "quiesce"},
    {"{0}: PM: failed to restore{}: error {2}", Event::DriverRefused, "restore"},
    {"{0}: PM: {}(): {3} returns {2}", Event::CallbackFailed},
    {"NVRM: GPU {0}: PreserveVideoMemoryAllocations module parameter is set. {}",
     Event::NvidiaNeedsUserSpace},
    {"PM: Failed to load image, recovering.", Event::LoadingFailed},
    {"PM: Failed to load hibernation image, recovering.", Event::LoadingFailed},
    {"PM: resume failed ({0})", Event::ResumeFailed},
    {"PM: Error {0} resuming", Event::ResumeFailed},
    {"PM: Hibernation image restored successfully.", Event::ImageRestored},
    {"PM: Image restored successfully.", Event::ImageRestored},
    {"ACPI: PM: Hardware changed while hibernated, success doubtful!", Event::HardwareChanged},
    {"ACPI: Hardware changed while hibernated, success doubtful!", Event::HardwareChanged},
    {"PM: hibernation exit", Event::HibernationExited},
    {"PM:   hash matches {0}", Event::TraceMatched},
    {"  hash matches {0}", Event::TraceMatched},
    {"{0}: hash matches", Event::TraceMatched},
    {"{0}: PM: hash matches", Event::TraceMatched},
    {"{0}: identifiers changed for nsid {}", Event::DeviceReplaced, "identifiers of the name space"},
    {"{0}: serial number mismatch {}", Event::DeviceReplaced, "serial number"},
    {"{0}: model number mismatch {}", Event::DeviceReplaced, "model number"},
    {"{0}: device replaced during system sleep", Event::DeviceReplaced, "device"},
    {"{0}: Perhaps the card was replaced", Event::DeviceReplaced, "card"},
};

// systemd quotes as in "Failed to …: No such file or directory".
constexpr MessagePattern kUserSpacePatterns[] = {
    {"Switching root.", Event::SystemStarted},
    {"Reached target multi-user.target{}", Event::SystemStarted},
    {"Reached target Multi-User System.", Event::SystemStarted},  // before 249
    {"Reached target graphical.target{}", Event::SystemStarted},
    {"The system will {0} now!", Event::ActionAsked},
    {"Shutting down.", Event::ShutDown, "system manager"},
    {"Performing sleep operation '{0}'...", Event::SleepStarted},
    {"Entering sleep state '{0}'...", Event::SleepStarted},  // before 254
    {"Suspending system...", Event::SleepStarted},           // before 246, whatever the operation
    {"System returned from sleep operation '{0}'.", Event::SleepEnded},
    {"System returned from sleep state.", Event::SleepEnded},
    {"System resumed.", Event::SleepEnded},
    {"Failed to put system to sleep. System resumed again: {0}", Event::SleepFailed},
    {"Failed to suspend system. System resumed again: {0}", Event::SleepFailed},
    {"Couldn't hibernate, will try to suspend again.", Event::SleepFailed},
    {"Couldn't hybrid sleep, will try to suspend instead{}", Event::SleepFailed},
    {"Failed to find location to hibernate to: {0}", Event::SleepRefused},
    {"No valid 'resume=' option found, refusing to hibernate.", Event::SleepRefused, "no valid 'resume='"},
    {"Failed to prepare for hibernation: {0}", Event::SleepRefused},
    {"Failed to write mode to /sys/power/disk: {0}", Event::SleepRefused},
    {"Failed to open /sys/power/state: {0}", Event::SleepRefused},
    {"Sleep operation \"{}\" is disabled by configuration, refusing.", Event::SleepRefused,
     "disabled by configuration"},
    {"Error during inhibitor-delayed operation (already returned success to client): {0}",
     Event::SleepRefused},
    {"Failed to execute hibernate operation: {0}", Event::SleepRefused},
    {"Call to Hibernate failed: {0}", Event::SleepRefused},
    {"Failed to hibernate system via logind: {0}", Event::SleepRefused},
    {"Not enough swap space for hibernation", Event::SleepRefused, "not enough swap space"},
    {"Not enough suitable swap space for hibernation{}", Event::SleepRefused, "not enough swap space"},

    {"swapon: {0}: software suspend data detected. Rewriting the swap signature.",
     Event::SwapSignatureRewritten},
    {"{0}: software suspend data detected. Rewriting the swap signature.", Event::SwapSignatureRewritten},

    {"{0}: recovering journal", Event::JournalReplayed, "ext4"},  // e2fsck

    {"Starting systemd-hibernate-resume.service{}", Event::ResumeUnitStarted},
    {"Starting Resume from hibernation using device {0}...", Event::ResumeUnitStarted},
    {"Starting systemd-hibernate-resume@{} using device {0}...", Event::ResumeUnitStarted},
    {"Starting Resume from hibernation...", Event::ResumeUnitStarted},
    {"Could not resume from '{0}' ({}).", Event::ResumeUnitReturned},  // before 254
    {"Unable to resume from device '{0}' ({}", Event::ResumeUnitReturned},
    {"Finished systemd-hibernate-resume{}", Event::ResumeUnitReturned},
    {"Finished Resume from hibernation{}", Event::ResumeUnitReturned},
    {"No resume device found, exiting.", Event::ResumeUnitSkipped, "no resume device"},
    {"Found 'noresume' on the kernel command line, exiting.", Event::ResumeUnitSkipped, "noresume"},
    {"Found \"noresume\" on the kernel command line, quitting.", Event::ResumeUnitSkipped, "noresume"},
    {"systemd-hibernate-resume.service - {} was skipped {}", Event::ResumeUnitSkipped, "condition"},
    {"Resume from hibernation was skipped {}", Event::ResumeUnitSkipped, "condition"},
    {"Not running in initrd, refusing to initiate resume from hibernation.", Event::ResumeUnitFailed,
     "not in an initrd"},
    {"Failed to stat resume device '{0}': {1}", Event::ResumeUnitFailed},
    {"Resume device '{0}' is not a block device.", Event::ResumeUnitFailed, "not a block device"},
    {"Failed to write device '{0}' ({}) to /sys/power/resume: {1}", Event::ResumeUnitFailed},
    {"Failed to write swap file offset {} to /sys/power/resume_offset for device '{0}': {1}",
     Event::ResumeUnitFailed},
    {"Failed to write '{}' to /sys/power/resume: {1}", Event::ResumeUnitFailed},
    {"Dependency failed for systemd-hibernate-resume{}", Event::ResumeUnitFailed, "dependency failed"},
    {"Dependency failed for Resume from hibernation using device {0}.", Event::ResumeUnitFailed,
     "dependency failed"},
    {"Dependency failed for Resume from hibernation.", Event::ResumeUnitFailed, "dependency failed"},
    {"Failed to start systemd-hibernate-resume{}", Event::ResumeUnitFailed, "failed to start"},
    {"Failed to start Resume from hibernation{}", Event::ResumeUnitFailed, "failed to start"},
    {"Failed to parse resume_offset={0}: {1}", Event::ResumeConfigWrong},
    {"Failed to parse resume offset {0}: {1}", Event::ResumeConfigWrong},
    {"Found resume_offset={0} but resume= is unset, refusing.", Event::ResumeConfigWrong,
     "resume= is missing"},

    {"Reported hibernation image:{2}UUID={0} offset={1}", Event::EfiVariableFound},
    {"HibernateLocation system identifier doesn't match currently running system, {}",
     Event::EfiVariableOfOther},
    {"resume={0} doesn't match with EFI HibernateLocation device '{1}', {}", Event::EfiVariableDiffers},
    {"resume_offset={0} doesn't match with EFI HibernateLocation offset {1}, {}", Event::EfiVariableDiffers},
    {"Failed to get EFI variable HibernateLocation: {0}", Event::EfiVariableUnreadable},
    {"Failed to parse HibernateLocation JSON object: {0}", Event::EfiVariableUnreadable},
    {"Failed to set EFI variable HibernateLocation: {0}", Event::EfiVariableNotWritten},
    {"Successfully cleared HibernateLocation EFI variable.", Event::EfiVariableCleared},
    {"Successfully cleared stale HibernateLocation EFI variable.", Event::EfiVariableCleared},  // 255
    {"Failed to clear EFI variable HibernateLocation, ignoring: {0}", Event::EfiVariableNotCleared},
    {"Failed to clear HibernateLocation EFI variable: {0}", Event::EfiVariableNotCleared},

    {"Finished systemd-cryptsetup@{0}.service{}", Event::VolumeOpened},
    {"Finished Cryptography Setup for {0}.", Event::VolumeOpened},  // before 249
    {"Timed out waiting for device {0}.", Event::DeviceTimedOut},
    {"Gave up waiting for {0} device.  Common problems:", Event::DeviceTimedOut},  // initramfs-tools
    {"Gave up waiting for suspend/resume device", Event::DeviceTimedOut, "suspend/resume device"},
    {"Warning: Cancelling resume operation. Device not found.", Event::DeviceTimedOut, "resume device"},
    {"Cancelling resume operation. Device not found.", Event::DeviceTimedOut, "resume device"},
    {"ERROR: resume: hibernation device '{0}' not found", Event::DeviceTimedOut},  // mkinitcpio
    {"ERROR: resume: no device specified for hibernation", Event::ResumeUnitSkipped, "no resume device"},
    {"ERROR: resume: no hibernation support found", Event::ResumeUnitSkipped, "no support in the kernel"},
};

std::size_t details_of(const MessagePattern& pattern) {
  std::size_t count = 0;
  for (std::size_t hole = pattern.text.find('{'); hole != std::string_view::npos;
       hole = pattern.text.find('{', hole + 1)) {
    const char number = pattern.text[hole + 1];
    if (number != '}') count = std::max(count, static_cast<std::size_t>(number - '0') + 1);
  }
  return pattern.last.empty() ? count : count + 1;
}

// As many as the wordiest pattern of the event has.
std::size_t details_of(Event event) {
  std::size_t count = 0;
  for (const std::span<const MessagePattern> patterns :
       {std::span<const MessagePattern>(kKernelPatterns),
        std::span<const MessagePattern>(kUserSpacePatterns)}) {
    for (const MessagePattern& pattern : patterns) {
      if (pattern.event == event) count = std::max(count, details_of(pattern));
    }
  }
  return count;
}

std::string_view trimmed_detail(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

using MessageDetails = std::array<std::string_view, 4>;

// What stands in the holes; nothing where the line is another one.
std::optional<MessageDetails> holes_of(std::string_view pattern, std::string_view line) {
  MessageDetails details;
  for (;;) {
    const std::size_t hole = pattern.find('{');
    const std::string_view fixed = pattern.substr(0, hole);
    if (!line.starts_with(fixed)) return std::nullopt;
    line.remove_prefix(fixed.size());
    if (hole == std::string_view::npos) break;
    pattern.remove_prefix(hole + 1);
    const bool is_kept = pattern.front() != '}';
    const std::size_t number = is_kept ? static_cast<std::size_t>(pattern.front() - '0') : 0;
    pattern.remove_prefix(is_kept ? 2 : 1);

    const std::string_view after = pattern.substr(0, pattern.find('{'));
    const bool is_last = after.size() == pattern.size();
    std::size_t end = line.find(after);
    if (is_last) end = line.ends_with(after) ? line.size() - after.size() : std::string_view::npos;
    if (end == std::string_view::npos || (is_kept && end == 0)) return std::nullopt;
    if (is_kept) details[number] = trimmed_detail(line.substr(0, end));
    line.remove_prefix(end);
  }
  if (!line.empty()) return std::nullopt;
  return details;
}

// The kernel names a device as "nvidia 0000:01:00.0": by its driver first, whose name may have spaces.
void split_driver(MessageDetails& details) {
  const std::size_t space = details[0].rfind(' ');
  if (space == std::string_view::npos) return;
  details[1] = trimmed_detail(details[0].substr(0, space));
  details[0].remove_prefix(space + 1);
}

std::optional<Message> match_message(const MessagePattern& pattern, std::string_view line) {
  auto holes = holes_of(pattern.text, line);
  if (!holes) return std::nullopt;
  if (pattern.event == Event::DriverRefused || pattern.event == Event::CallbackFailed) split_driver(*holes);
  const std::size_t count = details_of(pattern.event);
  if (!pattern.last.empty()) (*holes)[count - 1] = pattern.last;
  return Message{pattern.event, {holes->begin(), holes->begin() + static_cast<std::ptrdiff_t>(count)}};
}

// Those that begin with a hole may fit any line; of the others, only those that begin as the line does.
class MessageIndex {
 public:
  explicit MessageIndex(std::span<const MessagePattern> patterns) {
    for (const MessagePattern& pattern : patterns) {
      for (std::size_t first = 0; first < by_first_.size(); ++first) {
        const auto byte = static_cast<unsigned char>(pattern.text.front());
        if (byte == '{' || byte == first) by_first_[first].push_back(&pattern);
      }
    }
  }
  std::optional<Message> find(std::string_view line) const {
    if (line.empty()) return std::nullopt;
    for (const MessagePattern* pattern : by_first_[static_cast<unsigned char>(line.front())]) {
      if (auto message = match_message(*pattern, line)) return message;
    }
    return std::nullopt;
  }

 private:
  std::array<std::vector<const MessagePattern*>, 256> by_first_;
};

std::optional<Message> of_kernel(std::string_view line) {
  static const MessageIndex kIndex{kKernelPatterns};
  constexpr std::string_view kShort = "PM: ";
  constexpr std::string_view kLong = "PM: hibernation: ";
  if (!line.starts_with(kLong)) return kIndex.find(line);
  return kIndex.find(std::string(kShort).append(line.substr(kLong.size())));
}

std::optional<Message> of_user_space(std::string_view line) {
  static const MessageIndex kIndex{kUserSpacePatterns};
  return kIndex.find(line);
}

}  // namespace

std::optional<Message> understand(std::string_view line, Speaker speaker) {
  std::optional<Message> message;
  if (speaker != Speaker::UserSpace) message = of_kernel(line);
  if (!message && speaker != Speaker::Kernel) message = of_user_space(line);
  return message;
}

}  // namespace hib::diagnose
