// Would a machine hibernate and come back: machines that are made here, each with one thing wrong.
#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "lib/diagnose/preflight/preflight.h"
#include "tests/support/folder.h"

using namespace hib;
using namespace hib::diagnose;
using hib::test::Folder;

namespace {

constexpr const char* kUuid = "0a1b2c3d-1111-2222-3333-444455556666";
constexpr const char* kSwaps = "Filename Type Size Used Priority\n";
constexpr const char* kRelease = "6.12.1-amd64";

std::string padded(std::string text) {
  while (text.size() % 4 != 0) text += '\0';
  return text;
}

std::string cpio_entry(const std::string& name, const std::string& content, unsigned mode = 0100644) {
  return padded(fmt::format(
                    "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 1,
                    mode, 0, 0, 1, 0, content.size(), 0, 0, 0, 0, name.size() + 1, 0) +
                name + '\0') +
         padded(content);
}

std::string debian_initramfs(const std::string& more = "") {
  return cpio_entry("conf/initramfs.conf", "x") + cpio_entry("scripts/local-premount/resume", "x") +
         cpio_entry(fmt::format("usr/lib/modules/{}/modules.builtin", kRelease), "kernel/crypto/lzo.ko\n") +
         more + cpio_entry("TRAILER!!!", "", 0);
}

std::string systemd_initramfs(const std::string& os, const std::string& more = "") {
  std::string all = cpio_entry("usr/lib/dracut/dracut-106", "x") +
                    cpio_entry("usr/lib/systemd/systemd", "x") + cpio_entry("etc/os-release", os);
  for (const char* part : {"system-generators/systemd-hibernate-resume-generator", "systemd-hibernate-resume",
                           "system/systemd-hibernate-resume.service"})
    all += cpio_entry(std::string("usr/lib/systemd/") + part, "x");
  return all +
         cpio_entry(fmt::format("usr/lib/modules/{}/modules.builtin", kRelease), "kernel/crypto/lzo.ko\n") +
         more + cpio_entry("TRAILER!!!", "", 0);
}

void write_boot_entry(const Folder& folder, const std::string& options,
                      const std::string& release = kRelease) {
  folder.file("boot/grub/grub.cfg",
              fmt::format("set default=\"0\"\nmenuentry 'Debian' {{\n linux /boot/vmlinuz-{0} {1}\n"
                          " initrd /boot/initrd.img-{0}\n}}\n",
                          release, options));
}

// A machine with Debian where all is well.
void write_good(const Folder& folder) {
  const std::string line = fmt::format("root=/dev/sda1 resume=UUID={}", kUuid);
  folder.file("proc/cmdline", line + "\n");
  folder.file("proc/sys/kernel/osrelease", std::string(kRelease) + "\n");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 8388604 0 -2\n");
  folder.file("proc/meminfo",
              "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nBuffers: 100000 kB\nCached: 1000000 kB\n"
              "Shmem: 10000 kB\nSReclaimable: 50000 kB\nActive(anon): 1000000 kB\n");
  folder.file("etc/os-release", "ID=debian\n");
  folder.file("etc/default/grub", fmt::format("GRUB_CMDLINE_LINUX=\"resume=UUID={}\"\n", kUuid));
  folder.file("usr/sbin/mkinitramfs", "");
  folder.file("usr/sbin/update-grub", "");
  folder.file("usr/lib/systemd/systemd", "");
  folder.file("usr/lib/systemd/libsystemd-shared-257.so", "");
  folder.file("sys/power/state", "freeze mem disk\n");
  folder.file("sys/power/disk", "[platform] shutdown reboot\n");
  folder.file("sys/power/resume", "8:2\n");
  folder.file("sys/power/resume_offset", "0\n");
  folder.file("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  folder.file("sys/class/block/sda2/dev", "8:2\n");
  folder.file("sys/class/block/sda2/size", "16777216\n");
  folder.file("hibtool/block/sda2", fmt::format("TYPE=swap\nUUID={}\n", kUuid));
  folder.file("sys/class/block/sda1/dev", "8:1\n");
  folder.file("sys/class/block/sda1/size", "16777216\n");
  folder.file("hibtool/block/sda1", "TYPE=ext4\nUUID=feed-1\n");
  folder.file(std::string("boot/initrd.img-") + kRelease, debian_initramfs());
  write_boot_entry(folder, line);
}

PreflightReport run(const Folder& folder) { return judge(read_preflight_facts(folder.tree(), "")); }

std::vector<const Check*> named(const PreflightReport& report, std::string_view name) {
  std::vector<const Check*> found;
  for (const Check& check : report.checks) {
    if (check.name == name) found.push_back(&check);
  }
  return found;
}

// The worst that a check of this name said, with its text in the failure's message.
void expect(const Folder& folder, std::string_view name, CheckResult result, const std::string& part = "") {
  const PreflightReport report = run(folder);
  const auto found = named(report, name);
  const bool is_there = std::any_of(found.begin(), found.end(), [&](const Check* check) {
    return check->result == result && check->text.find(part) != std::string::npos;
  });
  std::string said;
  for (const Check* check : found) said += fmt::format("[{}] {}\n", name_of(check->result), check->text);
  INFO(name << ": " << said);
  CHECK(is_there);
  CHECK((result != CheckResult::WouldFail || report.would_fail()));
}

// All that the checks of this name advise.
std::string fix_of(const Folder& folder, std::string_view name) {
  const PreflightReport report = run(folder);
  std::string all;
  for (const Check* check : named(report, name)) {
    for (const Advice& advice : check->fix)
      all += advice.text + " | " + advice.command + " | " + advice.file + "\n";
  }
  return all;
}

using R = CheckResult;

std::string efi_variable_of(const std::string& json) {
  std::string bytes("\x07\0\0\0", 4);
  for (const char c : json) bytes += std::string({c, '\0'});
  return bytes;
}

constexpr const char* kVariable =
    "sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67";

}  // namespace

TEST_CASE("A machine where all is well would come back, and every check says so") {
  const Folder folder;
  write_good(folder);
  const PreflightReport report = run(folder);
  std::string said;
  for (const Check& check : report.checks) {
    if (check.result != R::Ok)
      said += fmt::format("{} [{}] {}\n", check.name, name_of(check.result), check.text);
  }
  CHECK(said.empty());
  CHECK_FALSE(report.would_fail());
  CHECK(report.checks.size() > 15);
  CHECK(report.not_read.empty());
}

TEST_CASE("Whoever forbids hibernation is named") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/state", "freeze mem\n");
  folder.file("sys/power/disk", "[disabled]\n");
  expect(folder, "hibernation-available", R::WouldFail, "\"disk\" is missing");
  folder.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  expect(folder, "lockdown", R::WouldFail, "(integrity): what set it is not known; it forbids hibernation");
  CHECK_FALSE(named(run(folder), "lockdown").empty());
  CHECK(fix_of(folder, "lockdown").find("Secure Boot") != std::string::npos);
  folder.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
              std::string("\x06\0\0\0\x01", 5));
  expect(folder, "lockdown", R::WouldFail, "Secure Boot sets it");
  folder.file("proc/cmdline", "lockdown=integrity nohibernate\n");
  expect(folder, "lockdown", R::WouldFail, "lockdown=integrity on the command line");
  expect(folder, "nohibernate", R::WouldFail);
  folder.link("proc/79/fd/3", "/secretmem (deleted)");
  folder.file("proc/79/comm", "vault\n");
  expect(folder, "secret-memory", R::WouldFail, "process 79 (vault)");
  folder.file("sys/bus/cxl/devices/mem0/driver/x", "");
  expect(folder, "cxl-memory", R::WouldFail, "mem0");
}

