// Why the kernel module will not jump on a machine: HIBJUMP_REFUSED_* in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hib::jump {

struct Refused {
  std::string_view check;  // of arm --check: "hypervisor"
  std::string_view text;
  std::string_view fix;  // empty: nothing helps
};

namespace why_refused {

// The same where the module is not there to be asked.
extern const Refused kEncrypted, kSnpHost, kTdxHost, kFred, kHyperV, kXen, kKvmClock;

}  // namespace why_refused

// On which the module loads by itself: 6, 12.
bool is_tested_series(unsigned major, unsigned minor);

// Of all bits in the mask; of those that nobody knows one in common.
std::vector<Refused> refused_by(std::uint32_t mask);

// "Hyper-V: its devices are not given back; …": for people, "" where there is none.
std::string refused_text(std::uint32_t mask);

}  // namespace hib::jump
