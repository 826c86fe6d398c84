#include "format/swsusp/restore_check.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "format/swsusp/layout.h"
#include "format/swsusp/restore_check_arm64.h"
#include "format/swsusp/restore_tables.h"
#include "lib/base/text.h"
#include "lib/memory/paging_x86.h"

namespace hib::swsusp {
namespace {

using memory::kKernelMap;

constexpr std::uint64_t kKernelMapBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kImageAlign = 2 << 20;  // smallest CONFIG_PHYSICAL_ALIGN of x86-64
constexpr std::uint64_t kPaeTableBytes = 32;
// PAGE_OFFSET of 32-bit kernels (CONFIG_VMSPLIT_*)
constexpr std::uint64_t kSplits[] = {0xC0000000, 0xB0000000, 0x80000000, 0x78000000, 0x40000000};
constexpr std::size_t kDigestBytes = 16;

// Of x86, where the kernel goes on: jump_address, jump_address_phys, cr3 in turn.
class X86Check {
 public:
  X86Check(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset, RecordCheck& check)
      : memory_(image), info_(info), info_offset_(info_offset), check_(check) {}

  void run() {
    check_magic();
    check_digest();
    check_rest_of_cr3();
    if (!check_by_page_tables()) check_addresses();
  }
  bool is_proven() const { return is_proven_; }

 private:
  bool wide() const { return info_.abi.word_bytes == 8; }
  RestoreRecord& record() const { return check_.record; }

  void damage(const char* field, std::size_t word, std::uint64_t found, std::string allowed) {
    check_.damage.push_back({make_error(ErrorKind::Corrupt, fmt::format("restore record: {}", field),
                                        hex(found), std::move(allowed))
                                 .at(info_offset_ + word * info_.abi.word_bytes),
                             {}});
  }

  void check_magic() {
    const RestoreRecord& found = info_.restore;
    if (!found.meant_magic) return;
    damage("magic", kMagic, found.magic,
           fmt::format("{:#x} ({})", *found.meant_magic, flipped_bits(found.magic ^ *found.meant_magic)));
  }

  // A CRC32 in a digest of 16 bytes leaves the others zero, and an MD5 that ends so does not occur.
  void check_digest() {
    const ByteView digest = ByteView(info_.raw).subspan(kDigest * info_.abi.word_bytes, kDigestBytes);
    const bool has_crc_form = all_zero(digest.subspan(4));
    if (record().memory_map_crc && !has_crc_form)
      damage("digest", kDigest, info_.abi.word(info_.raw, kDigest * std::size_t{info_.abi.word_bytes}),
             "a CRC32 and zeros behind it, as the magic says");
    if (record().memory_map_md5 && has_crc_form && !all_zero(digest))
      damage("digest", kDigest, info_.abi.word(info_.raw, kDigest * std::size_t{info_.abi.word_bytes}),
             "an MD5, as the magic says, and this is a CRC32");
  }

  // Bits of cr3 that are no address. The kernel takes the PCID off.
  void check_rest_of_cr3() {
    const std::uint64_t address = wide() ? memory::kAddressBits : ~(kPaeTableBytes - 1);
    if ((record().cr3 & ~address) == 0) return;
    damage("cr3", kCr3, record().cr3, fmt::format("an address: {:#x}", record().cr3 & address));
    record().cr3 &= address;
  }

  bool is_in_kernel_map(std::uint64_t address) const {
    return !wide() || (address >= kKernelMap && address - kKernelMap < kKernelMapBytes);
  }

  // Without page tables: that the kernel lies where a kernel can lie.
  void check_addresses() {
    const RestoreRecord& r = record();
    const std::uint64_t distance = r.jump_address - r.jump_address_phys;
    const std::uint64_t end = kMaxPfn * memory_.page_size();
    if (!is_in_kernel_map(r.jump_address)) {
      damage("jump_address", kVirtual, r.jump_address,
             fmt::format("{:#x} to {:#x}", kKernelMap, kKernelMap + (kKernelMapBytes - 1)));
    } else if (r.jump_address_phys >= end) {
      damage("jump_address_phys", kPhysical, r.jump_address_phys, fmt::format("below {:#x}", end));
    } else if (wide() && distance % kImageAlign != 0) {
      damage("jump_address_phys", kPhysical, r.jump_address_phys,
             fmt::format("jump_address, which is {:#x}, less a multiple of {}", r.jump_address,
                         human_bytes(kImageAlign)));
    } else if (!wide() && std::find(std::begin(kSplits), std::end(kSplits), distance) == std::end(kSplits)) {
      damage("jump_address_phys", kPhysical, r.jump_address_phys,
             fmt::format("jump_address, which is {:#x}, less where the kernel's memory begins ({:#x})",
                         r.jump_address, fmt::join(kSplits, ", ")));
    }
    if (r.cr3 >= end) damage("cr3", kCr3, r.cr3, fmt::format("below {:#x}", end));
  }

