// What logs say of hibernation: each way in which a line comes, and what nobody should believe.
#include "lib/diagnose/log/log.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "tests/support/images.h"

using namespace hib;
using namespace hib::diagnose;
using namespace hib::test;

namespace {

LogSet read_text(const std::string& text) {
  TempFolder folder;
  const std::string path = folder.file("log");
  std::ofstream(path, std::ios::binary) << text;
  LogSet set;
  must(read_log_file(path, set));
  return set;
}

// The events of a log that has one boot.
BootLog one_boot(const std::string& text) {
  LogSet set = read_text(text);
  REQUIRE(set.boots.size() == 1);
  return std::move(set.boots.front());
}

std::vector<Event> events_of(const BootLog& boot) {
  std::vector<Event> events;
  for (const LogEvent& event : boot.events) events.push_back(event.message.event);
  return events;
}

using Details = std::vector<std::string>;

Details details(const std::string& line, Event event, Speaker speaker) {
  const auto message = understand(line, speaker);
  INFO(line);
  REQUIRE(message.has_value());
  REQUIRE(message->event == event);
  return message->details;
}
Details kernel(const std::string& line, Event event) { return details(line, event, Speaker::Kernel); }
Details user(const std::string& line, Event event) { return details(line, event, Speaker::UserSpace); }

const std::string kResumeThatFailed =
    "[    0.000000] Linux version 6.12.43+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP\n"
    "[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 resume=/dev/sda2 quiet\n"
    "[    0.000000] BIOS-provided physical RAM map:\n"
    "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
    "[    0.000000] BIOS-e820: [mem 0x00000000bffe0000-0x00000000bfffffff] reserved\n"
    "[    0.000000] BIOS-e820: [mem 0x00000000c0000000-0x00000000c0000fff] ACPI NVS\n"
    "[    2.101000] PM: Image signature found, resuming\n"
    "[    2.102000] PM: hibernation: resume from hibernation\n"
    "[    2.202000] PM: Loading and decompressing image data (702020 pages)...\n"
    "[    2.203000] Hibernate inconsistent memory map detected!\n"
    "[    2.204000] PM: hibernation: Image mismatch: architecture specific data\n"
    "[    2.205000] PM: hibernation: Read 2808080 kbytes in 0.01 seconds (280808.00 MB/s)\n"
    "[    2.206000] PM: Error -1 resuming\n"
    "[    2.207000] PM: hibernation: Failed to load image, recovering.\n"
    "[    2.208000] PM: hibernation: resume failed (-1)\n";

const std::vector<Event> kWhatFailed = {Event::BootStarted,   Event::CommandLine,    Event::ImageFound,
                                        Event::ResumeStarted, Event::LoadingStarted, Event::MemoryMapMoved,
                                        Event::ImageMismatch, Event::ImageRead,      Event::ResumeFailed,
                                        Event::LoadingFailed, Event::ResumeFailed};

// Each line of `text` with its first `bytes` bytes replaced by `prefix`.
std::string with_prefix(const std::string& text, const std::string& prefix, std::size_t bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    out += prefix + text.substr(at + bytes, end + 1 - at - bytes);
    at = end + 1;
  }
  return out;
}

constexpr std::size_t kUptimeBytes = sizeof("[    0.000000] ") - 1;

}  // namespace

TEST_CASE("a driver that refuses is told with its device, in the words of each kernel") {
  CHECK(kernel("nvidia 0000:01:00.0: PM: failed to quiesce async: error -5", Event::DriverRefused) ==
        Details{"0000:01:00.0", "nvidia", "-5", "quiesce"});
  CHECK(kernel("PM: Device 0000:01:00.0 failed to quiesce: error -5", Event::DriverRefused) ==
        Details{"0000:01:00.0", "", "-5", "quiesce"});
  CHECK(kernel("Generic FE-GE Realtek PHY r8169-0:00: PM: failed to freeze: error -16",
               Event::DriverRefused) == Details{"r8169-0:00", "Generic FE-GE Realtek PHY", "-16", "freeze"});
  CHECK(kernel("usb usb7: PM: failed to restore async: error -113", Event::DriverRefused) ==
        Details{"usb7", "usb", "-113", "restore"});
  CHECK(kernel("nvidia 0000:64:00.0: PM: pci_pm_freeze(): nv_pmops_freeze [nvidia] returns -5",
               Event::CallbackFailed) == Details{"0000:64:00.0", "nvidia", "-5", "nv_pmops_freeze [nvidia]"});
  CHECK(kernel("PM: dpm_run_callback(): pci_pm_suspend+0x0/0x130 returns -16", Event::CallbackFailed) ==
        Details{"", "", "-16", "pci_pm_suspend+0x0/0x130"});
  CHECK(!understand("nvidia 0000:01:00.0: PM: failed to suspend async: error -5", Speaker::Kernel));
}

