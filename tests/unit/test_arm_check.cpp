// May this machine jump: a machine where nothing speaks against it, and the same with one thing changed.
#include <algorithm>

#include <fmt/format.h>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/jump/check/check.h"
#include "lib/jump/check/facts.h"
#include "tests/support/folder.h"

using namespace hib;
using namespace hib::jump;
using hib::test::Folder;

namespace {

constexpr const char* kMemory =
    "00001000-0009fbff : System RAM\n00100000-3fffffff : System RAM\n"
    "  13000000-1effffff : Crash kernel\n";
constexpr const char* kFlags = "fpu msr sse2 lm";

std::string processors(const std::string& flags, unsigned apic_id = 0) {
  return fmt::format(
      "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 140\nmicrocode\t: 0xb8\n"
      "apicid\t\t: {}\nflags\t\t: {}\n",
      apic_id, flags);
}

std::string fixed_table(char third_byte_of_flags) {
  std::string table(244, '\0');
  table[114] = third_byte_of_flags;
  return table;
}

// A PC that nothing speaks against.
void write_good(const Folder& folder) {
  folder.file("hibtool/machine", "MACHINE=x86_64\nPAGE_SIZE=4096\n");
  folder.file("proc/sys/kernel/osrelease", "6.12.5-amd64\n");
  folder.file("proc/sys/kernel/kexec_load_disabled", "0\n");
  folder.file("proc/cmdline", "root=/dev/sda1 crashkernel=192M\n");
  folder.file("proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
  folder.file("proc/iomem", kMemory);
  folder.file("proc/cpuinfo", processors(kFlags));
  folder.file("proc/meminfo", "MemTotal: 1000000 kB\nHardwareCorrupted: 0 kB\n");
  folder.file("sys/power/state", "freeze mem disk\n");
  folder.file("sys/power/disk", "[platform] shutdown reboot\n");
  folder.file("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  folder.file("sys/kernel/kexec_crash_size", "201326592\n");
  folder.file("sys/kernel/kexec_crash_loaded", "0\n");
  folder.file("sys/devices/system/cpu/present", "0-3\n");
  folder.file("sys/devices/system/cpu/online", "0-3\n");
  folder.file("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm\n");
  folder.file("sys/class/dmi/id/sys_vendor", "LENOVO\n");
  folder.file("sys/firmware/acpi/tables/FACP", fixed_table('\0'));
}

DeviceInfo answer() {
  DeviceInfo info;
  info.region = {0x13000000, 192U << 20};
  return info;
}

CheckReport check(const Folder& folder, const std::optional<Result<DeviceInfo>>& module = answer()) {
  return check_machine(folder.tree(), module);
}

std::vector<Check> with_result(const CheckReport& report, CheckResult result) {
  std::vector<Check> found;
  std::copy_if(report.checks.begin(), report.checks.end(), std::back_inserter(found),
               [&](const Check& one) { return one.result == result; });
  return found;
}

// "code: text" of all that are not ok.
std::vector<std::string> complaints(const CheckReport& report) {
  std::vector<std::string> lines;
  for (const Check& one : report.checks) {
    if (one.result != CheckResult::Ok)
      lines.push_back(fmt::format("{} {}: {}", name_of(one.result), one.code, one.text));
  }
  return lines;
}

// The same of a captured machine, which has no module to be asked.
std::vector<std::string> complaints_of_captured(const Folder& folder) {
  auto lines = complaints(check(folder, std::nullopt));
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.front() == "unknown module: of a captured machine, hibjump cannot be asked");
  lines.erase(lines.begin());
  return lines;
}

// One file of the good machine is another one, and that alone is told.
std::string complaint_with(const std::string& path, const std::string& content,
                           const std::optional<Result<DeviceInfo>>& module = answer()) {
  const Folder folder;
  write_good(folder);
  folder.file(path, content);
  const auto found = complaints(check(folder, module));
  CAPTURE(path, content, found);
  REQUIRE(found.size() == 1);
  return found.front();
}

using Lines = std::vector<std::string>;

// A line of /proc/PID/task/TID/stat.
std::string scheduled_by(unsigned policy, const std::string& name) {
  std::string line = "14 (" + name + ") S";
  for (unsigned field = 4; field < 41; ++field) line += fmt::format(" {}", field);
  return line + fmt::format(" {} 0 0\n", policy);
}

}  // namespace

TEST_CASE("a machine that nothing speaks against is allowed to jump, and nothing is unknown") {
  const Folder folder;
  write_good(folder);
  const auto report = check(folder);
  CHECK(complaints(report) == Lines{});
  CHECK(report.allowed());
  CHECK(report.not_read.empty());
  CHECK(report.release == "6.12.5-amd64");
}

TEST_CASE("what surely goes wrong is refused") {
  const std::vector<std::array<std::string, 3>> cases = {
      {"hibtool/machine", "MACHINE=aarch64\nPAGE_SIZE=4096\n", "refused kernel: aarch64: "},
      {"sys/kernel/security/lockdown", "none [integrity] confidentiality\n",
       "refused lockdown: the kernel is locked down (integrity)"},
      {"proc/sys/kernel/kexec_load_disabled", "1\n", "refused kexec: "},
      {"proc/iomem", std::string(kMemory) + "100000000-10fffffff : System RAM (kmem)\n",
       "refused memory: 256 MiB that a driver manages as \"System RAM (kmem)\""},
      {"proc/iomem", "00000000-00000000 : System RAM\n00000000-00000000 : System RAM (virtio_mem)\n",
       "refused memory: memory that a driver manages as \"System RAM (virtio_mem)\""},
      {"sys/bus/virtio/drivers/virtio_mem/virtio3", "", "refused virtio-mem: "}};
  for (const auto& [path, content, told] : cases) CHECK(complaint_with(path, content).starts_with(told));
}

TEST_CASE("a machine whose module cannot be asked is judged by what its kernel shows") {
  constexpr const char* kClocks = "sys/devices/system/clocksource/clocksource0/available_clocksource";
  const std::vector<std::array<std::string, 3>> cases = {
      {kClocks, "kvm-clock tsc hpet acpi_pm\n", "refused hypervisor: KVM with kvmclock"},
      {kClocks, "hyperv_clocksource_tsc_page acpi_pm\n", "refused hypervisor: Hyper-V"},
      {kClocks, "xen tsc\n", "refused hypervisor: Xen"},
      {"sys/hypervisor/type", "xen\n", "refused hypervisor: Xen"},
      {"sys/bus/vmbus/devices/0/id", "", "refused hypervisor: Hyper-V"},
      {"sys/module/kvm_intel/parameters/tdx", "Y\n", "refused encryption: virtual machines with TDX"},
      {"sys/module/kvm_amd/parameters/sev_snp", "Y\n", "refused encryption: virtual machines with SEV-SNP"},
      {"proc/cpuinfo", processors("lm fred"), "refused processor: the kernel uses FRED"}};
  for (const auto& [path, content, told] : cases) {
    const Folder folder;
    write_good(folder);
    folder.file(path, content);
    const auto found = complaints_of_captured(folder);
    REQUIRE(found.size() == 1);
    CHECK(found.front().starts_with(told));
  }
}

TEST_CASE("a task without a deadline, and the governor's with one, are no complaint") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/12/task/12/stat", scheduled_by(1, "a 6"));
  folder.file("proc/13/task/13/stat", scheduled_by(6, "sugov:0"));
  folder.file("proc/14/task/14/stat", "14 (");
  folder.file("proc/self/task/14/stat", scheduled_by(6, "twice"));
  CHECK(complaints(check(folder)) == Lines{});
}

