// What the kernel and systemd say of hibernation, as events. The table in messages.cpp is from
// kernel/power/{hibernate,swap,snapshot}.c, arch/x86/power/hibernate.c, drivers/base/power/main.c of Linux
// 4.15 to 6.19, and src/hibernate-resume and src/sleep of systemd 250 to 259. docs/diagnose.md lists it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hib::diagnose {

enum class Event : std::uint8_t {
  BootStarted,  // "Linux version …": release
  // saving
  HibernationEntered,
  SnapshotTaken,  // pages
  SavingStarted,  // pages
  SavingDone,
  NoSpaceForImage,  // kernel
  NoMemoryForCopy,  // -12
  NoSwapDevice,
  TasksDidNotFreeze,
  HibernationLeft,
  ForbiddenByLockdown,
  // resuming
  ImageFound,
  ImageNotFound,      // code
  SignatureMismatch,  // hardware signature: saved, now
  LoadingStarted,     // pages
  MemoryMapMoved,
  ImageMismatch,     // reason
  PfnOutsideMemory,  // address
  CodecMissing,      // codec
  ReadFailed,
  DecodingFailed,
  ChecksumWrong,
  ImageLoaded,
  DriverRefused,      // device, driver, error
  ResumeFailed,       // error
  HibernationExited,  // of the kernel that came back
  // others
  SwapSignatureRewritten,  // util-linux's swapon
  ResumeUnitSkipped,       // systemd
  EfiVariableOfOther,
  EfiVariableFound,  // uuid, offset
  DeviceTimedOut,    // device
};

struct Message {
  Event event;
  std::vector<std::string> details;  // in the order that the table names; hostile text
};

// Of one line without its time and priority: at most one event.
std::optional<Message> understand(std::string_view line);

}  // namespace hib::diagnose