TEST_CASE("kernels before 5.10 are understood, which do not say hibernation in front") {
  CHECK(kernel("PM: Image mismatch: memory size", Event::ImageMismatch) == Details{"memory size"});
  CHECK(kernel("PM: hibernation: Image mismatch: memory size", Event::ImageMismatch) ==
        Details{"memory size"});
  CHECK(kernel("PM: Failed to load hibernation image, recovering.", Event::LoadingFailed).empty());
  CHECK(kernel("PM: hibernation: Failed to load image, recovering.", Event::LoadingFailed).empty());
  CHECK(kernel("PM: Hibernation image created (81223 pages copied)", Event::SnapshotTaken) ==
        Details{"81223"});
  CHECK(kernel("PM: hibernation: Image created (81223 pages copied, 900 zero pages)", Event::SnapshotTaken) ==
        Details{"81223"});
  CHECK(kernel("Freezing of tasks failed after 20.003 seconds (1 tasks refusing to freeze, wq_busy=0):",
               Event::TasksDidNotFreeze) == Details{"20.003", "failed"});
  CHECK(kernel("Freezing user space processes aborted after 0.003 seconds (2 tasks refusing to freeze, "
               "wq_busy=0):",
               Event::TasksDidNotFreeze) == Details{"0.003", "aborted"});
}

TEST_CASE("the tasks that did not freeze are named") {
  CHECK(kernel("task:mount.cifs      state:D stack:0     pid:12345 ppid:1      flags:0x00004006",
               Event::TaskShown) == Details{"mount.cifs", "12345"});
  CHECK(kernel("task:fuse thing      state:D stack:0     pid:77    tgid:77    ppid:1      flags:0x00004006",
               Event::TaskShown) == Details{"fuse thing", "77"});
}

TEST_CASE("each step of saving and of resuming is an event of its own") {
  CHECK(kernel("PM: Image not found (code -22)", Event::ImageNotFound) == Details{"-22"});
  CHECK(kernel("PM: Suspend image hardware signature mismatch (00001234 now 00005678); aborting resume.",
               Event::SignatureMismatch) == Details{"00001234", "00005678"});
  CHECK(kernel("PM: hibernation: [Firmware Bug]: Memory map mismatch at 0x7a000000 after hibernation",
               Event::PfnOutsideMemory) == Details{"0x7a000000"});
  CHECK(kernel("PM: hibernation: lz4 compression is not available", Event::CodecMissing) == Details{"lz4"});
  CHECK(kernel("PM: Read-error on swap-device (8:0:12345)", Event::ReadFailed) == Details{"8:0:12345"});
  CHECK(kernel("PM: LZO decompression failed", Event::DecodingFailed) == Details{"LZO"});
  CHECK(kernel("PM: hibernation: Wrote 324892 kbytes in 1.39 seconds (233.73 MB/s)", Event::ImageWritten) ==
        Details{"324892", "1.39"});
  CHECK(kernel("PM: hibernation: Image allocation is 1234 pages short", Event::NoMemoryForCopy) ==
        Details{"1234"});
  CHECK(kernel("PM: hibernation: Not enough free memory", Event::NoMemoryForCopy) == Details{""});
  CHECK(kernel("PM: hibernation: Some devices failed to power down, aborting", Event::DevicesDidNotStop) ==
        Details{"saving"});
  CHECK(kernel("PM: hibernation: Some devices failed to power down, aborting resume",
               Event::DevicesDidNotStop) == Details{"resuming"});
  CHECK(kernel("PM: S|", Event::SignatureWritten).empty());
  CHECK(kernel("PM:   hash matches drivers/base/power/main.c:1234", Event::TraceMatched) ==
        Details{"drivers/base/power/main.c:1234"});
}

TEST_CASE("what keeps a kernel from saving is an event of its own") {
  CHECK(kernel("PM: Write-error on swap-device (8:0:1234)", Event::WriteFailed) == Details{"8:0:1234"});
  CHECK(kernel("PM: hibernation: Filesystems sync failed", Event::SyncFailed).empty());
  CHECK(kernel("PM: hibernation: hibernation debug: Waiting for 5 seconds.", Event::SaveTested) ==
        Details{"5"});
  CHECK(kernel("PM: hibernation: debug: Waiting for 5 seconds.", Event::SaveTested) == Details{"5"});
  CHECK(kernel("PM: Wakeup pending, aborting", Event::WokenUp).empty());
  CHECK(!understand("PM: suspend debug: Waiting for 5 second(s).", Speaker::Kernel));
}

