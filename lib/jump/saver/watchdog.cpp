#include "lib/jump/saver/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace hib::jump {
namespace {
constexpr const char* kWatchdogPath = "/dev/watchdog";
}

Result<Watchdog> Watchdog::start(unsigned seconds) {
  Fd fd(::open(kWatchdogPath, O_WRONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(kWatchdogPath));
  int timeout = static_cast<int>(seconds);
  if (::ioctl(fd.get(), WDIOC_SETTIMEOUT, &timeout) != 0)
    return fail(system_error("WDIOC_SETTIMEOUT", errno).of(kWatchdogPath));
  return Watchdog(std::move(fd));
}

void Watchdog::alive() const { ::ioctl(fd_.get(), WDIOC_KEEPALIVE, 0); }

// "V" before the last close says that this is meant (Linux: Documentation/watchdog/watchdog-api.rst).
void Watchdog::stop() const { static_cast<void>(!::write(fd_.get(), "V", 1)); }

}  // namespace hib::jump