TEST_CASE("A kernel that is locked down and hibernates all the same is only a warning") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  expect(folder, "lockdown", R::Warning);
}

TEST_CASE("A kernel without hibernation, and one whose state cannot be read, are told apart") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove(folder.path() + "/sys/power/disk");
  folder.file("sys/power/state", "freeze mem\n");
  expect(folder, "hibernation-available", R::WouldFail, "built without");
  std::filesystem::remove(folder.path() + "/sys/power/state");
  expect(folder, "hibernation-available", R::Unknown);
}

TEST_CASE("Firmware without S4 is a warning") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/disk", "[shutdown] reboot\n");
  expect(folder, "firmware-s4", R::Warning);
}

TEST_CASE("Swap that is gone with the power would fail") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/resume", "0:0\n");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/zram0 partition 8388604 0 100\n");
  expect(folder, "swap-ephemeral", R::WouldFail, "zram");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/mapper/s partition 8388604 0 -2\n");
  folder.file("etc/crypttab", "s /dev/sda2 /dev/urandom swap\n");
  expect(folder, "swap-ephemeral", R::WouldFail, "random key");
}

TEST_CASE("Without swap, or with one that is elsewhere, there is nowhere to go") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/swaps", kSwaps);
  expect(folder, "swap-area", R::WouldFail, "none is set up");
  folder.file("etc/fstab", "/dev/sda2 none swap sw 0 0\n");
  expect(folder, "swap-area", R::WouldFail, "/dev/sda2 is set up");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda1 partition 8388604 0 -2\n");
  expect(folder, "swap-area", R::WouldFail, "told to use device 8:2");
  std::filesystem::remove(folder.path() + "/proc/swaps");
  expect(folder, "swap-area", R::Unknown);
}

TEST_CASE("Zram beside a swap partition is a warning where nobody tells the kernel which to take") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/resume", "0:0\n");
  folder.file("proc/swaps",
              std::string(kSwaps) + "/dev/zram0 partition 8388604 0 100\n/dev/sda2 partition 8388604 0 -2\n");
  CHECK(named(run(folder), "swap-choice").empty());  // systemd 257 tells it
  std::filesystem::rename(folder.path() + "/usr/lib/systemd/libsystemd-shared-257.so",
                          folder.path() + "/usr/lib/systemd/libsystemd-shared-252.so");
  expect(folder, "swap-choice", R::Warning);
  expect(folder, "swap-area", R::Ok, "/dev/sda2");
}

TEST_CASE("Room for the image is enough, enough if it compresses, or not enough") {
  const Folder folder;
  write_good(folder);
  expect(folder, "image-space", R::Ok);
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 2000000 0 -2\n");
  expect(folder, "image-space", R::Warning, "compresses");
  folder.file("proc/cmdline", fmt::format("resume=UUID={} hibernate=nocompress\n", kUuid));
  expect(folder, "image-space", R::WouldFail);
  folder.file("proc/cmdline", fmt::format("resume=UUID={}\n", kUuid));
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 2000000 1900000 -2\n");
  expect(folder, "image-space", R::WouldFail);
  expect(folder, "logind-space", R::WouldFail, "the kernel itself would try");
  std::filesystem::remove(folder.path() + "/proc/meminfo");
  expect(folder, "image-space", R::Unknown);
}

// `units` of 32 pages, each of which takes this many KiB.
MemorySample sample_of(std::uint64_t saved_mib, std::vector<std::uint64_t> kib) {
  for (std::uint64_t& unit : kib) unit *= 1024;
  return {"lzo", 4096, saved_mib * 256, 0, std::move(kib)};
}