TEST_CASE("what else a boot tells of swap, lockdown, file systems and devices is kept") {
  CHECK(kernel("virtio_blk virtio0: [vda] 4194304 512-byte logical blocks (2.15 GB/2.00 GiB)",
               Event::DiskFound) == Details{"vda", "4194304 512"});
  CHECK(kernel("sd 0:0:0:0: [sda] 976773168 512-byte logical blocks: (500 GB/466 GiB)", Event::DiskFound) ==
        Details{"sda", "976773168 512"});
  CHECK(kernel("Adding 999420k swap on /dev/sda5.  Priority:-2 extents:1 across:999420k FS",
               Event::SwapAdded) == Details{"/dev/sda5", "999420"});
  CHECK(kernel("Lockdown: systemd-logind: hibernation is restricted; see man kernel_lockdown.7",
               Event::ForbiddenByLockdown) == Details{"systemd-logind"});
  CHECK(kernel("Kernel is locked down from EFI Secure Boot mode; see man kernel_lockdown.7",
               Event::LockdownSet) == Details{"EFI Secure Boot mode"});
  CHECK(kernel("EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.",
               Event::FilesMounted) == Details{"sda1", "", "ext4"});
  CHECK(kernel("EXT4-fs (sda1): mounted filesystem 0a1b-2c r/w with ordered data mode. Quota mode: none.",
               Event::FilesMounted) == Details{"sda1", "0a1b-2c", "ext4"});
  CHECK(kernel("XFS (dm-1): Mounting V5 Filesystem 0a1b-2c", Event::FilesMounted) ==
        Details{"dm-1", "0a1b-2c", "xfs"});
  CHECK(kernel("EXT4-fs (sda1): re-mounted 0a1b-2c r/w.", Event::SystemStarted).empty());
  CHECK(user("Switching root.", Event::SystemStarted).empty());
  CHECK(kernel("EXT4-fs (sda1): recovery complete", Event::JournalReplayed) == Details{"sda1", "ext4"});
  CHECK(user("/dev/sda1: recovering journal", Event::JournalReplayed) == Details{"/dev/sda1", "ext4"});
  CHECK(kernel("ACPI: PM: (supports S0 S3 S4 S5)", Event::SleepStates) == Details{"S0 S3 S4 S5"});
  CHECK(
      kernel("NVRM: GPU 0000:01:00.0: PreserveVideoMemoryAllocations module parameter is set. System Power "
             "Management attempted without driver procfs suspend interface. Please refer to the 'Configuring "
             "Power Management Support' section in the driver README.",
             Event::NvidiaNeedsUserSpace) == Details{"0000:01:00.0"});
  CHECK(kernel("nvme nvme0: identifiers changed for nsid 1", Event::DeviceReplaced) ==
        Details{"nvme nvme0", "identifiers of the name space"});
  CHECK(kernel("ata1.00: serial number mismatch 'A' != 'B'", Event::DeviceReplaced) ==
        Details{"ata1.00", "serial number"});
}

TEST_CASE("systemd is understood from 241 to 257") {
  CHECK(user("Performing sleep operation 'hibernate'...", Event::SleepStarted) == Details{"hibernate"});
  CHECK(user("Entering sleep state 'hibernate'...", Event::SleepStarted) == Details{"hibernate"});
  CHECK(user("Failed to put system to sleep. System resumed again: Cannot allocate memory",
             Event::SleepFailed) == Details{"Cannot allocate memory"});
  CHECK(user("System returned from sleep operation 'hibernate'.", Event::SleepEnded) == Details{"hibernate"});
  CHECK(user("System returned from sleep state.", Event::SleepEnded) == Details{""});
  CHECK(user("Reported hibernation image: ID=debian VERSION_ID=13 kernel=6.12.43+deb13-amd64 "
             "UUID=69227950-82cc-4559-b0dd-d516f732b115 offset=34816",
             Event::EfiVariableFound) == Details{"69227950-82cc-4559-b0dd-d516f732b115", "34816",
                                                 "ID=debian VERSION_ID=13 kernel=6.12.43+deb13-amd64"});
  CHECK(
      user(
          "HibernateLocation system identifier doesn't match currently running system, not resuming from it.",
          Event::EfiVariableOfOther)
          .empty());
  CHECK(user("resume=/dev/sda2 doesn't match with EFI HibernateLocation device '/dev/disk/by-uuid/1', "
             "proceeding anyway with resume=.",
             Event::EfiVariableDiffers) == Details{"/dev/sda2", "/dev/disk/by-uuid/1"});
  CHECK(user("Could not resume from '/dev/sda2' (8:2).", Event::ResumeUnitReturned) == Details{"/dev/sda2"});
  CHECK(user("Dependency failed for Resume from hibernation using device /dev/sda2.",
             Event::ResumeUnitFailed) == Details{"/dev/sda2", "dependency failed"});
  CHECK(user("Failed to parse resume_offset=36151296..: Invalid argument", Event::ResumeConfigWrong) ==
        Details{"36151296..", "Invalid argument"});
  CHECK(user("Finished systemd-cryptsetup@my\\x2dswap.service - Cryptography Setup for my-swap.",
             Event::VolumeOpened) == Details{"my\\x2dswap"});
  CHECK(user("Timed out waiting for device dev-disk-by\\x2duuid-1.device - /dev/disk/by-uuid/1.",
             Event::DeviceTimedOut) == Details{"dev-disk-by\\x2duuid-1.device - /dev/disk/by-uuid/1"});
  CHECK(user("swapon: /dev/sda2: software suspend data detected. Rewriting the swap signature.",
             Event::SwapSignatureRewritten) == Details{"/dev/sda2"});
}