TEST_CASE("what may go wrong is a warning, and the jump stays allowed") {
  const std::vector<std::array<std::string, 3>> cases = {
      {"proc/cpuinfo", processors(kFlags, 300), "warning interrupts: APIC ids up to 300"},
      {"sys/bus/acpi/devices/PNP0C80:00", "", "warning memory-hotplug: "},
      {"proc/meminfo", "HardwareCorrupted: 12 kB\n", "warning memory-bad: 12.0 KiB of memory are poisoned"},
      {"proc/cmdline", "crashkernel=192M init_on_free=1\n", "warning free-pages: init_on_free=1"},
      {"sys/firmware/acpi/tables/FACP", fixed_table('\x10'), "warning acpi: hardware-reduced"},
      {"usr/lib/systemd/system-sleep/tlp", "",
       "warning sleep-hooks: systemctl hibernate runs these, and hibtool hibernate does not: tlp"},
      {"proc/12/task/14/stat", scheduled_by(6, "a) 6\n("),
       "warning deadlines: 1 task with a deadline (SCHED_DEADLINE)"}};
  for (const auto& [path, content, told] : cases) CHECK(complaint_with(path, content).starts_with(told));
}

TEST_CASE("memory of ACPI that each jump copies is a warning, unless it is little or not copied") {
  const std::string much = std::string(kMemory) + "7e000000-7effffff : ACPI Non-volatile Storage\n";
  CHECK(complaint_with("proc/iomem", much).starts_with("warning memory-firmware: each jump costs 16.0 MiB"));
  const Folder folder;
  write_good(folder);
  folder.file("proc/iomem", std::string(kMemory) + "7e000000-7e0fefff : ACPI Non-volatile Storage\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("proc/iomem", much);
  folder.file("proc/cmdline", "crashkernel=192M acpi_sleep=s3_mode,nonvs\n");
  CHECK(complaints(check(folder)) == Lines{});
}

TEST_CASE("processors that are off are no complaint, unless they are off for good") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/devices/system/cpu/online", "0,2\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/devices/system/cpu/smt/control", "forceoff\n");
  CHECK(complaints(check(folder)) == Lines{"warning processors-off: 2 processors off, for good: a machine "
                                           "check after a jump would stop the machine"});
}

