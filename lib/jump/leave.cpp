#include "lib/jump/leave.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "lib/device/probe/tree.h"
#include "lib/jump/module/reason.h"
#include "lib/os/fd.h"

namespace hib::jump {
namespace {

using Failures = std::vector<DeviceFailure>;

// While this lives, devices are suspended one after the other, by the task that leaves. Kernels before 7.2
// cannot be asked to keep other tasks from freeing memory by writing to a disk that is suspended already.
class OneAfterTheOther {
 public:
  OneAfterTheOther() : setting_(::open("/sys/power/pm_async", O_RDWR | O_CLOEXEC)) {
    if (::pread(setting_.get(), &before_, 1, 0) == 1) set('0');
  }
  OneAfterTheOther(const OneAfterTheOther&) = delete;
  OneAfterTheOther& operator=(const OneAfterTheOther&) = delete;
  ~OneAfterTheOther() {
    if (before_ != 0) set(before_);
  }

 private:
  void set(char to) const { static_cast<void>(::pwrite(setting_.get(), &to, 1, 0) == 1); }

  Fd setting_;
  char before_ = 0;
};

// "" where it cannot be read.
std::string kernel_setting(const std::string& path) { return device::Tree::live().read_line(path).text; }

void set_kernel_setting(const std::string& path, const std::string& value) {
  std::ofstream(path) << value << std::flush;
}

// The processors as somebody has switched them off. After a jump each has to be started once, for a machine
// check that goes to all of them stops the machine otherwise. The module does that, but may not start threads
// that are not to be used. To allow them starts them, and may start others too.
class ProcessorsOff {
 public:
  ProcessorsOff() : has_threads_off_(kernel_setting(kThreads) == "off") {
    for (unsigned number = 0; has_threads_off_ && number < kMostProcessors; ++number) {
      const std::string path = fmt::format("/sys/devices/system/cpu/cpu{}/online", number);
      if (kernel_setting(path) == "0") off_.push_back(path);
    }
  }

  void start_once() const {
    if (!has_threads_off_) return;
    set_kernel_setting(kThreads, "on");
    set_kernel_setting(kThreads, "off");
    for (const std::string& path : off_) {
      if (kernel_setting(path) == "1") set_kernel_setting(path, "0");
    }
  }

 private:
  static constexpr const char* kThreads = "/sys/devices/system/cpu/smt/control";
  static constexpr unsigned kMostProcessors = 8192;  // that Debian's kernel is made for

  bool has_threads_off_;
  std::vector<std::string> off_;
};

Result<Failures> failures_of(const Device& device) {
  TRY(const auto bytes, device.devices());
  TRY(const auto suspend, decode_record(bytes, 0));
  return failures_in(suspend);
}

Failures only(Failures failures, bool of_resume) {
  std::erase_if(failures, [&](const DeviceFailure& failure) { return failure.is_resume() != of_resume; });
  return failures;
}

}  // namespace

Left leave(const Device& device, Wish wish, ByteView records) {
  Left left;
  const OneAfterTheOther suspended;
  const ProcessorsOff processors;
  const auto result = device.leave(wish, records);
  if (!result) {
    left.error = result.error();
    const auto failures =
        left.error->kind == ErrorKind::NotFound ? Result<Failures>(Failures{}) : failures_of(device);
    if (failures) left.not_suspended = only(*failures, false);
    return left;
  }
  processors.start_once();
  left.outcome = result->outcome;
  left.suspended_ns = result->suspended_ns;
  const auto failures = failures_of(device);
  if (failures)
    left.not_resumed = only(*failures, true);
  else
    left.unknown = failures.error().line();
  if (left.outcome == Outcome::Failed) {
    left.saver_panicked = !is_encoded_reason(result->reason);
    left.error = decode_reason(result->reason);
  }
  return left;
}

}  // namespace hib::jump