TEST_CASE("Where memory was sampled, room is compared with what the sample takes") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/image_size", "3221225472\n");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 1048576 0 -2\n");
  auto facts = read_preflight_facts(folder.tree(), "");
  const auto judged = [&](MemorySample sample) {
    facts.memory_sample = std::move(sample);
    const auto report = judge(facts);
    const auto found = named(report, "image-space");
    REQUIRE(found.size() == 1);
    REQUIRE(report.space);
    REQUIRE(report.space->estimate.area);
    return std::pair(found.front()->result, *report.space->estimate.area);
  };
  // 2 GiB of memory in units that all shrink to a quarter.
  const auto [fits, exact] = judged(sample_of(2048, std::vector<std::uint64_t>(100, 32)));
  CHECK(fits == R::Ok);
  CHECK(exact.least == exact.most);
  CHECK(exact.likely > (512U << 20));
  CHECK(exact.likely < (520U << 20));
  // Half of it shrinks to nothing and half not at all: the mean just fits, and need not be right.
  std::vector<std::uint64_t> mixed(50, 4);
  mixed.resize(100, 128);
  const auto [may_fit, wide] = judged(sample_of(2000, mixed));
  CHECK(may_fit == R::Warning);
  CHECK(wide.least < (1000U << 20));
  CHECK(wide.most > (1100U << 20));
  CHECK(judged(sample_of(2048, std::vector<std::uint64_t>(100, 124))).first == R::WouldFail);
}

TEST_CASE("Of memory that the kernel would shrink first, the bounds span what it may keep") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/image_size", "1073741824\n");
  folder.file(
      "proc/meminfo",
      "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nActive(file): 1048576 kB\nActive(anon): 524288 kB\n");
  auto facts = read_preflight_facts(folder.tree(), "");
  std::vector<std::uint64_t> mixed(50, 4);
  mixed.resize(100, 128);
  facts.memory_sample = sample_of(2048, mixed);
  const auto report = judge(facts);
  REQUIRE(report.space);
  const ImageEstimate& estimate = report.space->estimate;
  CHECK(estimate.image.likely == (1024U << 20));
  CHECK(estimate.image.most == (2048U << 20));
  CHECK(estimate.area->least < (64U << 20));   // the half that shrinks to nothing is kept, files are dropped
  CHECK(estimate.area->most > (1536U << 20));  // the other half, and all anonymous memory goes to swap
  CHECK(named(report, "image-size").front()->text.find("would drop or swap out") != std::string::npos);
}

TEST_CASE("Why memory was not sampled stands beside the estimate") {
  const Folder folder;
  write_good(folder);
  auto facts = read_preflight_facts(folder.tree(), "");
  facts.why_no_sample = "/proc/kcore: open: no permission";
  const auto report = judge(facts);
  CHECK(named(report, "image-space").front()->text.find("no permission") != std::string::npos);
  CHECK_FALSE(report.space->estimate.area);
}

TEST_CASE("The kernel asks for room beforehand only where it does not compress") {
  const Folder folder;
  write_good(folder);
  expect(folder, "kernel-space", R::Ok, "asks for no room");
  folder.file("proc/cmdline", fmt::format("resume=UUID={} hibernate=nocompress\n", kUuid));
  expect(folder, "kernel-space", R::Ok, "hibernate=nocompress");
  const auto wanted = judge(read_preflight_facts(folder.tree(), "")).space->estimate.wanted_at_start;
  REQUIRE(wanted);
  folder.file("proc/swaps", fmt::format("{}/dev/sda2 partition {} 0 -2\n", kSwaps, *wanted / 1024));
  expect(folder, "kernel-space", R::WouldFail, "hibernate=nocompress");  // more, not as much
}

TEST_CASE("logind's limit is 98 per cent of what is free, in its own unit") {
  const Folder folder;
  write_good(folder);
  const auto with = [&](int active) {
    folder.file("proc/meminfo",
                fmt::format("MemTotal: 8000000 kB\nMemFree: 7000000 kB\nActive(anon): {} kB\n", active));
    folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 1000000 0 -2\n");
  };
  with(980000);
  expect(folder, "logind-space", R::Ok);
  with(980001);
  expect(folder, "logind-space", R::WouldFail);
}

TEST_CASE("Memory that is too full for its copy is a warning unless swap takes the rest") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/meminfo", "MemTotal: 8000000 kB\nMemFree: 100000 kB\nCached: 100000 kB\n");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 3000000 0 -2\n");
  expect(folder, "snapshot-memory", R::Warning, "Cannot allocate memory");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 9000000 0 -2\n");
  expect(folder, "snapshot-memory", R::Ok);
}

TEST_CASE("Settings of systemd that forbid hibernation are named with their file") {
  const Folder folder;
  write_good(folder);
  folder.file("etc/systemd/sleep.conf", "[Sleep]\nAllowHibernation=no\n");
  folder.link("etc/systemd/system/hibernate.target", "/dev/null");
  expect(folder, "sleep-settings", R::WouldFail, "AllowHibernation=no");
  expect(folder, "sleep-settings", R::WouldFail, "hibernate.target is masked");
}

TEST_CASE(
    "Settings of systemd count in a tree that was captured without programs, and not beside another init") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove_all(folder.path() + "/usr/lib/systemd");
  folder.file("etc/systemd/sleep.conf", "[Sleep]\nAllowHibernation=no\n");
  folder.link("etc/systemd/system/hibernate.target", "/dev/null");
  expect(folder, "sleep-settings", R::WouldFail, "AllowHibernation=no");
  expect(folder, "sleep-settings", R::WouldFail, "hibernate.target is masked");
  folder.file("sbin/init", "");
  CHECK(named(run(folder), "sleep-settings").empty());
}

