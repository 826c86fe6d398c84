#include "lib/jump/restore/processor.h"

#include <cstring>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::jump {
namespace {

constexpr CpuidPlace kVendor = {0, 0};
constexpr CpuidPlace kSignature = {1, 0};
constexpr CpuidPlace kAddressBits = {0x80000008, 0};
constexpr CpuidPlace kPowerFeatures = {0x80000007, 0};
constexpr CpuidPlace kUserState = {0xD, 0};
constexpr CpuidPlace kKernelState = {0xD, 1};
constexpr std::uint32_t kInvariantTsc = 1U << 8;
constexpr std::uint32_t kAlignedComponent = 1U << 1;  // to 64 bytes, where components lie one after another
// The kernel measures the clock each time it boots, and takes 1 % for the same.
constexpr std::uint64_t kTscPercent = 1;

class Sheet {
 public:
  Sheet(const Processor& saved_, const Processor& here_) : saved(saved_), here(here_) {}

  const Processor& saved;
  const Processor& here;
  std::vector<ProcessorDifference> differences;

  void add(std::string what, std::string found, std::string expected, std::string advice = {}) {
    differences.push_back({std::move(what), std::move(found), std::move(expected), std::move(advice)});
  }
};

// ---- which one it is

std::string vendor_of(const Processor& processor) {
  std::string vendor;
  for (const Register name : {Register::Ebx, Register::Edx, Register::Ecx}) {
    const std::uint32_t value = processor.value(kVendor, name);
    for (unsigned shift = 0; shift < 32; shift += 8) vendor += static_cast<char>(value >> shift & 0xFF);
  }
  return vendor;
}

// As /proc/cpuinfo counts: "6/140".
std::string model_of(const Processor& processor) {
  const std::uint32_t signature = processor.value(kSignature, Register::Eax);
  unsigned family = signature >> 8 & 0xF;
  unsigned model = signature >> 4 & 0xF;
  if (family == 0xF) family += signature >> 20 & 0xFF;
  if (family >= 6) model += (signature >> 16 & 0xF) << 4;
  return fmt::format("{}/{}", family, model);
}

void compare_models(Sheet& sheet) {
  const auto describe = [](const Processor& processor) {
    return fmt::format("{} {}{}", printable(vendor_of(processor)), model_of(processor),
                       processor.name.empty() ? "" : " (" + printable(processor.name) + ")");
  };
  if (vendor_of(sheet.saved) != vendor_of(sheet.here) || model_of(sheet.saved) != model_of(sheet.here))
    sheet.add("model", describe(sheet.here), describe(sheet.saved));
}

// Revisions of other steppings cannot be compared.
void compare_microcode(Sheet& sheet) {
  const auto stepping = [](const Processor& processor) { return processor.value(kSignature, Register::Eax); };
  if (vendor_of(sheet.saved) == vendor_of(sheet.here) && stepping(sheet.saved) == stepping(sheet.here) &&
      sheet.saved.microcode != 0 && sheet.here.microcode != 0 && sheet.here.microcode < sheet.saved.microcode)
    sheet.add("microcode", hex(sheet.here.microcode), hex(sheet.saved.microcode) + " or newer",
              "load the microcode before the image is resumed");
}

// ---- what it can do

void compare_features(Sheet& sheet) {
  std::vector<std::string> missing;
  for (const FeatureWord& word : feature_words()) {
    const std::uint32_t lacks =
        sheet.saved.value(word.place, word.name) & ~sheet.here.value(word.place, word.name) & word.mask;
    for (unsigned bit = 0; bit < 32; ++bit) {
      if ((lacks >> bit & 1) != 0) missing.push_back(feature_name(word, bit));
    }
  }
  if (!missing.empty()) sheet.add("features", "without " + listed(missing), "all that the machine had");
}

std::uint64_t wide(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; }

// The registers that the machine saves for its tasks, and where in its memory.
void compare_state(Sheet& sheet) {
  const Processor& here = sheet.here;
  const std::uint64_t user =
      wide(here.value(kUserState, Register::Edx), here.value(kUserState, Register::Eax));
  const std::uint64_t kernel =
      wide(here.value(kKernelState, Register::Edx), here.value(kKernelState, Register::Ecx));
  if ((sheet.saved.xcr0 & ~user) != 0) sheet.add("state of tasks (XCR0)", hex(user), hex(sheet.saved.xcr0));
  if ((sheet.saved.xss & ~kernel) != 0) sheet.add("state of tasks (XSS)", hex(kernel), hex(sheet.saved.xss));
  const std::uint64_t used = (sheet.saved.xcr0 & user) | (sheet.saved.xss & kernel);
  for (std::uint32_t number = 2; number < 63; ++number) {
    if ((used >> number & 1) == 0) continue;
    const CpuidPlace place = {kUserState.leaf, number};
    const auto describe = [&](const Processor& processor) {
      const bool is_aligned = (processor.value(place, Register::Ecx) & kAlignedComponent) != 0;
      return fmt::format("{} bytes at {}{}", processor.value(place, Register::Eax),
                         processor.value(place, Register::Ebx), is_aligned ? ", aligned" : "");
    };
    if (describe(sheet.saved) != describe(here))
      sheet.add(fmt::format("state component {}", number), describe(here), describe(sheet.saved));
  }
}

void compare_address_bits(Sheet& sheet) {
  const auto compare = [&](const char* what, unsigned shift) {
    const auto bits = [&](const Processor& processor) {
      return processor.value(kAddressBits, Register::Eax) >> shift & 0xFF;
    };
    if (bits(sheet.here) < bits(sheet.saved))
      sheet.add(what, fmt::format("{} bits", bits(sheet.here)), fmt::format("{} bits", bits(sheet.saved)));
  };
  compare("physical addresses", 0);
  compare("virtual addresses", 8);
}

// ---- how it was set up

void compare_clock(Sheet& sheet) {
  const std::uint64_t saved = sheet.saved.tsc_khz;
  const std::uint64_t here = sheet.here.tsc_khz;
  if (saved == 0 || here == 0 || (sheet.saved.value(kPowerFeatures, Register::Edx) & kInvariantTsc) == 0)
    return;  // nobody knows, or it is no clock
  const std::uint64_t apart = saved > here ? saved - here : here - saved;
  const auto describe = [](std::uint64_t khz) { return fmt::format("{}.{:03} MHz", khz / 1000, khz % 1000); };
  if (apart > saved / 100 * kTscPercent)
    sheet.add("rate of the clock (TSC)", describe(here), describe(saved));
}

// What the firmware has locked, the machine cannot switch on again.
void compare_firmware(Sheet& sheet) {
  struct Allowed {
    std::uint64_t bits;
    const char* name;
  };
  constexpr Allowed kAllowed[] = {{1U << 2, "virtual machines (VMX)"},
                                  {1U << 17 | 1U << 18, "enclaves (SGX)"}};
  if (sheet.here.feat_ctl == 0) return;  // nobody knows
  for (const Allowed& one : kAllowed) {
    if ((sheet.saved.feat_ctl & ~sheet.here.feat_ctl & one.bits) != 0)
      sheet.add(one.name, "switched off by the firmware", "on", "switch them on in the firmware's setup");
  }
}

void compare_apic(Sheet& sheet) {
  if (sheet.here.x2apic && !sheet.saved.x2apic)
    sheet.add("interrupt controller", "x2APIC", "xAPIC", "boot with nox2apic");
}

}  // namespace

std::vector<ProcessorDifference> compare_processors(const Processor& saved, const Processor& here) {
  Sheet sheet(saved, here);
  compare_models(sheet);
  compare_features(sheet);
  compare_state(sheet);
  compare_address_bits(sheet);
  compare_microcode(sheet);
  compare_clock(sheet);
  compare_firmware(sheet);
  compare_apic(sheet);
  return std::move(sheet.differences);
}

Error error_of(const ProcessorDifference& difference, const std::string& image) {
  std::string advice = difference.advice;
  if (!advice.empty()) advice += ", or ";
  return make_error(ErrorKind::Refused, "processor: " + difference.what, difference.found,
                    difference.expected)
      .of(image)
      .advise(fmt::format("{}--accept {} goes on all the same", advice, kAcceptProcessor));
}

}  // namespace hib::jump
