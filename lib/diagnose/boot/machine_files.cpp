#include "lib/diagnose/boot/machine_files.h"

#include <filesystem>

#include "lib/os/file.h"

namespace hib::diagnose::boot {
namespace {

// As a tree reads it, whose paths begin at its root.
std::string from_root(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).string();
}

// One that was named and is not there would be passed over in silence.
Result<void> check_named(const device::Tree& tree, const std::string& path, bool is_folder) {
  if (path.empty()) return {};
  const device::Reading reading = is_folder ? tree.look_into(from_root(path)) : tree.read(from_root(path));
  if (reading.is_present()) return {};
  const bool is_absent = reading.presence == device::Presence::Absent;
  const bool is_other = is_absent && tree.exists(from_root(path));
  if (is_other) return fail(make_error(ErrorKind::Unsupported, "open", "a file", "a folder").of(path));
  return fail(make_error(is_absent ? ErrorKind::NotFound : ErrorKind::Io, "open",
                         is_absent ? "no such file or folder" : reading.text)
                  .of(path));
}

}  // namespace

std::vector<std::string> inputs_of(const MachineFiles& files) {
  std::vector<std::string> inputs = {files.root, files.initramfs, files.cmdline, files.efivars};
  std::erase(inputs, "");
  return inputs;
}

Result<device::Tree> open_tree(const MachineFiles& files) {
  device::Tree tree = device::Tree::live();
  TRY_OK(check_named(tree, files.cmdline, false));
  TRY_OK(check_named(tree, files.efivars, true));
  if (!files.root.empty()) {
    TRY(tree, device::Tree::mounted(files.root));
  }
  if (!files.cmdline.empty()) tree.read_instead("/proc/cmdline", from_root(files.cmdline));
  if (!files.efivars.empty()) tree.read_instead("/sys/firmware/efi/efivars", from_root(files.efivars));
  return tree;
}

}  // namespace hib::diagnose::boot
