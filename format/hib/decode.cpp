#include "format/hib/decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::hib_image {
namespace {

Error corrupt(std::uint64_t offset, std::string where, std::string found, std::string allowed) {
  return make_error(ErrorKind::Corrupt, std::move(where), std::move(found), std::move(allowed)).at(offset);
}

// In a block are pages of memory or swapped-out pages, not both.
bool are_pages(std::uint64_t first, std::uint64_t count, const Header& header) {
  const auto end = checked_add<std::uint64_t>(first, count);
  return end && *end <= header.max_number() && (is_swapped(first) || *end <= kFirstSwapped);
}

// The name that the file gives to a feature bit of the incompatible word, for the message that refuses it.
std::string feature_name(const FileHeader& header, unsigned bit) {
  for (const FeatureName& feature : header.features) {
    if (feature.word == 0 && feature.bit == bit && feature.name_bytes > 0 &&
        feature.name_bytes <= sizeof(feature.name)) {
      return fmt::format("\"{}\" (bit {})", printable({feature.name, feature.name_bytes}), bit);
    }
  }
  return fmt::format("bit {}", bit);
}

Result<void> check_features(const FileHeader& header) {
  const std::uint64_t unknown = header.incompatible & ~(kFeatureBase | kFeatureSwapped);
  if (unknown == 0) return {};
  const auto bit = static_cast<unsigned>(std::countr_zero(unknown));
  return fail(make_error(ErrorKind::Unsupported, "file header: incompatible features",
                         feature_name(header, bit),
                         "\"base\" and \"swapped-pages\", which this version knows")
                  .at(offsetof(FileHeader, incompatible))
                  .advise("a newer hibtool reads it"));
}

Result<void> check_layout(const FileHeader& h) {
  const auto power_of_two = std::has_single_bit(std::uint32_t{h.page_size});
  if (!power_of_two || h.page_size < kMinPageBytes || h.page_size > kMaxPageBytes) {
    return fail(corrupt(offsetof(FileHeader, page_size), "file header: page_size",
                        std::to_string(std::uint32_t{h.page_size}), "4096 to 65536, a power of two"));
  }
  if (h.chunk_pages == 0 || h.chunk_pages > kMaxChunkPages) {
    return fail(corrupt(offsetof(FileHeader, chunk_pages), "file header: chunk_pages",
                        std::to_string(std::uint32_t{h.chunk_pages}),
                        fmt::format("1 to {}", kMaxChunkPages)));
  }
  const bool placed = h.breadcrumb_offset == sizeof(FileHeader) &&
                      h.breadcrumb_bytes <= kMaxBreadcrumbBytes &&
                      h.breadcrumb_bytes % sizeof(BreadcrumbEntry) == 0 &&
                      h.first_block == h.breadcrumb_offset + h.breadcrumb_bytes;
  if (!placed) {
    return fail(corrupt(offsetof(FileHeader, breadcrumb_offset), "file header: breadcrumbs and first block",
                        fmt::format("{:#x} + {:#x}, {:#x}", std::uint64_t{h.breadcrumb_offset},
                                    std::uint64_t{h.breadcrumb_bytes}, std::uint64_t{h.first_block}),
                        "one after the other from 0x1000 on"));
  }
  const bool has_base = (h.incompatible & kFeatureBase) != 0;
  const bool base_named = h.base_name_bytes > 0 && h.base_name_bytes < sizeof(h.base_name);
  const std::string_view name(h.base_name, std::min<std::size_t>(h.base_name_bytes, sizeof(h.base_name)));
  if ((has_base && !base_named) || (!has_base && h.base_name_bytes != 0) ||
      name.find('/') != std::string_view::npos || name == ".." || name == "." ||
      name.find('\0') != std::string_view::npos) {
    return fail(corrupt(offsetof(FileHeader, base_name), "file header: base_name", printable(name),
                        "a file name without folder, where there is a base"));
  }
  return {};
}

}  // namespace

Hash128 to_hash(const DiskHash& hash) { return {hash.low, hash.high}; }
DiskHash to_disk(const Hash128& hash) { return {hash.low, hash.high}; }

std::string_view name_of(BlockType type) {
  switch (type) {
    case BlockType::Pages: return "PAGES";
    case BlockType::Index: return "INDEX";
    case BlockType::Record: return "RECORD";
    case BlockType::Root: return "ROOT";
    case BlockType::Commit: return "COMMIT";
  }
  return "unknown";
}

