// A block device over a file, for tests of what only a block device does. Root can make them, where the
// kernel has them.
#pragma once

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <memory>
#include <string>

#include "lib/os/fd.h"
#include "tests/support/catch.h"

namespace hib::test {

// It goes away with its last user: this process, even when it is killed.
class LoopDevice {
 public:
  // Null, with a warning that says why, where none can be made: the test then shows nothing.
  static std::unique_ptr<LoopDevice> over(const std::string& file) {
    auto device = std::unique_ptr<LoopDevice>(new LoopDevice);
    const std::string failed = device->attach(file);
    if (failed.empty()) return device;
    WARN("skipped, no loop device to be had: " << failed << ": " << std::generic_category().message(errno));
    return nullptr;
  }
  const std::string& path() const { return path_; }
  std::string name() const { return path_.substr(path_.rfind('/') + 1); }
  std::string number() const {
    struct stat status {};
    REQUIRE(::fstat(device_.get(), &status) == 0);
    return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
  }

 private:
  // What failed, with errno; empty: nothing.
  std::string attach(const std::string& file) {
    constexpr int kTries = 100;  // others take loop devices, too
    const Fd backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!backing) return file;
    const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control) return "/dev/loop-control";
    loop_config config{};
    config.fd = static_cast<__u32>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    for (int i = 0; i < kTries; ++i) {
      const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
      if (number < 0) return "LOOP_CTL_GET_FREE";
      path_ = "/dev/loop" + std::to_string(number);
      device_ = Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
      if (!device_) return path_;
      if (::ioctl(device_.get(), LOOP_CONFIGURE, &config) == 0) return "";
      if (errno != EBUSY) return "LOOP_CONFIGURE";
    }
    return "LOOP_CONFIGURE";
  }

  std::string path_;
  Fd device_;
};

}  // namespace hib::test
