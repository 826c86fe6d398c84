// May a machine go on on another processor: captured ones, and each of them with one thing changed.
#include <functional>

#include "lib/jump/processor.h"
#include "lib/jump/restore/processor.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::jump;
using hib::test::must;

namespace {

// QEMU's own.
Processor qemu64() {
  Processor processor;
  processor.name = "QEMU Virtual CPU version 2.5+";
  processor.leaves = {{{0x0, 0}, {0xd, 0x68747541, 0x444d4163, 0x69746e65}},
                      {{0x1, 0}, {0x60fb1, 0x800, 0x80002001, 0x78bfbfd}},
                      {{0x7, 0}, {0x0, 0x0, 0x0, 0x0}},
                      {{0x80000000, 0}, {0x8000000a, 0x68747541, 0x444d4163, 0x69746e65}},
                      {{0x80000001, 0}, {0x60fb1, 0x0, 0x5, 0x2193fbfd}},
                      {{0x80000007, 0}, {0x0, 0x0, 0x0, 0x0}},
                      {{0x80000008, 0}, {0x3028, 0x0, 0x0, 0x0}}};
  processor.microcode = 0x1000065;
  return processor;
}

Processor qemu_max() {
  Processor processor;
  processor.name = "QEMU TCG CPU version 2.5+";
  processor.leaves = {{{0x0, 0}, {0xd, 0x68747541, 0x444d4163, 0x69746e65}},
                      {{0x1, 0}, {0x60fb1, 0x800, 0xfed8320b, 0xfcbfbfd}},
                      {{0x7, 0}, {0x0, 0x1d841a9, 0x8001021c, 0x0}},
                      {{0xd, 0}, {0x21f, 0xa88, 0xa88, 0x0}},
                      {{0xd, 1}, {0x5, 0x3c8, 0x0, 0x0}},
                      {{0xd, 2}, {0x100, 0x240, 0x0, 0x0}},
                      {{0xd, 3}, {0x40, 0x3c0, 0x0, 0x0}},
                      {{0xd, 4}, {0x40, 0x400, 0x0, 0x0}},
                      {{0xd, 9}, {0x8, 0xa80, 0x0, 0x0}},
                      {{0x80000000, 0}, {0x8000000a, 0x68747541, 0x444d4163, 0x69746e65}},
                      {{0x80000001, 0}, {0x60fb1, 0x0, 0x75, 0xedd3fbfd}},
                      {{0x80000007, 0}, {0x0, 0x0, 0x0, 0x0}},
                      {{0x80000008, 0}, {0x3928, 0x0, 0x0, 0x0}}};
  processor.xcr0 = 0x21f;
  processor.microcode = 0x1000065;
  return processor;
}

// A server of 2022, under a hypervisor.
Processor epyc() {
  Processor processor;
  processor.name = "AMD EPYC";
  processor.leaves = {{{0x0, 0}, {0x1c, 0x68747541, 0x444d4163, 0x69746e65}},
                      {{0x1, 0}, {0xa10f11, 0x1020800, 0xfffa3203, 0x178bfbff}},
                      {{0x7, 0}, {0x1, 0xf1bf07ab, 0x405fc6, 0x10}},
                      {{0x7, 1}, {0x20, 0x0, 0x0, 0x0}},
                      {{0xd, 0}, {0xe7, 0x980, 0x980, 0x0}},
                      {{0xd, 1}, {0xf, 0x9a8, 0x1800, 0x0}},
                      {{0xd, 2}, {0x100, 0x240, 0x0, 0x0}},
                      {{0xd, 5}, {0x40, 0x340, 0x0, 0x0}},
                      {{0xd, 6}, {0x200, 0x380, 0x0, 0x0}},
                      {{0xd, 7}, {0x400, 0x580, 0x0, 0x0}},
                      {{0xd, 11}, {0x10, 0x0, 0x1, 0x0}},
                      {{0xd, 12}, {0x18, 0x0, 0x1, 0x0}},
                      {{0x80000001, 0}, {0xa10f11, 0x40000000, 0x4003f3, 0x2fd3fbff}},
                      {{0x80000007, 0}, {0x0, 0x0, 0x0, 0x100}},
                      {{0x80000008, 0}, {0x303030, 0x50020005, 0x7001, 0x0}}};
  processor.xcr0 = 0xe7;
  processor.xss = 0x1800;
  processor.microcode = 0xa101148;
  processor.tsc_khz = 3'699'998;
  processor.feat_ctl = 0x60007;
  processor.x2apic = true;
  return processor;
}

std::vector<std::string> differences(const Processor& saved, const Processor& here) {
  std::vector<std::string> lines;
  for (const ProcessorDifference& one : compare_processors(saved, here))
    lines.push_back(one.what + ": " + one.found + " | " + one.expected);
  return lines;
}

std::uint32_t& value_of(Processor& processor, CpuidPlace place, Register name) {
  for (CpuidLeaf& leaf : processor.leaves) {
    if (leaf.place == place) return leaf.registers.at(static_cast<std::size_t>(name));
  }
  FAIL("no such leaf");
  return processor.leaves.front().registers[0];
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a machine goes on on a processor like its own, and on one that can do more") {
  for (const Processor& processor : {qemu64(), qemu_max(), epyc()})
    CHECK(differences(processor, processor) == Lines{});
  CHECK(differences(qemu64(), qemu_max()) == Lines{});
}

TEST_CASE("what the machine's processor could and this one cannot is named") {
  const auto lines = differences(qemu_max(), qemu64());
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("features: without "));
  const std::string words = lines[0] + " ";
  for (const std::string name : {"rdrand", "smep", "smap", "pku", "umip", "la57", "xsaveopt", "pdpe1gb"}) {
    CAPTURE(name, words);
    const bool is_named = words.find(" " + name + ",") != std::string::npos ||
                          words.find(" " + name + " ") != std::string::npos;
    CHECK(is_named);
  }
  CHECK(lines[0].find("osxsave") == std::string::npos);
  CHECK(lines[1] == "state of tasks (XCR0): 0x0 | 0x21f");
  CHECK(lines[2] == "virtual addresses: 48 bits | 57 bits");
}

