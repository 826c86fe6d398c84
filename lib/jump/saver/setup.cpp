#include "lib/jump/saver/setup.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "lib/jump/boot/preload.h"
#include "lib/jump/target.h"
#include "lib/os/file.h"

namespace hib::jump {
namespace {

constexpr unsigned kMaxProcessors = 4;
constexpr std::string_view kJumpModuleFile = "-hibjump.ko";

std::vector<std::string> module_files() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string("/") + kModuleFolder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<void> load_module(const std::string& path, const char* parameters) {
  TRY(const auto content, File::read_whole(path));
  if (::syscall(SYS_init_module, content.data(), content.size(), parameters) == 0 || errno == EEXIST)
    return {};
  return fail(system_error("init_module", errno).of(path));
}

}  // namespace

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

Result<void> load_jump_module(bool allow_untested) {
  for (const std::string& path : module_files()) {
    if (path.ends_with(kJumpModuleFile)) return load_module(path, allow_untested ? "allow_untested=1" : "");
  }
  return fail(make_error(ErrorKind::NotFound, "kernel module", "no hibjump.ko"));
}

std::string load_drivers() {
  std::string failed;
  for (const std::string& path : module_files()) {
    if (path.ends_with(kJumpModuleFile)) continue;
    // Its panic goes back into the machine, its restart does not.
    const bool is_watchdog = path.ends_with(std::string("-") + kWatchdogModule + ".ko");
    const auto loaded = load_module(path, is_watchdog ? "soft_panic=1" : "");
    if (!loaded) failed += (failed.empty() ? "" : "; ") + loaded.error().line();
  }
  return failed;
}

void start_other_processors() {
  for (unsigned number = 1; number < kMaxProcessors; ++number) {
    const Fd fd(
        ::open(fmt::format("/sys/devices/system/cpu/cpu{}/online", number).c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) static_cast<void>(!::write(fd.get(), "1", 1));
  }
}

void set_clock_not_before(std::uint64_t nanoseconds) {
  if (clock_ns() >= nanoseconds) return;
  const timespec time{static_cast<time_t>(nanoseconds / 1'000'000'000),
                      static_cast<long>(nanoseconds % 1'000'000'000)};
  ::clock_settime(CLOCK_REALTIME, &time);
}

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

void log(const std::string& text) {
  const Fd fd(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  if (fd) static_cast<void>(!::write(fd.get(), text.data(), text.size()));
}

Error power_off() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  return system_error("reboot", errno);
}

}  // namespace hib::jump
