#include "format/swsusp/info_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/layout.h"
#include "lib/base/text.h"
#include "lib/image/pages.h"

namespace hib::swsusp {
namespace {

// struct swsusp_info by word size.
struct Offsets {
  std::size_t version_code;
  std::size_t num_physpages;
  std::size_t image_pages;
  std::size_t pages;
  std::size_t size;
};
constexpr Offsets kOffsets64 = {392, 400, 416, 424, 432};
constexpr Offsets kOffsets32 = {392, 396, 404, 408, 412};

constexpr std::size_t kUtsFieldBytes = 65;
constexpr std::size_t kUtsFields = 6;
constexpr std::size_t kMd5Bytes = 16;

const Offsets& offsets_of(const Abi& abi) { return abi.word_bytes == 8 ? kOffsets64 : kOffsets32; }

void read_numbers(InfoPage& info, ByteView page) {
  const Offsets& at = offsets_of(info.abi);
  info.version_code = info.abi.u32(page, at.version_code);
  info.num_physpages = info.abi.word(page, at.num_physpages);
  info.image_pages = info.abi.word(page, at.image_pages);
  info.pages = info.abi.word(page, at.pages);
  info.size_bytes = info.abi.word(page, at.size);
}

// The one relation that every kernel keeps: size = pages * page size. On 32-bit it wraps beyond 4 GiB.
bool makes_sense(const InfoPage& info) {
  const auto size = checked_mul<std::uint64_t>(info.pages, info.abi.page_size);
  if (!size || info.pages == 0) return false;
  return (*size & info.abi.word_max()) == info.size_bytes;
}

std::string text_at(ByteView page, std::size_t offset, std::size_t size) {
  return std::string(until_nul(as_text(page.subspan(offset, size))));
}

bool is_text(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::string> md5_text(ByteView bytes) {
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; }))
    return std::nullopt;
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

bool read_x86(RestoreRecord& record, const Abi& abi, ByteView page) {
  const bool wide = abi.word_bytes == 8;
  const std::size_t word = abi.word_bytes;
  record.magic = abi.word(page, 3 * word);
  const bool md5 = record.magic == (wide ? kMagicMd5 : kMagicMd5_32);
  const bool crc = record.magic == (wide ? kMagicCrc : kMagicCrc_32);
  if (!md5 && !crc) return false;
  record.kind = RestoreKind::X86;
  record.jump_address = abi.word(page, 0);
  record.jump_address_phys = abi.word(page, word);
  record.cr3 = abi.word(page, 2 * word);
  const std::size_t digest = 4 * word;
  if (md5) record.memory_map_md5 = md5_text(page.subspan(digest, kMd5Bytes));
  if (crc) record.memory_map_crc = static_cast<std::uint32_t>(abi.word(page, digest));
  return true;
}

void read_restore_record(InfoPage& info, ByteView page) {
  if (!info.abi.big_endian && read_x86(info.restore, info.abi, page)) return;
  info.restore = {};
  if (text_at(page, 0, kUtsFieldBytes) == "Linux") {
    info.restore.kind = RestoreKind::Uts;
    info.uts.release = text_at(page, 2 * kUtsFieldBytes, kUtsFieldBytes);
    info.uts.version = text_at(page, 3 * kUtsFieldBytes, kUtsFieldBytes);
    info.uts.machine = text_at(page, 4 * kUtsFieldBytes, kUtsFieldBytes);
    return;
  }
  const std::string version = text_at(page, 0, kUtsFieldBytes);  // uname -v: "#1 SMP …"
  if (version.starts_with('#') && is_text(version)) {
    info.restore.kind = RestoreKind::Version;
    info.restore.version = version;
    info.uts.version = version;
  }
}

}  // namespace

Result<InfoPage> decode_info_page(ByteView page, const Abi& abi, bool order_is_known,
                                  std::uint64_t file_offset) {
  static_assert(kUtsFieldBytes * kUtsFields == 390);
  InfoPage info;
  info.raw.assign(page.begin(), page.end());
  for (const bool swapped : {false, true}) {
    if (swapped && order_is_known) break;
    for (const std::uint32_t word_bytes : {8U, 4U}) {
      info.abi = {abi.page_size, word_bytes, abi.big_endian != swapped};
      read_numbers(info, page);
      if (!makes_sense(info)) continue;
      if (info.pages <= info.image_pages) {
        return fail(make_error(ErrorKind::Corrupt, "info page: pages", std::to_string(info.pages),
                               fmt::format("more than image_pages, which is {}", info.image_pages))
                        .at(file_offset + offsets_of(info.abi).pages));
      }
      read_restore_record(info, page);
      return info;
    }
  }
  info.abi = {abi.page_size, 8, abi.big_endian};
  read_numbers(info, page);
  return fail(make_error(ErrorKind::Corrupt, "info page: size",
                         fmt::format("{} with pages {}", info.size_bytes, info.pages),
                         fmt::format("pages * {}", abi.page_size))
                  .at(file_offset + kOffsets64.size));
}

Layer restore_record_layer(const InfoPage& info) {
  const RestoreRecord& record = info.restore;
  switch (record.kind) {
    case RestoreKind::X86: {
      const std::string digest = record.memory_map_crc
                                     ? fmt::format("memory map CRC32 {:08x}", *record.memory_map_crc)
                                 : record.memory_map_md5 ? "memory map MD5 " + *record.memory_map_md5
                                                         : "no memory map digest";
      return {"restore record", LayerResult::Ok,
              fmt::format("x86, jump to {:#x}, {}", record.jump_address, digest)};
    }
    case RestoreKind::Uts:
      return {"restore record", LayerResult::Ok,
              "uname of the machine: " + printable(info.uts.release.value_or(""))};
    case RestoreKind::Version:
      return {"restore record", LayerResult::Ok, "kernel " + printable(record.version)};
    case RestoreKind::Unknown:
      return {"restore record", LayerResult::NotChecked,
              fmt::format("of a kind that is not known (magic {:#x})", record.magic)};
  }
  return {};
}

std::vector<std::byte> encode_info_page(const InfoPage& info) {
  std::vector<std::byte> page = info.raw;
  const Offsets& at = offsets_of(info.abi);
  info.abi.put_word(page, at.num_physpages, info.num_physpages);
  info.abi.put_word(page, at.image_pages, info.image_pages);
  info.abi.put_word(page, at.pages, info.pages);
  info.abi.put_word(page, at.size, info.pages * info.abi.page_size);
  return page;
}

}  // namespace hib::swsusp
