#include "lib/jump/processor.h"

#include <sched.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/image/record_fields.h"
#include "lib/jump/check/facts.h"

namespace hib::jump {
namespace {

constexpr std::uint32_t kExtended = 0x80000000;
constexpr CpuidPlace kStateComponents = {0xD, 0};
constexpr CpuidPlace kStateFeatures = {0xD, 1};
constexpr unsigned kMostComponents = 63;
constexpr std::size_t kMaxLeaves = 256;
constexpr const char* kRegisterNames[] = {"eax", "ebx", "ecx", "edx"};

// ---- reading

// While this lives, the task runs on the first processor: the others may be of another kind.
class OnFirstProcessor {
 public:
  OnFirstProcessor() {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    was_moved_ = ::sched_getaffinity(0, sizeof(before_), &before_) == 0 &&
                 ::sched_setaffinity(0, sizeof(first), &first) == 0;
  }
  bool was_moved() const { return was_moved_; }
  OnFirstProcessor(const OnFirstProcessor&) = delete;
  OnFirstProcessor& operator=(const OnFirstProcessor&) = delete;
  ~OnFirstProcessor() {
    if (was_moved_) static_cast<void>(::sched_setaffinity(0, sizeof(before_), &before_));
  }

 private:
  cpu_set_t before_{};
  bool was_moved_ = false;
};

#if defined(__x86_64__)

CpuidLeaf read_leaf(CpuidPlace place) {
  CpuidLeaf leaf;
  leaf.place = place;
  auto& [eax, ebx, ecx, edx] = leaf.registers;
  __cpuid_count(place.leaf, place.subleaf, eax, ebx, ecx, edx);
  return leaf;
}

void add_leaves(Processor& processor, std::uint32_t last, const std::vector<CpuidPlace>& places) {
  for (const CpuidPlace& place : places) {
    if (place.leaf <= last) processor.leaves.push_back(read_leaf(place));
  }
}

void add_state_components(Processor& processor) {
  const std::uint64_t components = processor.value(kStateComponents, Register::Eax) |
                                   processor.value(kStateFeatures, Register::Ecx) |
                                   std::uint64_t{processor.value(kStateComponents, Register::Edx) |
                                                 processor.value(kStateFeatures, Register::Edx)}
                                       << 32;
  for (std::uint32_t number = 2; number < kMostComponents; ++number) {
    if ((components >> number & 1) != 0)
      processor.leaves.push_back(read_leaf({kStateComponents.leaf, number}));
  }
}

void add_leaves(Processor& processor) {
  const CpuidLeaf first = read_leaf({0, 0});
  const CpuidLeaf first_extended = read_leaf({kExtended, 0});
  processor.leaves.push_back(first);
  add_leaves(processor, first[Register::Eax],
             {{1, 0}, {7, 0}, {7, 1}, {7, 2}, kStateComponents, kStateFeatures});
  if (first[Register::Eax] >= kStateComponents.leaf) add_state_components(processor);
  processor.leaves.push_back(first_extended);
  add_leaves(processor, first_extended[Register::Eax],
             {{0x80000001, 0}, {0x80000007, 0}, {0x80000008, 0}, {0x80000021, 0}});
}

std::uint64_t read_xcr0(const Processor& processor) {
  constexpr std::uint32_t kUsesXsave = 1U << 27;
  if ((processor.value({1, 0}, Register::Ecx) & kUsesXsave) == 0) return 0;
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

#else

void add_leaves(Processor&) {}
std::uint64_t read_xcr0(const Processor&) { return 0; }

#endif

// ---- the record

std::string features_of(const Processor& processor) {
  std::string names;
  for (const FeatureWord& word : feature_words()) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      if ((processor.value(word.place, word.name) >> bit & 1) == 0) continue;
      const std::string name = feature_name(word, bit);
      if (name.find(' ') == std::string::npos) names += (names.empty() ? "" : " ") + name;
    }
  }
  return names;
}

FieldList encode(const CpuidLeaf& leaf) {
  FieldList fields;
  fields.emplace_back("leaf", std::uint64_t{leaf.place.leaf});
  fields.emplace_back("subleaf", std::uint64_t{leaf.place.subleaf});
  for (std::size_t i = 0; i < leaf.registers.size(); ++i)
    fields.emplace_back(kRegisterNames[i], std::uint64_t{leaf.registers[i]});
  return fields;
}

Result<std::uint32_t> number32(RecordFields& fields, const char* name) {
  TRY(const std::uint64_t value, fields.number(name));
  if (value <= UINT32_MAX) return static_cast<std::uint32_t>(value);
  return fail(make_error(ErrorKind::Corrupt, fmt::format("record processor: cpuid: {}", name), hex(value),
                         "32 bits"));
}

Result<CpuidLeaf> decode_leaf(const FieldList& list) {
  Record record;
  record.type = "cpuid";
  record.fields = list;
  TRY(auto fields, RecordFields::of(record, "cpuid"));
  CpuidLeaf leaf;
  TRY(leaf.place.leaf, number32(fields, "leaf"));
  TRY(leaf.place.subleaf, number32(fields, "subleaf"));
  for (std::size_t i = 0; i < leaf.registers.size(); ++i) {
    TRY(leaf.registers[i], number32(fields, kRegisterNames[i]));
  }
  TRY_OK(fields.finish());
  return leaf;
}

// ---- the names

struct NamedBits {
  CpuidPlace place;
  Register name;
  std::uint32_t changing;  // bits that are no feature, or that follow what the kernel does
  std::string_view bits;   // from bit 0 on; "-": it has no name here
};

constexpr std::uint32_t bit(unsigned number) { return 1U << number; }

// As /proc/cpuinfo spells them.
constexpr NamedBits kNames[] = {
    {{1, 0},
     Register::Edx,
     bit(28),
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi "
     "mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {{1, 0},
     Register::Ecx,
     bit(27),
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid "
     "dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave avx f16c rdrand "
     "hypervisor"},
    {{7, 0},
     Register::Ebx,
     0,
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
     "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
     "sha_ni avx512bw avx512vl"},
    {{7, 0},
     Register::Ecx,
     bit(4),
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk gfni vaes vpclmulqdq avx512_vnni "
     "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri "
     "movdir64b enqcmd sgx_lc pks"},
    {{7, 0},
     Register::Edx,
     0,
     "- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect srbds_ctrl md_clear "
     "rtm_always_abort - tsx_force_abort serialize - tsxldtrk - pconfig arch_lbr ibt - amx_bf16 "
     "avx512_fp16 amx_tile amx_int8 spec_ctrl intel_stibp flush_l1d arch_capabilities "
     "core_capabilities spec_ctrl_ssbd"},
    {{7, 1},
     Register::Eax,
     0,
     "- - - - avx_vnni avx512_bf16 lass cmpccxadd - - fzrm fsrs fsrc - - - - fred lkgs wrmsrns - "
     "amx_fp16 - avx_ifma - - lam"},
    {{7, 1}, Register::Edx, 0, ""},
    {{7, 2}, Register::Edx, 0, ""},
    {kStateFeatures, Register::Eax, 0, "xsaveopt xsavec xgetbv1 xsaves xfd"},
    {{0x80000001, 0},
     Register::Edx,
     0,
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
     "3dnowext 3dnow"},
    {{0x80000001, 0},
     Register::Ecx,
     bit(1),
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
     "skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc "
     "perfctr_llc mwaitx"},
    {{0x80000007, 0}, Register::Edx, 0, "- - - - - - - - constant_tsc"},
    {{0x80000008, 0},
     Register::Ebx,
     0,
     "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd - - ibpb - ibrs stibp - stibp_always_on - - - "
     "- - amd_ppin amd_ssbd virt_ssbd amd_ssb_no cppc amd_psfd"},
    {{0x80000021, 0}, Register::Eax, 0, "- - - - - - - - autoibrs"},
};

std::string_view word_of(std::string_view words, unsigned number) {
  for (; number > 0; --number) words.remove_prefix(std::min(words.find(' '), words.size() - 1) + 1);
  return words.substr(0, words.find(' '));
}

}  // namespace