TEST_CASE("On a machine without EFI systemd wants the running kernel to know the place") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/resume", "0:0\n");
  expect(folder, "logind-method", R::Unknown, "from systemd 255 on");  // nothing tells EFI from BIOS
  folder.file("sys/firmware/memmap/0/start", "0x0\n");
  expect(folder, "logind-method", R::WouldFail, "did not find the device of resume=UUID=");
  folder.file("proc/cmdline", "root=/dev/sda1\n");
  expect(folder, "logind-method", R::WouldFail, "was not told where to resume from");
  folder.file("sys/power/resume_offset", "7\n");
  expect(folder, "logind-method", R::WouldFail, "resume_offset is 7");
  folder.file("sys/power/resume_offset", "0\n");
  std::filesystem::rename(folder.path() + "/usr/lib/systemd/libsystemd-shared-257.so",
                          folder.path() + "/usr/lib/systemd/libsystemd-shared-252.so");
  CHECK(named(run(folder), "logind-method").empty());  // it does not ask
  std::filesystem::remove(folder.path() + "/usr/lib/systemd/libsystemd-shared-252.so");
  expect(folder, "logind-method", R::Unknown, "from systemd 255 on");
  folder.file("sys/firmware/efi/x", "");
  CHECK(named(run(folder), "logind-method").empty());
}

TEST_CASE("Where block devices are not known, no swap area is called elsewhere and no place another one") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove_all(folder.path() + "/sys/class/block");
  CHECK_FALSE(run(folder).would_fail());
  expect(folder, "swap-area", R::Unknown, "whether /dev/sda2 lies on device 8:2");
  expect(folder, "places-agree", R::Unknown, "/sys/power/resume says 8:2");
  expect(folder, "image-space", R::Ok);
  expect(folder, "swap-ephemeral", R::Ok);
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/dm-1 partition 8388604 0 -2\n");
  expect(folder, "swap-ephemeral", R::Unknown, "/dev/dm-1");  // dm-crypt with a random key, perhaps
  write_boot_entry(folder, "resume=UUID=00000000-1111-2222-3333-444455556666");
  expect(folder, "places-agree", R::Warning, "differ");  // two UUIDs are two areas, wherever they are
}

TEST_CASE("What udev noted tells what lies on the devices of a tree that was copied by hand") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove_all(folder.path() + "/hibtool");
  expect(folder, "resume-device", R::Unknown, "sda1: the tree does not say what lies on it");
  folder.file("run/udev/data/b8:1", "E:ID_FS_TYPE=ext4\nE:ID_FS_UUID=feed-1\n");
  folder.file("run/udev/data/b8:2",
              fmt::format("S:disk/by-label/x\nE:ID_FS_TYPE=swap\nE:ID_FS_UUID={}\n"
                          "E:ID_FS_LABEL=my_swap\nE:ID_FS_LABEL_ENC=my\\x2fswap\nE:\nE\n",
                          kUuid));
  expect(folder, "resume-device", R::Ok, "is sda2");
  write_boot_entry(folder, "resume=LABEL=my/swap");
  expect(folder, "resume-device", R::Ok, "is sda2");
  std::filesystem::remove_all(folder.path() + "/sys/class/block");
  expect(folder, "resume-device", R::Unknown, "hibtool probe --capture");
}

TEST_CASE("A place that only the initramfs' configuration names is not known to be in the initramfs") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cmdline", "root=/dev/sda1\n");
  write_boot_entry(folder, "root=/dev/sda1");
  std::filesystem::remove(folder.path() + "/boot/initrd.img-" + kRelease);
  folder.file("etc/initramfs-tools/conf.d/resume", fmt::format("RESUME=UUID={}\n", kUuid));
  expect(folder, "resume-place", R::Unknown, "/etc/initramfs-tools/conf.d/resume names UUID=");
}

TEST_CASE("initramfs-tools does not read the variable in which systemd notes the place") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/firmware/efi/x", "");
  folder.file("proc/cmdline", "root=/dev/sda1\n");
  write_boot_entry(folder, "root=/dev/sda1");
  expect(folder, "resume-place", R::WouldFail, "the initramfs does not read");
  std::filesystem::remove(folder.path() + "/boot/initrd.img-" + kRelease);
  expect(folder, "resume-place", R::Unknown, "the initramfs may");
}

TEST_CASE("An initramfs that resumes by a program of its own may know the place") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cmdline", "root=/dev/sda1\n");
  write_boot_entry(folder, "root=/dev/sda1");
  folder.file(std::string("boot/initrd.img-") + kRelease,
              cpio_entry("nix/store/a", "x") + cpio_entry("TRAILER!!!", "", 0));
  expect(folder, "resume-place", R::Unknown, "the initramfs may");
}

TEST_CASE("A place that systemd may note in the firmware is not known where EFI is not") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove(folder.path() + "/usr/sbin/mkinitramfs");
  folder.file("proc/cmdline", "root=/dev/sda1\n");
  write_boot_entry(folder, "root=/dev/sda1");
  folder.file(std::string("boot/initrd.img-") + kRelease, systemd_initramfs("ID=debian\n"));
  expect(folder, "resume-place", R::Unknown, "which is not known");
}