  // restore_registers: mov %r9,%cr3 or mov %ebp,%cr3, with endbr64 before it on some kernels.
  bool begins_with_code(std::uint64_t physical) const {
    static constexpr std::string_view kEndbr("\xF3\x0F\x1E\xFA", 4);
    const std::string_view load =
        wide() ? std::string_view("\x41\x0F\x22\xD9", 4) : std::string_view("\x0F\x22\xDD", 3);
    std::array<std::byte, 8> code{};
    if (!memory_.read(physical, code)) return false;
    std::string_view text = as_text(code);
    if (text.starts_with(kEndbr)) text.remove_prefix(kEndbr.size());
    return text.starts_with(load);
  }

  // Where jump_address is mapped to: jump_address_phys, if any of the ways to translate says so.
  std::optional<std::uint64_t> mapped(std::uint64_t cr3, std::uint64_t address) const {
    if (!is_in_kernel_map(address)) return std::nullopt;
    std::optional<std::uint64_t> first;
    for (const memory::PageTables& tables : tables_at(memory_, info_.abi, cr3, address)) {
      const auto physical = memory::translate(memory_, tables, address);
      if (!physical) continue;
      if (*physical == record().jump_address_phys) return *physical;
      if (!first) first = *physical;
    }
    return first;
  }
  bool leads(std::uint64_t cr3, std::uint64_t address) const {
    return mapped(cr3, address) == record().jump_address_phys;
  }

  // The page tables of cr3 lead from jump_address to jump_address_phys: one flipped bit of any of the three
  // breaks that. False when no page table tells anything.
  bool check_by_page_tables() {
    RestoreRecord& r = record();
    const auto physical = mapped(r.cr3, r.jump_address);
    is_proven_ = physical == r.jump_address_phys;
    if (is_proven_) return true;
    const bool code_is_there = begins_with_code(r.jump_address_phys);
    for (unsigned bit = 0; bit < 8 * info_.abi.word_bytes; ++bit) {
      const std::uint64_t flip = std::uint64_t{1} << bit;
      if ((code_is_there || !physical) && leads(r.cr3, r.jump_address ^ flip)) {
        repair("jump_address", kVirtual, r.jump_address, flip);
        return true;
      }
      if (leads(r.cr3 ^ flip, r.jump_address)) {
        repair("cr3", kCr3, r.cr3, flip);
        return true;
      }
    }
    if (physical) {
      damage("jump_address_phys", kPhysical, r.jump_address_phys,
             fmt::format("{:#x}, where the page tables of cr3 lead to", *physical));
      r.jump_address_phys = *physical;
      return true;
    }
    if (!code_is_there) return false;
    damage("cr3", kCr3, r.cr3,
           fmt::format("page tables in the image that map jump_address, which is {:#x}", r.jump_address));
    return true;
  }

  void repair(const char* field, std::size_t word, std::uint64_t& value, std::uint64_t flip) {
    damage(field, word, value,
           fmt::format("{:#x}, by the page tables of the image ({})", value ^ flip, flipped_bits(flip)));
    value ^= flip;
  }

  static constexpr std::size_t kVirtual = 0;
  static constexpr std::size_t kPhysical = 1;
  static constexpr std::size_t kCr3 = 2;
  static constexpr std::size_t kMagic = 3;
  static constexpr std::size_t kDigest = 4;

  PhysicalMemory memory_;
  const InfoPage& info_;
  std::uint64_t info_offset_;
  RecordCheck& check_;
  bool is_proven_ = false;
};

}  // namespace

std::string flipped_bits(std::uint64_t difference) {
  std::vector<int> bits;
  for (; difference != 0; difference &= difference - 1) bits.push_back(std::countr_zero(difference));
  return fmt::format("{} {} flipped", bits.size() == 1 ? "bit" : "bits", fmt::join(bits, ", "));
}

RecordCheck check_restore_record(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset) {
  RecordCheck check;
  check.record = info.restore;
  bool is_proven = false;
  if (info.restore.kind == RestoreKind::X86) {
    X86Check x86(image, info, info_offset, check);
    x86.run();
    is_proven = x86.is_proven();
  }
  if (info.restore.kind == RestoreKind::Arm64)
    is_proven = check_arm64_record(image, info, info_offset, check);
  if (info.restore.is_uts_damaged) {
    check.damage.push_back({make_error(ErrorKind::Corrupt, "restore record: sysname",
                                       printable(until_nul(as_text(ByteView(info.raw).first(65)))), "Linux")
                                .at(info_offset),
                            {}});
  }
  for (Damage& d : check.damage) d.error.file = image.info().path;
  const LayerResult result = info.restore.kind == RestoreKind::Unknown ? LayerResult::NotChecked
                             : !check.damage.empty()                   ? LayerResult::Bad
                                                                       : LayerResult::Ok;
  std::string text = describe_restore_record(info);
  if (is_proven) text += "; its page tables lead there";
  if (!check.damage.empty()) text = check.damage.front().error.text();
  check.layer = {"restore record", result, std::move(text)};
  return check;
}

}  // namespace hib::swsusp
