#include "lib/diagnose/boot/configuration.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace hib::diagnose::boot {
namespace {

// Of a path that a boot loader names: it begins where the loader's own file system does.
constexpr std::array<const char*, 5> kLoaderRoots = {"", "/boot", "/efi", "/boot/efi", "/boot/esp"};

constexpr std::array<const char*, 6> kInitramfsNames = {
    "/boot/initrd.img-{}",       "/boot/initramfs-{}.img",  "/boot/initrd-{}",
    "/boot/initramfs-linux.img", "/boot/booster-linux.img", "/lib/modules/{}/initrd"};

// Unified kernel images lie where the Boot Loader Specification puts them. The one of `release` where its
// name tells, or else the last by name, which is what loaders take first.
std::optional<std::string> find_unified_image(const device::Tree& tree, const std::string& release) {
  std::optional<std::string> found;
  for (const std::string root : kLoaderRoots) {
    const std::string folder = root + "/EFI/Linux";
    for (const std::string& name : tree.list(folder)) {
      if (!name.ends_with(".efi")) continue;
      if (!release.empty() && name.find(release) != std::string::npos) return folder + "/" + name;
      if (!found || ::strverscmp(found->c_str(), (folder + "/" + name).c_str()) < 0)
        found = folder + "/" + name;
    }
  }
  return found;
}

}  // namespace

std::vector<const ResumeSetting*> Configuration::settings_of(Origin origin) const {
  std::vector<const ResumeSetting*> found;
  for (const ResumeSetting& setting : resume.settings) {
    if (setting.origin == origin) found.push_back(&setting);
  }
  return found;
}

const ResumeSetting* Configuration::next_boot() const {
  const bool has_entries = boot.default_entry.has_value();
  for (const ResumeSetting& setting : resume.settings) {
    if (has_entries && setting.origin == Origin::BootEntry && setting.entry == boot.default_entry)
      return &setting;
    if (!has_entries && setting.origin == Origin::RunningCommandLine) return &setting;
  }
  return nullptr;
}

std::string Configuration::next_release() const {
  if (boot.default_entry) {
    const std::string& release = boot.entries[*boot.default_entry].release;
    if (!release.empty()) return release;
  }
  if (!kernel.release.empty() || distribution.kernels.empty()) return kernel.release;
  return *std::max_element(
      distribution.kernels.begin(), distribution.kernels.end(),
      [](const std::string& a, const std::string& b) { return ::strverscmp(a.c_str(), b.c_str()) < 0; });
}

Configuration read_configuration(const device::Tree& tree) {
  Configuration configuration;
  const TreeReader reader(tree, configuration.unread);
  configuration.distribution = read_distribution(reader);
  configuration.kernel = read_kernel_state(reader);
  configuration.boot = read_boot_entries(reader);
  configuration.devices = BlockDevices::read(tree);
  configuration.swap = read_swap_setup(reader, configuration.devices);
  configuration.resume = read_resume_settings(reader, configuration.boot, configuration.kernel);
  configuration.sleep = read_sleep_settings(reader);
  return configuration;
}

std::optional<std::string> find_initramfs(const device::Tree& tree, const Configuration& configuration) {
  if (configuration.boot.default_entry) {
    const auto& initrds = configuration.boot.entries[*configuration.boot.default_entry].initrds;
    // The last one: microcode comes first, as a file of its own.
    for (auto initrd = initrds.rbegin(); initrd != initrds.rend(); ++initrd) {
      for (const std::string root : kLoaderRoots) {
        if (tree.exists(root + (initrd->starts_with("/") ? "" : "/") + *initrd))
          return root + (initrd->starts_with("/") ? "" : "/") + *initrd;
      }
    }
  }
  if (configuration.boot.entries.empty()) {
    if (const auto unified = find_unified_image(tree, configuration.next_release())) return unified;
  }
  for (const char* name : kInitramfsNames) {
    const std::string path = fmt::format(fmt::runtime(name), configuration.next_release());
    if (tree.exists(path)) return path;
  }
  return std::nullopt;
}

}  // namespace hib::diagnose::boot
