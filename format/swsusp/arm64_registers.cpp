#include "format/swsusp/arm64_registers.h"

#include <array>
#include <cstring>

namespace hib::swsusp {
namespace {

constexpr std::size_t kInstructions = 64;  // of _cpu_resume

// struct elf_prstatus of arm64: the registers are x0 to x30, sp, pc, pstate.
constexpr std::size_t kArm64PrstatusBytes = 392;
constexpr std::size_t kArm64PrstatusRegs = 112;
constexpr std::size_t kRegisters = 34;
constexpr std::size_t kStackPointer = 31;
constexpr std::size_t kProgramCounter = 32;
constexpr std::size_t kProcessorState = 33;
constexpr std::uint64_t kKernelState = 0x3C5;  // EL1h, all interrupts masked
constexpr std::uint32_t kNtArm64Prstatus = 1;

// The order in which __cpu_suspend_enter() saves them: x29, x30, x19, x20, … x28.
constexpr std::array<std::size_t, 12> kSavedOrder = {29, 30, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28};

// struct mpidr_hash: mask, then four shifts.
constexpr std::size_t kShiftsOffset = 8;
constexpr std::array<std::uint64_t, 4> kAffinityBytes = {0xFF, 0xFF00, 0xFF0000, 0xFF00000000};

// Instructions, without their operands.
constexpr std::uint32_t kAdrpX8 = 0x90000008;
constexpr std::uint32_t kAdrpX0 = 0x90000000;
constexpr std::uint32_t kAdrpMask = 0x9F00001F;
constexpr std::uint32_t kAddX8X8 = 0x91000108;
constexpr std::uint32_t kLoadX0X0 = 0xF9400000;
constexpr std::uint32_t kLoadX0ByX7 = 0xF8677800;  // ldr x0, [x0, x7, lsl #3]
constexpr std::uint32_t kAddX29X0 = 0x9100001D;
constexpr std::uint32_t kAddX0X0 = 0x91000000;
constexpr std::uint32_t kLoadX2X0 = 0xF9400002;
constexpr std::uint32_t kImmediate12Mask = 0xFFC003FF;

std::uint64_t immediate12(std::uint32_t instruction) { return instruction >> 10 & 0xFFF; }

// _cpu_resume:
//   adrp x8, mpidr_hash; add x8, x8, :lo12:mpidr_hash; … hash of mpidr_el1 in x7 …
//   adrp x0, sleep_save_stash; ldr x0, [x0, :lo12:sleep_save_stash]; ldr x0, [x0, x7, lsl #3]
//   add x29, x0, SLEEP_STACK_DATA_CALLEE_REGS; add x0, x0, SLEEP_STACK_DATA_SYSTEM_REGS; ldr x2, [x0,
//   CPU_CTX_SP]
class CpuResume {
 public:
  CpuResume(const PhysicalMemory& memory, const Arm64Tables& tables, memory::Address begin)
      : memory_(memory), tables_(tables), begin_(begin) {}

  struct Places {
    memory::Address hash = 0;   // mpidr_hash
    memory::Address stash = 0;  // sleep_save_stash
    std::uint64_t saved = 0;    // offsets in struct sleep_stack_data
    std::uint64_t sp = 0;
  };

  std::optional<Places> read() {
    std::array<std::byte, kInstructions * 4> bytes{};
    if (!memory_.read(begin_ - tables_.image_offset, bytes)) return std::nullopt;
    std::memcpy(code_.data(), bytes.data(), bytes.size());
    Places places;
    for (std::size_t i = 2; i + 4 <= code_.size(); ++i) {
      if (is(i - 2, kAdrpX8, kAdrpMask) && is(i - 1, kAddX8X8, kImmediate12Mask))
        places.hash = page_of(i - 2) + immediate12(code_[i - 1]);
      if (std::uint32_t{code_[i]} != kLoadX0ByX7) continue;
      const bool is_whole = places.hash != 0 && is(i - 2, kAdrpX0, kAdrpMask) &&
                            is(i - 1, kLoadX0X0, kImmediate12Mask) &&
                            is(i + 1, kAddX29X0, kImmediate12Mask) && is(i + 2, kAddX0X0, kImmediate12Mask) &&
                            is(i + 3, kLoadX2X0, kImmediate12Mask);
      if (!is_whole) return std::nullopt;
      places.stash = page_of(i - 2) + 8 * immediate12(code_[i - 1]);
      places.saved = immediate12(code_[i + 1]);
      places.sp = immediate12(code_[i + 2]) + 8 * immediate12(code_[i + 3]);
      return places;
    }
    return std::nullopt;
  }

