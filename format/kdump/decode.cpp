#include "format/kdump/decode.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"

namespace hib::kdump {
namespace {

template <typename T>
Result<T> read_struct(const DumpFile& dump, std::uint64_t offset, const char* name) {
  auto raw = dump.read_at(offset, sizeof(T));
  if (!raw) return fail(std::move(raw).error().in(name));
  Cursor in(*raw, dump.file_offset(offset), name);
  return in.read<T>(name);
}

std::optional<std::string> uts_field(const char (&field)[65]) {
  const std::string_view text = until_nul({field, sizeof(field)});
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<void> check_header(const DumpFile& dump, const Header& h) {
  const auto reject = [&](ErrorKind kind, std::size_t at, const char* field, std::string found,
                          std::string allowed) {
    return fail(
        dump.error(kind, at, fmt::format("kdump header: {}", field), std::move(found), std::move(allowed)));
  };
  if (std::memcmp(h.signature, kOldSignature, sizeof(h.signature)) == 0)
    return reject(ErrorKind::Unsupported, 0, "signature", kOldSignature, kSignature);
  if (std::memcmp(h.signature, kSignature, sizeof(h.signature)) != 0) {
    return reject(ErrorKind::Corrupt, 0, "signature", printable({h.signature, sizeof(h.signature)}),
                  kSignature);
  }
  if (h.version < 1 || h.version > 6) {
    return reject(ErrorKind::Unsupported, offsetof(Header, version), "header_version",
                  std::to_string(std::uint32_t{h.version}), "1 to 6, little-endian");
  }
  if (!std::has_single_bit(std::uint32_t{h.block_size}) || h.block_size < kMinPageBytes ||
      h.block_size > kMaxPageBytes) {
    return reject(ErrorKind::Corrupt, offsetof(Header, block_size), "block_size",
                  std::to_string(std::uint32_t{h.block_size}),
                  fmt::format("{} to {}, a power of two", kMinPageBytes, kMaxPageBytes));
  }
  if (h.sub_header_blocks == 0)
    return reject(ErrorKind::Corrupt, offsetof(Header, sub_header_blocks), "sub_hdr_size", "0",
                  "at least 1 block");
  if (h.bitmap_blocks == 0 || h.bitmap_blocks % 2 != 0) {
    return reject(ErrorKind::Corrupt, offsetof(Header, bitmap_blocks), "bitmap_blocks",
                  std::to_string(std::uint32_t{h.bitmap_blocks}), "an even number, for two bitmaps");
  }
  return {};
}

// `at` is where in the sub header the offset stands; the size stands behind it.
void take_blob(const DumpFile& dump, const char* name, std::size_t at, Blob blob, Blob& out,
               std::vector<Finding>& findings) {
  if (blob.bytes == 0) return;
  if (blob.bytes <= kMaxNotesBytes && blob.offset <= dump.size() && blob.bytes <= dump.size() - blob.offset) {
    out = blob;
    return;
  }
  const Error error = dump.error(
      ErrorKind::Corrupt, at, fmt::format("kdump sub header: offset_{0} and size_{0}", name),
      fmt::format("{:#x} + {:#x}", blob.offset, blob.bytes),
      fmt::format("inside the dump of {:#x} bytes, at most {:#x} bytes", dump.size(), kMaxNotesBytes));
  findings.push_back({"broken-note", Severity::Error, error.offset, error.text()});
}

// Where the parts lie that are counted in blocks. No sum overflows: 32 bits times 16 bits, three times.
void locate_blocks(const Header& h, Headers& out) {
  const std::uint64_t block = h.block_size;
  const std::uint64_t bitmap_bytes = std::uint64_t{h.bitmap_blocks} / 2 * block;
  out.sub_header = {block, h.sub_header_blocks * block};
  out.bitmap1 = {out.sub_header.end(), bitmap_bytes};
  out.bitmap2 = {out.bitmap1.end(), bitmap_bytes};
  out.descriptors = out.bitmap2.end();
}

Result<void> check_sub_header(const DumpFile& dump, const Headers& headers) {
  const auto at = [&](std::size_t field) { return headers.sub_header.offset + field; };
  const std::uint64_t most = std::min<std::uint64_t>(kMaxPfn, headers.bitmap1.bytes * 8);
  if (headers.max_mapnr == 0 || headers.max_mapnr > most) {
    const bool is_64 = headers.version >= 6;
    return fail(dump.error(
        ErrorKind::Corrupt, is_64 ? at(offsetof(SubHeader, max_mapnr_64)) : offsetof(Header, max_mapnr),
        is_64 ? "kdump sub header: max_mapnr_64" : "kdump header: max_mapnr",
        std::to_string(headers.max_mapnr), fmt::format("1 to {}, what a bitmap holds", most)));
  }
  if (headers.is_part && (headers.part_start > headers.part_end || headers.part_end > headers.max_mapnr)) {
    const bool is_64 = headers.version >= 6;
    return fail(dump.error(ErrorKind::Corrupt,
                           at(is_64 ? offsetof(SubHeader, start_pfn_64) : offsetof(SubHeader, start_pfn)),
                           "kdump sub header: start_pfn and end_pfn",
                           fmt::format("{:#x} to {:#x}", headers.part_start, headers.part_end),
                           fmt::format("ascending, at most {:#x}", headers.max_mapnr)));
  }
  return {};
}

}  // namespace

const char* codec_name(std::uint32_t flags) {
  switch (flags & kCodecFlags) {
    case 0: return "none";
    case kFlagZlib: return "zlib";
    case kFlagLzo: return "lzo";
    case kFlagSnappy: return "snappy";
    case kFlagZstd: return "zstd";
  }
  return nullptr;
}

Result<Headers> decode_headers(const DumpFile& dump) {
  TRY(const Header h, read_struct<Header>(dump, 0, "kdump header"));
  TRY_OK(check_header(dump, h));
  TRY(const SubHeader sub, read_struct<SubHeader>(dump, h.block_size, "kdump sub header"));
  Headers out;
  out.version = h.version;
  out.status = h.status;
  out.block_size = h.block_size;
  out.max_mapnr = h.version >= 6 ? std::uint64_t{sub.max_mapnr_64} : std::uint64_t{h.max_mapnr};
  out.is_part = h.version >= 2 && sub.split != 0;
  out.part_start = h.version >= 6 ? sub.start_pfn_64 : sub.start_pfn;
  out.part_end = h.version >= 6 ? sub.end_pfn_64 : sub.end_pfn;
  locate_blocks(h, out);
  TRY_OK(check_sub_header(dump, out));
  const auto take = [&](const char* name, std::size_t field, Blob blob, Blob& to) {
    take_blob(dump, name, out.sub_header.offset + field, blob, to, out.findings);
  };
  if (h.version >= 3)
    take("vmcoreinfo", offsetof(SubHeader, vmcoreinfo_offset), {sub.vmcoreinfo_offset, sub.vmcoreinfo_bytes},
         out.vmcoreinfo);
  if (h.version >= 4)
    take("note", offsetof(SubHeader, notes_offset), {sub.notes_offset, sub.notes_bytes}, out.notes);
  if (h.version >= 5)
    take("eraseinfo", offsetof(SubHeader, eraseinfo_offset), {sub.eraseinfo_offset, sub.eraseinfo_bytes},
         out.eraseinfo);
  out.kernel = {uts_field(h.uts.release), uts_field(h.uts.version), uts_field(h.uts.machine)};
  return out;
}

}  // namespace hib::kdump
