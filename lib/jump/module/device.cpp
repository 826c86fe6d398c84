#include "lib/jump/module/device.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/base/text.h"
#include "lib/jump/module/refused.h"

namespace hib::jump {
namespace {

constexpr const char* kModulePath = "/dev/hibjump";

// The binary interface, held fast: a change of the header that moves anything fails here.
static_assert(sizeof(hibjump_info) == 88 && offsetof(hibjump_info, region_start) == 16 &&
              offsetof(hibjump_info, refused) == 48);
static_assert(sizeof(hibjump_arm) == 208 && offsetof(hibjump_arm, low) == 40 &&
              offsetof(hibjump_arm, standby_low_copy) == 184 && offsetof(hibjump_arm, ranges) == 192);
static_assert(sizeof(hibjump_leave) == 312 && offsetof(hibjump_leave, reason) == 24 &&
              offsetof(hibjump_leave, records) == 296);
static_assert(sizeof(hibjump_devices) == 24 && offsetof(hibjump_devices, buffer) == 8);
static_assert(sizeof(hibjump_stage) == 40 && offsetof(hibjump_stage, range_count) == 32 &&
              sizeof(hibjump_range) == 16);
static_assert(sizeof(hibjump_staged) == 8);
static_assert(sizeof(hibjump_return) == 280 && offsetof(hibjump_return, context) == 16);
static_assert(sizeof(hibjump_home) == 16 && offsetof(hibjump_home, context) == 8);
static_assert(sizeof(hibjump_saved) == 848 && offsetof(hibjump_saved, records) == 800 &&
              offsetof(hibjump_saved, skip_map) == 832 && sizeof(hibjump_context) == 1144);
static_assert(offsetof(hibjump_context, saved) == 24 && offsetof(hibjump_context, outcome) == 872);
static_assert(sizeof(hibjump_map) == 32 && offsetof(hibjump_map, offline) == 16);
static_assert(sizeof(hibjump_records) == 32 && offsetof(hibjump_records, given_start) == 20);
static_assert(kMaxLowRanges == HIBJUMP_MAX_LOW);
static_assert(static_cast<std::uint32_t>(Outcome::Failed) == HIBJUMP_FAILED);

// EBUSY of arm and of stage: something is there already.
constexpr const char* kUnload =
    "something is armed or loaded already: hibtool disarm, or kexec -p -u for a crash kernel";
// EBUSY of the calls that jump: a driver did not let go of its device, a processor stays on, or the kernel's
// own hibernation is in use.
constexpr const char* kSeeDevices =
    "a device did not suspend, or a processor could not be switched off, and the kernel log (dmesg) names "
    "it; "
    "or a program has /dev/snapshot open; nothing has changed";
constexpr const char* kNotSupported = "this processor, memory or kernel is not supported";

Error call_error(const char* call, int errno_value, const char* when_busy = "") {
  Error error = system_error(call, errno_value);
  error.file = kModulePath;
  switch (errno_value) {
    case EPERM:
      error.kind = ErrorKind::Refused;
      error.advice =
          "the jump needs root in the initial user namespace and a kernel that is not locked down and may "
          "hibernate: hibtool arm --check";
      break;
    case ENODEV: error.advice = "boot with crashkernel=192M"; break;
    case EBUSY: error.advice = when_busy; break;
    case ESTALE:
      error.kind = ErrorKind::Refused;
      error.found = "the machine's memory is not what it was when it was armed";
      error.advice = "hibtool arm again";
      break;
    case EOPNOTSUPP: error.advice = kNotSupported; break;
    default: break;
  }
  return error;
}

// By a crash kernel that was loaded and unloaded again, for example.
Error saver_was_written() {
  return make_error(ErrorKind::Refused, "saver", "its memory was written since it was armed")
      .advise("hibtool arm again")
      .of(kModulePath);
}

// What loads a crash kernel writes there, too.
Error stage_was_written() {
  return make_error(ErrorKind::Refused, "staged pages", "they were written since they were checked")
      .advise("find out what loads a crash kernel while the image is read, and try again")
      .of(kModulePath);
}

// The firmware's maps are equal, so this kernel has given it to something else.
Error memory_is_not_here() {
  return make_error(ErrorKind::Refused, "memory", "the machine has pages where there is no RAM now",
                    "RAM, or what this kernel keeps from itself")
      .of(kModulePath);
}

}  // namespace

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

Result<Device> Device::open() {
  Fd fd(::open(kModulePath, O_RDWR | O_CLOEXEC));
  if (fd) return Device(std::move(fd));
  if (errno == ENOENT || errno == ENXIO) {
    return fail(make_error(ErrorKind::NotFound, "kernel module", "hibjump is not loaded")
                    .of(kModulePath)
                    .advise("modprobe hibjump; docs/guide/hibernate.md says how it is built"));
  }
  return fail(call_error("open", errno));
}

Result<DeviceInfo> Device::info() const {
  hibjump_info raw{};
  raw.size = sizeof(raw);
  if (::ioctl(fd_.get(), HIBJUMP_INFO, &raw) != 0) return fail(call_error("HIBJUMP_INFO", errno));
  if (raw.version != HIBJUMP_VERSION)
    return fail(make_error(ErrorKind::Unsupported, "HIBJUMP_INFO: version", std::to_string(raw.version),
                           std::to_string(HIBJUMP_VERSION))
                    .of(kModulePath)
                    .advise("load the module that belongs to this hibtool"));
  DeviceInfo info;
  info.is_saver = raw.role == HIBJUMP_ROLE_B;
  info.armed = (raw.flags & HIBJUMP_INFO_ARMED) != 0;
  info.untested_series = (raw.flags & HIBJUMP_INFO_UNTESTED_SERIES) != 0;
  info.five_levels = (raw.flags & HIBJUMP_INFO_FIVE_LEVELS) != 0;
  info.crash_kernel_loaded = (raw.flags & HIBJUMP_INFO_CRASH_LOADED) != 0;
  info.region = {raw.region_start, raw.region_bytes};
  info.context = raw.context;
  info.note = raw.note;
  info.untested_machine = (raw.flags & HIBJUMP_INFO_UNTESTED_MACHINE) != 0;
  info.x2apic = (raw.flags & HIBJUMP_INFO_X2APIC) != 0;
  info.refused = raw.refused;
  info.tsc_khz = raw.tsc_khz;
  info.cr4 = raw.cr4;
  info.efer = raw.efer;
  info.xss = raw.xss;
  info.feat_ctl = raw.feat_ctl;
  return info;
}

// With the reasons that the module has, where it has some.
Error Device::named(Error error) const {
  if (error.advice != kNotSupported) return error;
  const auto known = info();
  if (!known || known->refused == 0) return error;
  error.kind = ErrorKind::Refused;
  error.advice = refused_text(known->refused);
  return error;
}

Result<void> Device::arm(const ArmedEntry& request) const {
  hibjump_arm raw{};
  raw.size = sizeof(raw);
  raw.entry = request.entry;
  raw.boot_params = request.boot_params;
  raw.low_copy = request.low_copy;
  raw.low_count = static_cast<std::uint32_t>(std::min(request.low.size(), kMaxLowRanges));
  for (std::size_t i = 0; i < raw.low_count; ++i) raw.low[i] = {request.low[i].start, request.low[i].bytes};
  std::copy(request.id.begin(), request.id.end(), raw.id);
  raw.standby_low_copy = request.standby_low_copy;
  static_assert(sizeof(MemoryRange) == sizeof(hibjump_range));
  raw.ranges = reinterpret_cast<std::uintptr_t>(request.ram.data());
  raw.range_count = static_cast<std::uint32_t>(request.ram.size());
  if (::ioctl(fd_.get(), HIBJUMP_ARM, &raw) != 0)
    return fail(named(call_error("HIBJUMP_ARM", errno, kUnload)));
  return {};
}

Result<void> Device::disarm() const {
  if (::ioctl(fd_.get(), HIBJUMP_DISARM) != 0) return fail(call_error("HIBJUMP_DISARM", errno));
  return {};
}

Result<LeaveResult> Device::leave(Wish wish, ByteView records) const {
  hibjump_leave raw{};
  raw.size = sizeof(raw);
  raw.records = records.empty() ? 0 : reinterpret_cast<std::uintptr_t>(records.data());
  raw.records_bytes = static_cast<std::uint32_t>(records.size());
  raw.wish = static_cast<std::uint32_t>(wish);
  if (::ioctl(fd_.get(), HIBJUMP_LEAVE, &raw) != 0) {
    if (errno == EILSEQ) return fail(saver_was_written());
    return fail(named(call_error("HIBJUMP_LEAVE", errno, kSeeDevices)));
  }
  // Without an error somebody came back. An image must not be reported of which that is not known.
  if (raw.outcome < HIBJUMP_RETURNED || raw.outcome > HIBJUMP_FAILED)
    return fail(call_error("HIBJUMP_LEAVE", EPROTO));
  LeaveResult result;
  result.outcome = static_cast<Outcome>(raw.outcome);
  result.suspended_ns = raw.suspended_ns;
  result.reason.assign(raw.reason, ::strnlen(raw.reason, sizeof(raw.reason)));
  std::copy(std::begin(raw.id), std::end(raw.id), result.id.begin());
  return result;
}

// It cannot grow between the two calls: only another jump makes another one.
Result<std::vector<std::byte>> Device::devices() const {
  hibjump_devices raw{};
  raw.size = sizeof(raw);
  if (::ioctl(fd_.get(), HIBJUMP_DEVICES, &raw) == 0 || errno != ENOSPC)
    return fail(call_error("HIBJUMP_DEVICES", errno));
  std::vector<std::byte> record(raw.bytes);
  raw.buffer = reinterpret_cast<std::uintptr_t>(record.data());
  raw.buffer_bytes = raw.bytes;
  if (::ioctl(fd_.get(), HIBJUMP_DEVICES, &raw) != 0) return fail(call_error("HIBJUMP_DEVICES", errno));
  record.resize(std::min<std::size_t>(record.size(), raw.bytes));
  return record;
}

Result<void> Device::stage(const MemoryRange& region, const std::vector<MemoryRange>& pages) const {
  std::vector<hibjump_range> ranges;
  ranges.reserve(pages.size());
  for (const MemoryRange& range : pages) ranges.push_back({range.start, range.bytes});
  if (ranges.size() > HIBJUMP_MAX_RANGES)
    return fail(make_error(ErrorKind::Unsupported, "HIBJUMP_STAGE: ranges", std::to_string(ranges.size()),
                           fmt::format("up to {}", HIBJUMP_MAX_RANGES))
                    .of(kModulePath));
  hibjump_stage raw{};
  raw.size = sizeof(raw);
  raw.region_start = region.start;
  raw.region_bytes = region.bytes;
  raw.ranges = reinterpret_cast<std::uintptr_t>(ranges.data());
  raw.range_count = static_cast<std::uint32_t>(ranges.size());
  if (::ioctl(fd_.get(), HIBJUMP_STAGE, &raw) != 0) {
    if (errno == ERANGE) return fail(memory_is_not_here());
    return fail(named(call_error("HIBJUMP_STAGE", errno, kUnload)));
  }
  return {};
}

Result<void> Device::staged() const {
  hibjump_staged raw{};
  raw.size = sizeof(raw);
  if (::ioctl(fd_.get(), HIBJUMP_STAGED, &raw) != 0) return fail(call_error("HIBJUMP_STAGED", errno));
  return {};
}

Error Device::return_to_machine(std::uint64_t context, Outcome outcome, const std::string& reason) const {
  hibjump_return raw{};
  raw.size = sizeof(raw);
  raw.context = context;
  raw.outcome = static_cast<std::uint32_t>(outcome);
  std::memcpy(raw.reason, reason.data(), std::min(reason.size(), sizeof(raw.reason) - 1));
  ::ioctl(fd_.get(), HIBJUMP_RETURN, &raw);
  if (errno == EILSEQ) return stage_was_written();
  return call_error("HIBJUMP_RETURN", errno, kSeeDevices);
}

Result<void> Device::stand_by(std::uint64_t context) const {
  hibjump_return raw{};
  raw.size = sizeof(raw);
  raw.flags = HIBJUMP_RETURN_STAND_BY;
  raw.context = context;
  raw.outcome = HIBJUMP_RETURNED;
  if (::ioctl(fd_.get(), HIBJUMP_RETURN, &raw) != 0)
    return fail(call_error("HIBJUMP_RETURN", errno, kSeeDevices));
  return {};
}

Result<void> Device::go_home_on_panic(std::uint64_t context) const {
  hibjump_home raw{};
  raw.size = sizeof(raw);
  raw.context = context;
  if (::ioctl(fd_.get(), HIBJUMP_HOME, &raw) != 0) return fail(call_error("HIBJUMP_HOME", errno));
  return {};
}

Result<void> Device::read(std::uint64_t address, MutableBytes out) const {
  if (::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(address)) ==
      static_cast<ssize_t>(out.size()))
    return {};
  return fail(call_error("read", errno).at(address));
}

Result<void> Device::write(std::uint64_t address, ByteView bytes) const {
  if (::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(address)) ==
      static_cast<ssize_t>(bytes.size()))
    return {};
  return fail(call_error("write", errno).at(address));
}

Result<Mapping> Device::map(std::uint64_t address, std::uint64_t bytes) const {
  void* mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), static_cast<off_t>(address));
  if (mapped == MAP_FAILED) return fail(call_error("mmap", errno).at(address));
  return Mapping(static_cast<std::byte*>(mapped), bytes);
}

}  // namespace hib::jump
