// Why a machine did not resume, or would not: a cause with what shows it and what to do. What log, disk and
// configuration are read for ends up as these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/image/carve.h"

namespace hib::diagnose {

// One code for each section of docs/diagnose.md. Their names are stable, for scripts.
enum class Code : std::uint8_t {
  Never,              // no image was ever written here
  Armed,              // an image lies there, and no boot has tried it yet
  NotTried,           // a boot came, and nothing asked its kernel to resume
  Resumed,            // all went well
  BrokeAfter,         // came back, then broke
  WrongPlace,         // it looked at another device, or at another offset
  Consumed,           // the signature is gone, and nothing tells why
  Overwritten,        // something was written over the image
  SaveInterrupted,    // the image was never complete
  TaskNotFrozen,      // a task did not stand still: nothing was written
  Damaged,            // bytes of the image are wrong
  CodecMissing,       // the kernel had no decompressor
  MemoryMap,          // the firmware gave another memory map
  MemorySize,         // another number of pages of RAM
  HardwareSignature,  // the firmware says that the hardware was changed
  OtherKernel,        // another build of the kernel
  OtherProcessor,
  NoMemoryToLoad,     // no room beside the booted kernel for the image
  NoSnapshotMemory,   // no room for the copy in memory: nothing was written
  DriverRefused,      // a driver did not stop its device
  Hung,               // the jump was reached; silence after it
  DeviceMoved,        // the disk is another one, or has another name
  FileSystemWritten,  // resuming would ruin a file system
  OtherBoot,          // another system, or another entry, was booted in between
  EveryEntryTries,    // every boot entry resumes, and the resume hangs
  Lockdown,
  Inhibited,  // memfd_secret, CXL, nohibernate
  Policy,     // logind refuses what the kernel would do
  NoSpace,
  SwapFile,       // a swap file that cannot hold an image, or has moved
  EphemeralSwap,  // a random key, or zram: the image dies with the power
  SwapLocked,     // encrypted swap that was not open in time
  EfiVariable,    // HibernateLocation refused, stale, or not writable
  FirmwareS4,     // the firmware does not carry out S4
  Unknown,
};

std::string_view name_of(Code code);  // "not-tried", as in documents

struct Evidence {
  std::string source;                   // a path, "journal", "the image"
  std::optional<std::uint64_t> offset;  // of the text in the file
  std::string cursor;                   // of the entry in the journal
  std::optional<std::uint64_t> wall_us;
  std::string text;  // as it was found: hostile
};

// One thing to do, for the system that was looked at. Never a change to /sys by hand.
struct Advice {
  std::string text;
  std::string command;  // to be typed; empty: nothing to type
  std::string file;     // to be edited; empty: none
};

struct Cause {
  Code code = Code::Unknown;
  Confidence confidence = Confidence::Possible;
  std::string text;  // one sentence
  std::vector<Evidence> evidence;
  std::vector<Advice> advice;
};

// What was looked at, and is not the cause.
struct Exonerated {
  Code code = Code::Unknown;
  std::string text;
};

}  // namespace hib::diagnose