Result<Header> decode_header(ByteView raw) {
  Cursor in(raw, 0, "file header");
  TRY(const FileHeader h, in.read<FileHeader>("header"));
  if (std::memcmp(h.magic, kFileMagic, sizeof(kFileMagic)) != 0) {
    return fail(make_error(ErrorKind::NotRecognised, "file header: magic", "not that of a hib file",
                           "89 48 49 42 0d 0a 1a 0a")
                    .at(0));
  }
  if (h.version_major != kVersionMajor || h.header_bytes != sizeof(FileHeader)) {
    return fail(make_error(ErrorKind::Unsupported, "file header: version_major",
                           std::to_string(std::uint16_t{h.version_major}), std::to_string(kVersionMajor))
                    .at(offsetof(FileHeader, version_major)));
  }
  if (!matches(hash128(raw.first(offsetof(FileHeader, hash))), to_hash(h.hash))) {
    return fail(corrupt(offsetof(FileHeader, hash), "file header: hash", to_hex(to_hash(h.hash)),
                        to_hex(hash128(raw.first(offsetof(FileHeader, hash)))) + " of the bytes before it"));
  }
  TRY_OK(check_features(h));
  TRY_OK(check_layout(h));
  const ByteView reserved1 = raw.subspan(offsetof(FileHeader, reserved1), sizeof(h.reserved1));
  const ByteView name_padding = raw.subspan(offsetof(FileHeader, base_name) + h.base_name_bytes,
                                            sizeof(h.base_name) - h.base_name_bytes);
  if (h.reserved0 != 0 || !all_zero(h.reserved_keys) || !all_zero(reserved1) || !all_zero(name_padding)) {
    return fail(corrupt(offsetof(FileHeader, reserved0), "file header: reserved", "not zero", "zero"));
  }
  return Header{h.version_major, h.version_minor,      h.incompatible,
                h.compatible,    h.auto_clear,         h.page_size,
                h.chunk_pages,   h.breadcrumb_offset,  h.breadcrumb_bytes,
                h.first_block,   to_hash(h.base_root), std::string(h.base_name, h.base_name_bytes),
                to_hash(h.hash)};
}

Result<Block> decode_block_header(ByteView raw, std::uint64_t offset) {
  Cursor in(raw, offset, "block header");
  TRY(const BlockHeader h, in.read<BlockHeader>("header"));
  if (std::memcmp(h.magic, kBlockMagic, sizeof(kBlockMagic)) != 0) {
    return fail(corrupt(offset, "block header: magic", "not that of a block", "48 49 42 62"));
  }
  const std::uint64_t computed = hash64(raw.first(offsetof(BlockHeader, header_hash)));
  if (!matches(computed, h.header_hash)) {
    return fail(corrupt(offset + offsetof(BlockHeader, header_hash), "block header: header_hash",
                        hex(h.header_hash), hex(computed) + " of the bytes before it"));
  }
  if (h.type < 1 || h.type > 5) {
    return fail(corrupt(offset + offsetof(BlockHeader, type), "block header: type",
                        std::to_string(std::uint16_t{h.type}), "1 to 5"));
  }
  if (h.reserved0 != 0 || h.reserved1 != 0) {
    return fail(
        corrupt(offset + offsetof(BlockHeader, reserved0), "block header: reserved", "not zero", "zero"));
  }
  if (h.payload_bytes > kMaxPayloadBytes) {
    return fail(corrupt(offset + offsetof(BlockHeader, payload_bytes), "block header: payload_bytes",
                        hex(h.payload_bytes), "at most " + hex(kMaxPayloadBytes)));
  }
  return Block{static_cast<BlockType>(std::uint16_t{h.type}),
               offset,
               h.sequence,
               h.payload_bytes,
               h.previous,
               to_hash(h.payload_hash),
               h.header_hash};
}