std::uint32_t Processor::value(CpuidPlace place, Register register_name) const {
  const auto it =
      std::find_if(leaves.begin(), leaves.end(), [&](const CpuidLeaf& leaf) { return leaf.place == place; });
  return it == leaves.end() ? 0 : (*it)[register_name];
}

Result<Processor> this_processor(const DeviceInfo* device) {
  Processor processor;
  {
    const OnFirstProcessor first;
    if (!first.was_moved())
      return fail(make_error(ErrorKind::Refused, "processor 0",
                             "it is off, or this process may not run there", "it is on")
                      .advise("start hibtool where no cpuset leaves processor 0 out"));
    add_leaves(processor);
    processor.xcr0 = read_xcr0(processor);
  }
  std::ifstream file("/proc/cpuinfo");
  const ProcessorFacts facts = parse_cpuinfo(std::string(std::istreambuf_iterator<char>(file), {}));
  processor.name = facts.name;
  processor.microcode = hib::parse_number(facts.microcode, "microcode").value_or(0);
  if (device == nullptr) return processor;
  processor.tsc_khz = device->tsc_khz;
  processor.cr4 = device->cr4;
  processor.efer = device->efer;
  processor.xss = device->xss;
  processor.feat_ctl = device->feat_ctl;
  processor.x2apic = device->x2apic;
  return processor;
}

