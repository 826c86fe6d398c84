#include "format/swsusp/kernel_search.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "format/swsusp/arm64_registers.h"
#include "format/swsusp/page_search.h"
#include "format/swsusp/restore_tables.h"
#include "lib/base/text.h"
#include "lib/image/physical_memory.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/paging_x86.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kKernelAlign = 2 << 20;    // .rodata begins on a boundary of large pages
constexpr std::uint64_t kDataReach = 16 << 20;     // .bss around saved_context
constexpr std::uint64_t kBannerReach = 256 << 10;  // linux_banner lies at the start of .rodata
constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxVmcoreinfo = 4096;
constexpr unsigned kMaxPointers = 200000;  // followed; a hostile image may be full of what looks like some

// struct saved_context of x86-64 (arch/x86/include/asm/suspend_64.h): pt_regs, four selectors, then words.
constexpr std::size_t kSavedRegs = 21;
constexpr std::size_t kSavedSegments = kSavedRegs * 8;
constexpr std::size_t kSavedKernelGs = kSavedSegments + 8;
constexpr std::size_t kSavedFsBase = kSavedKernelGs + 16;
constexpr std::size_t kSavedBytes = kSavedFsBase + 8;
constexpr std::size_t kIp = 16;  // indices in pt_regs
constexpr std::size_t kCs = 17;
constexpr std::size_t kSp = 19;
constexpr std::size_t kSs = 20;
constexpr std::uint64_t kKernelCs = 0x10;
constexpr std::uint64_t kKernelDs = 0x18;

// struct elf_prstatus of x86-64
constexpr std::size_t kPrstatusBytes = 336;
constexpr std::size_t kPrstatusRegs = 112;
constexpr std::uint32_t kNtPrstatus = 1;

