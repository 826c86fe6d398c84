#include "cli/jump_init.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/render_json.h"
#include "cli/replay.h"
#include "cli/saver_marks.h"
#include "cli/write_memory.h"
#include "lib/base/text.h"
#include "lib/codec/zstd.h"
#include "lib/jump/arm.h"
#include "lib/jump/context.h"
#include "lib/jump/watchdog.h"
#include "lib/ops/verify.h"

namespace hib::cli {
namespace {

using container::Phase;

constexpr unsigned kMaxProcessors = 4;
constexpr unsigned kSecondsForDisks = 30;
constexpr unsigned kSecondsAfterStandby = 5;  // what has been there comes back with its driver
constexpr unsigned kSecondsForMarks = 5;      // for disks with file systems beside the target

// ---- the machine as the kernel hands it over

Result<void> mount_kernel_file_systems() {
  struct Mount {
    const char* type;
    const char* target;
  };
  for (const Mount& m : {Mount{"proc", "/proc"}, Mount{"sysfs", "/sys"}, Mount{"devtmpfs", "/dev"}}) {
    if (::mount(m.type, m.target, m.type, 0, nullptr) != 0)
      return fail(system_error("mount", errno).of(m.target));
  }
  return {};
}

// All that can be loaded; what could not is said when something turns out to be missing. Whoever allowed
// hibjump.ko on an untested kernel in A, allowed it here too.
std::string load_kernel_modules(bool allow_untested) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string("/") + jump::kModuleFolder))
    paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  std::string failed;
  for (const std::string& path : paths) {
    const auto content = File::read_whole(path);
    const char* parameters = allow_untested && path.ends_with("-hibjump.ko") ? "allow_untested=1" : "";
    if (content &&
        (::syscall(SYS_init_module, content->data(), content->size(), parameters) == 0 || errno == EEXIST))
      continue;
    const Error error = content ? system_error("init_module", errno).of(path) : content.error();
    failed += (failed.empty() ? "" : "; ") + error.line();
  }
  return failed;
}

// The kernel has begun with one (maxcpus=1). Up to three more make the work faster; B can do without each of
// them.
void start_other_processors() {
  for (unsigned number = 1; number < kMaxProcessors; ++number) {
    const Fd fd(
        ::open(fmt::format("/sys/devices/system/cpu/cpu{}/online", number).c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) static_cast<void>(!::write(fd.get(), "1", 1));
  }
}

struct Config {
  std::uint64_t context = 0;  // physical addresses
  std::uint64_t note = 0;
  bool has_target = false;
  std::uint64_t head = 0;  // of the target's area
  bool verify = false;
  bool free_pages = false;      // save them too
  bool allow_untested = false;  // hibjump.ko on this kernel
  bool standby = false;         // wait for A to leave once more, where nothing was saved
  unsigned timeout_seconds = 0;
  int level = kDefaultZstdLevel;
  std::vector<Record> records;
  std::optional<jump::JumpId> restore;
};

const std::string& config_path() {
  static const std::string path = std::string("/") + jump::kConfigPath;
  return path;
}

// This program wrote it, so a wrong type is a mistake and not an attack; it still must not end B.
Result<Config> read_config() {
  TRY(const auto text, File::read_whole(config_path()));
  const Json json = Json::parse(as_text(text), nullptr, false);
  if (!json.is_object() || !json.contains("context") || !json["context"].is_string())
    return fail(make_error(ErrorKind::Corrupt, "configuration", "no \"context\"").of(config_path()));
  Config config;
  config.context = std::strtoull(json["context"].get<std::string>().c_str(), nullptr, 0);
  if (json.contains("note") && json["note"].is_string())
    config.note = std::strtoull(json["note"].get<std::string>().c_str(), nullptr, 0);
  config.has_target = json.contains("target");
  config.head = json.value("head", std::uint64_t{0});
  config.verify = json.value("verify", false);
  config.free_pages = json.value("free_pages", false);
  config.allow_untested = json.value("allow_untested", false);
  config.standby = json.value("standby", false);
  config.timeout_seconds = json.value("timeout", 0U);
  config.level = json.value("level", kDefaultZstdLevel);
  if (json.contains("records")) {
    TRY(config.records, records_from_json(std::string(as_text(text)), config_path()));
  }
  if (json.contains("restore") && json["restore"].is_string()) {
    TRY(config.restore, jump::parse_jump_id(json["restore"].get<std::string>()));
  }
  return config;
}

// Libraries throw where memory is short: a failure like any other, that A is to be told.
template <typename Step>
Result<void> without_exceptions(const Step& step) {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return fail(make_error(ErrorKind::Io, "image-saving kernel", "out of memory", "a larger crashkernel="));
  } catch (const std::exception& exception) {
    return fail(make_error(ErrorKind::Io, "image-saving kernel", exception.what()));
  }
}

