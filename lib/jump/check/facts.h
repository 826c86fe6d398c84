// All that the checks look at beside single files of the tree.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/boot/kernel_state.h"
#include "lib/jump/check/check.h"
#include "lib/jump/module/iomem.h"

namespace hib::jump {

// Of /proc/cpuinfo: the first processor, and the largest APIC id of all.
struct ProcessorFacts {
  std::string vendor;  // "AuthenticAMD"; empty where /proc/cpuinfo could not be read
  std::string family;
  std::string model;
  std::string name;
  std::string microcode;
  std::set<std::string> flags;
  std::uint64_t largest_apic_id = 0;

  bool has(const std::string& flag) const { return flags.contains(flag); }
};
ProcessorFacts parse_cpuinfo(std::string_view text);

// "0-3,8": the numbers of a list as sysfs has it; nothing where it is malformed or too long.
std::optional<std::set<unsigned>> parse_number_list(std::string_view text);

struct Facts {
  Facts(const device::Tree& machine, const std::optional<Result<DeviceInfo>>& answer,
        std::vector<diagnose::boot::Unread>& not_read);

  const device::Tree& tree;
  const diagnose::boot::TreeReader reader;
  const std::optional<Result<DeviceInfo>>& module;
  diagnose::boot::KernelState kernel;
  ProcessorFacts processor;
  std::vector<IomemLine> memory;                       // empty where /proc/iomem could not be read
  bool sees_addresses = false;                         // in /proc/iomem
  std::optional<std::vector<std::string>> parameters;  // of the kernel's command line
  diagnose::boot::CommandLine settings;                // what these say of hibernation

  const DeviceInfo* info() const { return module && *module ? &**module : nullptr; }
  bool has_parameter(std::string_view parameter) const;    // "nohibernate", "mem_encrypt=on"
  std::string driver_of(const std::string& device) const;  // of a folder in sysfs; empty where none is bound
};

}  // namespace hib::jump
