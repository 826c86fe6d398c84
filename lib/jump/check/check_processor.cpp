// On what the kernel runs: a hypervisor whose devices or clock do not survive, memory that is encrypted,
// processors that are off.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/boot/config_text.h"
#include "lib/jump/check/checks.h"
#include "lib/jump/module/refused.h"
#include "lib/os/machine.h"

namespace hib::jump::checks {
namespace {

constexpr const char* kClocks = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
constexpr const char* kProcessors = "/proc/cpuinfo";
constexpr const char* kModule = "/dev/hibjump";
constexpr const char* kFolder = "/sys/devices/system/cpu";
constexpr std::uint64_t kMostApicIds = 255;  // without x2APIC

void refuse(Sheet& sheet, const Refused& refused, const char* source) {
  sheet.refuse(refused.check, std::string(refused.text), source, std::string(refused.fix));
}

// Of a machine whose module was asked. Returns whether it refuses.
bool refuse_by_module(Sheet& sheet, std::string_view code) {
  bool refuses = false;
  for (const Refused& one : refused_by(sheet.facts.info()->refused)) {
    if (one.check != code) continue;
    refuse(sheet, one, kModule);
    refuses = true;
  }
  return refuses;
}

// ---- the hypervisor

bool is_microsofts(const Facts& facts) {
  return facts.reader.line("/sys/class/dmi/id/sys_vendor") == "Microsoft Corporation" &&
         facts.reader.line("/sys/class/dmi/id/product_name") == "Virtual Machine";
}

// Where hibjump is not there to be asked.
bool refuse_hypervisor(Sheet& sheet, const std::string& clocks) {
  const Facts& facts = sheet.facts;
  const auto has_clock = [&](std::string_view name) { return clocks.find(name) != std::string::npos; };
  if (facts.reader.line("/sys/hypervisor/type") == "xen" || has_clock("xen")) {
    refuse(sheet, why_refused::kXen, "/sys/hypervisor/type");
  } else if (!facts.reader.names("/sys/bus/vmbus/devices").empty() || has_clock("hyperv") ||
             is_microsofts(facts)) {
    refuse(sheet, why_refused::kHyperV, "/sys/bus/vmbus/devices");
  } else if (has_clock("kvm-clock")) {
    refuse(sheet, why_refused::kKvmClock, kClocks);
  } else {
    return false;
  }
  return true;
}

void check_hypervisor(Sheet& sheet) {
  constexpr std::string_view kCode = "hypervisor";
  const Facts& facts = sheet.facts;
  const DeviceInfo* info = facts.info();
  const std::string clocks = facts.reader.line(kClocks).value_or("");
  if (info != nullptr ? refuse_by_module(sheet, kCode) : refuse_hypervisor(sheet, clocks)) return;
  if (info != nullptr && info->untested_machine) {
    sheet.warn(kCode, "one that would be refused: hibjump is loaded with allow_untested=1", kModule);
  } else if (facts.processor.vendor.empty()) {
    sheet.unknown(kCode, "/proc/cpuinfo cannot be read", kProcessors);
  } else if (!facts.processor.has("hypervisor")) {
    sheet.ok(kCode, "none", kProcessors);
  } else if (clocks.empty() && info == nullptr) {
    sheet.unknown(kCode, "one, and whether its clock is used is not known", kClocks);
  } else if (const auto vendor = facts.reader.line("/sys/class/dmi/id/sys_vendor"); vendor == "QEMU") {
    sheet.ok(kCode, "QEMU, without kvmclock", "/sys/class/dmi/id/sys_vendor");
  } else {
    sheet.warn(kCode, fmt::format("one that was not tested: {}", vendor.value_or("it has no name")),
               "/sys/class/dmi/id/sys_vendor");
  }
}

// ---- encryption

void check_encryption(Sheet& sheet) {
  constexpr std::string_view kCode = "encryption";
  const Facts& facts = sheet.facts;
  if (facts.info() != nullptr) {
    if (!refuse_by_module(sheet, kCode)) sheet.ok(kCode, "memory is not encrypted by the kernel", kModule);
    return;
  }
  const auto is_on = [&](const char* path) { return facts.reader.line(path) == "Y"; };
  const bool is_guest = facts.processor.has("hypervisor");
  if (facts.processor.has("tdx_guest")) {
    sheet.refuse(kCode, "the memory of this virtual machine is encrypted (TDX)", kProcessors);
  } else if (is_guest && (facts.processor.has("sev") || facts.tree.exists("/sys/devices/system/cpu/sev"))) {
    sheet.refuse(kCode, "the memory of this virtual machine is encrypted (SEV)", kProcessors);
  } else if (is_on("/sys/module/kvm_intel/parameters/tdx")) {
    refuse(sheet, why_refused::kTdxHost, "/sys/module/kvm_intel/parameters/tdx");
  } else if (is_on("/sys/module/kvm_amd/parameters/sev_snp")) {
    refuse(sheet, why_refused::kSnpHost, "/sys/module/kvm_amd/parameters/sev_snp");
  } else if (facts.processor.has("sme") && facts.has_parameter("mem_encrypt=on")) {
    refuse(sheet, why_refused::kEncrypted, "/proc/cmdline");
  } else if (facts.processor.vendor.empty() || !facts.parameters) {
    sheet.unknown(kCode, "whether memory is encrypted is not known", kProcessors);
  } else {
    sheet.ok(kCode, "memory is not encrypted by the kernel", kProcessors);
  }
}

// ---- processors

void check_model(Sheet& sheet) {
  constexpr std::string_view kCode = "processor";
  const ProcessorFacts& processor = sheet.facts.processor;
  if (processor.vendor.empty()) {
    sheet.unknown(kCode, "/proc/cpuinfo cannot be read", kProcessors);
    return;
  }
  if (sheet.facts.info() != nullptr) {
    if (refuse_by_module(sheet, kCode)) return;
  } else if (processor.has("fred")) {
    refuse(sheet, why_refused::kFred, kProcessors);
    return;
  }
  const std::string microcode = processor.microcode.empty() ? "" : ", microcode " + processor.microcode;
  sheet.ok(kCode, fmt::format("{} {}/{}{}", processor.vendor, processor.family, processor.model, microcode),
           kProcessors);
  if (processor.largest_apic_id >= kMostApicIds)
    sheet.warn(
        "interrupts",
        fmt::format("APIC ids up to {}: the saver needs interrupt remapping", processor.largest_apic_id),
        kProcessors);
}

std::optional<std::set<unsigned>> numbers_in(const Facts& facts, const char* name) {
  const auto line = facts.reader.line(fmt::format("{}/{}", kFolder, name));
  return line ? parse_number_list(*line) : std::nullopt;
}

void check_processors_off(Sheet& sheet) {
  constexpr std::string_view kCode = "processors-off";
  const Facts& facts = sheet.facts;
  const auto present = numbers_in(facts, "present");
  const auto online = numbers_in(facts, "online");
  if (!present || !online) {
    sheet.unknown(kCode, "which processors are on is not known", kFolder);
    return;
  }
  const std::string source = fmt::format("{}/online", kFolder);
  const std::size_t off = present->size() - std::min(present->size(), online->size());
  if (off == 0) {
    sheet.ok(kCode, fmt::format("none: {}", counted(online->size(), "processor")), source);
    return;
  }
  if (facts.reader.line(std::string(kFolder) + "/smt/control") == "forceoff") {
    sheet.warn(kCode,
               fmt::format("{} off, for good: a machine check after a jump would stop the machine",
                           counted(off, "processor")),
               source, "boot with nosmt, without \"=force\"");
  } else {
    sheet.ok(kCode, fmt::format("{} off: started and stopped once after a jump", counted(off, "processor")),
             source);
  }
}

// The first processor is the one that stays on, and the kernel does not switch off the last one that is
// neither isolated nor without a timer.
void check_isolated(Sheet& sheet) {
  const Facts& facts = sheet.facts;
  const auto present = numbers_in(facts, "present");
  if (present && present->size() < 2) return;
  for (const char* name : {"isolated", "nohz_full"}) {
    const auto numbers = numbers_in(facts, name);
    if (numbers && numbers->contains(0))
      sheet.refuse("processors-isolated",
                   fmt::format("processor 0 is {}: the others cannot all be switched off", name),
                   fmt::format("{}/{}", kFolder, name), "leave processor 0 out of isolcpus= and nohz_full=");
  }
}

// Mount points of hierarchies of cgroup v1 with cpusets.
std::vector<std::string> old_cpusets(const std::string& mounts) {
  std::vector<std::string> folders;
  for (const auto& line : diagnose::boot::lines_of(mounts)) {
    const auto words = diagnose::boot::words_of(line.text);
    if (words.size() < 4 || words[2] != "cgroup") continue;
    const auto options = split_list(words[3]);
    if (std::find(options.begin(), options.end(), "cpuset") != options.end()) folders.push_back(words[1]);
  }
  return folders;
}

bool has_child_with(const Facts& facts, const std::string& folder, const char* file) {
  const auto names = facts.reader.names(folder);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const std::string path = folder + "/" + name + "/" + file;
    return facts.tree.exists(path) && !facts.tree.read_line(path).text.empty();
  });
}