TEST_CASE("another model is named, with everything else") {
  const auto lines = differences(qemu_max(), epyc());
  REQUIRE_FALSE(lines.empty());
  CHECK(lines[0] == "model: AuthenticAMD 25/17 (AMD EPYC) | AuthenticAMD 15/107 (QEMU TCG CPU version 2.5+)");
}

TEST_CASE("one thing that differs is one line") {
  struct Case {
    std::function<void(Processor&)> change;
    std::string told;
  };
  const std::vector<Case> cases = {
      {[](Processor& here) {
         value_of(here, {7, 0}, Register::Ebx) &= ~(1U << 5);
       },
       "features: without avx2 | all that the machine had"},
      {[](Processor& here) {
         value_of(here, {0x80000008, 0}, Register::Ebx) &= ~(1U << 30);
       },
       "features: without leaf 0x80000008 ebx bit 30 | all that the machine had"},
      {[](Processor& here) {
         value_of(here, {7, 1}, Register::Eax) &= ~(1U << 5);
       },
       "features: without avx512_bf16 | all that the machine had"},
      {[](Processor& here) {
         value_of(here, {0xd, 5}, Register::Ebx) = 0x400;
       },
       "state component 5: 64 bytes at 1024 | 64 bytes at 832"},
      {[](Processor& here) {
         value_of(here, {0xd, 0}, Register::Eax) = 7;
       },
       "state of tasks (XCR0): 0x7 | 0xe7"},
      {[](Processor& here) {
         value_of(here, {0xd, 1}, Register::Ecx) = 0;
       },
       "state of tasks (XSS): 0x0 | 0x1800"},
      {[](Processor& here) {
         value_of(here, {0xd, 11}, Register::Eax) = 24;
       },
       "state component 11: 24 bytes at 0 | 16 bytes at 0"},
      {[](Processor& here) {
         value_of(here, {0xd, 5}, Register::Ecx) ^= 2;
       },
       "state component 5: 64 bytes at 832, aligned | 64 bytes at 832"},
      {[](Processor& here) {
         value_of(here, {0x80000008, 0}, Register::Eax) = 0x30302e;
       },
       "physical addresses: 46 bits | 48 bits"},
      {[](Processor& here) { here.microcode = 0xa101144; }, "microcode: 0xa101144 | 0xa101148 or newer"},
      {[](Processor& here) { here.feat_ctl = 0x60001; },
       "virtual machines (VMX): switched off by the firmware | on"},
      {[](Processor& here) { here.tsc_khz = 3'400'000; },
       "rate of the clock (TSC): 3400.000 MHz | 3699.998 MHz"}};
  for (const Case& one : cases) {
    Processor here = epyc();
    one.change(here);
    CHECK(differences(epyc(), here) == Lines{one.told});
  }
}