TEST_CASE("the kernel's words count only from the kernel, and user space's only from user space") {
  CHECK(!understand("PM: Image successfully loaded", Speaker::UserSpace));
  CHECK(understand("PM: Image successfully loaded", Speaker::Unproven));
  CHECK(!understand("System returned from sleep state.", Speaker::Kernel));
  CHECK(understand("System returned from sleep state.", Speaker::Unproven));
}

TEST_CASE("words inside a line say nothing") {
  CHECK(!understand("user said: PM: Image successfully loaded", Speaker::Kernel));
  CHECK(!understand("PM: Image successfully loaded, or so", Speaker::Kernel));
  CHECK(!understand("PM: Image not found (code )", Speaker::Kernel));
  CHECK(!understand("", Speaker::Unproven));
}

TEST_CASE("dmesg tells a resume that failed") {
  const BootLog boot = one_boot(kResumeThatFailed);
  CHECK(events_of(boot) == kWhatFailed);
  CHECK(boot.kernel == "6.12.43+deb13-amd64");
  CHECK(boot.command_line == "BOOT_IMAGE=/vmlinuz root=/dev/sda1 resume=/dev/sda2 quiet");
  CHECK(boot.events[5].line.monotonic_us == 2'203'000U);
  CHECK(boot.events[5].line.speaker == Speaker::Unproven);
  CHECK(!boot.first_us);
  const std::uint64_t offset = boot.events[5].line.offset.value();
  CHECK(kResumeThatFailed.substr(offset).starts_with("[    2.203000] Hibernate inconsistent"));
  REQUIRE(boot.last_lines.size() == kLastLines);
  CHECK(boot.last_lines.back().text == "PM: hibernation: resume failed (-1)");
  CHECK(boot.last_lines.back().source == boot.source);
}

TEST_CASE("the memory map is numbered as this machine's is") {
  const BootLog boot = one_boot(kResumeThatFailed);
  REQUIRE(boot.memory_map.size() == 3);
  CHECK(boot.memory_map[0].start == 0);
  CHECK(boot.memory_map[0].size == 0x9fc00);
  CHECK(boot.memory_map[0].type == 1);
  CHECK(boot.memory_map[1].name == "Reserved");
  CHECK(boot.memory_map[2].type == 4);
}

TEST_CASE("the memory map is read in the words of old and of new kernels") {
  const BootLog boot = one_boot(
      "[    0.000000] BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n"
      "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff]  System RAM\n"
      "[    0.000000] BIOS-e820: [gap 0x0000000000200000-0x00000000002fffff]\n"
      "[    0.000000] BIOS-e820: [mem 0x0000000000300000-0x00000000003fffff]  device reserved\n"
      "[    0.000000] BIOS-e820: [mem 0x0000000000400000-0x00000000004fffff] persistent (type 12)\n"
      "[    0.000000] BIOS-e820: [mem 0x0000000000500000-0x00000000005fffff] type 20\n"
      "[    0.000000] BIOS-e820: [mem 0xffffffffffffffff-0x0000000000000000] usable\n"
      "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0xffffffffffffffff] usable\n"
      "[    0.000000] BIOS-e820: [mem 0x00000000006\n");
  REQUIRE(boot.memory_map.size() == 5);
  CHECK(boot.memory_map[0].size == 0x9fc00);
  CHECK(boot.memory_map[1].type == 1);
  CHECK(boot.memory_map[2].type == 2);
  CHECK(boot.memory_map[3].type == 12);
  CHECK(boot.memory_map[4].type == 0);
  CHECK(boot.memory_map[4].name == "type 20");
}

TEST_CASE("the same is read however the time is shown") {
  const auto prefix = GENERATE(
      as<std::string>(), "", "[Fri Nov 27 12:00:01 2026] ", "[    1.000000] [    T123] ",
      "[    1.000000][    C0] ", "<6>[    1.000000] ", "<6>", "6,123,1000000,-;",
      "kern  :info  : [    1.000000] ", "[  +0.000123] ", "[    1.000000 <    0.000123>] ", "[Nov27 12:00] ",
      "2026-11-27T12:00:01,123456+00:00 ", "Nov 27 12:00:01 host kernel: ", "oct. 02 12:38:18 host kernel: ",
      "Nov 27 12:00:01.123456 host kernel: ", "Nov 27 12:00:01 host kernel: [    1.000000] ",
      "2026-11-27T12:00:01+0000 host kernel: ", "2026-11-27T13:00:01.000000+01:00 host kernel: ",
      "Fri 2026-11-27 12:00:01 UTC host kernel: ", "1795780801.000000 host kernel: ",
      "[    1.000000] host kernel: ");
  INFO(prefix);
  CHECK(events_of(one_boot(with_prefix(kResumeThatFailed, prefix, kUptimeBytes))) == kWhatFailed);
}

