// A system of anybody, as --root names one. The input is its files, as "head" prints several: a line
// "==> PATH <==" before each of them. Only paths that a setup to resume may lie at are written.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "lib/diagnose/boot/configuration.h"

using namespace hib::diagnose::boot;

namespace {

constexpr std::array<std::string_view, 37> kPaths = {
    "/boot/extlinux/extlinux.conf",
    "/boot/firmware/cmdline.txt",
    "/boot/grub/grub.cfg",
    "/boot/grub/grubenv",
    "/boot/limine.cfg",
    "/boot/limine.conf",
    "/boot/loader/entries/a.conf",
    "/boot/loader/entries/b.conf",
    "/boot/loader/loader.conf",
    "/boot/refind_linux.conf",
    "/etc/cmdline.d/a",
    "/etc/crypttab",
    "/etc/default/grub",
    "/etc/dracut.conf.d/a.conf",
    "/etc/fstab",
    "/etc/initramfs-tools/conf.d/resume",
    "/etc/kernel/cmdline",
    "/etc/mkinitcpio.conf",
    "/etc/os-release",
    "/etc/systemd/sleep.conf",
    "/etc/systemd/zram-generator.conf",
    "/hibtool/block/dm-0",
    "/hibtool/block/sda1",
    "/proc/cmdline",
    "/proc/meminfo",
    "/proc/self/mountinfo",
    "/proc/swaps",
    "/proc/sys/kernel/osrelease",
    "/sys/class/block/dm-0/dev",
    "/sys/class/block/dm-0/dm/uuid",
    "/sys/class/block/dm-0/dm/name",
    "/sys/class/block/sda1/dev",
    "/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67",
    "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
    "/sys/power/disk",
    "/sys/power/resume",
    "/sys/power/resume_offset",
};
constexpr std::string_view kBegin = "==> ";
constexpr std::string_view kEnd = " <==\n";

// Folders for all of the paths; gone when the process ends.
const std::string& root() {
  static const std::string path = [] {
    const char* folder = std::getenv("TMPDIR");
    std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/hibfuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    for (const std::string_view file : kPaths)
      std::filesystem::create_directories(std::filesystem::path(name + std::string(file)).parent_path());
    return name;
  }();
  static const int removal = std::atexit([] { std::filesystem::remove_all(path); });
  if (removal != 0) std::abort();
  return path;
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// The files that the input has; no others are left of the one before.
void write_files(std::string_view input) {
  for (const std::string_view path : kPaths) std::filesystem::remove(root() + std::string(path));
  std::size_t at = input.find(kBegin);
  while (at != std::string_view::npos) {
    at += kBegin.size();
    const std::size_t end = input.find(kEnd, at);
    if (end == std::string_view::npos) return;
    const std::string_view path = input.substr(at, end - at);
    const std::size_t text = end + kEnd.size();
    at = input.find(kBegin, text);
    if (std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end())
      write(root() + std::string(path), input.substr(text, at == std::string_view::npos ? at : at - text));
  }
}

void expect_place(const hib::diagnose::Evidence& evidence) {
  if (evidence.source.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  write_files(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto tree = hib::device::Tree::captured(root());
  if (!tree) std::abort();
  const Configuration configuration = read_configuration(*tree);
  static_cast<void>(find_initramfs(*tree, configuration));
  static_cast<void>(configuration.next_boot());
  static_cast<void>(configuration.next_release());
  for (const ResumeSetting& setting : configuration.resume.settings) {
    expect_place(setting.evidence);
    for (const Malformed& malformed : setting.line.malformed) static_cast<void>(malformed.text());
    if (setting.line.resume) static_cast<void>(configuration.devices.resolve(*setting.line.resume));
  }
  const BootEntries& boot = configuration.boot;
  if (boot.default_entry && *boot.default_entry >= boot.entries.size()) std::abort();
  for (const SwapArea& area : configuration.swap.areas) {
    for (const auto& evidence : area.said_by) expect_place(evidence);
  }
  return 0;
}
