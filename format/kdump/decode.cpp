#include "format/kdump/decode.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"

namespace hib::kdump {
namespace {

constexpr std::uint32_t kCodecFlags = kFlagZlib | kFlagLzo | kFlagSnappy | kFlagZstd;

template <typename T>
Result<T> read_struct(const DumpFile& dump, std::uint64_t offset, const char* name) {
  auto raw = dump.read_at(offset, sizeof(T));
  if (!raw) return fail(std::move(raw).error().in(name));
  Cursor in(*raw, offset, name);
  return in.read<T>(name);
}

std::optional<std::string> uts_field(const char (&field)[65]) {
  const std::string_view text = until_nul({field, sizeof(field)});
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<void> check_header(const File& file, const Header& h) {
  const auto reject = [&](ErrorKind kind, std::size_t at, const char* field, std::uint64_t found, std::string allowed) {
    return fail(file.error(kind, at, fmt::format("kdump header: {}", field), std::to_string(found), std::move(allowed)));
  };
  if (std::memcmp(h.signature, kOldSignature, sizeof(h.signature)) == 0) {
    return fail(file.error(ErrorKind::Unsupported, 0, "kdump header: signature", "DISKDUMP", "KDUMP"));
  }
  if (std::memcmp(h.signature, kSignature, sizeof(h.signature)) != 0) {
    return fail(file.error(ErrorKind::Corrupt, 0, "kdump header: signature", printable({h.signature, sizeof(h.signature)}), "KDUMP"));
  }
  if (h.version < 1 || h.version > 6) return reject(ErrorKind::Unsupported, 8, "header_version", h.version, "1 to 6, little-endian");
  if (!std::has_single_bit(std::uint32_t{h.block_size}) || h.block_size < kMinPageBytes || h.block_size > kMaxPageBytes) {
    return reject(ErrorKind::Corrupt, 428, "block_size", h.block_size, "4096 to 65536, a power of two");
  }
  if (h.bitmap_blocks == 0 || h.bitmap_blocks % 2 != 0) return reject(ErrorKind::Corrupt, 436, "bitmap_blocks", h.bitmap_blocks, "an even number, for two bitmaps");
  return {};
}

Result<Blob> check_blob(const DumpFile& dump, const char* name, Blob blob, std::uint64_t limit) {
  if (blob.bytes == 0 || blob.offset == 0) return Blob{};
  if (blob.bytes > limit || blob.offset > dump.size() || blob.bytes > dump.size() - blob.offset) {
    return fail(dump.file().error(ErrorKind::Corrupt, blob.offset, fmt::format("kdump sub header: {}", name), fmt::format("{:#x} + {:#x}", blob.offset, blob.bytes),
                                  fmt::format("inside the dump of {:#x} bytes, at most {:#x}", dump.size(), limit)));
  }
  return blob;
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
  constexpr std::uint64_t kMaxBlobBytes = 64U << 20;
  TRY(const Header h, read_struct<Header>(dump, 0, "kdump header"));
  TRY_OK(check_header(dump.file(), h));
  TRY(const SubHeader sub, read_struct<SubHeader>(dump, h.block_size, "kdump sub header"));
  const auto reject = [&](const char* field, std::string found, std::string allowed) {
    return fail(dump.file().error(ErrorKind::Corrupt, h.block_size, fmt::format("kdump sub header: {}", field), std::move(found), std::move(allowed)));
  };
  Headers out;
  out.version = h.version;
  out.status = h.status;
  out.block_size = h.block_size;
  out.max_mapnr = h.version >= 6 ? std::uint64_t{sub.max_mapnr_64} : std::uint64_t{h.max_mapnr};
  out.sub_header = {h.block_size, std::uint64_t{h.sub_header_blocks} * h.block_size};
  const std::uint64_t bitmap_bytes = std::uint64_t{h.bitmap_blocks} / 2 * h.block_size;  // 32 by 16 bits: no overflow
  out.bitmap1 = {out.sub_header.offset + out.sub_header.bytes, bitmap_bytes};
  out.bitmap2 = {out.bitmap1.offset + bitmap_bytes, bitmap_bytes};
  out.descriptors = out.bitmap2.offset + bitmap_bytes;
  if (h.version >= 2 && sub.split != 0) {
    return fail(dump.file().error(ErrorKind::Unsupported, h.block_size + 12U, "kdump sub header: split", std::to_string(std::uint32_t{sub.split}), "0: one whole dump")
                    .advise("makedumpfile --reassemble joins the parts"));
  }
  if (out.max_mapnr == 0 || out.max_mapnr > kMaxPfn || out.max_mapnr > bitmap_bytes * 8) {
    return reject("max_mapnr", std::to_string(out.max_mapnr), fmt::format("1 to {}, what a bitmap holds", std::min<std::uint64_t>(kMaxPfn, bitmap_bytes * 8)));
  }
  if (h.version >= 3) { TRY(out.vmcoreinfo, check_blob(dump, "vmcoreinfo", {sub.vmcoreinfo_offset, sub.vmcoreinfo_bytes}, kMaxBlobBytes)); }
  if (h.version >= 4) { TRY(out.notes, check_blob(dump, "notes", {sub.notes_offset, sub.notes_bytes}, kMaxBlobBytes)); }
  if (h.version >= 5) { TRY(out.eraseinfo, check_blob(dump, "eraseinfo", {sub.eraseinfo_offset, sub.eraseinfo_bytes}, kMaxBlobBytes)); }
  out.kernel = {uts_field(h.uts.release), uts_field(h.uts.version), uts_field(h.uts.machine)};
  return out;
}

}  // namespace hib::kdump