Result<PagesBlock> decode_pages_header(ByteView payload, std::uint64_t payload_offset, const Header& header) {
  Cursor in(payload, payload_offset, "PAGES");
  TRY(const PagesHeader h, in.read<PagesHeader>("header"));
  const auto reject = [&](std::size_t at, const char* field, std::uint64_t found, std::string allowed) {
    return fail(
        corrupt(payload_offset + at, fmt::format("PAGES: {}", field), hex(found), std::move(allowed)));
  };
  if (h.page_count == 0 || !are_pages(h.first_pfn, h.page_count, header))
    return reject(8, "page_count", h.page_count, "1 or more, ending at PFN 2^40 or below");
  if (h.slot_count > header.chunk_pages)
    return reject(24, "slot_count", h.slot_count, fmt::format("at most {}", header.chunk_pages));
  if (h.map_bytes > kMaxMapBytes)
    return reject(28, "map_bytes", h.map_bytes, fmt::format("at most {}", kMaxMapBytes));
  if (h.codec > 1) return reject(36, "codec", h.codec, "0 or 1");
  if (!all_zero(payload.subspan(offsetof(PagesHeader, reserved), sizeof(h.reserved))))
    return reject(37, "reserved", 1, "zero");
  const std::uint64_t expected = sizeof(PagesHeader) + std::uint64_t{h.map_bytes} + h.frame_bytes;
  if (payload.size() != expected)
    return reject(32, "frame_bytes", h.frame_bytes, fmt::format("what is left of {} bytes", payload.size()));
  if (!checked_add<std::uint64_t>(h.first_slot, h.slot_count))
    return reject(16, "first_slot", h.first_slot, "no wrap");
  return PagesBlock{h.first_pfn,
                    h.page_count,
                    h.first_slot,
                    h.slot_count,
                    h.map_bytes,
                    h.frame_bytes,
                    static_cast<FrameCodec>(h.codec)};
}

Result<std::vector<MapRun>> decode_map(ByteView map, std::uint64_t offset, Pfn first_pfn,
                                       std::uint64_t page_count, std::uint64_t first_slot,
                                       std::uint32_t slot_count) {
  Cursor in(map, offset, "page map");
  std::vector<MapRun> runs;
  std::uint64_t described = 0;
  std::uint64_t stored = 0;
  const std::uint64_t end_slot = first_slot + slot_count;
  while (!in.at_end()) {
    TRY(const std::uint64_t number, in.varint("entry"));
    MapRun run{static_cast<MapKind>(number & 7), first_pfn + described, number >> 3, 0, 0};
    if (run.count == 0 || run.count > page_count - described) {
      return fail(
          in.corrupt("count", std::to_string(run.count), fmt::format("1 to {}", page_count - described)));
    }
    if (run.kind == MapKind::Fill) {
      TRY(const ByteView value, in.bytes(1, "fill value"));
      run.fill = std::to_integer<std::uint8_t>(value[0]);
      if (run.fill == 0)
        return fail(in.corrupt("fill value", "0", "1 to 255: zero pages have a kind of their own"));
    }
    if (run.kind == MapKind::Stored) {
      if (run.count > slot_count - stored)
        return fail(in.corrupt("stored pages", std::to_string(stored + run.count),
                               fmt::format("{} slots", slot_count)));
      run.slot = first_slot + stored;
      stored += run.count;
    }
    if (run.kind == MapKind::Equal) {
      TRY(run.slot, in.varint("slot"));
      if (run.slot >= end_slot || run.count > end_slot - run.slot) {
        return fail(in.corrupt("slot", fmt::format("{} + {}", run.slot, run.count),
                               fmt::format("an end of at most {}", end_slot)));
      }
    }
    described += run.count;
    runs.push_back(run);
  }
  if (described != page_count)
    return fail(in.corrupt("pages described", std::to_string(described), std::to_string(page_count)));
  if (stored != slot_count)
    return fail(in.corrupt("stored pages", std::to_string(stored), std::to_string(slot_count)));
  return runs;
}