TEST_CASE(
    "Nothing that tells the next boot where to resume from would fail, with the exact parameters as advice") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cmdline", "ro\n");
  folder.file("etc/default/grub", "");
  write_boot_entry(folder, "ro");
  expect(folder, "resume-place", R::WouldFail);
  const auto report = run(folder);
  const Check* check = named(report, "resume-place").front();
  REQUIRE(check->fix.size() == 2);
  CHECK(check->fix[0].text == fmt::format("put resume=UUID={} into GRUB_CMDLINE_LINUX", kUuid));
  CHECK(check->fix[0].file == "/etc/default/grub");
  CHECK(check->fix[0].command == "update-grub");
  CHECK(check->fix[1].command == fmt::format("update-initramfs -u -k {}", kRelease));

  folder.file(std::string("boot/initrd.img-") + kRelease,
              debian_initramfs(cpio_entry("conf/conf.d/resume", "RESUME=none\n")));
  expect(folder, "resume-place", R::WouldFail, "RESUME=none");
  folder.file(
      std::string("boot/initrd.img-") + kRelease,
      debian_initramfs(cpio_entry("conf/conf.d/zz-resume-auto", fmt::format("RESUME=UUID={}\n", kUuid))));
  expect(folder, "resume-place", R::Ok, "zz-resume-auto");
  expect(folder, "resume-area", R::Ok);
  std::filesystem::remove(folder.path() + "/boot/initrd.img-" + kRelease);
  expect(folder, "resume-place", R::Unknown);
}

TEST_CASE("With EFI and systemd in the initramfs no place has to be named, if both are the same system") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cmdline", "ro\n");
  folder.file("etc/default/grub", "");
  folder.file("sys/power/resume", "0:0\n");
  folder.file("sys/firmware/efi/x", "");
  write_boot_entry(folder, "ro");
  folder.file(std::string("boot/initrd.img-") + kRelease, systemd_initramfs("ID=debian\n"));
  expect(folder, "resume-place", R::Ok, "HibernateLocation");
  expect(folder, "efi-system", R::Ok);
  folder.file(std::string("boot/initrd.img-") + kRelease, systemd_initramfs("ID=dracut\n"));
  expect(folder, "efi-system", R::WouldFail, "takes itself for dracut");
}

TEST_CASE("A variable of the firmware that is left over is a warning only where it names nothing here") {
  const Folder folder;
  write_good(folder);
  folder.file(kVariable, efi_variable_of("{\"uuid\":\"00000000-0000-0000-0000-000000000001\",\"offset\":0}"));
  expect(folder, "efi-variable", R::Warning, "no device here has");
  folder.file(kVariable, efi_variable_of(fmt::format("{{\"uuid\":\"{}\",\"offset\":0}}", kUuid)));
  expect(folder, "efi-variable", R::Ok, "left from an earlier hibernation");
  folder.file(kVariable, efi_variable_of("{"));
  expect(folder, "efi-variable", R::Warning, "cannot be understood");
}

TEST_CASE("Of a command line that cannot be read nothing is called fine") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cmdline", std::string(3U << 20U, 'a'));
  expect(folder, "resume-allowed", R::Unknown, "/proc/cmdline cannot be read");
  expect(folder, "settings-well-formed", R::Unknown, "/proc/cmdline cannot be read");
  folder.file("etc/initramfs-tools/conf.d/resume", "RESUME=none\n");
  std::filesystem::remove(folder.path() + "/boot/grub/grub.cfg");
  expect(folder, "resume-place", R::Unknown, "/proc/cmdline cannot be read");
}

TEST_CASE("A malformed setting would fail, with the character that is wrong") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, fmt::format("resume=UUID={} resume_offset=36151296..", kUuid));
  expect(folder, "settings-well-formed", R::WouldFail, "\".\" at character 9");
  folder.file("etc/default/grub.d/r.cfg", "GRUB_CMDLINE_LINUX=\"resume_offset=5x\"\n");
  write_boot_entry(folder, fmt::format("resume=UUID={}", kUuid));
  const auto report = run(folder);
  const Check* check = named(report, "settings-well-formed").front();
  REQUIRE(check->fix.size() == 1);
  CHECK(check->fix[0].file == "/etc/default/grub.d/r.cfg");
  CHECK(check->fix[0].command == "update-grub");
}

TEST_CASE("A device to resume from that is none, several, a container or a file system would fail") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, "resume=UUID=dead");
  expect(folder, "resume-device", R::WouldFail, "names nothing");
  write_boot_entry(folder, "resume=/dev/sda2");
  expect(folder, "resume-device", R::Warning, "order of discovery");
  write_boot_entry(folder, "resume=/dev/root");
  expect(folder, "resume-device", R::WouldFail, "only a word");
  write_boot_entry(folder, "resume=UUID=feed-1");
  expect(folder, "resume-content", R::WouldFail, "ext4");
  expect(folder, "resume-area", R::WouldFail, "looks at sda1");
  expect(folder, "places-agree", R::Warning, "sda1");
  folder.file("hibtool/block/sda1", fmt::format("TYPE=swap\nUUID={}\n", kUuid));
  write_boot_entry(folder, fmt::format("resume=UUID={}", kUuid));
  expect(folder, "resume-device", R::WouldFail, "names 2 devices");
  folder.file("hibtool/block/sda1", "TYPE=crypto_LUKS\nUUID=feed-1\n");
  write_boot_entry(folder, "resume=UUID=feed-1");
  expect(folder, "resume-content", R::WouldFail, "LUKS container");
  folder.file("hibtool/block/sda1", "UNREADABLE=Permission denied\n");
  expect(folder, "resume-device", R::Unknown);
}