std::uint64_t word_at(ByteView bytes, std::size_t offset) {
  le64 value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// x86-64: restore_registers, where the restore record points, loads the address of saved_context and takes
// the stack pointer from it: mov $saved_context,%rax (or lea …(%rip),%rax); mov 0x98(%rax),%rsp. That pair
// occurs once there.
class X86 {
 public:
  X86(const PhysicalMemory& memory, const Abi& abi, const RestoreRecord& record)
      : memory_(memory), record_(record), tables_(find_page_tables(memory, abi, record)) {}

  // Of the kernel's image: virtual minus physical is the same everywhere in it.
  std::uint64_t physical(std::uint64_t virtual_address) const {
    return virtual_address - record_.jump_address + record_.jump_address_phys;
  }
  std::uint64_t phys_base() const {
    return record_.jump_address_phys - (record_.jump_address - memory::kKernelMap);
  }

  std::optional<std::uint64_t> find_saved_context() const {
    constexpr std::array<unsigned char, 7> kLoadSp = {0x48, 0x8B, 0xA0, 0x98, 0x00, 0x00, 0x00};
    std::array<std::byte, 512> code{};
    if (!memory_.read(record_.jump_address_phys, code)) return std::nullopt;
    for (std::size_t i = 0; i + 14 <= code.size(); ++i) {
      if (std::memcmp(code.data() + i + 7, kLoadSp.data(), kLoadSp.size()) != 0) continue;
      le32 operand;
      std::memcpy(&operand, code.data() + i + 3, sizeof(operand));
      const auto extended = static_cast<std::uint64_t>(
          static_cast<std::int64_t>(static_cast<std::int32_t>(std::uint32_t{operand})));
      const auto opcode = [&](unsigned char a, unsigned char b, unsigned char c) {
        return code[i] == std::byte{a} && code[i + 1] == std::byte{b} && code[i + 2] == std::byte{c};
      };
      if (opcode(0x48, 0xC7, 0xC0)) return extended;
      if (opcode(0x48, 0x8D, 0x05)) return record_.jump_address + i + 7 + extended;
    }
    return std::nullopt;
  }

  std::optional<Note> prstatus(std::uint64_t saved_context) const {
    std::array<std::byte, kSavedBytes> saved{};
    if (!tables_ || !memory_.read(physical(saved_context), saved)) return std::nullopt;
    std::array<std::uint64_t, 27> regs{};
    for (std::size_t i = 0; i < kSavedRegs; ++i) regs[i] = word_at(saved, i * 8);
    // swsusp_arch_suspend() saves neither: it was called with the return address on top of the stack.
    const auto stack = memory::translate(memory_, *tables_, regs[kSp]);
    if (!stack) return std::nullopt;
    const auto return_address = memory_.object<le64>(*stack);
    if (!return_address) return std::nullopt;
    regs[kIp] = *return_address;
    regs[kSp] += 8;
    regs[kCs] = kKernelCs;
    regs[kSs] = kKernelDs;
    regs[21] = word_at(saved, kSavedFsBase);
    regs[22] = word_at(saved, kSavedKernelGs);
    std::vector<std::byte> desc(kPrstatusBytes);
    for (std::size_t i = 0; i < regs.size(); ++i) {
      const le64 value = regs[i];
      std::memcpy(desc.data() + kPrstatusRegs + 8 * i, &value, sizeof(value));
    }
    return Note{"CORE", kNtPrstatus, std::move(desc)};
  }

  // .bss has vmcoreinfo_data, vmcoreinfo_size and vmcoreinfo_note side by side: a size below a page between
  // two pointers to pages. The pointers are into the direct map, whose base is unknown but a multiple of 1
  // GiB.
  struct Vmcoreinfo {
    std::string text;
    std::uint64_t page_offset = 0;  // where the direct map begins
  };
  std::optional<Vmcoreinfo> find_vmcoreinfo(std::uint64_t saved_context, std::uint64_t memory_bytes) const {
    const std::uint64_t centre = physical(saved_context) / kMaxVmcoreinfo * kMaxVmcoreinfo;
    std::vector<std::byte> page(4096);
    for (std::uint64_t distance = 0; distance <= kDataReach; distance += page.size()) {
      for (const bool up : {true, false}) {
        if (!up && (distance == 0 || distance > centre)) continue;
        if (!memory_.read(up ? centre + distance : centre - distance, page)) continue;
        for (std::size_t at = 8; at + 16 <= page.size(); at += 8) {
          const std::uint64_t size = word_at(page, at);
          if (size < 256 || size > kMaxVmcoreinfo) continue;
          for (const std::size_t pointer_at : {at - 8, at + 8}) {
            if (auto found = text_at_pointer(word_at(page, pointer_at), size, memory_bytes)) return found;
          }
        }
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<Vmcoreinfo> text_at_pointer(std::uint64_t pointer, std::uint64_t size,
                                            std::uint64_t memory_bytes) const {
    const bool in_direct_map =
        pointer >= 0xFF11000000000000 && pointer < 0xFFFFC90000000000 && pointer % 4096 == 0;
    if (!in_direct_map) return std::nullopt;
    std::array<std::byte, kVmcoreinfoStart.size()> start{};
    for (std::uint64_t physical = pointer % kGigabyte; physical < memory_bytes; physical += kGigabyte) {
      if (++pointers_followed_ > kMaxPointers) return std::nullopt;
      if (!memory_.read(physical, start) || as_text(start) != kVmcoreinfoStart) continue;
      std::vector<std::byte> text(size);
      if (memory_.read(physical, text))
        return Vmcoreinfo{std::string(until_nul(as_text(text))), pointer - physical};
    }
    return std::nullopt;
  }

  const PhysicalMemory& memory_;
  const RestoreRecord& record_;
  std::optional<memory::PageTables> tables_;
  mutable unsigned pointers_followed_ = 0;
};

std::optional<Banner> find_banner(const PhysicalMemory& memory, std::uint64_t from) {
  std::vector<std::byte> bytes(kBannerReach);
  for (std::uint64_t at = round_up(from, kKernelAlign); at < from + kKernelReach; at += kKernelAlign) {
    if (!memory.read(at, bytes)) continue;
    if (auto banner = banner_in(as_text(bytes))) return banner;
  }
  return std::nullopt;
}

// x86-64: the restore record leads to the kernel.
std::vector<Record> follow_record(const ImageReader& image, const Abi& abi, const RestoreRecord& restore,
                                  Record& machine) {
  const PhysicalMemory memory(image);
  const X86 x86(memory, abi, restore);
  std::vector<Record> records;
  machine.set("machine", std::string("x86_64"));
  machine.set("phys_base", x86.phys_base());
  if (const auto saved_context = x86.find_saved_context()) {
    if (auto found = x86.find_vmcoreinfo(*saved_context, image.info().end_pfn * image.info().page_size)) {
      if (const auto slide = vmcoreinfo_number(found->text, "KERNELOFFSET"))
        machine.set("kaslr_slide", *slide);
      machine.set("page_offset", found->page_offset);
      machine.set("vmcoreinfo", std::move(found->text));
    }
    if (auto note = x86.prstatus(*saved_context)) records = records_from_notes({std::move(*note)});
  }
  if (machine.find("vmcoreinfo") != nullptr) return records;
  if (auto banner = find_banner(memory, restore.jump_address_phys)) {
    machine.set("release", banner->release);
    machine.set("version", banner->version);
  }
  return records;
}

// What neither a restore record nor a uname leads to. A banner of another release than VMCOREINFO's is a
// file's.
void search_pages(const ImageReader& image, std::uint64_t kernel_from, Record& machine) {
  PageSearch search(image);
  const std::uint64_t page_size = image.info().page_size;
  search.run(std::min(kernel_from / page_size, kMaxPfn));
  std::optional<std::string> release;
  if (const std::string* known = machine.text("release")) release = *known;
  if (search.vmcoreinfo) {
    if (const auto slide = vmcoreinfo_number(*search.vmcoreinfo, "KERNELOFFSET"))
      machine.set("kaslr_slide", *slide);
    if (!release) release = parse_vmcoreinfo(*search.vmcoreinfo)["OSRELEASE"];
    machine.set("vmcoreinfo", std::move(*search.vmcoreinfo));
  }
  const bool is_its_banner = search.banner && (!release || *release == search.banner->release);
  if (!is_its_banner) return;
  machine.set("release", search.banner->release);
  if (machine.find("version") == nullptr) machine.set("version", search.banner->version);
}

// arm64: the restore record leads to the kernel and to its registers. VMCOREINFO lies in a page of its own,
// behind the kernel. The kernel's version is its own: that of the record is compared with it.
std::vector<Record> follow_arm64(const ImageReader& image, const InfoPage& info, const Arm64Record& restore,
                                 Record& machine) {
  const PhysicalMemory memory(image);
  const auto tables = find_arm64_tables(memory, info.abi, restore);
  machine.set("machine", std::string("aarch64"));
  search_pages(image, tables ? restore.reenter_kernel - tables->image_offset : 0, machine);
  std::optional<std::string> version;
  if (const std::string* vmcoreinfo = machine.text("vmcoreinfo"))
    version = kernel_in_pages(image, *vmcoreinfo).version;
  machine.set("version", version.value_or(info.restore.version));
  if (!tables) return {};
  auto note = find_arm64_registers(memory, *tables, restore);
  return note ? records_from_notes({std::move(*note)}) : std::vector<Record>();
}

}  // namespace

std::vector<Record> find_kernel(const ImageReader& image, const InfoPage& info,
                                const RestoreRecord& restore) {
  Record machine{std::string(kMachineRecord), 1, {}};
  std::vector<Record> records;
  if (restore.kind == RestoreKind::Arm64) {
    records = follow_arm64(image, info, restore.arm64, machine);
    records.insert(records.begin(), std::move(machine));
    return records;
  }
  if (info.uts.release) machine.set("release", *info.uts.release);
  if (info.uts.version) machine.set("version", *info.uts.version);
  if (info.uts.machine) machine.set("machine", *info.uts.machine);
  const bool is_x86 = restore.kind == RestoreKind::X86;
  const bool is_wide_x86 = is_x86 && info.abi.word_bytes == 8;
  if (is_wide_x86) records = follow_record(image, info.abi, restore, machine);
  if (is_x86 && !is_wide_x86) machine.set("machine", std::string("i686"));
  const bool is_known =
      machine.find("vmcoreinfo") != nullptr || (is_wide_x86 && machine.find("release") != nullptr);
  if (!is_known) search_pages(image, is_x86 ? restore.jump_address_phys : 0, machine);
  if (!machine.fields.empty()) records.insert(records.begin(), std::move(machine));
  return records;
}

}  // namespace hib::swsusp