TEST_CASE("the module's answer counts before what the kernel shows") {
  const Folder folder;
  write_good(folder);
  DeviceInfo info = answer();
  info.region.bytes = 0;
  CHECK(complaints(check(folder, info)) == Lines{"refused region: no memory is set aside for the saver"});
  info = answer();
  info.region.start = 1ULL << 32;
  CHECK(complaints(check(folder, info)) ==
        Lines{"refused region: the saver's memory ends at 0x10c000000, above 4 GiB"});
  info = answer();
  info.region.bytes = 64U << 20;
  CHECK(complaints(check(folder, info)) ==
        Lines{"warning region: 64.0 MiB are set aside for the saver; 192 MiB are usual"});
  info = answer();
  info.crash_kernel_loaded = true;
  CHECK(complaints(check(folder, info)) ==
        Lines{"refused crash-kernel: a crash kernel lies in the memory for the saver"});
  info = answer();
  info.untested_series = true;
  CHECK(complaints(check(folder, info)) ==
        Lines{"warning kernel: 6.12.5-amd64: a series that is not tested"});
  info = answer();
  info.refused = HIBJUMP_REFUSED_FRED | HIBJUMP_REFUSED_KVMCLOCK;
  const auto refused = check(folder, info).refusals();
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].advice == "boot with no-kvmclock");
  CHECK(refused[1].advice == "boot with fred=off");
  info = answer();
  info.refused = HIBJUMP_REFUSED_NOT_FIRST;
  CHECK(complaints(check(folder, info)) ==
        Lines{"refused processor: processor 0 is off, or not the one that the firmware began with"});
  info = answer();
  info.refused = HIBJUMP_REFUSED_ENCRYPTED | HIBJUMP_REFUSED_TXT | 1U << 31;
  CHECK(complaints(check(folder, info)) ==
        Lines{"refused encryption: memory is encrypted (SME)",
              "refused processor: a measured launch (TXT), which the jump would not end",
              "refused processor: hibjump has a reason that this hibtool does not know"});
  info = answer();
  info.is_saver = true;
  CHECK(complaints(check(folder, info)) == Lines{"refused module: this kernel is the saver of another one"});
}

