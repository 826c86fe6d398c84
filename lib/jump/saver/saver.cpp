#include "lib/jump/saver/saver.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <optional>
#include <vector>

#include "lib/base/text.h"
#include "lib/jump/boot/preload.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/image.h"
#include "lib/jump/module/reason.h"
#include "lib/jump/restore/memory.h"
#include "lib/jump/saver/save.h"
#include "lib/jump/saver/setup.h"
#include "lib/jump/saver/watchdog.h"
#include "lib/jump/target.h"

namespace hib::jump {
namespace {

constexpr unsigned kSecondsForDisks = 30;
constexpr unsigned kSecondsAfterStandby = 5;  // what has been there comes back with its driver

void say(const std::string& text) { std::cerr << "hibtool: " << printable(text) << std::endl; }

// Libraries throw when memory is short. The machine is told of this failure like of any other.
template <typename Step>
Result<void> without_exceptions(const Step& step) {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return fail(make_error(ErrorKind::Io, "memory", "out of memory", "a larger crashkernel="));
  } catch (const std::exception& exception) {
    return fail(make_error(ErrorKind::Io, "exception", exception.what()));
  }
}

Result<SaverConfig> read_config() {
  const std::string path = std::string("/") + kConfigPath;
  TRY(const auto bytes, File::read_whole(path));
  auto config = decode_saver_config(bytes);
  if (!config) return fail(std::move(config).error().of(path));
  return config;
}

class Saver {
 public:
  explicit Saver(const Formats& formats) : formats_(formats) {}

  // Returns the error that kept it from going back.
  Result<void> serve() {
    TRY_OK(mount_kernel_file_systems());
    TRY(config_, read_config());
    TRY_OK(load_jump_module(config_.allow_untested));
    TRY(const auto device, Device::open());
    if (!config_.restore) TRY_OK(device.go_home_on_panic(config_.context));
    missing_drivers_ = load_drivers();
    start_other_processors();
    stop_hardware_watchdogs();
    start_watchdog();
    return config_.restore ? restore(device) : serve_machine(device);
  }

 private:
  void start_watchdog() {
    if (config_.timeout_seconds == 0) return;
    if (auto started = Watchdog::start(config_.timeout_seconds)) watchdog_ = std::move(*started);
  }

  void stop_watchdog() {
    if (watchdog_) watchdog_->stop();
    watchdog_.reset();
  }

  void alive() const {
    if (watchdog_) watchdog_->alive();
  }

  Result<ClaimedTarget> find_target(const JumpId& id) const {
    const unsigned seconds = has_stood_by_ ? kSecondsAfterStandby : kSecondsForDisks;
    auto target = find_claimed(*formats_.with_areas().areas, id, config_.target_head.value_or(0), seconds);
    if (!target && !missing_drivers_.empty()) return fail(std::move(target).error().advise(missing_drivers_));
    return target;
  }

  // ---- saving

  // Finds the target now, so that a failure shows before the machine relies on it.
  Result<void> get_ready(const Context& context) const {
    if (config_.target_head) TRY_OK(find_target(context.id));
    return {};
  }

  // Does what the machine wants. The machine is told of an error. A successful SaveAndPowerOff does not
  // return.
  Result<void> do_wish(const Context& context) const {
    if (context.wish == Wish::Rehearse) return {};
    if (context.wish == Wish::StandBy) return get_ready(context);
    if (!config_.target_head) {
      return fail(make_error(ErrorKind::Usage, "saving", "armed without a target", "arm --target DEV"));
    }
    TRY(const auto target, find_target(context.id));
    const auto saved = save({&formats_, &config_, &context, has_stood_by_, [this] { alive(); }, say}, target);
    if (!saved) {
      static_cast<void>(target.note(Phase::Failed, saved.error().line()));  // the machine is told in any case
      return saved;
    }
    if (context.wish == Wish::SaveAndReturn) return target.note(Phase::JumpedBack, "the machine went on");
    TRY_OK(target.note(Phase::PoweredOff));
    const Error error = power_off();
    static_cast<void>(target.note(Phase::Failed, error.line()));  // the machine goes on from here
    return fail(error);
  }

  Result<Context> read_context(const Device& device) const {
    std::vector<std::byte> page(kPageBytes);
    TRY_OK(device.read(config_.context, page));
    return decode_context(page, config_.context);
  }

  // The watchdog stops while the machine runs: nothing would feed it.
  Result<void> stand_by(const Device& device) {
    stop_watchdog();
    TRY_OK(device.stand_by(config_.context));
    stop_hardware_watchdogs();
    start_watchdog();
    has_stood_by_ = true;
    return read_partitions_again();
  }

  // Serves one leave of the machine, or several while it stands by.
  Result<void> serve_machine(const Device& device) {
    for (;;) {
      TRY(const auto context, read_context(device));
      set_clock_not_before(context.suspended_ns);
      auto done = without_exceptions([&] { return do_wish(context); });
      if (done && config_.standby && context.wish != Wish::SaveAndReturn) {
        done = stand_by(device);
        if (done) continue;
      }
      const auto outcome = done ? Outcome::Returned : Outcome::Failed;
      return fail(
          device.return_to_machine(config_.context, outcome, done ? "" : encode_reason(done.error())));
    }
  }

  // ---- restoring

  // Writes an image into the machine's memory. A failure before the first page leaves the image as it was,
  // and this kernel restarts.
  Result<void> restore(const Device& device) {
    TRY(const auto target, find_target(*config_.restore));
    const auto written = without_exceptions([&]() -> Result<void> {
      TRY(const auto image, open_jump_image(formats_, target.device, target.area.head_page()));
      return write_memory(image, device, config_.memory, [this](const Progress&) { alive(); });
    });
    if (!written) {
      static_cast<void>(target.note(Phase::Failed, written.error().line()));
      return written;
    }
    TRY_OK(target.note(Phase::Loaded));
    TRY_OK(target.note(Phase::JumpedBack));
    return fail(device.return_to_machine(config_.context, Outcome::Restored, ""));
  }

  const Formats& formats_;
  SaverConfig config_;
  std::string missing_drivers_;  // why, "" when all were loaded
  std::optional<Watchdog> watchdog_;
  bool has_stood_by_ = false;
};

}  // namespace

int run_saver(const Formats& formats) {
  Saver saver(formats);
  const auto served = without_exceptions([&] { return saver.serve(); });
  if (!served) {
    say(served.error().line());
    log("hibtool: " + printable(served.error().line()));
  }
  return EXIT_FAILURE;
}

}  // namespace hib::jump