TEST_CASE("the host is known that has a column of its own in the log") {
  const auto hosts = [](const std::string& line) { return read_text(line + "\n").hosts; };
  const std::set<std::string, std::less<>> thinkpad = {"thinkpad"};
  CHECK(hosts("Nov 27 20:26:18 thinkpad kernel: PM: Image not found (code -22)") == thinkpad);
  CHECK(hosts("2026-11-27T20:26:18+0100 thinkpad systemd-sleep[12]: Entering sleep state") == thinkpad);
  CHECK(hosts("[    1.000000] thinkpad kernel: PM: Image not found (code -22)") == thinkpad);
  CHECK(hosts("Nov 27 20:26:18 usb hub: no more ports").empty());
  CHECK(hosts("[    1.000000] PM: Image not found (code -22)").empty());
  std::string many;
  for (unsigned i = 0; i < 1000; ++i) many += fmt::format("Nov 27 20:26:18 host{} kernel: usb 1-1: new\n", i);
  CHECK(hosts(many).size() == 64);
}

TEST_CASE("a clock that goes back is another boot, though its beginning is lost") {
  const std::string saving = "[  812.000000] PM: hibernation: Creating image:\n";
  const std::string later = "[    3.000000] PM: Image not found (code -22)\n";
  CHECK(read_text(saving + later).boots.size() == 2);
  CHECK(read_text(saving + "[  811.999000] PM: Image saving done\n").boots.size() == 1);
  // The snapshot stops the clock of the log.
  CHECK(read_text(saving + "[  815.000000] PM: Image created (20232 pages copied)\n"
                           "[  812.100000] PM: Image saving done\n")
            .boots.size() == 1);
  // The kernel in the image goes on with its own clock.
  CHECK(read_text("[  812.000000] PM: Image successfully loaded\n[    3.000000] PM: hibernation exit\n")
            .boots.size() == 1);
}

TEST_CASE("text that is no log is said to be none") {
  for (const std::string& text :
       {std::string(), std::string("GIF89a\0\1\2", 9), std::string("hello\nworld\n")}) {
    const LogSet set = read_text(text);
    CHECK(set.boots.empty());
    REQUIRE(set.not_read.size() == 1);
    CHECK(set.not_read[0].ends_with("no line of a log is in it"));
  }
}

TEST_CASE("the wall clock is told where the log has the zone, and is unknown elsewhere") {
  constexpr std::uint64_t kNoon = 1'795'780'801ULL * 1'000'000;
  const auto wall_of = [](const std::string& line) {
    return one_boot(line + "\n[    1.000000] x\n").first_us;
  };
  CHECK(wall_of("2026-11-27T12:00:01+0000 host kernel: PM: hibernation exit") == kNoon);
  CHECK(wall_of("2026-11-27T13:00:01.000000+01:00 host kernel: PM: hibernation exit") == kNoon);
  CHECK(wall_of("Fri 2026-11-27 12:00:01 UTC host kernel: PM: hibernation exit") == kNoon);
  CHECK(!wall_of("Fri 2026-11-27 12:00:01 CET host kernel: PM: hibernation exit"));
  CHECK(!wall_of("Nov 27 12:00:01 host kernel: PM: hibernation exit"));
  CHECK(!wall_of("2026-13-27T12:00:01+0000 host kernel: PM: hibernation exit"));
  CHECK(!wall_of("9999-99-99T99:99:99+9999 host kernel: PM: hibernation exit"));
}

TEST_CASE("a serial console has escapes, carriage returns and other people's text in its lines") {
  const BootLog boot = one_boot(
      "\x1b[2J\x1b[01;01HSeaBIOS (version 1.16.2)\r\n"
      "\x1b[0;32m[    0.000000] \x1b[0mLinux version 6.1.0-56-amd64 (debian) #1\r\n"
      "[    2.101000] PM: Image signature found, resuming\r\n"
      "debian login: [    9.000000] PM: hibernation: hibernation entry\r\n"
      "[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device /dev/sda2.\r\n"
      "         Starting Resume from hibernation using device /dev/sda2...\r\n");
  CHECK(events_of(boot) == std::vector{Event::BootStarted, Event::ImageFound, Event::HibernationEntered,
                                       Event::DeviceTimedOut, Event::ResumeUnitStarted});
}

