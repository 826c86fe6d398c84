#include "lib/jump/saver/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "lib/device/probe/tree.h"
#include "lib/jump/boot/preload.h"

namespace hib::jump {
namespace {

struct Node {
  std::string path;      // "/dev/watchdog0"
  std::string identity;  // of its driver
  bool may_stop = true;  // once it is opened
};

std::vector<Node> nodes() {
  const std::string folder = "/sys/class/watchdog";
  const device::Tree tree = device::Tree::live();
  std::vector<Node> found;
  for (const std::string& name : tree.list(folder)) {
    const std::string node = folder + "/" + name;
    found.push_back({"/dev/" + name, tree.read_line(node + "/identity").text,
                     tree.read_line(node + "/nowayout").text != "1"});
  }
  return found;
}

// "V" before the last close says that this is meant (Linux: Documentation/watchdog/watchdog-api.rst).
void stop_on_close(const Fd& fd) { static_cast<void>(!::write(fd.get(), "V", 1)); }

}  // namespace

Result<Watchdog> Watchdog::start(unsigned seconds) {
  std::string path = "/dev/watchdog";
  for (const Node& node : nodes()) {
    if (node.identity == kSoftwareWatchdog) path = node.path;
  }
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(path));
  int timeout = static_cast<int>(seconds);
  if (::ioctl(fd.get(), WDIOC_SETTIMEOUT, &timeout) != 0)
    return fail(system_error("WDIOC_SETTIMEOUT", errno).of(path));
  return Watchdog(std::move(fd));
}

void Watchdog::alive() const { ::ioctl(fd_.get(), WDIOC_KEEPALIVE, 0); }

void Watchdog::stop() const { stop_on_close(fd_); }

// Opening starts one, so that closing it stops it, whatever it did before.
void stop_hardware_watchdogs() {
  for (const Node& node : nodes()) {
    if (node.identity == kSoftwareWatchdog || !node.may_stop) continue;
    const Fd fd(::open(node.path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) stop_on_close(fd);
  }
}

}  // namespace hib::jump