TEST_CASE("An offset for a partition would fail, and for a file it is compared with where the file begins") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, fmt::format("resume=UUID={} resume_offset=5", kUuid));
  expect(folder, "resume-offset", R::WouldFail, "begins at page 0");

  folder.file("proc/swaps", std::string(kSwaps) + "/swapfile file 8388604 0 -2\n");
  folder.file("proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
  folder.file("sys/power/resume", "8:1\n");
  folder.file("sys/power/resume_offset", "5\n");
  write_boot_entry(folder, "resume=UUID=feed-1 resume_offset=5");
  expect(folder, "swap-file", R::Unknown);
  expect(folder, "resume-offset", R::Unknown);

  auto facts = read_preflight_facts(folder.tree(), "");
  const auto judged = [&](boot::SwapFilePlace place, std::string_view name) {
    facts.swap_files.clear();
    facts.swap_files.emplace("/swapfile", place);
    const auto report = judge(facts);
    const auto found = named(report, name);
    return found.empty() ? R::Unknown : found.front()->result;
  };
  CHECK(judged({20480, 5, 3, false, false}, "resume-offset") == R::Ok);
  CHECK(judged({20480, 5, 3, false, false}, "swap-file") == R::Ok);
  CHECK(judged({20480, 5, 3, true, false}, "swap-file") == R::WouldFail);
  CHECK(judged({20480, 5, 3, false, true}, "swap-file") == R::WouldFail);
  CHECK(judged({28672, 7, 1, false, false}, "swap-area") == R::WouldFail);  // sysfs says page 5
  facts.configuration.kernel.resume_offset = "7";
  CHECK(judged({28672, 7, 1, false, false}, "resume-offset") == R::WouldFail);
}

TEST_CASE("Of a system that is not running the offset is compared with where the swap file of fstab begins") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove(folder.path() + "/proc/swaps");
  folder.file("etc/fstab", "/swapfile none swap sw 0 0\n");
  folder.file("swapfile", "x");
  write_boot_entry(folder, "resume=UUID=feed-1 resume_offset=5");
  expect(folder, "swap-file", R::Unknown, "nothing is mounted at");  // a copy
  expect(folder, "resume-offset", R::Unknown);

  auto facts = read_preflight_facts(folder.tree(), "");
  const auto judged = [&](std::uint64_t page, std::string_view name) {
    facts.swap_files.clear();
    facts.swap_files.emplace("/swapfile", boot::SwapFilePlace{page * 4096, page, 1, false, false});
    const auto report = judge(facts);
    const auto found = named(report, name);
    return found.empty() ? R::Unknown : found.front()->result;
  };
  CHECK(judged(5, "resume-offset") == R::Ok);
  CHECK(judged(5, "swap-file") == R::Ok);
  CHECK(judged(7, "resume-offset") == R::WouldFail);
}

TEST_CASE("A swap file in a home folder may be hidden from logind") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/swaps", std::string(kSwaps) + "/home/swapfile file 8388604 0 -2\n");
  folder.file("proc/self/mountinfo", "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n");
  expect(folder, "logind-opens-file", R::Warning);
}

TEST_CASE("Words that switch resuming off would fail, with their place") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, fmt::format("resume=UUID={} noresume", kUuid));
  expect(folder, "resume-allowed", R::WouldFail, "/boot/grub/grub.cfg");
  write_boot_entry(folder, fmt::format("resume=UUID={}", kUuid));
  folder.file("proc/cmdline", "noresume\n");
  expect(folder, "resume-allowed", R::WouldFail, "systemd refuses");
}

TEST_CASE("An initramfs that does not resume, lacks a part, or is none is told") {
  const Folder folder;
  write_good(folder);
  const std::string path = std::string("boot/initrd.img-") + kRelease;
  folder.file(path, cpio_entry("conf/initramfs.conf", "x") + cpio_entry("TRAILER!!!", "", 0));
  expect(folder, "initramfs-resumes", R::WouldFail);
  CHECK(fix_of(folder, "initramfs-resumes").find("initramfs-tools-core") != std::string::npos);
  CHECK(fix_of(folder, "initramfs-resumes").find(fmt::format("RESUME=UUID={} ", kUuid)) != std::string::npos);
  folder.file(path, cpio_entry("usr/lib/systemd/systemd", "x") +
                        cpio_entry("usr/lib/systemd/systemd-hibernate-resume", "x") +
                        cpio_entry("TRAILER!!!", "", 0));
  expect(folder, "initramfs-resumes", R::WouldFail, "systemd-hibernate-resume.service");
  folder.file(path, cpio_entry("etc/booster.init.yaml", "x") + cpio_entry("TRAILER!!!", "", 0));
  expect(folder, "initramfs-resumes", R::Unknown, "program of its own");
  folder.file(path, debian_initramfs().substr(0, 200));
  expect(folder, "initramfs-resumes", R::Unknown, "to its end");
  folder.file(path, "garbage");
  expect(folder, "initramfs", R::Unknown, "garbag");
  std::filesystem::remove(folder.path() + "/" + path);
  expect(folder, "initramfs", R::Unknown, "not found");
}

TEST_CASE("dracut is told to add what resumes, in its own file") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove(folder.path() + "/usr/sbin/mkinitramfs");
  folder.file("usr/bin/dracut", "");
  folder.file("etc/os-release", "ID=fedora\n");
  folder.file("etc/dracut.conf.d/o.conf", "omit_dracutmodules+=\" resume \"\n");
  folder.file(std::string("boot/initrd.img-") + kRelease, cpio_entry("usr/lib/dracut/x", "x") +
                                                              cpio_entry("usr/lib/systemd/systemd", "x") +
                                                              cpio_entry("TRAILER!!!", "", 0));
  const auto report = run(folder);
  const Check* check = named(report, "initramfs-resumes").front();
  CHECK(check->result == R::WouldFail);
  REQUIRE(check->fix.size() == 3);
  CHECK(check->fix[0].file == "/etc/dracut.conf.d/o.conf");
  CHECK(check->fix[1].file == "/etc/dracut.conf.d/resume.conf");
  CHECK(check->fix[2].command == "dracut --force --regenerate-all");
}