TEST_CASE("a hypervisor that the module was told to try is a warning") {
  constexpr const char* kClocks = "sys/devices/system/clocksource/clocksource0/available_clocksource";
  DeviceInfo info = answer();
  info.untested_machine = true;
  CHECK(complaint_with(kClocks, "hyperv_clocksource_tsc_page acpi_pm\n", info) ==
        "warning hypervisor: one that would be refused: hibjump is loaded with allow_untested=1");
}

TEST_CASE("without the module the kernel's own files tell") {
  const Folder folder;
  write_good(folder);
  CHECK(complaints(check(folder, std::nullopt)) ==
        Lines{"unknown module: of a captured machine, hibjump cannot be asked"});
  const auto denied = Result<DeviceInfo>(fail(make_error(ErrorKind::Io, "open", "Permission denied")));
  CHECK(complaints(check(folder, denied)) ==
        Lines{"unknown module: hibjump cannot be asked: open: Permission denied"});
  const auto missing = Result<DeviceInfo>(fail(make_error(ErrorKind::NotFound, "kernel module", "none")));
  CHECK(complaints(check(folder, missing)) ==
        Lines{"warning module: hibjump is not loaded, and hibtool arm needs it"});
  folder.file("proc/sys/kernel/osrelease", "6.18.1\n");
  folder.file("proc/iomem", "00100000-3fffffff : System RAM\n100000000-10bffffff : Crash kernel\n");
  CHECK(complaints(check(folder, std::nullopt)).size() == 3);
  CHECK(check(folder, std::nullopt).refusals().front().line() ==
        "region: the saver's memory ends at 0x10c000000, above 4 GiB; boot with crashkernel=192M, without "
        "\",high\"");
  folder.file("proc/iomem", "");
  folder.file("sys/kernel/kexec_crash_size", "0\n");
  CHECK(check(folder, std::nullopt).refusals().front().where == "region");
}

TEST_CASE("a kernel that forbids hibernation is refused with the reason") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/power/state", "freeze mem\n");
  folder.file("sys/power/disk", "[disabled]\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused hibernation: the kernel forbids it: memory of memfd_secret, or CXL memory"});
  folder.file("proc/cmdline", "nohibernate\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused hibernation: nohibernate on the command line forbids it"});
  folder.file("proc/cmdline", "quiet\n");
  folder.file("proc/812/comm", "mail\n");
  folder.file("proc/812/maps", "7f00-7f01 rw-s 00000000 00:10 1 /secretmem (deleted)\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused hibernation: process 812 (mail) keeps memory secret (memfd_secret)"});
  // Lockdown is the reason: one line is enough.
  std::filesystem::remove_all(folder.path() + "/proc/812");
  folder.file("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  CHECK(complaints(check(folder)) == Lines{"refused lockdown: the kernel is locked down (confidentiality)"});
  folder.file("sys/kernel/security/lockdown", "[none] integrity\n");
  std::filesystem::remove(folder.path() + "/sys/power/disk");
  CHECK(complaints(check(folder)) == Lines{"refused hibernation: the kernel was built without hibernation"});
}

TEST_CASE("a kernel has no lockdown where securityfs shows others alone; without securityfs nobody knows") {
  const Folder folder;
  write_good(folder);
  std::filesystem::remove(folder.path() + "/sys/kernel/security/lockdown");
  CHECK(complaints(check(folder)) ==
        Lines{"unknown lockdown: whether the kernel is locked down is not known"});
  folder.file("sys/kernel/security/lsm", "capability");
  CHECK(complaints(check(folder)) == Lines{});
}

