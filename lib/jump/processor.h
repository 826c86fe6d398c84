// The processor on which a machine runs: what decides whether the machine can go on on another one. The
// record "processor" of an image (docs/format/records.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/record.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

inline constexpr std::string_view kProcessorRecord = "processor";

// A place where the CPUID instruction answers.
struct CpuidPlace {
  std::uint32_t leaf = 0;
  std::uint32_t subleaf = 0;

  bool operator==(const CpuidPlace&) const = default;
};

enum class Register : std::uint8_t { Eax, Ebx, Ecx, Edx };

struct CpuidLeaf {
  CpuidPlace place;
  std::array<std::uint32_t, 4> registers{};

  std::uint32_t operator[](Register name) const { return registers.at(static_cast<std::size_t>(name)); }
};

// Of one processor. All of them are alike as far as it matters here, but for the cores of a hybrid one, so
// that both sides look at the first.
struct Processor {
  std::string name;  // for people
  std::vector<CpuidLeaf> leaves;
  std::uint64_t xcr0 = 0;       // 0: no XSAVE
  std::uint64_t microcode = 0;  // 0: not known, as the next ones
  std::uint64_t tsc_khz = 0;
  std::uint64_t cr4 = 0;
  std::uint64_t efer = 0;
  std::uint64_t xss = 0;
  std::uint64_t feat_ctl = 0;  // what the firmware allows of a processor of Intel's
  bool x2apic = false;

  std::uint32_t value(CpuidPlace place, Register name) const;  // 0 where the processor has no such leaf
};

// `device`: what the kernel module says of this machine; null where there is none. Without leaves where
// processors have no CPUID. Refused where the caller may not run on processor 0, which is the one that
// counts.
Result<Processor> this_processor(const DeviceInfo* device);

Record encode(const Processor& processor);

// Missing, unknown and repeated fields are errors.
Result<Processor> decode_processor_record(const Record& record);

// Words of CPUID that are features, one a bit.
struct FeatureWord {
  CpuidPlace place;
  Register name;
  std::uint32_t mask;  // those bits that the running kernel does not change
};
const std::vector<FeatureWord>& feature_words();

// "avx2"; without a name "leaf 0x7 ebx bit 31".
std::string feature_name(const FeatureWord& word, unsigned bit);

}  // namespace hib::jump