struct Machine {
  Config config;
  std::string missing_drivers;  // why, "" when all were loaded
  std::optional<jump::Watchdog> watchdog;
  bool has_stood_by = false;

  void start_watchdog() {
    if (config.timeout_seconds == 0) return;
    if (auto started = jump::Watchdog::start(config.timeout_seconds)) watchdog = std::move(*started);
  }
  void stop_watchdog() {
    if (watchdog) watchdog->stop();
    watchdog.reset();
  }
  void alive() const {
    if (watchdog) watchdog->alive();
  }
  ProgressCallback progress() const {
    return [this](const Progress&) { alive(); };
  }
};

Result<ClaimedTarget> find_target(const Machine& machine, const jump::JumpId& id) {
  auto target =
      find_claimed(id, machine.config.head, machine.has_stood_by ? kSecondsAfterStandby : kSecondsForDisks);
  if (!target && !machine.missing_drivers.empty())
    return fail(std::move(target).error().advise(machine.missing_drivers));
  return target;
}

// ---- saving

// Runs of set bits: pages that A does not use. What cannot be read is used.
Result<std::vector<PfnRange>> unused_pages(const jump::Device& device, const jump::MemoryRange& map) {
  std::vector<PfnRange> ranges;
  std::vector<std::byte> bits(map.bytes);
  if (bits.empty()) return ranges;
  TRY_OK(device.read(map.start, bits));
  const auto is_set = [&](Pfn pfn) {
    return (std::to_integer<unsigned>(bits[pfn / 8]) >> (pfn % 8) & 1) != 0;
  };
  for (Pfn pfn = 0; pfn < bits.size() * 8; ++pfn) {
    if (!is_set(pfn)) continue;
    if (!ranges.empty() && ranges.back().first + ranges.back().second == pfn)
      ++ranges.back().second;
    else
      ranges.emplace_back(pfn, 1);
  }
  return ranges;
}

// The ordinary create, from /proc/vmcore to the claimed target.
Result<void> save_image(const Machine& machine, const jump::Context& context, const ClaimedTarget& target) {
  ReplayRequest request;
  request.verb = "create";
  request.source = "/proc/vmcore";
  request.output = target.device;
  request.output_window = target.area.places;
  request.as = "hib";
  request.level = machine.config.level;
  TRY(const auto device, jump::Device::open());
  request.added_records = machine.config.records;
  const std::string missing = add_left_records(request.added_records, device, context);
  if (!missing.empty()) std::cerr << "hibtool: records: " << printable(missing) << std::endl;
  const auto registers = add_registers(request.added_records, device, machine.config.note);
  if (!registers) std::cerr << "hibtool: registers: " << printable(registers.error().line()) << std::endl;
  add_saver(request.added_records, machine.has_stood_by);
  add_saver_marks(request.added_records, kSecondsForMarks, [&] { machine.alive(); });
  request.progress = machine.progress();
  if (!machine.config.free_pages) {
    TRY(request.unused, unused_pages(device, context.free_map));
  }
  TRY(request.breadcrumbs, container::read_breadcrumbs(*target.image));
  std::ostringstream out;
  std::ostringstream err;
  const CommonOptions options;
  if (replay(Context(options, {out, err}), request) == kDone) return {};
  return fail(make_error(ErrorKind::Io, "saving", err.str().substr(0, err.str().find('\n'))));
}

// What the disk gives back, once more against every hash.
Result<void> verify_image(const Machine& machine, const ClaimedTarget& target) {
  target.image->drop_cache();
  OpenOptions options;
  options.swap_offset = target.area.head / container::kAreaHeadBytes;
  TRY(const auto image, open_image(target.device, "hib", options));
  PipelineOptions work;
  work.progress = machine.progress();
  TRY_OK(run_pipeline(*image, nullptr, work));
  return {};
}

// Each breadcrumb is on the disk before the next step begins.
Result<void> save(const Machine& machine, const jump::Context& context, const ClaimedTarget& target) {
  TRY_OK(target.note(Phase::DevicesSuspended, "", context.suspended_ns));
  TRY_OK(target.note(Phase::Jumped));
  TRY_OK(target.note(Phase::Saving));
  TRY_OK(save_image(machine, context, target));
  TRY_OK(target.note(Phase::Committed));
  if (!machine.config.verify) return {};
  TRY_OK(verify_image(machine, target));
  return target.note(Phase::Verified);
}

Result<void> power_off() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  return fail(system_error("reboot", errno));
}

