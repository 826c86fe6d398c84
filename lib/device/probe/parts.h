// What the parts of the probe share. Each part adds the devices of one kind or bus; probe.cpp says in which
// order.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/error.h"
#include "lib/device/device.h"
#include "lib/device/probe/tree.h"

namespace hib::device {

class Scan {
 public:
  explicit Scan(const Tree& tree_) : tree(tree_) {}

  const Tree& tree;
  std::vector<Device> devices;
  std::map<std::string, std::string> by_number;             // of block devices: "8:1" -> path
  std::map<std::string, std::string> by_kernel_name;        // of block devices: "sda1" -> path
  std::map<std::string, Facts> contents;                    // of block devices, by path: what libblkid says
  std::map<std::string, std::vector<std::string>> aliases;  // patterns of modules.alias; see modules_for()

  bool has(const std::string& path) const { return index_.contains(path); }
  Device* find(const std::string& path);
  // Left out when there is one of that path already, or one too many.
  void add(Device device);

  // The nearest path above this one that is in the set; "" when there is none.
  std::string ancestor(const std::string& path) const;

 private:
  std::unordered_map<std::string, std::size_t> index_;
};

// ---- values

enum class Missing { LeaveOut, SayAbsent, SayUnreadable };  // of a file that is not there, or empty

// "sysfs:devices/…/serial"
std::string sysfs(const std::string& path, const std::string& attribute);

void add_value(std::vector<Value>& values, std::string name, std::string text, std::string from,
               Strength strength = Strength::Medium);
void add_unreadable(std::vector<Value>& values, std::string name, std::string why, std::string from,
                    Strength strength = Strength::Medium);
void add_absent(std::vector<Value>& values, std::string name, std::string from,
                Strength strength = Strength::Medium);

// The first line of an attribute of a device of sysfs. A strong one that every device of the model may have
// (all zeros) is only medium.
void add_attribute(const Tree& tree, std::vector<Value>& values, const std::string& path,
                   const std::string& attribute, std::string name, Strength strength,
                   Missing missing = Missing::LeaveOut);

// A value that was worked out from what a file holds, which may be refused.
void add_result(std::vector<Value>& values, std::string name, const Result<std::string>& result,
                std::string from, Strength strength);

void add_place(Device& device, const std::string& place);

// Driver, module, power; for what no driver has taken its alias, and the modules that would.
void add_driver_state(Scan& scan, Device& device);

// The modules that would drive a device of this alias, by /lib/modules/RELEASE/modules.alias.
std::vector<std::string> modules_for(Scan& scan, const std::string& alias);

// Below /sys, without the slash; nothing where the link leads nowhere or out of /sys.
std::optional<std::string> sysfs_path(const Tree& tree, const std::string& link);

std::string base_name(const std::string& path);
std::string folder_of(const std::string& path);
bool starts_with(const std::string& text, const std::string& prefix);

// "sda2" before "sda10": of the parts between slashes the shorter one is less.
bool natural_less(const std::string& a, const std::string& b);

// ---- the parts

void probe_pci(Scan& scan);
void probe_usb(Scan& scan);
void probe_firewire(Scan& scan);
void probe_thunderbolt(Scan& scan);
void probe_net(Scan& scan);
void probe_block(Scan& scan);  // disks, partitions, dm, md, loop; and what libblkid says of each
void add_disk_identity(Scan& scan, Device& disk);  // of one disk, by its bus
void probe_file_systems(Scan& scan);               // file systems, mounts, swap: after the block devices

}  // namespace hib::device