 private:
  bool is(std::size_t index, std::uint32_t instruction, std::uint32_t mask) const {
    return (std::uint32_t{code_[index]} & mask) == instruction;
  }

  // What an adrp loads: a signed number of pages of 4 KiB, from its own on.
  memory::Address page_of(std::size_t index) const {
    const std::uint32_t code = code_[index];
    const std::uint32_t pages = (code >> 5 & 0x7FFFF) << 2 | (code >> 29 & 3);
    const auto distance = static_cast<std::int64_t>(std::uint64_t{pages} << 43) >> 31;
    return ((begin_ + 4 * index) & ~std::uint64_t{0xFFF}) + static_cast<std::uint64_t>(distance);
  }

  const PhysicalMemory& memory_;
  const Arm64Tables& tables_;
  memory::Address begin_;
  std::array<le32, kInstructions> code_{};
};

class Arm64Registers {
 public:
  Arm64Registers(const PhysicalMemory& memory, const Arm64Tables& tables)
      : memory_(memory), tables_(tables) {}

  std::optional<Note> read(const CpuResume::Places& places, std::uint64_t mpidr) const {
    const auto index = hash_of(places.hash, mpidr);
    const auto stash = word(places.stash);
    const auto state = index && stash ? word(*stash + 8 * *index) : std::nullopt;
    if (!state) return std::nullopt;
    std::array<le64, kRegisters> regs{};
    for (std::size_t i = 0; i < kSavedOrder.size(); ++i) {
      const auto value = word(*state + places.saved + 8 * i);
      if (!value) return std::nullopt;
      regs[kSavedOrder[i]] = *value;
    }
    const auto sp = word(*state + places.sp);
    if (!sp) return std::nullopt;
    regs[kStackPointer] = *sp;
    regs[kProgramCounter] = std::uint64_t{regs[30]};
    regs[kProcessorState] = kKernelState;
    std::vector<std::byte> desc(kArm64PrstatusBytes);
    std::memcpy(desc.data() + kArm64PrstatusRegs, regs.data(), sizeof(regs));
    return Note{"CORE", kNtArm64Prstatus, std::move(desc)};
  }

 private:
  std::optional<std::uint64_t> word(memory::Address address) const {
    const auto place = memory::translate(memory_, tables_.tables, address);
    if (!place) return std::nullopt;
    const auto value = memory_.object<le64>(*place);
    return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
  }

  // compute_mpidr_hash
  std::optional<std::uint64_t> hash_of(memory::Address hash, std::uint64_t mpidr) const {
    const auto mask = word(hash);
    if (!mask) return std::nullopt;
    std::uint64_t index = 0;
    for (std::size_t i = 0; i < kAffinityBytes.size(); i += 2) {
      const auto shifts = word(hash + kShiftsOffset + 4 * i);
      if (!shifts) return std::nullopt;
      index |= (mpidr & *mask & kAffinityBytes[i]) >> (*shifts & 63);
      index |= (mpidr & *mask & kAffinityBytes[i + 1]) >> (*shifts >> 32 & 63);
    }
    return index <= 0xFFFF ? std::optional<std::uint64_t>(index) : std::nullopt;
  }

  const PhysicalMemory& memory_;
  const Arm64Tables& tables_;
};

}  // namespace

std::optional<Note> find_arm64_registers(const PhysicalMemory& memory, const Arm64Tables& tables,
                                         const Arm64Record& record) {
  const auto places = CpuResume(memory, tables, record.reenter_kernel).read();
  return places ? Arm64Registers(memory, tables).read(*places, record.sleep_cpu_mpidr) : std::nullopt;
}

}  // namespace hib::swsusp
