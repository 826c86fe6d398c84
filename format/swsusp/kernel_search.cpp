#include "format/swsusp/kernel_search.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "format/swsusp/restore_tables.h"
#include "lib/base/text.h"
#include "lib/image/physical_memory.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/page_tables.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kKernelAlign = 2 << 20;    // .rodata begins on a boundary of large pages
constexpr std::uint64_t kKernelReach = 64 << 20;   // a kernel image is not larger
constexpr std::uint64_t kDataReach = 16 << 20;     // .bss around saved_context
constexpr std::uint64_t kBannerReach = 256 << 10;  // linux_banner lies at the start of .rodata
constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 30;
constexpr std::string_view kBanner = "Linux version ";
constexpr std::string_view kVmcoreinfo = "OSRELEASE=";
constexpr std::uint64_t kMaxVmcoreinfo = 4096;
constexpr std::size_t kNoteText = 24;  // behind a note's header (12) and the name VMCOREINFO (12)
constexpr std::size_t kMaxBanner = 512;
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
    std::array<std::byte, kVmcoreinfo.size()> start{};
    for (std::uint64_t physical = pointer % kGigabyte; physical < memory_bytes; physical += kGigabyte) {
      if (++pointers_followed_ > kMaxPointers) return std::nullopt;
      if (!memory_.read(physical, start) || as_text(start) != kVmcoreinfo) continue;
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

struct Banner {
  std::string release;
  std::string version;
};

// "Linux version 6.1.0-56-amd64 (builder@host) (gcc …) #1 SMP …": release and version. Not the format of such
// a line, nor one without the number of the build: some kernels have such a line beside their own.
std::optional<Banner> banner_in(std::string_view text) {
  for (std::size_t found = text.find(kBanner); found != std::string_view::npos;
       found = text.find(kBanner, found + 1)) {
    const std::string_view line = text.substr(found, std::min<std::size_t>(text.size() - found, kMaxBanner));
    const std::string_view banner = line.substr(0, line.find('\n'));
    const auto release_end = banner.find(' ', kBanner.size());
    const auto version = banner.find(" #", kBanner.size());
    const bool has_number = version != std::string_view::npos && version + 2 < banner.size() &&
                            banner[version + 2] >= '0' && banner[version + 2] <= '9';
    const bool is_text =
        std::all_of(banner.begin(), banner.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (banner.size() == line.size() || release_end == std::string_view::npos || !has_number ||
        banner.find('%') != std::string_view::npos || !is_text)
      continue;
    return Banner{std::string(banner.substr(kBanner.size(), release_end - kBanner.size())),
                  std::string(banner.substr(version + 1))};
  }
  return std::nullopt;
}

std::optional<Banner> find_banner(const PhysicalMemory& memory, std::uint64_t from) {
  std::vector<std::byte> bytes(kBannerReach);
  for (std::uint64_t at = round_up(from, kKernelAlign); at < from + kKernelReach; at += kKernelAlign) {
    if (!memory.read(at, bytes)) continue;
    if (auto banner = banner_in(as_text(bytes))) return banner;
  }
  return std::nullopt;
}

// VMCOREINFO's text in a page of its own, or in a note of that name. A file with such a text may lie in
// memory as well, but without its last lines or with another page size.
std::optional<std::string> vmcoreinfo_in(ByteView page) {
  for (const std::size_t at : {std::size_t{0}, kNoteText}) {
    const std::string_view text = until_nul(as_text(page.subspan(at)));
    if (!text.starts_with(kVmcoreinfo) || text.size() <= kVmcoreinfo.size() ||
        text[kVmcoreinfo.size()] == '%')
      continue;
    const auto is_text = [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); };
    const bool is_one = text.ends_with('\n') && std::all_of(text.begin(), text.end(), is_text) &&
                        text.find("SYMBOL(") != std::string_view::npos &&
                        vmcoreinfo_number(text, "PAGESIZE") == page.size();
    if (is_one) return std::string(text);
  }
  return std::nullopt;
}

// The pages one after the other: first those from where the kernel lies, if that is known, then all from the
// lowest on. Ends when both were found, or enough was looked at.
class PageSearch {
 public:
  explicit PageSearch(const ImageReader& image) : image_(image), page_(image.info().page_size) {}

  void run(Pfn kernel) {
    look_at(kernel, kernel + kKernelReach / page_.size());
    if (is_done()) return;
    look_at(0, kernel);
    if (!is_done()) look_at(kernel + kKernelReach / page_.size(), kMaxPfn);
  }

  std::optional<std::string> vmcoreinfo;
  std::optional<Banner> banner;

 private:
  bool is_done() const { return (vmcoreinfo && banner) || looked_at_ >= kMaxSearchedBytes || cancelled(); }

  void look_at(Pfn begin, Pfn end) {
    auto runs = image_.runs();
    if (!runs) return;
    for (;;) {
      const auto run = (*runs)->next();
      if (!run || !*run) return;
      if ((*run)->state != PageState::Data) continue;
      for (Pfn pfn = std::max((*run)->first, begin); pfn < std::min((*run)->end(), end); ++pfn) {
        if (is_done()) return;
        look_at_page(pfn);
      }
    }
  }

  void look_at_page(Pfn pfn) {
    looked_at_ += page_.size();
    if (!image_.read_page(pfn, page_)) return;
    if (!vmcoreinfo) vmcoreinfo = vmcoreinfo_in(page_);
    if (!banner) banner = banner_in(as_text(page_));
  }

  const ImageReader& image_;
  std::vector<std::byte> page_;
  std::uint64_t looked_at_ = 0;
};

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
void search_pages(const ImageReader& image, const RestoreRecord& restore, Record& machine) {
  PageSearch search(image);
  const std::uint64_t page_size = image.info().page_size;
  search.run(restore.kind == RestoreKind::X86 ? std::min(restore.jump_address_phys / page_size, kMaxPfn) : 0);
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

}  // namespace

std::vector<Record> find_kernel(const ImageReader& image, const InfoPage& info,
                                const RestoreRecord& restore) {
  Record machine{std::string(kMachineRecord), 1, {}};
  std::vector<Record> records;
  if (info.uts.release) machine.set("release", *info.uts.release);
  if (info.uts.version) machine.set("version", *info.uts.version);
  if (info.uts.machine) machine.set("machine", *info.uts.machine);
  const bool is_x86 = restore.kind == RestoreKind::X86;
  const bool is_wide_x86 = is_x86 && info.abi.word_bytes == 8;
  if (is_wide_x86) records = follow_record(image, info.abi, restore, machine);
  if (is_x86 && !is_wide_x86) machine.set("machine", std::string("i686"));
  const bool is_known =
      machine.find("vmcoreinfo") != nullptr || (is_wide_x86 && machine.find("release") != nullptr);
  if (!is_known) search_pages(image, restore, machine);
  if (!machine.fields.empty()) records.insert(records.begin(), std::move(machine));
  return records;
}

}  // namespace hib::swsusp