TEST_CASE("the console of a real machine tells how it saved, and why it was refused") {
  const auto read_console = [](const std::string& name) {
    LogSet set;
    must(read_log_file(std::string(HIB_SOURCES) + "/tests/corpus/log/" + name, set));
    REQUIRE(set.boots.size() == 1);
    CHECK(set.boots[0].kernel == "6.12.117+deb12-amd64");
    CHECK(set.boots[0].memory_map.size() == 7);
    return events_of(set.boots[0]);
  };
  CHECK(read_console("saved.console") ==
        std::vector{Event::BootStarted, Event::CommandLine, Event::SleepStates, Event::SwapAdded,
                    Event::HibernationEntered, Event::SnapshotStarted, Event::SnapshotTaken,
                    Event::SavingStarted, Event::ImageWritten, Event::SavingDone, Event::SignatureWritten});
  CHECK(read_console("refused.console") ==
        std::vector{Event::BootStarted, Event::CommandLine, Event::SleepStates, Event::ResumeStarted,
                    Event::LoadingStarted, Event::MemoryMapMoved, Event::ImageMismatch, Event::ImageRead,
                    Event::LoadingFailed, Event::ResumeFailed});
}

TEST_CASE("user space that writes into the kernel's log is not the kernel") {
  const BootLog boot = one_boot(
      "[    0.000000] Linux version 6.1.0-56-amd64 (debian) #1\n"
      "[    3.000000][  T353] systemd-hibernate-resume-generator[353]: No resume device found, exiting.\n"
      "[    4.000000] somebody[99]: PM: Image successfully loaded\n"
      "<14>[    4.500000] PM: Image successfully loaded\n"
      "[    5.000000] usb 1-1: PM: failed to quiesce: error -5\n");
  REQUIRE(events_of(boot) == std::vector{Event::BootStarted, Event::ResumeUnitSkipped, Event::DriverRefused});
  CHECK(boot.events[1].line.identifier == "systemd-hibernate-resume-generator");
  CHECK(boot.events[1].line.speaker == Speaker::UserSpace);
  CHECK(boot.events[2].line.identifier.empty());
}

TEST_CASE("each start of a kernel is another boot") {
  const LogSet set =
      read_text(kResumeThatFailed + "[   99.0] reboot: Restarting system\n" + kResumeThatFailed);
  REQUIRE(set.boots.size() == 2);
  CHECK(set.boots[0].events.back().message.event == Event::ShutDown);
  CHECK(events_of(set.boots[1]) == kWhatFailed);
}

TEST_CASE("a kernel's first line in the middle of a boot is forged") {
  const LogSet set = read_text(kResumeThatFailed + "[   99.000000] Linux version 9.9 (nobody) #1\n");
  REQUIRE(set.boots.size() == 1);
  CHECK(set.boots[0].kernel == "6.12.43+deb13-amd64");
}

TEST_CASE("journalctl says itself where a boot begins") {
  const LogSet set = read_text(
      "Nov 27 12:00:01 host systemd-sleep[4616]: Performing sleep operation 'hibernate'...\n"
      "-- Boot 7c0071bd008e4e3a94d0b8e48103c7da --\n"
      "Nov 27 12:00:50 host kernel: Linux version 6.16.8-arch3-1 (linux@archlinux) #1\n"
      "Nov 27 12:00:51 host systemd-hibernate-resume[93]: Successfully cleared HibernateLocation EFI "
      "variable.\n");
  REQUIRE(set.boots.size() == 2);
  CHECK(set.boots[0].id.empty());
  CHECK(set.boots[1].id == "7c0071bd008e4e3a94d0b8e48103c7da");
  CHECK(events_of(set.boots[1]) == std::vector{Event::BootStarted, Event::EfiVariableCleared});
  CHECK(set.boots[1].events[1].line.identifier == "systemd-hibernate-resume");
}

namespace {

std::string entry(const std::string& boot, const std::string& transport, const std::string& message) {
  return "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795780801000000\n__MONOTONIC_TIMESTAMP=5000000\n_BOOT_ID=" +
         boot + "\n_TRANSPORT=" + transport + "\nSYSLOG_IDENTIFIER=x\nMESSAGE=" + message + "\n\n";
}

std::string binary_field(const std::string& name, const std::string& value, std::uint64_t size) {
  std::string length;
  for (unsigned i = 0; i < 8; ++i) length.push_back(static_cast<char>(size >> (8 * i)));
  return name + "\n" + length + value + "\n";
}

}  // namespace