// That the target is found is shown before it is needed.
Result<void> get_ready(const Machine& machine, const jump::Context& context) {
  if (machine.config.has_target) TRY_OK(find_target(machine, context.id));
  return {};
}

// Does what A wants. An error is what A is to be told; on success of SaveAndPowerOff it does not return.
Result<void> do_wish(const Machine& machine, const jump::Context& context) {
  if (context.wish == jump::Wish::Rehearse) return {};
  if (context.wish == jump::Wish::StandBy) return get_ready(machine, context);
  if (!machine.config.has_target)
    return fail(make_error(ErrorKind::Usage, "saving", "armed without a target", "arm --target DEV"));
  TRY(const auto target, find_target(machine, context.id));
  const auto saved = save(machine, context, target);
  if (!saved) {
    static_cast<void>(target.note(Phase::Failed, saved.error().line()));  // A is told in any case
    return saved;
  }
  if (context.wish == jump::Wish::SaveAndReturn) return target.note(Phase::JumpedBack, "the machine went on");
  TRY_OK(target.note(Phase::PoweredOff));
  return power_off();
}

// ---- restoring

// From an image into A. Until the pages are being written a failure leaves the image as it was; the machine
// then restarts.
Result<void> restore(const Machine& machine, const jump::Device& device) {
  TRY(const auto target, find_target(machine, *machine.config.restore));
  const auto written = without_exceptions([&]() -> Result<void> {
    TRY(const auto image, open_jump_image(target.device, target.area.head / container::kAreaHeadBytes));
    return write_memory(image, device, machine.progress());
  });
  if (!written) {
    static_cast<void>(target.note(Phase::Failed, written.error().line()));
    return written;
  }
  TRY_OK(target.note(Phase::Loaded));
  TRY_OK(target.note(Phase::JumpedBack));
  return fail(device.return_to_a(machine.config.context, jump::Outcome::Restored, ""));
}

Result<jump::Context> read_context(const Machine& machine, const jump::Device& device) {
  std::vector<std::byte> page(jump::kPageBytes);
  TRY_OK(device.read(machine.config.context, page));
  return jump::decode_context(page, machine.config.context);
}

// The clock of the mainboard, from which B has the time, counts whole seconds: in the image's history B would
// act before A.
void set_clock_not_before(std::uint64_t nanoseconds) {
  if (clock_ns() >= nanoseconds) return;
  const timespec time{static_cast<time_t>(nanoseconds / 1'000'000'000),
                      static_cast<long>(nanoseconds % 1'000'000'000)};
  ::clock_settime(CLOCK_REALTIME, &time);
}

// A may have changed them. What B remembers would lead it to where its target was.
Result<void> read_partitions_again() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    const std::string path = "/dev/" + entry.path().filename().string();
    const Fd disk(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!disk || ::ioctl(disk.get(), BLKRRPART) == 0 || errno != EBUSY)
      continue;  // others have none, or are gone
    return fail(system_error("BLKRRPART", errno).of(path));
  }
  return {};
}

// While A runs nobody tells the watchdog that all is well.
Result<void> stand_by(Machine& machine, const jump::Device& device) {
  machine.stop_watchdog();
  TRY_OK(device.stand_by(machine.config.context));
  machine.start_watchdog();
  machine.has_stood_by = true;
  return read_partitions_again();
}

// One leave of A, or more where nothing is saved and A wants to come again. Returns with what kept it from
// going back.
Result<void> serve_a(Machine& machine, const jump::Device& device) {
  for (;;) {
    TRY(const auto context, read_context(machine, device));
    set_clock_not_before(context.suspended_ns);
    auto done = without_exceptions([&] { return do_wish(machine, context); });
    if (done && machine.config.standby && context.wish != jump::Wish::SaveAndReturn) {
      done = stand_by(machine, device);
      if (done) continue;
    }
    const auto outcome = done ? jump::Outcome::Returned : jump::Outcome::Failed;
    return fail(device.return_to_a(machine.config.context, outcome, done ? "" : done.error().line()));
  }
}

// Returns with what kept it from going back.
Result<void> serve() {
  TRY_OK(mount_kernel_file_systems());
  Machine machine;
  TRY(machine.config, read_config());
  machine.missing_drivers = load_kernel_modules(machine.config.allow_untested);
  start_other_processors();
  machine.start_watchdog();
  TRY(const auto device, jump::Device::open());
  return machine.config.restore ? restore(machine, device) : serve_a(machine, device);
}

}  // namespace

int run_as_init() {
  const auto served = without_exceptions(serve);
  if (!served) std::cerr << "hibtool: " << served.error().line() << std::endl;
  return EXIT_FAILURE;  // the kernel panics without its init, and restarts
}

}  // namespace hib::cli