Record encode(const Processor& processor) {
  Record record;
  record.type = kProcessorRecord;
  record.set("name", processor.name);
  record.set("features", features_of(processor));
  record.set("microcode", processor.microcode);
  record.set("tsc_khz", processor.tsc_khz);
  record.set("x2apic", std::uint64_t{processor.x2apic});
  record.set("xcr0", processor.xcr0);
  record.set("xss", processor.xss);
  record.set("feat_ctl", processor.feat_ctl);
  record.set("cr4", processor.cr4);
  record.set("efer", processor.efer);
  for (const CpuidLeaf& leaf : processor.leaves) record.fields.emplace_back("cpuid", encode(leaf));
  return record;
}

Result<Processor> decode_processor_record(const Record& record) {
  TRY(auto fields, RecordFields::of(record, kProcessorRecord));
  Processor processor;
  TRY(processor.name, fields.text("name"));
  TRY_OK(fields.text("features"));
  TRY(processor.microcode, fields.number("microcode"));
  TRY(processor.tsc_khz, fields.number("tsc_khz"));
  TRY(processor.x2apic, fields.flag("x2apic"));
  TRY(processor.xcr0, fields.number("xcr0"));
  TRY(processor.xss, fields.number("xss"));
  TRY(processor.feat_ctl, fields.number("feat_ctl"));
  TRY(processor.cr4, fields.number("cr4"));
  TRY(processor.efer, fields.number("efer"));
  TRY(const auto leaves, fields.all_fields("cpuid"));
  TRY_OK(fields.finish());
  if (leaves.size() > kMaxLeaves)
    return fail(make_error(ErrorKind::Corrupt, "record processor: cpuid", std::to_string(leaves.size()),
                           fmt::format("up to {}", kMaxLeaves)));
  for (const FieldList* list : leaves) {
    TRY(const CpuidLeaf leaf, decode_leaf(*list));
    processor.leaves.push_back(leaf);
  }
  return processor;
}

const std::vector<FeatureWord>& feature_words() {
  static const std::vector<FeatureWord> words = [] {
    std::vector<FeatureWord> all;
    for (const NamedBits& named : kNames) all.push_back({named.place, named.name, ~named.changing});
    return all;
  }();
  return words;
}

std::string feature_name(const FeatureWord& word, unsigned number) {
  for (const NamedBits& named : kNames) {
    if (named.place != word.place || named.name != word.name) continue;
    const std::string_view name = word_of(named.bits, number);
    if (!name.empty() && name != "-") return std::string(name);
  }
  const std::string subleaf = word.place.subleaf == 0 ? "" : fmt::format(".{}", word.place.subleaf);
  return fmt::format("leaf {}{} {} bit {}", hex(word.place.leaf), subleaf,
                     kRegisterNames[static_cast<std::size_t>(word.name)], number);
}

}  // namespace hib::jump