TEST_CASE("an exported journal proves who spoke") {
  const BootLog boot = one_boot(entry("b1", "kernel", "PM: Image signature found, resuming") +
                                entry("b1", "syslog", "PM: Image successfully loaded") +
                                entry("b1", "syslog", "Linux version 9.9 (nobody) #1") +
                                entry("b1", "journal", "System returned from sleep state."));
  REQUIRE(events_of(boot) == std::vector{Event::ImageFound, Event::SleepEnded});
  CHECK(boot.id == "b1");
  CHECK(boot.events[0].line.speaker == Speaker::Kernel);
  CHECK(boot.events[0].line.cursor == "s=1;i=2");
  CHECK(boot.events[0].line.wall_us == 1'795'780'801'000'000U);
  CHECK(boot.events[0].line.monotonic_us == 5'000'000U);
  CHECK(boot.events[1].line.speaker == Speaker::UserSpace);
}

TEST_CASE("what root writes to /dev/kmsg is not the kernel's in an exported journal") {
  const std::string forged = "SYSLOG_FACILITY=1\n" + entry("b1", "kernel", "PM: Image successfully loaded");
  CHECK(one_boot("__CURSOR=c\n" + forged).events.empty());
}

TEST_CASE("a machine that was resumed goes on in its boot") {
  const LogSet set = read_text(entry("b1", "kernel", "PM: hibernation: hibernation entry") +
                               entry("b2", "kernel", "PM: hibernation: resume from hibernation") +
                               entry("b1", "kernel", "PM: hibernation: hibernation exit"));
  REQUIRE(set.boots.size() == 2);
  CHECK(events_of(set.boots[0]) == std::vector{Event::HibernationEntered, Event::HibernationExited});
}

TEST_CASE("an exported field may be binary, and the end of the file may cut it off") {
  const std::string head = "__CURSOR=c\n_BOOT_ID=b1\n_TRANSPORT=kernel\n";
  const std::string text = "PM: Image successfully loaded";
  const BootLog whole = one_boot(head + binary_field("MESSAGE", text, text.size()) + "\n");
  CHECK(events_of(whole) == std::vector{Event::ImageLoaded});
  const auto size = GENERATE(std::uint64_t{1000}, std::uint64_t{1} << 40, ~std::uint64_t{0});
  CHECK(read_text(head + binary_field("MESSAGE", text, size)).boots.empty());
  CHECK(read_text(head + "MESSAGE\n\x01\x02").boots.empty());
}

TEST_CASE("journalctl -o json is read, and what is no JSON costs only its own line") {
  const std::string fields = R"("__CURSOR":"c","_BOOT_ID":"b1","_TRANSPORT":"kernel",)";
  const BootLog boot = one_boot(
      "{" + fields + R"("MESSAGE":"PM: Image signature found, resuming"})" + "\n" + "{" + fields +
      R"("MESSAGE":"PM: Image succ)" + "\n" + "{" + fields + R"("MESSAGE":[80,77,58,32,83,124]})" + "\n" +
      "{" + fields + R"("MESSAGE":null})" + "\n" + "{" + fields + R"("MESSAGE":[[[[[[)" + "\n" + "{" +
      fields + R"("X":["a","b"],"MESSAGE":"PM: Image \u0073uccessfully lo\u0061ded"})" + "\n");
  CHECK(events_of(boot) == std::vector{Event::ImageFound, Event::SignatureWritten, Event::ImageLoaded});
}

TEST_CASE("a hostile log neither grows nor stops the reading") {
  const std::string last = "[    2.101000] PM: Image signature found, resuming\n";
  SECTION("a line of a megabyte") {
    const BootLog boot = one_boot(std::string(1 << 20, 'x') + "\n" + last);
    CHECK(events_of(boot) == std::vector{Event::ImageFound});
    CHECK(boot.last_lines.front().text.size() <= 4096);
  }
  SECTION("zeros, broken UTF-8, and escapes that never end") {
    const std::string rubbish("\0\0\xff\xfe\xc3\n\x1b[999999\n\x1b]0;title\n\x1b", 24);
    CHECK(events_of(one_boot(rubbish + "\n" + last)) == std::vector{Event::ImageFound});
  }
  SECTION("no line end at the end") {
    CHECK(events_of(one_boot(last.substr(0, last.size() - 1))) == std::vector{Event::ImageFound});
  }
  SECTION("a number that fits nowhere") {
    CHECK(events_of(one_boot("[99999999999999999999999999.000000] x\n6,1,99999999999999999999,-;x\n" +
                             last)) == std::vector{Event::ImageFound});
  }
  SECTION("an empty file") { CHECK(read_text("").boots.empty()); }
}

TEST_CASE("more boots and more events than are kept cost the oldest ones, and that is said") {
  SECTION("boots") {
    std::string text;
    for (int i = 0; i < 300; ++i) text += "[    0.000000] Linux version " + std::to_string(i) + " (x) #1\n";
    const LogSet set = read_text(text);
    REQUIRE(set.boots.size() == 256);
    CHECK(set.boots.back().kernel == "299");
    REQUIRE(set.not_read.size() == 1);
    CHECK(set.not_read[0].ends_with(": of 300 boots, only the last 256 were kept"));
  }
  SECTION("events") {
    std::string text = "[    0.000000] Linux version 6.1 (x) #1\n";
    for (int i = 0; i < 5000; ++i)
      text += "[    1.000000] PM: Image not found (code " + std::to_string(i) + ")\n";
    const LogSet set = read_text(text);
    REQUIRE(set.boots.size() == 1);
    CHECK(set.boots[0].events.size() <= 4096);
    CHECK(set.boots[0].events.back().message.details == Details{"4999"});
    CHECK(set.boots[0].kernel == "6.1");
    CHECK(set.not_read.size() == 1);
  }
}