TEST_CASE("encrypted memory is refused where it is used, and not where the processor could") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cpuinfo", processors("lm sme sev"));
  CHECK(complaints_of_captured(folder) == Lines{});
  folder.file("proc/cmdline", "mem_encrypt=on\n");
  CHECK(complaints_of_captured(folder) == Lines{"refused encryption: memory is encrypted (SME)"});
  folder.file("proc/cmdline", "\n");
  folder.file("proc/cpuinfo", processors("lm sev hypervisor"));
  folder.file("sys/class/dmi/id/sys_vendor", "QEMU\n");
  CHECK(complaints_of_captured(folder) ==
        Lines{"refused encryption: the memory of this virtual machine is encrypted (SEV)"});
  folder.file("proc/cpuinfo", processors("lm tdx_guest hypervisor"));
  CHECK(complaints_of_captured(folder) ==
        Lines{"refused encryption: the memory of this virtual machine is encrypted (TDX)"});
}

TEST_CASE("a hypervisor without its own clock is allowed; one that was not tested is a warning") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/cpuinfo", processors("lm hypervisor"));
  CHECK(complaints_of_captured(folder) == Lines{"warning hypervisor: one that was not tested: LENOVO"});
  folder.file("sys/class/dmi/id/sys_vendor", "QEMU\n");
  CHECK(complaints_of_captured(folder) == Lines{});
  folder.file("sys/devices/system/clocksource/clocksource0/available_clocksource", "");
  CHECK(complaints_of_captured(folder) ==
        Lines{"unknown hypervisor: one, and whether its clock is used is not known"});
  folder.file("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
  CHECK(check(folder, std::nullopt).allowed());  // a Surface
  folder.file("sys/class/dmi/id/product_name", "Virtual Machine\n");
  CHECK_FALSE(check(folder, std::nullopt).allowed());
}

TEST_CASE("cpusets of cgroup v1 are refused where processors would be lost") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/mounts", "cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0\n");
  folder.file("sys/fs/cgroup/cpuset/cpuset.cpus", "0-3\n");
  folder.file("sys/fs/cgroup/cpuset/empty/cpuset.cpus", "\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/fs/cgroup/cpuset/docker/cpuset.cpus", "0-1\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused cpusets: cgroup v1: its cpusets would lose processors for good"});
  folder.file("sys/devices/system/cpu/present", "0\n");
  folder.file("sys/devices/system/cpu/online", "0\n");
  CHECK(complaints(check(folder)) == Lines{});
}

TEST_CASE("cpusets of cgroup v2 are a warning on Linux 6.1") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/fs/cgroup/user.slice/cpuset.cpus", "0-1\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("proc/sys/kernel/osrelease", "6.1.0-40-amd64\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning cpusets: tasks in cpusets lose a narrower affinity of their own"});
}

TEST_CASE("memory of several drivers is refused by each name") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/iomem", std::string(kMemory) +
                                "100000000-10fffffff : System RAM (kmem)\n"
                                "110000000-117ffffff : System RAM (kmem)\n"
                                "120000000-127ffffff : System RAM (virtio_mem)\n"
                                "130000000-137ffffff : System RAM\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused memory: 384 MiB that a driver manages as \"System RAM (kmem)\": it would not be saved",
              "refused memory: 128 MiB that a driver manages as \"System RAM (virtio_mem)\": it would not be "
              "saved"});
}

TEST_CASE("a balloon is no reason against the jump: what it holds is not read") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/bus/virtio/drivers/virtio_balloon/virtio2", "");
  CHECK(complaints(check(folder)) == Lines{});
}

TEST_CASE("more pieces of low memory than the saver keeps are refused") {
  const Folder folder;
  write_good(folder);
  std::string map;
  for (unsigned i = 1; i <= 9; ++i)
    map += fmt::format("{:08x}-{:08x} : System RAM\n", i * 0x2000, i * 0x2000 + 0xfff);
  folder.file("proc/iomem", map + kMemory);
  CHECK(check(folder).refusals().size() == 1);
  CHECK(complaints(check(folder)) == Lines{"refused memory-low: 10 pieces below 640 KiB; up to 8 are saved"});
}

