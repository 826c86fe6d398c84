// Drivers of which something is known, watchdogs, and the firmware. A device that is not named here is
// suspended and resumed as its driver does it for a hibernation.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump::checks {
namespace {

constexpr const char* kPciDevices = "/sys/bus/pci/devices";
constexpr std::uint64_t kSaverBootSeconds = 30;
constexpr const char* kTables = "/sys/firmware/acpi/tables";

struct KnownDriver {
  std::string_view name;
  std::string_view text;
};
// Of devices on PCI that are no disks and no graphics.
constexpr std::array<KnownDriver, 4> kKnownDrivers = {
    {{"thunderbolt", "what is plugged in has to be there again"},
     {"vfio-pci", "a virtual machine has the device, whose state is lost"},
     {"mlx4_core", "not tested"},
     {"mlx5_core", "not tested"}}};
// Drivers of graphics whose memory comes back: they save it when they are frozen, or have none of their own.
constexpr std::array<std::string_view, 8> kGoodGraphics = {"i915", "xe",      "amdgpu",     "bochs-drm",
                                                           "ast",  "mgag200", "virtio-pci", "cirrus"};

void check_nvme(Sheet& sheet) {
  const Facts& facts = sheet.facts;
  for (const std::string& name : facts.reader.names("/sys/class/nvme")) {
    const std::string folder = "/sys/class/nvme/" + name;
    const std::string transport = facts.reader.line(folder + "/transport").value_or("pcie");
    if (transport == "pcie") {
      sheet.ok("nvme", fmt::format("{}: frozen and restored", name), folder);
    } else {
      sheet.warn("nvme", fmt::format("{} is reached over {}: the saver cannot flush it", name, transport),
                 folder);
    }
  }
}

void check_graphics(Sheet& sheet, const std::string& path, const std::string& driver) {
  constexpr std::string_view kCode = "graphics";
  if (driver.empty()) return;  // nobody uses it
  if (driver == "nvidia") {
    sheet.refuse(kCode, "nvidia: its memory comes back by its own hooks alone", path,
                 "use nouveau, or the other GPU");
  } else if (std::find(kGoodGraphics.begin(), kGoodGraphics.end(), driver) != kGoodGraphics.end()) {
    sheet.ok(kCode, fmt::format("{}: frozen and restored", driver), path);
  } else {
    sheet.warn(kCode, fmt::format("{}: not tested", driver), path);
  }
}

void check_pci(Sheet& sheet) {
  constexpr std::string_view kDisplay = "0x03";
  const Facts& facts = sheet.facts;
  std::set<std::string> told;
  for (const std::string& name : facts.reader.names(kPciDevices)) {
    const std::string path = fmt::format("{}/{}", kPciDevices, name);
    const std::string driver = facts.driver_of(path);
    if (facts.tree.read_line(path + "/class").text.starts_with(kDisplay)) check_graphics(sheet, path, driver);
    const auto known = std::find_if(kKnownDrivers.begin(), kKnownDrivers.end(),
                                    [&](const KnownDriver& one) { return one.name == driver; });
    if (known != kKnownDrivers.end() && told.insert(driver).second)
      sheet.warn("drivers", fmt::format("{}: {}", driver, known->text), path);
  }
}

void check_watchdogs(Sheet& sheet) {
  constexpr std::string_view kCode = "watchdog";
  const Facts& facts = sheet.facts;
  for (const std::string& name : facts.reader.names("/sys/class/watchdog")) {
    const std::string folder = "/sys/class/watchdog/" + name;
    if (facts.reader.line(folder + "/state") != "active") continue;
    const std::string identity = facts.reader.line(folder + "/identity").value_or(name);
    if (identity == "Software Watchdog") continue;  // stands still with the machine's processors
    if (facts.reader.line(folder + "/nowayout") == "1") {
      sheet.refuse(kCode,
                   fmt::format("{} cannot be stopped: it would restart the machine while it saves", identity),
                   folder, "load its driver with nowayout=0");
    } else {
      sheet.warn(kCode, fmt::format("{} runs: the saver stops it, and it stays so", identity), folder,
                 "restart what feeds it after the machine is back");
      const auto seconds = hib::parse_number(facts.reader.line(folder + "/timeout").value_or(""), "timeout");
      if (seconds && *seconds != 0 && *seconds < kSaverBootSeconds)
        sheet.warn(kCode,
                   fmt::format("{} has {} s: it may restart the machine before the saver stops it", identity,
                               *seconds),
                   folder + "/timeout", fmt::format("give it {} s or more", kSaverBootSeconds));
    }
  }
  if (facts.tree.exists("/sys/module/ipmi_watchdog"))
    sheet.warn(kCode, "ipmi_watchdog: if it runs, it restarts the machine while it saves",
               "/sys/module/ipmi_watchdog", "stop what feeds it before hibernating");
}

// The fixed ACPI description table: 20 of the flags is "hardware-reduced".
void check_acpi(Sheet& sheet) {
  constexpr std::string_view kCode = "acpi";
  constexpr std::size_t kFlags = 112;
  constexpr unsigned kHardwareReduced = 1U << 4;  // of the third byte
  const std::string path = std::string(kTables) + "/FACP";
  if (!sheet.facts.tree.exists("/sys/firmware/acpi")) {
    sheet.warn(kCode, "there is no ACPI, by which the saver switches the machine off", "/sys/firmware/acpi");
    return;
  }
  const device::Reading table = sheet.facts.tree.read(path);
  if (!table.is_present() || table.text.size() < kFlags + 4) {
    sheet.unknown(kCode, "how the machine is switched off is not known: needs root", path);
  } else if ((static_cast<unsigned char>(table.text[kFlags + 2]) & kHardwareReduced) != 0) {
    sheet.warn(kCode, "hardware-reduced: to switch off takes EFI, which the saver has not", path);
  } else {
    sheet.ok(kCode, "the saver can switch the machine off", path);
  }
}

// Where the saver finds the tables of ACPI.
void check_firmware(Sheet& sheet) {
  constexpr std::string_view kCode = "firmware";
  constexpr const char* kSystemTable = "/sys/firmware/efi/systab";
  const Facts& facts = sheet.facts;
  if (!facts.kernel.has_efi) {
    sheet.unknown(kCode, "which firmware the machine has is not known", "/sys/firmware");
  } else if (!*facts.kernel.has_efi) {
    const bool is_pc = facts.tree.exists("/sys/class/dmi/id");
    if (is_pc) {
      sheet.ok(kCode, "BIOS", "/sys/firmware");
    } else {
      sheet.warn(kCode, "neither UEFI nor a BIOS: the saver may find no ACPI", "/sys/class/dmi/id");
    }
  } else if (const auto table = facts.reader.text(kSystemTable); !table) {
    sheet.unknown(kCode, "UEFI; whether it shows where ACPI is, is not known: needs root", kSystemTable);
  } else if (table->find("ACPI20=") == std::string::npos) {
    sheet.warn(kCode, "UEFI, without ACPI 2.0: the saver may find no ACPI", kSystemTable);
  } else {
    sheet.ok(kCode, "UEFI", kSystemTable);
  }
}

}  // namespace

void check_devices(Sheet& sheet) {
  check_nvme(sheet);
  check_pci(sheet);
  check_watchdogs(sheet);
  check_acpi(sheet);
  check_firmware(sheet);
}

}  // namespace hib::jump::checks