TEST_CASE("what says nothing of the processor is no difference") {
  const std::vector<std::function<void(Processor&)>> changes = {
      [](Processor& here) {
        value_of(here, {1, 0}, Register::Ebx) = 0;
      },  // which processor, how many
      [](Processor& here) {
        value_of(here, {1, 0}, Register::Edx) &= ~(1U << 28);
      },  // "ht"
      [](Processor& here) {
        value_of(here, {0x80000001, 0}, Register::Ecx) &= ~2U;
      },  // "cmp_legacy"
      [](Processor& here) {
        value_of(here, {1, 0}, Register::Ecx) &= ~(1U << 27);
      },  // the kernel uses XSAVE
      [](Processor& here) {
        value_of(here, {7, 0}, Register::Ecx) &= ~(1U << 4);
      },                                       // and protection keys
      [](Processor& here) { here.xcr0 = 7; },  // as the kernel here set it; the machine sets its own again
      [](Processor& here) { here.microcode = 0xa101200; },
      [](Processor& here) { here.microcode = 0; },
      [](Processor& here) { here.tsc_khz = 3'700'500; },
      [](Processor& here) { here.tsc_khz = 0; },
      [](Processor& here) { here.feat_ctl = 0; },
      [](Processor& here) { here.x2apic = false; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    Processor here = epyc();
    changes[i](here);
    CHECK(differences(epyc(), here) == Lines{});
  }
}

TEST_CASE("a machine without x2APIC does not go on under one, and the way out is named") {
  Processor saved = epyc();
  saved.x2apic = false;
  const auto found = compare_processors(saved, epyc());
  REQUIRE(found.size() == 1);
  CHECK(error_of(found.front(), "/dev/sdb").line() ==
        "/dev/sdb: processor: interrupt controller: x2APIC, expected xAPIC; boot with nox2apic, or --accept "
        "processor=other goes on all the same");
}

TEST_CASE("a record of a processor is read back as it was written") {
  const Processor saved = epyc();
  const Record record = jump::encode(saved);
  const Processor read = must(decode_processor_record(record));
  CHECK(differences(saved, read) == Lines{});
  CHECK(differences(read, saved) == Lines{});
  CHECK(read.name == saved.name);
  CHECK(read.tsc_khz == saved.tsc_khz);
  CHECK(read.x2apic);
  REQUIRE(record.text("features") != nullptr);
  CHECK(record.text("features")->find("avx512f") != std::string::npos);
}

TEST_CASE("a damaged record of a processor is refused, and the field named") {
  const Record good = jump::encode(epyc());
  for (const char* name :
       {"name", "features", "microcode", "tsc_khz", "x2apic", "xcr0", "xss", "cr4", "efer", "feat_ctl"}) {
    Record damaged = good;
    std::erase_if(damaged.fields, [&](const Field& field) { return field.name == name; });
    const auto read = decode_processor_record(damaged);
    REQUIRE_FALSE(read);
    CHECK(read.error().where == std::string("record processor: ") + name);
  }
  Record wide = good;
  std::get<FieldList>(wide.fields.back().value).back().value = std::uint64_t{1} << 32;
  REQUIRE_FALSE(decode_processor_record(wide));
  CHECK(decode_processor_record(wide).error().where == "record processor: cpuid: edx");
  Record other = good;
  other.fields.back().value = std::uint64_t{1};
  CHECK(decode_processor_record(other).error().where == "record processor: cpuid");
  Record many = good;
  for (int i = 0; i < 300; ++i) many.fields.push_back(many.fields.back());
  CHECK(decode_processor_record(many).error().found == "315");
}

TEST_CASE("this processor is like itself") {
  const Processor here = must(this_processor(nullptr));
  CHECK(differences(here, here) == Lines{});
}