TEST_CASE("drivers are told by what they do with a frozen device") {
  const Folder folder;
  write_good(folder);
  const auto add = [&](const std::string& address, const std::string& type, const std::string& driver) {
    folder.file("sys/bus/pci/devices/" + address + "/class", type + "\n");
    if (!driver.empty()) folder.link("sys/bus/pci/devices/" + address + "/driver", "../../drivers/" + driver);
  };
  add("0000:00:02.0", "0x030000", "i915");
  add("0000:00:03.0", "0x030000", "amdgpu");
  add("0000:00:04.0", "0x030000", "");
  folder.file("sys/class/nvme/nvme0/transport", "pcie\n");
  CHECK(complaints(check(folder)) == Lines{});
  add("0000:00:05.0", "0x030200", "nouveau");
  add("0000:00:06.0", "0x020000", "mlx5_core");
  add("0000:00:07.0", "0x020000", "mlx5_core");
  folder.file("sys/class/nvme/nvme1/transport", "tcp\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning nvme: nvme1 is reached over tcp: the saver cannot flush it",
              "warning graphics: nouveau: not tested", "warning drivers: mlx5_core: not tested"});
  add("0000:00:08.0", "0x030000", "nvidia");
  CHECK(check(folder).refusals().front().line() ==
        "graphics: nvidia: its memory comes back by its own hooks alone; use nouveau, or the other GPU");
}

TEST_CASE("processor 0 stays on, and so must not be the one that the kernel keeps free") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/devices/system/cpu/present", "0-3\n");
  folder.file("sys/devices/system/cpu/online", "0-3\n");
  folder.file("sys/devices/system/cpu/isolated", "2-3\n");
  folder.file("sys/devices/system/cpu/nohz_full", "(null)\n");  // as the kernel says it where it has none
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/devices/system/cpu/isolated", "0-2\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused processors-isolated: processor 0 is isolated: the others cannot all be switched off"});
  folder.file("sys/devices/system/cpu/isolated", "\n");
  folder.file("sys/devices/system/cpu/nohz_full", "0-1\n");
  CHECK(
      complaints(check(folder)) ==
      Lines{"refused processors-isolated: processor 0 is nohz_full: the others cannot all be switched off"});
}

TEST_CASE("a watchdog of the hardware that runs is stopped by the saver, or refused") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/class/watchdog/watchdog0/state", "inactive\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/class/watchdog/watchdog0/state", "active\n");
  folder.file("sys/class/watchdog/watchdog0/identity", "Software Watchdog\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/class/watchdog/watchdog0/identity", "iTCO_wdt\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning watchdog: iTCO_wdt runs: the saver stops it, and it stays so"});
  folder.file("sys/class/watchdog/watchdog0/timeout", "10\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning watchdog: iTCO_wdt runs: the saver stops it, and it stays so",
              "warning watchdog: iTCO_wdt has 10 s: it may restart the machine before the saver stops it"});
  folder.file("sys/class/watchdog/watchdog0/timeout", "30\n");
  CHECK(complaints(check(folder)).size() == 1);
  folder.file("sys/class/watchdog/watchdog0/nowayout", "1\n");
  CHECK(complaints(check(folder)) ==
        Lines{"refused watchdog: iTCO_wdt cannot be stopped: it would restart the machine while it saves"});
  folder.file("sys/class/watchdog/watchdog0/state", "inactive\n");
  folder.file("sys/module/ipmi_watchdog/parameters/timeout", "10\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning watchdog: ipmi_watchdog: if it runs, it restarts the machine while it saves"});
}

TEST_CASE("who sleeps, snapshots or runs virtual machines is told by what processes have open") {
  const Folder folder;
  write_good(folder);
  folder.file("proc/700/comm", "s2disk\n");
  folder.link("proc/700/fd/3", "/dev/snapshot");
  folder.file("proc/800/comm", "qemu\n");
  folder.link("proc/800/fd/9", "anon_inode:kvm-vm");
  CHECK(complaints(check(folder)) ==
        Lines{"warning snapshot: process 700 (s2disk) has /dev/snapshot open: hibernate says that it is busy",
              "warning kvm-host: 1 virtual machine here: their clocks stop meanwhile"});
}

