// What the kernel and user space say of hibernation, as events. The texts are from Linux 4.15 to 7.1
// (kernel/power/{hibernate,swap,snapshot,process}.c, arch/*/hibernate.c, drivers/base/power, mm/swapfile.c,
// security/lockdown), systemd 241 to 258 (src/hibernate-resume, src/sleep, src/login, src/core), util-linux'
// swapon, initramfs-tools, dracut and mkinitcpio.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hib::diagnose {

// Who said it. Anybody can write the kernel's words into a log; only what the journal marks as the kernel's
// is proven to be.
enum class Speaker : std::uint8_t { Kernel, UserSpace, Unproven };

// A console that shows a resume has two kernels in one boot: the one that loads the image, and then the one
// out of the image, whose log goes on where its snapshot was made. There SnapshotStarted comes once more
// behind ImageRead, and then HibernationExited.
//
// "debug" marks what a console does not show by default, and what kernels without CONFIG_PM_DEBUG never say:
// that it is missing proves nothing.
//
// Behind each event: its details, in order. A detail that one version of the text does not have is empty.
enum class Event : std::uint8_t {
  // the boot
  BootStarted,      // release: "6.12.43+deb13-amd64"
  CommandLine,      // of the kernel
  LockdownSet,      // by whom: "EFI Secure Boot mode"
  SecureBoot,       // "enabled", "disabled"
  SleepStates,      // that the firmware has: "S0 S3 S4 S5"
  DiskFound,        // name, how many blocks of how many bytes: "1048576 512"
  SwapAdded,        // device, KiB
  SwapRefused,      // the kernel found no swap area where swapon looked, as in one that holds an armed image
  FilesMounted,     // device, UUID of the file system, type
  JournalReplayed,  // device, type: the file system was not clean, and was written to
  ShutDown,         // "power down", "restart", "halt": the kernel's last word; "system manager": systemd's
  SystemStarted,    // the initramfs is left behind, and the system itself runs
  KernelPanic,      // why
  // saving
  HibernationEntered,
  SnapshotStarted,
  SnapshotTaken,   // pages
  SnapshotFailed,  // error
  SavingStarted,   // pages
  SavingDone,
  ImageWritten,      // KiB, seconds
  SignatureWritten,  // the image is armed from here on
  SavingFailed,      // what went wrong
  WriteFailed,       // device and sector
  SyncFailed,        // the file systems could not be written out before
  SaveTested,        // seconds: told by pm_test only to try, the kernel waits and goes back
  NoSpaceForImage,
  NoMemoryForCopy,  // pages that are missing
  NoSwapDevice,
  TasksDidNotFreeze,     // seconds, "failed" or "aborted" (something woke the machine up)
  TaskShown,             // name, PID: behind TasksDidNotFreeze, each that did not; elsewhere, one that hangs
  DevicesDidNotStop,     // "saving" or "resuming"
  WokenUp,               // something woke the machine up: it did not hibernate
  HibernationLeft,       // all is saved, and the machine waits for its power switch
  ForbiddenByLockdown,   // the process that asked
  HibernationForbidden,  // debug: by lockdown, nohibernate, memfd_secret or CXL: the kernel does not say
                         // which
  // resuming
  ResumeAsked,        // debug: device, as numbers: the kernel was told to look for an image
  ImageFound,         // debug: by its signature
  ImageNotFound,      // debug: code
  SignatureMismatch,  // hardware signature: saved, now
  ResumeStarted,      // there is an image, and the kernel goes for it
  LoadingStarted,     // pages
  MemoryMapMoved,
  ImageMismatch,     // reason
  PfnOutsideMemory,  // address
  CodecMissing,      // codec
  NoMemoryToWork,    // what for: while saving, or while loading
  ReadFailed,        // device and sector
  DecodingFailed,    // codec
  ChecksumWrong,
  ImageRead,  // KiB, seconds; also where nothing was read (0.01 seconds)
  LoadingDone,
  ImageLoaded,     // debug
  DriverRefused,   // device, driver, error, and when: saving "freeze" "thaw" "hibernate", resuming "quiesce"
                   // (before the jump) "restore" (behind it)
  CallbackFailed,  // device, driver, error, function: goes before DriverRefused
  NvidiaNeedsUserSpace,  // device: its driver refuses without what user space does before it sleeps
  LoadingFailed,         // printed also where all was loaded and a driver refused
  ResumeFailed,          // error; said twice where debug is shown
  ImageRestored,         // debug: of the kernel that came back
  HardwareChanged,       // of the kernel that came back: the firmware's hardware signature is another one
  HibernationExited,     // of the kernel that came back, or that did not get away
  TraceMatched,          // pm_trace: device, or file and line; where the last resume hung
  DeviceReplaced,        // device, what differs
  // user space
  ActionAsked,             // of logind: "hibernate", "suspend", "power off", "reboot"
  SleepStarted,            // operation: "hibernate", "hybrid-sleep", "suspend-then-hibernate", "suspend"
  SleepEnded,              // operation
  SleepFailed,             // reason
  SleepRefused,            // reason, as logind or systemd-sleep words it
  SwapSignatureRewritten,  // device; util-linux' swapon: the image is consumed
  ResumeUnitStarted,       // device
  ResumeUnitReturned,      // device: nothing was resumed
  ResumeUnitSkipped,       // reason
  ResumeUnitFailed,        // device, reason
  ResumeConfigWrong,       // value, reason
  EfiVariableFound,        // uuid, offset, the rest: "ID=debian VERSION_ID=13 kernel=6.12.43+deb13-amd64"
  EfiVariableOfOther,      // another system saved the image
  EfiVariableDiffers,      // on the command line, in the variable
  EfiVariableUnreadable,   // reason
  EfiVariableNotWritten,   // reason
  EfiVariableCleared,
  EfiVariableNotCleared,  // reason
  DeviceTimedOut,         // device
  VolumeOpened,           // name below /dev/mapper, as systemd escapes it; encrypted
};

struct Message {
  Event event;
  std::vector<std::string> details;  // as many as the event has; hostile text
};

// Of one line without its time and priority: at most one event. The kernel's words count only from the
// kernel, and user space's only from user space; Unproven may be both.
std::optional<Message> understand(std::string_view line, Speaker speaker);

}  // namespace hib::diagnose