Result<Index> decode_index(ByteView payload, std::uint64_t payload_offset, const Header& header) {
  Cursor in(payload, payload_offset, "INDEX");
  TRY(const IndexHeader h, in.read<IndexHeader>("header"));
  if (h.block_count == 0 || h.block_count > kBlocksPerIndex || h.reserved != 0) {
    return fail(in.corrupt("block_count", std::to_string(std::uint32_t{h.block_count}),
                           fmt::format("1 to {}", kBlocksPerIndex)));
  }
  Index index;
  index.first_slot = h.first_slot;
  std::uint64_t slots = 0;
  std::uint64_t maps = 0;
  Pfn previous_end = 0;
  for (std::uint32_t i = 0; i < h.block_count; ++i) {
    TRY(const IndexEntry e, in.read<IndexEntry>(fmt::format("entry {}", i)));
    const bool good = e.page_count > 0 && are_pages(e.first_pfn, e.page_count, header) &&
                      e.first_pfn >= previous_end && e.reserved == 0 && e.slot_count <= header.chunk_pages &&
                      e.map_bytes <= kMaxMapBytes;
    if (!good) {
      return fail(in.corrupt(
          fmt::format("entry {}", i),
          fmt::format("PFN {:#x} + {:#x}, {} slots, {} map bytes", std::uint64_t{e.first_pfn},
                      std::uint64_t{e.page_count}, std::uint32_t{e.slot_count}, std::uint32_t{e.map_bytes}),
          fmt::format("ascending PFNs from {:#x}, at most {} slots", previous_end, header.chunk_pages)));
    }
    previous_end = e.first_pfn + e.page_count;
    index.chunks.push_back({e.offset, e.payload_bytes, e.first_pfn, e.page_count, h.first_slot + slots,
                            e.slot_count, e.map_bytes, maps, to_hash(e.payload_hash)});
    slots += e.slot_count;
    maps += e.map_bytes;
  }
  if (slots != h.slot_count || maps != h.maps_bytes) {
    return fail(in.corrupt(
        "totals",
        fmt::format("{} slots, {} map bytes", std::uint64_t{h.slot_count}, std::uint64_t{h.maps_bytes}),
        fmt::format("{} and {}, the sums of the entries", slots, maps)));
  }
  TRY(const ByteView map_bytes, in.bytes(maps, "maps"));
  TRY(const ByteView hash_bytes, in.bytes(slots * sizeof(le64), "page hashes"));
  if (!in.at_end()) return fail(in.corrupt("length", fmt::format("{} bytes too many", in.left()), "none"));
  index.maps.assign(map_bytes.begin(), map_bytes.end());
  index.page_hashes.resize(slots);
  for (std::uint64_t i = 0; i < slots; ++i) {
    le64 value;
    std::memcpy(&value, hash_bytes.data() + i * sizeof(value), sizeof(value));
    index.page_hashes[i] = value;
  }
  return index;
}

namespace {

Hash128 read_canonical(const std::byte* bytes) {
  be64 high;
  be64 low;
  std::memcpy(&high, bytes, 8);
  std::memcpy(&low, bytes + 8, 8);
  return {low, high};
}

Result<void> read_swapped(Cursor& in, Root& root) {
  TRY(const RootSwapped s, in.read<RootSwapped>("swapped pages"));
  root.swapped = {s.data_pages, s.zero_pages, s.absent_pages, s.unreadable_pages};
  root.swapped_end = s.end_slot;
  root.swapped_digest = read_canonical(s.digest);
  if (s.end_slot <= kMaxPfn && all_zero(ByteView(s.reserved))) return {};
  return fail(in.corrupt("swapped pages", fmt::format("end_slot {:#x}", std::uint64_t{s.end_slot}),
                         "at most 2^40, and reserved bytes of zero"));
}

}  // namespace

Result<Root> decode_root(ByteView payload, std::uint64_t payload_offset, const Header& header) {
  Cursor in(payload, payload_offset, "ROOT");
  TRY(const RootHeader h, in.read<RootHeader>("header"));
  const std::uint64_t expected = std::uint64_t{h.index_count} * sizeof(RootIndexEntry) +
                                 std::uint64_t{h.record_count} * sizeof(RootRecordEntry) +
                                 (header.has_swapped() ? sizeof(RootSwapped) : 0);
  if (in.left() != expected) {
    return fail(in.corrupt("length", fmt::format("{} bytes of entries", in.left()),
                           fmt::format("{} for {} indexes and {} records", expected,
                                       std::uint32_t{h.index_count}, std::uint32_t{h.record_count})));
  }
  Root root;
  root.pages = {h.data_pages, h.zero_pages, h.absent_pages, h.unreadable_pages};
  root.filled_pages = h.filled_pages;
  root.equal_pages = h.equal_pages;
  root.base_pages = h.base_pages;
  root.slots = h.slots;
  root.end_pfn = h.end_pfn;
  root.content_digest = read_canonical(h.content_digest);
  root.header_hash = to_hash(h.header_hash);
  root.blocks_before = h.blocks_before;
  Pfn previous_end = 0;
  std::uint64_t slots = 0;
  for (std::uint32_t i = 0; i < h.index_count; ++i) {
    TRY(const RootIndexEntry e, in.read<RootIndexEntry>("index entry"));
    const auto end = checked_add<std::uint64_t>(e.first_pfn, e.page_count);
    if (!end || *end > header.max_number() || e.first_pfn < previous_end || e.first_slot != slots) {
      return fail(in.corrupt(fmt::format("index entry {}", i),
                             fmt::format("PFN {:#x} + {:#x}, slot {}", std::uint64_t{e.first_pfn},
                                         std::uint64_t{e.page_count}, std::uint64_t{e.first_slot}),
                             fmt::format("PFNs from {:#x}, slot {}", previous_end, slots)));
    }
    previous_end = *end;
    slots += e.slot_count;
    root.indexes.push_back({e.offset, e.payload_bytes, e.first_pfn, e.page_count, e.first_slot, e.slot_count,
                            to_hash(e.payload_hash)});
  }
  for (std::uint32_t i = 0; i < h.record_count; ++i) {
    TRY(const RootRecordEntry e, in.read<RootRecordEntry>("record entry"));
    root.records.push_back({e.offset, e.payload_bytes, to_hash(e.payload_hash)});
  }
  if (header.has_swapped()) TRY_OK(read_swapped(in, root));
  return root;
}