TEST_CASE("a crash kernel that will be loaded is a warning, one that is loaded is refused") {
  const Folder folder;
  write_good(folder);
  folder.link("etc/systemd/system/multi-user.target.wants/kdump-tools.service",
              "/lib/systemd/system/x.service");
  CHECK(complaints(check(folder)) ==
        Lines{"warning crash-kernel: kdump-tools is enabled: it loads into the saver's memory"});
  CheckReport standing_by = check(folder);
  refuse_crash_kernels(standing_by);
  CHECK(complaints(standing_by) ==
        Lines{"refused crash-kernel: kdump-tools is enabled: it loads into the saver's memory"});
  folder.file("sys/kernel/kexec_crash_loaded", "1\n");
  CHECK(complaints(check(folder, std::nullopt)).at(1) ==
        "refused crash-kernel: a crash kernel lies in the memory for the saver");
}

TEST_CASE("the firmware is told, and where the saver may not find ACPI") {
  const Folder folder;
  write_good(folder);
  folder.file("sys/firmware/efi/systab", "ACPI20=0x7bffe014\n");
  CHECK(complaints(check(folder)) == Lines{});
  folder.file("sys/firmware/efi/systab", "ACPI=0x7bffe000\n");
  CHECK(complaints(check(folder)) ==
        Lines{"warning firmware: UEFI, without ACPI 2.0: the saver may find no ACPI"});
  std::filesystem::remove_all(folder.path() + "/sys/firmware/efi");
  std::filesystem::remove_all(folder.path() + "/sys/class/dmi");
  CHECK(complaints(check(folder)) ==
        Lines{"warning firmware: neither UEFI nor a BIOS: the saver may find no ACPI"});
}

TEST_CASE("of a machine that shows nothing nothing is claimed") {
  const Folder folder;
  folder.file("proc/empty", "");
  const auto report = check(folder, std::nullopt);
  CHECK(report.allowed());
  const auto unknown = with_result(report, CheckResult::Unknown);
  const auto is_unknown = [&](std::string_view code) {
    return std::any_of(unknown.begin(), unknown.end(), [&](const Check& one) { return one.code == code; });
  };
  for (const char* code : {"module", "kernel", "region", "lockdown", "hibernation", "kexec", "hypervisor",
                           "encryption", "processor", "processors-off", "memory"})
    CHECK(is_unknown(code));
}

TEST_CASE("one error names all that refuses") {
  const auto refused = [](const char* code) { return make_error(ErrorKind::Refused, code, "text"); };
  CHECK(refusal_of({refused("memory"), refused("kexec")}).line() ==
        "checks: memory, kexec; hibtool arm --check");
}

TEST_CASE("lists of numbers are taken apart, and malformed ones are not") {
  CHECK(parse_number_list("0-2,8\n") == std::set<unsigned>{0, 1, 2, 8});
  CHECK(parse_number_list("") == std::set<unsigned>{});
  for (const char* text : {"-", "3-1", "0-", "x", "1,,2", "0-99999999", "4294967296"})
    CHECK(parse_number_list(text) == std::nullopt);
}

TEST_CASE("lines of /proc/iomem are taken apart, and what is none is passed over") {
  const auto lines = parse_iomem(
      "00001000-0009fbff : System RAM\n  000de000-000defff : AMZNC10C:00\nnothing\n10-0 : backwards\n"
      "0-ffffffffffffffff : all\n0-11112222333344445 : too long\n1000 : no end");
  REQUIRE(lines.size() == 3);
  CHECK((lines[0].first == 0x1000 && lines[0].last == 0x9fbff && lines[0].depth == 0));
  CHECK((lines[1].name == "AMZNC10C:00" && lines[1].depth == 1));
  CHECK(memory_ranges(lines, "System RAM").front().bytes == 0x9e000);
  CHECK(memory_ranges(lines, "all").empty());
}
