#include "format/swsusp/info_page.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "format/swsusp/layout.h"
#include "lib/base/text.h"
#include "lib/image/pages.h"

namespace hib::swsusp {
namespace {

constexpr InfoOffsets kOffsets64 = {392, 400, 416, 424, 432};
constexpr InfoOffsets kOffsets32 = {392, 396, 404, 408, 412};

constexpr std::size_t kUtsFieldBytes = 65;
constexpr std::size_t kUtsFields = 6;
constexpr std::size_t kMd5Bytes = 16;

constexpr std::string_view kSysname("Linux\0", 6);
constexpr unsigned kKernelHalfShift = 52;  // above the widest address of arm64
constexpr int kKernelHalfOnes = 11;        // of 12
constexpr int kMostFlippedBits = 3;        // a magic that differs in more bits is another one

void read_numbers(InfoPage& info, ByteView page) {
  const InfoOffsets& at = info_offsets(info.abi);
  info.version_code = info.abi.u32(page, at.version_code);
  info.num_physpages = info.abi.word(page, at.num_physpages);
  info.image_pages = info.claimed.image_pages = info.abi.word(page, at.image_pages);
  info.pages = info.claimed.pages = info.abi.word(page, at.pages);
  info.claimed.size_bytes = info.abi.word(page, at.size);
}

// The one relation that every kernel keeps: size = pages * page size. On 32-bit it wraps beyond 4 GiB.
bool size_fits_pages(const InfoPage& info) {
  const auto size = checked_mul<std::uint64_t>(info.claimed.pages, info.abi.page_size);
  if (!size || info.claimed.pages == 0) return false;
  return (*size & info.abi.word_max()) == info.claimed.size_bytes;
}

// Could a stream of so many pages have image_pages data pages? The PFN pages list them and the zero pages.
bool leaves_room_for_pfns(const InfoPage& info, std::uint64_t pages) {
  const std::uint64_t data = info.claimed.image_pages;
  if (pages <= data || data > kMaxPfn) return false;
  const std::uint64_t pfn_pages = pages - data - 1;
  return pfn_pages <= kMaxPfn && pfn_pages * info.abi.words_per_page() >= data;
}

std::string text_at(ByteView page, std::size_t offset, std::size_t size) {
  return std::string(until_nul(as_text(page.subspan(offset, size))));
}

bool is_text(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::string> md5_text(ByteView bytes) {
  if (all_zero(bytes)) return std::nullopt;
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

// A CRC32 takes four bytes of the digest and leaves the others zero.
bool has_crc_form(ByteView digest) { return all_zero(digest.subspan(4)); }

// The magic that one with flipped bits was. The two that are known differ in one or two bits, so what lies
// behind decides first.
std::optional<std::uint64_t> magic_nearby(std::uint64_t found, bool wide, ByteView digest) {
  // A layout that was proposed to follow …02: another CRC32 behind the first one.
  const bool is_successor = wide && found == kMagicCrc + 1 && !has_crc_form(digest) &&
                            has_crc_form(digest.first(8)) && has_crc_form(digest.subspan(8));
  if (is_successor) return std::nullopt;
  const std::uint64_t md5 = wide ? kMagicMd5 : kMagicMd5_32;
  const std::uint64_t crc = wide ? kMagicCrc : kMagicCrc_32;
  const int to_md5 = std::popcount(found ^ md5);
  const int to_crc = std::popcount(found ^ crc);
  if (std::min(to_md5, to_crc) > kMostFlippedBits) return std::nullopt;
  if (std::max(to_md5, to_crc) > kMostFlippedBits) return to_md5 < to_crc ? md5 : crc;
  return has_crc_form(digest) ? crc : md5;
}

void read_x86(RestoreRecord& record, const Abi& abi, ByteView page) {
  const bool wide = abi.word_bytes == 8;
  const std::size_t word = abi.word_bytes;
  const std::size_t digest = 4 * word;
  const bool md5 = record.meant_magic.value_or(record.magic) == (wide ? kMagicMd5 : kMagicMd5_32);
  record.kind = RestoreKind::X86;
  record.jump_address = abi.word(page, 0);
  record.jump_address_phys = abi.word(page, word);
  record.cr3 = abi.word(page, 2 * word);
  if (md5)
    record.memory_map_md5 = md5_text(page.subspan(digest, kMd5Bytes));
  else
    record.memory_map_crc = static_cast<std::uint32_t>(abi.word(page, digest));
}

void read_uts(InfoPage& info, ByteView page) {
  info.restore.kind = RestoreKind::Uts;
  info.uts.release = text_at(page, 2 * kUtsFieldBytes, kUtsFieldBytes);
  info.uts.version = text_at(page, 3 * kUtsFieldBytes, kUtsFieldBytes);
  info.uts.machine = text_at(page, 4 * kUtsFieldBytes, kUtsFieldBytes);
}

// The words behind the version tell arm64 from riscv: of arm64 the second is an address of the kernel's half,
// of riscv the third. One flipped bit does not hide that, nor one in the version.
bool is_arm64(const Abi& abi, ByteView page) {
  if (abi.word_bytes != 8) return false;
  const auto is_of_kernel = [&](std::size_t word) {
    return std::popcount(abi.word(page, kArm64WordsOffset + 8 * word) >> kKernelHalfShift) >= kKernelHalfOnes;
  };
  const ByteView version = page.first(kVersionBytes);
  const auto is_char = [](std::byte b) { return b >= std::byte{' '} && b <= std::byte{'~'}; };
  const auto text = std::find(version.begin(), version.end(), std::byte{0}) - version.begin();
  const auto odd = text - std::count_if(version.begin(), version.begin() + text, is_char);
  const bool may_be_version =
      text > 1 && odd <= 1 && std::popcount(std::to_integer<unsigned>(page[0] ^ std::byte{'#'})) <= 1;
  return may_be_version && is_of_kernel(1) && !is_of_kernel(0) && !is_of_kernel(2);
}

void read_arm64(InfoPage& info, ByteView page) {
  const auto word = [&](std::size_t index) { return info.abi.word(page, kArm64WordsOffset + 8 * index); };
  info.restore.kind = RestoreKind::Arm64;
  info.restore.version = text_at(page, 0, kVersionBytes);
  // Vectors are aligned. What is not, by more than a flipped bit, is the address of code: a field more.
  const bool has_code = std::popcount(word(2) & (kArm64VectorsBytes - 1)) > 1;
  if (has_code)
    info.restore.arm64 = {word(0), word(1), word(2), word(3), word(4)};
  else
    info.restore.arm64 = {word(0), word(1), std::nullopt, word(2), word(3)};
}

int bits_from_sysname(ByteView page) {
  int bits = 0;
  for (std::size_t i = 0; i < kSysname.size(); ++i)
    bits += std::popcount(std::to_integer<unsigned>(page[i]) ^ static_cast<unsigned char>(kSysname[i]));
  return bits;
}

void read_restore_record(InfoPage& info, ByteView page) {
  RestoreRecord& record = info.restore;
  const bool wide = info.abi.word_bytes == 8;
  const bool may_be_x86 = !info.abi.big_endian;
  record.magic = info.abi.word(page, restore_magic_offset(info.abi));
  const bool known =
      record.magic == (wide ? kMagicMd5 : kMagicMd5_32) || record.magic == (wide ? kMagicCrc : kMagicCrc_32);
  if (may_be_x86 && known) return read_x86(record, info.abi, page);
  const int bits = bits_from_sysname(page);
  if (bits == 0) return read_uts(info, page);
  const std::string version = text_at(page, 0, kVersionBytes);  // uname -v: "#1 SMP …"
  if (is_arm64(info.abi, page)) return read_arm64(info, page);
  if (is_kernel_version(version)) {
    record.kind = RestoreKind::Version;
    record.version = version;
    info.uts.version = version;
    return;
  }
  if (may_be_x86) {
    record.meant_magic =
        magic_nearby(record.magic, wide, page.subspan(4 * std::size_t{info.abi.word_bytes}, kMd5Bytes));
    if (record.meant_magic) return read_x86(record, info.abi, page);
  }
  if (bits <= kMostFlippedBits) {
    record.is_uts_damaged = true;
    read_uts(info, page);
  }
}

bool fits_memory(const InfoPage& info, std::uint64_t pages) {
  if (!leaves_room_for_pfns(info, pages) || info.claimed.image_pages > info.num_physpages) return false;
  return pages - info.claimed.image_pages - 1 <= info.num_physpages / info.abi.words_per_page() + 1;
}

unsigned weigh(const InfoPage& info) {
  const bool whole_size = info.claimed.size_bytes % info.abi.page_size == 0;
  return (size_fits_pages(info) ? 4U : 0U) + (fits_memory(info, info.claimed.pages) ? 2U : 0U) +
         (whole_size && fits_memory(info, info.claimed.size_bytes / info.abi.page_size) ? 2U : 0U) +
         (info.restore.kind == RestoreKind::Unknown ? 0U : 2U);
}

}  // namespace

bool is_kernel_version(const std::string& text) { return text.starts_with('#') && is_text(text); }

const InfoOffsets& info_offsets(const Abi& abi) { return abi.word_bytes == 8 ? kOffsets64 : kOffsets32; }

std::size_t restore_magic_offset(const Abi& abi) { return 3 * std::size_t{abi.word_bytes}; }
std::size_t restore_digest_offset(const Abi& abi) { return 4 * std::size_t{abi.word_bytes}; }

bool InfoPage::claims_agree() const {
  return size_fits_pages(*this) && leaves_room_for_pfns(*this, claimed.pages);
}

InfoPage read_info_page_as(ByteView page, const Abi& abi) {
  InfoPage info;
  info.abi = abi;
  info.raw.assign(page.begin(), page.end());
  read_numbers(info, page);
  read_restore_record(info, page);
  info.evidence = weigh(info);
  return info;
}

InfoPage parse_info_page(ByteView page, const Abi& abi, bool order_is_known) {
  static_assert(kUtsFieldBytes * kUtsFields == 390);
  std::optional<InfoPage> best;
  for (const bool swapped : {false, true}) {
    if (swapped && order_is_known) break;
    for (const std::uint32_t word_bytes : {8U, 4U}) {
      InfoPage info = read_info_page_as(page, {abi.page_size, word_bytes, abi.big_endian != swapped});
      if (!best || info.evidence > best->evidence) best = std::move(info);
    }
  }
  return std::move(*best);
}

Result<InfoPage> decode_info_page(ByteView page, const Abi& abi, bool order_is_known,
                                  std::uint64_t file_offset) {
  InfoPage info = parse_info_page(page, abi, order_is_known);
  const InfoOffsets& at = info_offsets(info.abi);
  if (!size_fits_pages(info)) {
    return fail(make_error(ErrorKind::Corrupt, "info page: size",
                           fmt::format("{} with pages {}", info.claimed.size_bytes, info.pages),
                           fmt::format("pages * {}", abi.page_size))
                    .at(file_offset + at.size));
  }
  if (info.pages <= info.image_pages) {
    return fail(make_error(ErrorKind::Corrupt, "info page: pages", std::to_string(info.pages),
                           fmt::format("more than image_pages, which is {}", info.image_pages))
                    .at(file_offset + at.pages));
  }
  return info;
}

std::string describe_restore_record(const InfoPage& info) {
  const RestoreRecord& record = info.restore;
  switch (record.kind) {
    case RestoreKind::X86: {
      const std::string digest = record.memory_map_crc
                                     ? fmt::format("memory map CRC32 {:08x}", *record.memory_map_crc)
                                 : record.memory_map_md5 ? "memory map MD5 " + *record.memory_map_md5
                                                         : "no memory map digest";
      return fmt::format("x86, jump to {:#x}, {}", record.jump_address, digest);
    }
    case RestoreKind::Arm64: {
      const Arm64Record& r = record.arm64;
      return fmt::format(
          "arm64, reenter_kernel {:#x}, {}ttbr1_el1 {:#x}, __hyp_stub_vectors {:#x}, sleep_cpu_mpidr {:#x}, "
          "uts_version {}",
          r.reenter_kernel,
          r.phys_reenter_kernel ? fmt::format("phys_reenter_kernel {:#x}, ", *r.phys_reenter_kernel) : "",
          r.ttbr1_el1, r.hyp_stub_vectors, r.sleep_cpu_mpidr, printable(record.version));
    }
    case RestoreKind::Uts: return "uname of the machine: " + printable(info.uts.release.value_or(""));
    case RestoreKind::Version: return "kernel " + printable(record.version);
    case RestoreKind::Unknown: return fmt::format("of a kind that is not known (magic {:#x})", record.magic);
  }
  return {};
}

std::vector<std::byte> encode_info_page(const InfoPage& info) {
  std::vector<std::byte> page = info.raw;
  const InfoOffsets& at = info_offsets(info.abi);
  info.abi.put_word(page, at.num_physpages, info.num_physpages);
  info.abi.put_word(page, at.image_pages, info.image_pages);
  info.abi.put_word(page, at.pages, info.pages);
  info.abi.put_word(page, at.size, info.pages * info.abi.page_size);
  return page;
}

}  // namespace hib::swsusp