TEST_CASE("a compressed log is unpacked, and one that breaks off gives what it has") {
  TempFolder folder;
  const std::string path = folder.file("dmesg");
  std::ofstream(path) << kResumeThatFailed;
  REQUIRE(std::system(("gzip -k " + path).c_str()) == 0);
  LogSet set;
  must(read_log_file(path + ".gz", set));
  REQUIRE(set.boots.size() == 1);
  CHECK(events_of(set.boots[0]) == kWhatFailed);
  CHECK(!set.boots[0].events[0].line.offset);
  CHECK(set.not_read.empty());

  std::filesystem::resize_file(path + ".gz", std::filesystem::file_size(path + ".gz") - 40);
  LogSet broken;
  must(read_log_file(path + ".gz", broken));
  CHECK(broken.not_read.size() == 1);
}

TEST_CASE("a log that is not there is an error") {
  LogSet set;
  const auto result = read_log_file("/nonexistent/log", set);
  REQUIRE(!result);
  CHECK(result.error().kind == ErrorKind::NotFound);
}

namespace {

// A journal of two boots, as systemd-journal-remote made it of two-boots.export.
void put_journal(const std::string& path) {
  const std::string packed = std::string(HIB_SOURCES) + "/tests/corpus/journal/two-boots.journal.xz";
  REQUIRE(std::system(("xz -dc " + packed + " > " + path).c_str()) == 0);
}

}  // namespace

TEST_CASE("a journal tells its boots, with who spoke, wherever it lies") {
  TempFolder folder;
  const auto [below, place] =
      GENERATE(table<std::string, std::string>({{"system.journal", ""},
                                                {"cccccccccccccccccccccccccccccccc/system.journal", ""},
                                                {"x.journal", "x.journal"}}));
  const std::filesystem::path path = folder.file(below);
  std::filesystem::create_directories(path.parent_path());
  put_journal(path);
  const std::string asked = folder.file(place);
  INFO(asked);

  LogSet set;
  must(read_journal(asked, set));
  CHECK(set.not_read.empty());
  REQUIRE(set.boots.size() == 2);
  const BootLog& saved = set.boots[0];
  CHECK(saved.id == std::string(32, 'a'));
  CHECK(saved.source == asked);
  CHECK(saved.kernel == "6.12.43+deb13-amd64");
  CHECK(saved.memory_map.size() == 1);
  CHECK(events_of(saved) ==
        std::vector{Event::BootStarted, Event::CommandLine, Event::SleepStarted, Event::HibernationEntered});
  CHECK(saved.last_lines.size() == kLastLines);
  CHECK(saved.last_lines.back().text == "line 11");

  const BootLog& resumed = set.boots[1];
  CHECK(events_of(resumed) == std::vector{Event::BootStarted, Event::EfiVariableFound, Event::ImageFound,
                                          Event::ResumeStarted, Event::ImageLoaded, Event::DriverRefused,
                                          Event::LoadingFailed, Event::ResumeFailed});
  CHECK(resumed.events[5].line.speaker == Speaker::Kernel);
  CHECK(resumed.events[5].line.monotonic_us == 4'100'000U);
  CHECK(!resumed.events[5].line.cursor.empty());
  CHECK(resumed.events[1].line.identifier == "systemd-hibernate-resume-generator");
  CHECK(resumed.first_us == 1'795'784'400'001'000U);
  CHECK(resumed.last_us == 1'795'784'409'000'000U);
  CHECK(resumed.last_lines.back().text == "the last line");
}

TEST_CASE("what is no journal is said calmly") {
  TempFolder folder;
  LogSet set;
  SECTION("no such folder") {
    const auto result = read_journal(folder.file("nowhere"), set);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::NotFound);
  }
  SECTION("no journal in it") {
    const auto result = read_journal(folder.file(""), set);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::NotFound);
  }
  SECTION("rubbish with the name of a journal") {
    std::ofstream(folder.file("system.journal")) << std::string(100'000, 'x');
    const auto result = read_journal(folder.file(""), set);
    REQUIRE(!result);
    CHECK(result.error().kind == ErrorKind::Corrupt);
    CHECK(!read_journal(folder.file("system.journal"), set));
  }
  SECTION("a journal of which the end is missing") {
    put_journal(folder.file("system.journal"));
    const auto size = GENERATE(0, 100, 300, 5000, 100'000, 3'000'000);
    std::filesystem::resize_file(folder.file("system.journal"), static_cast<std::uintmax_t>(size));
    const auto result = read_journal(folder.file(""), set);
    if (!result) CHECK(result.error().kind == ErrorKind::Corrupt);
  }
}
