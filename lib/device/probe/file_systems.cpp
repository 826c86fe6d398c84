#include <algorithm>

#include <fmt/format.h>

#include "lib/device/probe/mount_table.h"
#include "lib/device/probe/parts.h"

namespace hib::device {
namespace {

constexpr std::size_t kMaxMounts = 64;  // that are listed of one file system

// The kernel's own: nothing is kept in them.
bool is_interface(const std::string& type) {
  static const char* const kTypes[] = {
      "autofs",      "binfmt_misc", "bpf",        "cgroup",    "cgroup2", "configfs",
      "debugfs",     "devpts",      "devtmpfs",   "efivarfs",  "fusectl", "fuse.gvfsd-fuse",
      "fuse.portal", "hugetlbfs",   "mqueue",     "nsfs",      "proc",    "pstore",
      "resctrl",     "rpc_pipefs",  "securityfs", "selinuxfs", "smackfs", "sysfs",
      "tracefs",     "nfsd"};
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](const char* known) { return type == known; });
}

std::string fact(const Facts& facts, const char* key) {
  const auto it = facts.find(key);
  return it == facts.end() ? "" : it->second;
}

class FileSystems {
 public:
  explicit FileSystems(Scan& scan) : scan_(scan) {
    for (const Device& device : scan.devices) {
      if (device.kind == Kind::Mapped) mapped_.emplace(device.name, device.path);
    }
  }

  // What libblkid found, mounted or not.
  void add_found() {
    std::vector<std::string> blocks;
    for (const Device& device : scan_.devices) {
      if (scan_.contents.contains(device.path)) blocks.push_back(device.path);
    }
    for (const std::string& path : blocks) {
      const Facts& facts = scan_.contents[path];
      if (is_held(path)) continue;  // a member of something: what lies on it lies on that
      if (fact(facts, "USAGE") == "filesystem") file_system_on(path, fact(facts, "TYPE"));
      if (fact(facts, "TYPE") == "swap" || fact(facts, "TYPE") == "swsuspend") swap_on(path);
    }
  }

  void add_mounts() {
    const Reading table = read_settled(scan_.tree, "/proc/self/mountinfo");
    if (!table.is_present()) return say_unreadable(Kind::FileSystem, "mount", table, "proc:self/mountinfo");
    mounts_ = mounts_from_text(table.text);
    points_ = MountIndex(mounts_);
    for (const Mount& mount : mounts_) add_mount(mount);
  }

  void add_swaps() {
    const Reading table = read_settled(scan_.tree, "/proc/swaps");
    if (!table.is_present()) return say_unreadable(Kind::Swap, "in-use", table, "proc:swaps");
    for (const ActiveSwap& swap : swaps_from_text(table.text)) add_swap(swap);
  }

  // A loop device hangs on the file system in which its file lies.
  void add_loop_parents() {
    for (Device& device : scan_.devices) {
      const Value* file = device.kind == Kind::Loop ? device.find_identity("backing-file") : nullptr;
      if (file != nullptr && device.parent.empty()) device.parent = file_system_of(file->text);
    }
  }

 private:
  bool is_held(const std::string& path) const {
    return !scan_.tree.list("/sys/" + path + "/holders").empty();
  }

  void say_unreadable(Kind kind, const char* name, const Reading& table, const char* from) {
    for (Device& device : scan_.devices) {
      if (device.kind == kind)
        add_unreadable(device.state, name, table.text.empty() ? "no such file" : table.text, from);
    }
  }

  // The block device that a mount or a swap area names; "" for none.
  std::string block_named(const std::string& source) const {
    if (!starts_with(source, "/dev/")) return "";
    const auto named = [&](const std::string& path) {
      std::string name = path.substr(5);
      std::replace(name.begin(), name.end(), '/', '!');
      const auto it = scan_.by_kernel_name.find(name);
      return it == scan_.by_kernel_name.end() ? std::string() : it->second;
    };
    if (const std::string path = named(source); !path.empty()) return path;
    if (starts_with(source, "/dev/mapper/")) {
      if (const auto it = mapped_.find(source.substr(12)); it != mapped_.end()) return it->second;
    }
    const auto resolved = scan_.tree.resolve(source);
    return resolved && starts_with(*resolved, "/dev/") ? named(*resolved) : "";
  }

  std::string block_of(const Mount& mount) const {
    const auto it = scan_.by_number.find(mount.number);
    return it != scan_.by_number.end() ? it->second : block_named(mount.source);
  }

  // The file system on a block device, made where it is not known yet. One on several devices is one.
  Device* file_system_on(const std::string& block, const std::string& type) {
    const Facts& facts = scan_.contents[block];
    const std::string uuid = fact(facts, "UUID");
    const bool is_shared = type == "btrfs" && !uuid.empty();
    const std::string first = is_shared ? shared_.try_emplace(uuid, block).first->second : block;
    const std::string path = "filesystem:" + first;
    if (!scan_.has(path)) scan_.add(make_file_system(path, first, type));
    Device* made = scan_.find(path);
    if (made != nullptr && is_shared &&
        std::find(made->members.begin(), made->members.end(), block) == made->members.end())
      made->members.push_back(block);
    return made;
  }