// Processors are switched off while tasks are frozen, and the kernel takes that for good.
void check_cpusets(Sheet& sheet) {
  constexpr std::string_view kCode = "cpusets";
  const Facts& facts = sheet.facts;
  const auto online = numbers_in(facts, "online");
  const std::string mounts = facts.reader.text("/proc/mounts").value_or("");
  if ((online && online->size() < 2) || mounts.empty()) return;
  for (const std::string& folder : old_cpusets(mounts)) {
    if (!has_child_with(facts, folder, "cpuset.cpus")) continue;
    sheet.refuse(kCode, "cgroup v1: its cpusets would lose processors for good", folder,
                 "boot with systemd.unified_cgroup_hierarchy=1");
    return;
  }
  Machine machine;
  machine.release = facts.kernel.release;
  if (machine.release_number() == 6'001 && has_child_with(facts, "/sys/fs/cgroup", "cpuset.cpus"))
    sheet.warn(kCode, "tasks in cpusets lose a narrower affinity of their own", "/sys/fs/cgroup");
}

}  // namespace

void check_processor(Sheet& sheet) {
  check_hypervisor(sheet);
  check_encryption(sheet);
  check_model(sheet);
  check_processors_off(sheet);
  check_isolated(sheet);
  check_cpusets(sheet);
}

}  // namespace hib::jump::checks