TEST_CASE("A codec that the initramfs does not have would fail") {
  const Folder folder;
  write_good(folder);
  expect(folder, "codec", R::Ok, "lzo is built in");
  folder.file("sys/module/hibernate/parameters/compressor", "lz4\n");
  expect(folder, "codec", R::WouldFail, "lz4");
  folder.file(
      std::string("boot/initrd.img-") + kRelease,
      debian_initramfs(cpio_entry(fmt::format("lib/modules/{}/kernel/crypto/lz4.ko.xz", kRelease), "x")));
  expect(folder, "codec", R::Ok, "initramfs has it");
  folder.file("proc/cmdline", fmt::format("resume=UUID={} hibernate.compressor=zzz\n", kUuid));
  expect(folder, "codec", R::WouldFail, "zzz");
  folder.file("proc/cmdline", fmt::format("resume=UUID={} hibernate=nocompress\n", kUuid));
  expect(folder, "codec", R::Ok, "not compressed");
}

TEST_CASE("nvidia in the initramfs is a warning, with the option that makes it refuse") {
  const Folder folder;
  write_good(folder);
  folder.file(std::string("boot/initrd.img-") + kRelease,
              debian_initramfs(cpio_entry("lib/modules/6.12.1-amd64/nvidia.ko", "x")));
  expect(folder, "early-graphics", R::Warning, "video memory may be lost");
  folder.file("etc/modprobe.d/nvidia.conf", "options nvidia NVreg_PreserveVideoMemoryAllocations=1\n");
  expect(folder, "early-graphics", R::Warning, "error -5");
}

namespace {
// An initramfs of mkinitcpio with these HOOKS.
void write_mkinitcpio(const Folder& folder, const std::string& hooks) {
  folder.file(std::string("boot/initrd.img-") + kRelease,
              cpio_entry("buildconfig", "") + cpio_entry("config", "HOOKS=\"" + hooks + "\"\n") +
                  cpio_entry("hooks/resume", "x") + cpio_entry("TRAILER!!!", "", 0));
}
}  // namespace

TEST_CASE("ZFS that is imported before the resume is a warning") {
  const Folder folder;
  write_good(folder);
  write_mkinitcpio(folder, "udev zfs resume");
  expect(folder, "zfs-order", R::Warning);
  write_mkinitcpio(folder, "udev resume zfs");
  CHECK(named(run(folder), "zfs-order").empty());
  CHECK(named(run(folder), "hook-order").empty());
}

TEST_CASE("A hook that resumes before the disks are there would fail") {
  const Folder folder;
  write_good(folder);
  write_mkinitcpio(folder, "resume udev encrypt");
  expect(folder, "hook-order", R::WouldFail, "before udev, encrypt");
  write_mkinitcpio(folder, "udev resume encrypt");
  expect(folder, "hook-order", R::Warning, "before encrypt");
}

TEST_CASE("An initramfs that is older than its configuration is a warning that names the files") {
  const Folder folder;
  write_good(folder);
  folder.file("etc/initramfs-tools/conf.d/resume", "");
  std::filesystem::last_write_time(
      folder.path() + "/boot/initrd.img-" + kRelease,
      std::filesystem::last_write_time(folder.path() + "/etc/os-release") - std::chrono::hours(1));
  expect(folder, "initramfs-age", R::Warning, "/etc/initramfs-tools/conf.d");
}

TEST_CASE("A next boot into another kernel is a warning on x86, and would fail elsewhere") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, fmt::format("resume=UUID={}", kUuid), "6.13.0-amd64");
  expect(folder, "next-kernel", R::Warning, "6.13.0-amd64");
  folder.file("hibtool/machine", "MACHINE=aarch64\n");
  expect(folder, "next-kernel", R::WouldFail);
  std::filesystem::remove(folder.path() + "/boot/grub/grub.cfg");
  expect(folder, "next-kernel", R::Unknown);
}

TEST_CASE("Thin volumes and disks that can be pulled are warnings") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/class/block/sda2/removable", "1\n");
  expect(folder, "swap-removable", R::Warning);
  folder.file("sys/class/block/dm-5/dev", "254:5\n");
  folder.file("sys/class/block/dm-5/dm/uuid", "LVM-abc-tpool\n");
  folder.link("sys/class/block/sda2/slaves/dm-5", "../../dm-5");
  expect(folder, "swap-thin", R::Warning);
}

TEST_CASE("Encrypted swap that the initramfs does not open would fail") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/dm-0 partition 8388604 0 -2\n");
  folder.file("sys/class/block/dm-0/dev", "254:0\n");
  folder.file("sys/class/block/dm-0/dm/name", "swap_crypt\n");
  folder.file("sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-aa-swap_crypt\n");
  folder.link("sys/class/block/dm-0/slaves/sda2", "../../sda2");
  folder.file("sys/power/resume", "254:0\n");
  write_boot_entry(folder, "resume=/dev/mapper/swap_crypt");
  expect(folder, "swap-unlocked", R::WouldFail, "swap_crypt");
  const std::string path = std::string("boot/initrd.img-") + kRelease;
  folder.file(path, debian_initramfs(cpio_entry("cryptroot/crypttab", "swap_crypt UUID=aa none luks\n")));
  expect(folder, "swap-unlocked", R::Ok);
  folder.file(path, systemd_initramfs("ID=debian\n"));
  expect(folder, "swap-unlocked", R::Unknown);
}

