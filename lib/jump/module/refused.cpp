#include "lib/jump/module/refused.h"

#include <array>

#include "kernel-glue/include/uapi/linux/hibjump.h"

namespace hib::jump {
namespace why_refused {

constexpr std::string_view kTryIt = "load hibjump with allow_untested=1 to try it";

const Refused kEncrypted = {"encryption", "memory is encrypted (SME)", "boot with mem_encrypt=off"};
const Refused kSnpHost = {"encryption", "virtual machines with SEV-SNP are allowed here",
                          "boot with kvm_amd.sev_snp=0, or switch SEV-SNP off in the firmware's setup"};
const Refused kTdxHost = {"encryption", "virtual machines with TDX are allowed here",
                          "boot with kvm_intel.tdx=0, or switch TDX off in the firmware's setup"};
const Refused kFred = {"processor", "the kernel uses FRED, whose state is not carried over",
                       "boot with fred=off"};
const Refused kHyperV = {"hypervisor", "Hyper-V: its devices do not survive the jump", kTryIt};
const Refused kXen = {"hypervisor", "Xen: its devices do not survive the jump", kTryIt};
const Refused kKvmClock = {"hypervisor", "KVM with kvmclock, which begins anew in a new virtual machine",
                           "boot with no-kvmclock"};

}  // namespace why_refused

namespace {

const Refused kGuestEncrypted = {"encryption", "the memory of this virtual machine is encrypted (SEV, TDX)",
                                 ""};
const Refused kTxt = {"processor", "a measured launch (TXT), which the jump would not end",
                      "boot without tboot"};
const Refused kNotFirst = {"processor", "processor 0 is off, or not the one that the firmware began with",
                           "switch it on; after a kexec, restart the machine"};
const Refused kUnknownRefusal = {"processor", "hibjump has a reason that this hibtool does not know",
                                 "use the hibtool that belongs to the module"};

struct KnownBit {
  std::uint32_t bit;
  const Refused& refused;
};

}  // namespace

bool is_tested_series(unsigned major, unsigned minor) { return HIBJUMP_SERIES_IS_TESTED(major, minor); }

std::vector<Refused> refused_by(std::uint32_t mask) {
  const std::array<KnownBit, 10> known = {{{HIBJUMP_REFUSED_ENCRYPTED, why_refused::kEncrypted},
                                           {HIBJUMP_REFUSED_GUEST_ENCRYPTED, kGuestEncrypted},
                                           {HIBJUMP_REFUSED_SNP_HOST, why_refused::kSnpHost},
                                           {HIBJUMP_REFUSED_TDX_HOST, why_refused::kTdxHost},
                                           {HIBJUMP_REFUSED_TXT, kTxt},
                                           {HIBJUMP_REFUSED_FRED, why_refused::kFred},
                                           {HIBJUMP_REFUSED_HYPERV, why_refused::kHyperV},
                                           {HIBJUMP_REFUSED_XEN, why_refused::kXen},
                                           {HIBJUMP_REFUSED_KVMCLOCK, why_refused::kKvmClock},
                                           {HIBJUMP_REFUSED_NOT_FIRST, kNotFirst}}};
  std::vector<Refused> all;
  for (const KnownBit& one : known) {
    if ((mask & one.bit) != 0) all.push_back(one.refused);
    mask &= ~one.bit;
  }
  if (mask != 0) all.push_back(kUnknownRefusal);
  return all;
}

std::string refused_text(std::uint32_t mask) {
  std::string text;
  for (const Refused& one : refused_by(mask)) {
    text += text.empty() ? "" : "; ";
    text += one.text;
    if (!one.fix.empty()) text.append(": ").append(one.fix);
  }
  return text;
}

}  // namespace hib::jump
