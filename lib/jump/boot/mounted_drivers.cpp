#include "lib/jump/boot/mounted_drivers.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "lib/jump/boot/kernel_modules.h"

namespace hib::jump {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxDevices = 4096;
constexpr std::size_t kMaxMounts = 1U << 16;
constexpr unsigned kMaxLayers = 16;  // of devices made of devices

using Number = std::pair<unsigned, unsigned>;  // major, minor

bool parse_number(const std::string& text, Number& number) {
  std::istringstream in(text);
  char colon = 0;
  return static_cast<bool>(in >> number.first >> colon >> number.second) && colon == ':';
}

bool read_number(const fs::path& file, Number& number) {
  std::ifstream in(file);
  std::string line;
  return std::getline(in, line) && parse_number(line, number);
}

// The third word of each line of mountinfo. Major 0: the file system has no device of its own (btrfs,
// overlay, network).
std::set<Number> mounted_devices(const std::string& root) {
  std::ifstream in(root + "/proc/self/mountinfo");
  std::set<Number> devices;
  std::string line;
  for (std::size_t i = 0; i < kMaxMounts && std::getline(in, line); ++i) {
    std::istringstream words(line);
    std::string skipped, device;
    Number number;
    if (words >> skipped >> skipped >> device && parse_number(device, number) && number.first != 0)
      devices.insert(number);
  }
  return devices;
}

// Those below /sys/fs/btrfs/UUID/devices are mounted, or were and are still known.
void add_btrfs_devices(const std::string& root, std::set<Number>& devices) {
  std::error_code error;
  for (const auto& system : fs::directory_iterator(root + "/sys/fs/btrfs", error)) {
    std::error_code missing;
    for (const auto& device : fs::directory_iterator(system.path() / "devices", missing)) {
      Number number;
      if (read_number(device.path() / "dev", number)) devices.insert(number);
    }
  }
}

class Descent {
 public:
  explicit Descent(const std::string& root) : root_(root) {}

  void visit(Number device, unsigned layer) {
    if (layer > kMaxLayers || seen_.size() >= kMaxDevices || !seen_.insert(device).second) return;
    for (const std::string& name : modules_driving(device.first, device.second, root_)) modules_.insert(name);
    std::error_code error;
    for (const auto& slave : fs::directory_iterator(
             fmt::format("{}/sys/dev/block/{}:{}/slaves", root_, device.first, device.second), error)) {
      Number number;
      if (read_number(slave.path() / "dev", number)) visit(number, layer + 1);
    }
  }

  std::vector<std::string> modules() const { return {modules_.begin(), modules_.end()}; }

 private:
  std::string root_;
  std::set<Number> seen_;
  std::set<std::string> modules_;
};

}  // namespace

std::vector<std::string> modules_driving_mounts(const std::string& root) {
  std::set<Number> devices = mounted_devices(root);
  add_btrfs_devices(root, devices);
  Descent descent(root);
  for (const Number& device : devices) descent.visit(device, 0);
  return descent.modules();
}

}  // namespace hib::jump
