// /dev/hibjump, the kernel module's side of a jump. The module's own header says which call is allowed in
// which kernel (kernel-glue/include/uapi/linux/hibjump.h). It calls the machine A, the saver B and the
// restorer C.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/jump/module/jump_id.h"
#include "lib/os/file.h"

namespace hib::jump {

inline constexpr std::uint64_t kPageBytes = 4096;
inline constexpr std::uint64_t kLowEnd = 0xA0000;  // of the memory that a PC has below the video memory
inline constexpr std::size_t kMaxLowRanges = 8;

// A piece of physical memory.
struct MemoryRange {
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;

  std::uint64_t end() const { return start + bytes; }
  bool contains(std::uint64_t address, std::uint64_t size) const {
    return address >= start && size <= bytes && address - start <= bytes - size;
  }
};

// What the machine wants of the saver.
enum class Wish : std::uint32_t { Rehearse = 1, SaveAndPowerOff, SaveAndReturn, StandBy };

enum class Outcome : std::uint32_t { NotLeft = 0, Returned, Restored, Failed };

struct DeviceInfo {
  bool is_saver = false;  // runs in another kernel's crash region
  bool armed = false;
  bool untested_series = false;
  bool five_levels = false;
  bool crash_kernel_loaded = false;
  bool untested_machine = false;  // somebody allowed the module under this hypervisor
  bool x2apic = false;            // the mode that the processor's APIC is in
  MemoryRange region;             // machine: bytes 0 where there is none
  std::uint64_t context = 0;      // machine: physical address of its context, one page
  std::uint64_t note = 0;         // machine: physical address of the ELF note with its registers, one page
  std::uint32_t refused = 0;      // HIBJUMP_REFUSED_*: why arm() would fail (refused.h)
  std::uint32_t tsc_khz = 0;      // 0: not known
  std::uint64_t cr4 = 0;          // of the processor that asked, as the two that follow
  std::uint64_t efer = 0;
  std::uint64_t xss = 0;
  std::uint64_t feat_ctl = 0;  // what the firmware allows of a processor of Intel's

  bool allows_untested() const { return untested_series || untested_machine; }
};

// What to enter; addresses are physical and in the crash region.
struct ArmedEntry {
  std::uint64_t entry = 0;
  std::uint64_t boot_params = 0;
  std::uint64_t low_copy = 0;
  std::vector<MemoryRange> low;
  JumpId id{};
  std::uint64_t standby_low_copy = 0;
  std::vector<MemoryRange> ram;  // all of the machine's, as the saver was told: the module compares it
};

struct LeaveResult {
  Outcome outcome = Outcome::NotLeft;
  std::uint64_t suspended_ns = 0;  // CLOCK_REALTIME when the machine's devices were suspended
  std::string reason;              // what the saver said
  JumpId id{};
};

// Physical memory, mapped to be read and written; unmapped when this goes.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* bytes, std::size_t size) : bytes_(bytes, size) {}
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  MutableBytes bytes() const { return bytes_; }

 private:
  MutableBytes bytes_;
};

// Errors of all calls say what to do about them.
class Device {
 public:
  static Result<Device> open();

  Result<DeviceInfo> info() const;
  Result<void> arm(const ArmedEntry& request) const;
  Result<void> disarm() const;
  // Suspends the machine and enters the saver, which finds a copy of `records` (suspend_records.h). Returns
  // when another kernel has jumped back into the machine.
  Result<LeaveResult> leave(Wish wish, ByteView records) const;
  // The module's record "suspend" of the last leave(), also of a failed one, with the results of the resume.
  Result<std::vector<std::byte>> devices() const;
  // Restorer: makes room for the machine's memory in the running kernel's own, to be filled through map().
  // `pages`, ascending, are the machine's pages, `region` is its crash region. The room is freed when this
  // object and all mappings are gone.
  Result<void> stage(const MemoryRange& region, const std::vector<MemoryRange>& pages) const;
  // Restorer: all of them are filled, and nobody writes to them any more. Otherwise they are not entered.
  Result<void> staged() const;
  // Saver, and restorer with staged pages: enters the machine. Returns only when that failed.
  Error return_to_machine(std::uint64_t context, Outcome outcome, const std::string& reason) const;
  // Saver: from now on a panic of this kernel enters the machine, with the outcome Failed. Not to be called
  // before the machine's memory is written.
  Result<void> go_home_on_panic(std::uint64_t context) const;
  // Saver: enters the machine, and returns when the machine has left again.
  Result<void> stand_by(std::uint64_t context) const;

  Result<void> read(std::uint64_t address, MutableBytes out) const;
  Result<void> write(std::uint64_t address, ByteView bytes) const;
  // Whole pages. Saver: of the machine's memory itself. Restorer: of the staged memory; an address that is no
  // page of the machine must not be touched.
  Result<Mapping> map(std::uint64_t address, std::uint64_t bytes) const;

 private:
  Error named(Error error) const;

  explicit Device(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace hib::jump