TEST_CASE("A kernel without an initramfs resumes by itself, if it knows the name") {
  const Folder folder;
  write_good(folder);
  const auto with = [&](const std::string& spec) {
    folder.file("boot/grub/grub.cfg",
                "menuentry 'A' {\n linux /boot/vmlinuz-6.12.1-amd64 resume=" + spec + "\n}\n");
  };
  with(std::string("UUID=") + kUuid);
  expect(folder, "initramfs", R::WouldFail, "does not know");
  with("/dev/sda2");
  expect(folder, "initramfs", R::Ok, "by itself");
}

TEST_CASE("Offset 0 and no offset are the same place") {
  const Folder folder;
  write_good(folder);
  write_boot_entry(folder, fmt::format("resume=UUID={} resume_offset=0", kUuid));
  expect(folder, "places-agree", R::Ok);
}

TEST_CASE("A tree with nothing in it is unknown rather than fine") {
  const Folder folder;
  const PreflightReport report = run(folder);
  CHECK(std::any_of(report.checks.begin(), report.checks.end(),
                    [](const Check& check) { return check.result == R::Unknown; }));
  CHECK(named(report, "hibernation-available").front()->result == R::Unknown);
}

namespace {

std::vector<MemoryMapEntry> map_with_tables_at(std::uint64_t start) {
  return {{0, 0x80000000, 1, "System RAM"}, {start, 0x10000, 3, "ACPI Tables"}};
}

void expect_map(const std::vector<std::vector<MemoryMapEntry>>& maps, CheckResult result,
                const std::string& part) {
  const Folder folder;
  write_good(folder);
  auto facts = read_preflight_facts(folder.tree(), "");
  facts.memory_maps = maps;
  const PreflightReport report = judge(facts);
  CHECK_FALSE(report.would_fail());
  const auto found = named(report, "memory-map");
  REQUIRE(found.size() == 1);
  INFO(found.front()->text);
  CHECK(found.front()->result == result);
  CHECK(found.front()->text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("A memory map of the firmware that changes from boot to boot is a warning that names the region") {
  const auto usual = map_with_tables_at(0x90000000);
  const auto moved = map_with_tables_at(0x90002000);
  expect_map({usual, usual, usual}, R::Ok, "the same at the last 3 boots");
  expect_map({usual, moved, usual}, R::Warning, "changed at 2 of the last 3 boots");
  expect_map({usual}, R::Unknown, "only one boot");
  // Memory that was put in a year ago is no reason to fear for the next boot.
  std::vector<std::vector<MemoryMapEntry>> maps(13, usual);
  maps.front() = moved;
  expect_map(maps, R::Ok, "the last 12 boots");

  const Folder folder;
  write_good(folder);
  auto facts = read_preflight_facts(folder.tree(), "");
  facts.memory_maps = {usual, moved};
  const PreflightReport report = judge(facts);
  CHECK(named(report, "memory-map").front()->evidence.front().text ==
        "ACPI Tables 0x90000000 + 64.0 KiB moved by +8.0 KiB");
  facts.memory_maps.clear();
  CHECK(named(judge(facts), "memory-map").empty());  // a captured tree without a journal
  facts.why_no_maps = "journal: no permission";
  CHECK(named(judge(facts), "memory-map").front()->text.ends_with("is not known: journal: no permission"));
}

TEST_CASE("systemd that may mount the root file system while it resumes is a warning") {
  const Folder folder;
  write_good(folder);
  const std::string initramfs = std::string("boot/initrd.img-") + kRelease;
  const std::string old = cpio_entry("usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so", "x");
  folder.file(initramfs, systemd_initramfs("ID=debian\n", old));
  expect(folder, "resume-order", R::Warning, "systemd 252");
  folder.file(initramfs,
              systemd_initramfs("ID=debian\n", old + cpio_entry("usr/lib/systemd/systemd-fsck", "x")));
  expect(folder, "resume-order", R::Ok);
  folder.file(initramfs,
              systemd_initramfs("ID=debian\n", cpio_entry("usr/lib/systemd/libsystemd-shared-254.so", "x")));
  expect(folder, "resume-order", R::Ok);
  folder.file(initramfs, debian_initramfs());
  CHECK(named(run(folder), "resume-order").empty());
}

TEST_CASE(
    "What hibtool's own way needs is asked only where its module is, and is never more than a warning") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/kernel/kexec_crash_size", "0\n");
  folder.file("proc/sys/kernel/kexec_load_disabled", "1\n");
  CHECK(named(run(folder), "jump-region").empty());
  folder.file(fmt::format("lib/modules/{}/extra/hibjump.ko", kRelease), "");
  expect(folder, "jump-region", R::Warning, "no memory is set aside");
  expect(folder, "jump-kexec", R::Warning, "loads no other one");
  CHECK_FALSE(run(folder).would_fail());
  folder.file("sys/kernel/kexec_crash_size", "67108864\n");
  expect(folder, "jump-region", R::Warning, "only 64.0 MiB");
  folder.file("sys/kernel/kexec_crash_size", "201326592\n");
  expect(folder, "jump-region", R::Ok);
  folder.file("sys/kernel/kexec_crash_loaded", "1\n");
  expect(folder, "jump-region", R::Warning, "a crash kernel");
  folder.file("proc/sys/kernel/kexec_load_disabled", "0\n");
  CHECK(named(run(folder), "jump-kexec").empty());
}