  void add_label_and_marks(Device& device, const Facts& facts, const std::string& from) const {
    if (const std::string label = fact(facts, "LABEL"); !label.empty())
      add_value(device.identity, "label", label, from);
    if (const std::string version = fact(facts, "VERSION"); !version.empty())
      add_value(device.identity, "version", version, from);
    for (const auto& [key, text] : facts) {
      if (key == "MARK_UNREADABLE") {
        add_unreadable(device.state, "MARK", text, "superblock");
      } else if (starts_with(key, "MARK")) {
        add_value(device.state, key, text, "superblock");
      }
    }
  }

  Device make_file_system(const std::string& path, const std::string& block, const std::string& type) {
    Device device;
    device.path = path;
    device.kind = Kind::FileSystem;
    device.parent = block;
    const auto found = scan_.contents.find(block);
    const Facts facts = found == scan_.contents.end() ? Facts() : found->second;
    const std::string from = facts.contains("FROM") ? "udev" : "blkid";
    device.name = fact(facts, "LABEL").empty() ? type : fact(facts, "LABEL");
    if (const std::string uuid = fact(facts, "UUID"); !uuid.empty()) {
      add_value(device.identity, "uuid", uuid, from, Strength::Strong);
    } else if (facts.empty()) {
      add_unreadable(device.identity, "uuid", "the device could not be read", from, Strength::Strong);
    } else {
      add_absent(device.identity, "uuid", from, Strength::Strong);
    }
    add_value(device.identity, "type", type.empty() ? fact(facts, "TYPE") : type, from);
    add_label_and_marks(device, facts, from);
    return device;
  }

  Device* swap_on(const std::string& block) {
    const std::string path = "swap:" + block;
    if (!scan_.has(path)) {
      Device device = make_file_system(path, block, "swap");
      device.kind = Kind::Swap;
      // The image of a hibernation takes the place of the signature; the area is the same.
      if (fact(scan_.contents[block], "TYPE") == "swsuspend")
        add_value(device.state, "signature", "hibernation image", "blkid");
      scan_.add(std::move(device));
    }
    return scan_.find(path);
  }

  // A file system without a block device: overlay, tmpfs, NFS.
  Device* file_system_without_device(const Mount& mount) {
    if (is_interface(mount.type)) return nullptr;
    const std::string path =
        without_device_.try_emplace(mount.number, fmt::format("filesystem:{}:{}", mount.type, mount.point))
            .first->second;
    if (!scan_.has(path)) {
      Device device;
      device.path = path;
      device.kind = Kind::FileSystem;
      device.name = mount.type;
      add_value(device.identity, "type", mount.type, "proc:self/mountinfo");
      add_value(device.identity, "source", mount.source, "proc:self/mountinfo");
      scan_.add(std::move(device));
    }
    return scan_.find(path);
  }

  void add_mount(const Mount& mount) {
    const std::string block = block_of(mount);
    Device* device = block.empty() ? file_system_without_device(mount) : file_system_on(block, mount.type);
    if (device == nullptr) return;
    by_number_.emplace(mount.number, device->path);
    const std::size_t count = ++mount_counts_[device->path];
    const char* from = "proc:self/mountinfo";
    if (count == 1) {
      add_value(device->state, "in-use", "mounted", from);
      add_value(device->state, "super-options", mount.super_options, from);
    }
    if (count == kMaxMounts + 1)
      add_unreadable(device->state, "mount", fmt::format("mounted at more than {} places", kMaxMounts), from);
    if (count > kMaxMounts) return;
    add_value(device->state, "mount", mount.point, from);
    add_value(device->state, "options", mount.options, from);
    if (mount.root != "/") add_value(device->state, "mount-root", mount.root, from);
    if (count == 1) device->name = mount.point;
  }

  std::string file_system_of(const std::string& file) const {
    const Mount* mount = points_.above(file);
    const auto it = mount == nullptr ? by_number_.end() : by_number_.find(mount->number);
    return it == by_number_.end() ? "" : it->second;
  }

  void add_swap(const ActiveSwap& swap) {
    const std::string block = swap.is_file ? "" : block_named(swap.name);
    Device* device = nullptr;
    if (!block.empty()) {
      device = swap_on(block);
    } else {
      Device file;
      file.path = "swap:" + swap.name;
      file.kind = Kind::Swap;
      file.name = swap.name;
      file.parent = file_system_of(swap.name);
      add_value(file.identity, "file", swap.name, "proc:swaps");
      scan_.add(std::move(file));
      device = scan_.find("swap:" + swap.name);
    }
    if (device == nullptr) return;
    add_value(device->state, "in-use", "swap", "proc:swaps");
    add_value(device->state, "priority", swap.priority, "proc:swaps");
  }

  Scan& scan_;
  std::vector<Mount> mounts_;
  MountIndex points_;
  std::map<std::string, std::string> mapped_;          // name of a mapping -> path
  std::map<std::string, std::string> shared_;          // UUID -> its first block device
  std::map<std::string, std::string> without_device_;  // number -> path
  std::map<std::string, std::string> by_number_;       // number of a mount -> path of its file system
  std::map<std::string, std::size_t> mount_counts_;
};

}  // namespace

void probe_file_systems(Scan& scan) {
  FileSystems systems(scan);
  systems.add_found();
  systems.add_mounts();
  systems.add_swaps();
  systems.add_loop_parents();
}

}  // namespace hib::device