Result<Commit> decode_commit(ByteView payload, std::uint64_t payload_offset) {
  Cursor in(payload, payload_offset, "COMMIT");
  TRY(const CommitPayload c, in.read<CommitPayload>("payload"));
  if (!in.at_end() || !all_zero(c.reserved)) return fail(in.corrupt("reserved", "not zero", "zero"));
  return Commit{c.root_offset, c.root_payload_bytes, to_hash(c.root_hash), c.file_bytes};
}

Result<std::vector<Breadcrumb>> decode_breadcrumbs(ByteView area, std::uint64_t offset) {
  std::vector<Breadcrumb> crumbs;
  Cursor in(area, offset, "breadcrumbs");
  for (std::uint32_t i = 0; in.left() >= sizeof(BreadcrumbEntry); ++i) {
    const std::uint64_t at = in.offset();
    TRY(const ByteView raw, in.bytes(sizeof(BreadcrumbEntry), "entry"));
    if (all_zero(raw)) break;
    Cursor entry(raw, at, fmt::format("breadcrumb {}", i));
    TRY(const BreadcrumbEntry e, entry.read<BreadcrumbEntry>("entry"));
    const bool good = std::memcmp(e.magic, kBreadcrumbMagic, sizeof(e.magic)) == 0 && e.number == i &&
                      e.reserved == 0 && e.text_bytes <= sizeof(e.text) &&
                      e.hash == hash64(raw.first(offsetof(BreadcrumbEntry, hash)));
    if (!good)
      return fail(
          corrupt(at, fmt::format("breadcrumb {}", i), "damaged", "an entry with its own hash, or zero"));
    crumbs.push_back({e.phase, e.time_ns, std::string(e.text, e.text_bytes)});
  }
  const std::uint64_t used = crumbs.size() * sizeof(BreadcrumbEntry);
  if (!all_zero(area.subspan(used)))
    return fail(corrupt(offset + used, "breadcrumbs: unused entries", "not zero", "zero"));
  return crumbs;
}

Result<Block> read_block_header(const File& file, std::uint64_t offset) {
  if (offset % kBlockAlignment != 0) {
    return fail(file.error(ErrorKind::Corrupt, offset, "block offset", hex(offset), "a multiple of 16"));
  }
  std::array<std::byte, sizeof(BlockHeader)> raw;
  TRY_OK(file.read_at(offset, MutableBytes(raw)));
  auto block = decode_block_header(raw, offset);
  if (!block) return fail(std::move(block).error().of(file.path()));
  return block;
}

Result<std::vector<std::byte>> read_payload(const File& file, const Block& block) {
  std::vector<std::byte> payload;
  TRY_OK(read_payload(file, block, payload));
  payload.resize(block.payload_bytes);
  return payload;
}

Result<ByteView> read_payload(const File& file, const Block& block, std::vector<std::byte>& buffer) {
  TRY(const ByteView padded,
      file.read_at(block.payload_offset(), round_up(block.payload_bytes, kBlockAlignment), buffer));
  const Hash128 computed = hash128(padded);
  if (!matches(computed, block.payload_hash)) {
    return fail(file.error(ErrorKind::Corrupt, block.payload_offset(),
                           fmt::format("{} block {}: payload hash", name_of(block.type), block.sequence),
                           to_hex(computed), to_hex(block.payload_hash)));
  }
  if (!all_zero(padded.subspan(block.payload_bytes))) {
    return fail(file.error(ErrorKind::Corrupt, block.payload_offset() + block.payload_bytes, "padding",
                           "not zero", "zero"));
  }
  return padded.first(block.payload_bytes);
}

Result<BlockBytes> read_block(const File& file, std::uint64_t offset, BlockType expected_type) {
  TRY(const Block block, read_block_header(file, offset));
  if (block.type != expected_type) {
    return fail(file.error(ErrorKind::Corrupt, offset, "block header: type", std::string(name_of(block.type)),
                           std::string(name_of(expected_type))));
  }
  TRY(auto payload, read_payload(file, block));
  return BlockBytes{block, std::move(payload)};
}

}  // namespace hib::hib_image
