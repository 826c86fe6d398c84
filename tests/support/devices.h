// Sets of devices for tests, a line for each device.
#pragma once

#include <string>
#include <utility>

#include "lib/device/device.h"

namespace hib::test {

using device::Device;
using device::DeviceSet;
using device::Kind;
using device::Presence;
using device::Strength;

// A device that is filled in by chained calls.
class Made {
 public:
  Made(Kind kind, std::string path, std::string parent = "") {
    device_.kind = kind;
    device_.name = path.substr(path.rfind('/') + 1);
    device_.path = std::move(path);
    device_.parent = std::move(parent);
  }
  Made& strong(std::string name, std::string text) {
    return identity(std::move(name), std::move(text), Strength::Strong);
  }
  Made& medium(std::string name, std::string text) {
    return identity(std::move(name), std::move(text), Strength::Medium);
  }
  Made& at(std::string text) {
    return identity(std::string(device::kPlace), std::move(text), Strength::Place);
  }
  Made& unreadable(std::string name, Strength strength = Strength::Strong) {
    device_.identity.push_back({std::move(name), "EACCES", "test", strength, Presence::Unreadable});
    return *this;
  }
  Made& absent(std::string name) {
    device_.identity.push_back({std::move(name), "", "test", Strength::Strong, Presence::Absent});
    return *this;
  }
  Made& state(std::string name, std::string text) {
    device_.state.push_back({std::move(name), std::move(text), "test", Strength::Medium, Presence::Present});
    return *this;
  }
  Made& bus(std::string text) {
    device_.bus = std::move(text);
    return *this;
  }
  Made& member(std::string path) {
    device_.members.push_back(std::move(path));
    return *this;
  }
  Made& set(Device device) {
    device_ = std::move(device);
    return *this;
  }
  operator Device() const { return device_; }  // NOLINT: what it is for

 private:
  Made& identity(std::string name, std::string text, Strength strength) {
    device_.identity.push_back({std::move(name), std::move(text), "test", strength, Presence::Present});
    return *this;
  }
  Device device_;
};

inline Made function(const std::string& address, const std::string& model = "ahci") {
  return Made(Kind::Pci, "devices/" + address)
      .bus("pci")
      .at(address)
      .medium("model", model)
      .medium("class", "0x010601")
      .state("driver", model);
}
inline Made disk(const std::string& name, const std::string& place, const std::string& parent = "") {
  return Made(Kind::Disk, "block/" + name, parent)
      .bus("ata")
      .at(place)
      .medium("model", "QM1000")
      .medium("size", "1000");
}
inline Made partition(const std::string& name, const std::string& of, const std::string& place) {
  return Made(Kind::Partition, "block/" + name, "block/" + of)
      .at(place + "/1")
      .medium("start", "2048")
      .medium("size", "900");
}
inline Made file_system(const std::string& on, const std::string& uuid, const std::string& mounted = "") {
  Made made = Made(Kind::FileSystem, "filesystem:block/" + on, "block/" + on)
                  .medium("type", "ext4")
                  .strong("uuid", uuid);
  return mounted.empty() ? made : made.state("mount-point", mounted);
}

}  // namespace hib::test
