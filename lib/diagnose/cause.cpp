#include "lib/diagnose/cause.h"

namespace hib::diagnose {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::Never: return "never";
    case Code::Armed: return "armed";
    case Code::NotTried: return "not-tried";
    case Code::Resumed: return "resumed";
    case Code::BrokeAfter: return "broke-after";
    case Code::WrongPlace: return "wrong-place";
    case Code::Consumed: return "consumed";
    case Code::Overwritten: return "overwritten";
    case Code::SaveInterrupted: return "save-interrupted";
    case Code::TaskNotFrozen: return "task-not-frozen";
    case Code::Damaged: return "damaged";
    case Code::CodecMissing: return "codec-missing";
    case Code::MemoryMap: return "memory-map";
    case Code::MemorySize: return "memory-size";
    case Code::HardwareSignature: return "hardware-signature";
    case Code::OtherKernel: return "other-kernel";
    case Code::OtherProcessor: return "other-processor";
    case Code::NoMemoryToLoad: return "no-memory-to-load";
    case Code::NoSnapshotMemory: return "no-snapshot-memory";
    case Code::DriverRefused: return "driver-refused";
    case Code::Hung: return "hung";
    case Code::DeviceMoved: return "device-moved";
    case Code::FileSystemWritten: return "file-system-written";
    case Code::OtherBoot: return "other-boot";
    case Code::EveryEntryTries: return "every-entry-tries";
    case Code::Lockdown: return "lockdown";
    case Code::Inhibited: return "inhibited";
    case Code::Policy: return "policy";
    case Code::NoSpace: return "no-space";
    case Code::SwapFile: return "swap-file";
    case Code::EphemeralSwap: return "ephemeral-swap";
    case Code::SwapLocked: return "swap-locked";
    case Code::EfiVariable: return "efi-variable";
    case Code::FirmwareS4: return "firmware-s4";
    case Code::Unknown: return "unknown";
  }
  return "unknown";
}

}  // namespace hib::diagnose
