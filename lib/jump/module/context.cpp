#include "lib/jump/module/context.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/base/text.h"
#include "lib/codec/crc32.h"

namespace hib::jump {

Result<Context> decode_context(ByteView page, std::uint64_t address) {
  const auto corrupt = [&](std::size_t offset, std::string field, std::string found, std::string allowed) {
    return fail(make_error(ErrorKind::Corrupt, "jump context: " + field, std::move(found), std::move(allowed))
                    .at(address + offset));
  };
  if (page.size() < sizeof(hibjump_context))
    return corrupt(0, "size", std::to_string(page.size()),
                   fmt::format("at least {}", sizeof(hibjump_context)));
  hibjump_context raw;  // x86-64 on both sides: the page is this structure
  std::memcpy(&raw, page.data(), sizeof(raw));
  if (raw.magic != HIBJUMP_CONTEXT_MAGIC)
    return corrupt(0, "magic", hex(raw.magic), hex(HIBJUMP_CONTEXT_MAGIC));
  if (raw.version != HIBJUMP_VERSION)
    return corrupt(offsetof(hibjump_context, version), "version", std::to_string(raw.version),
                   std::to_string(HIBJUMP_VERSION));
  if (raw.bytes != sizeof(hibjump_saved))
    return corrupt(offsetof(hibjump_context, bytes), "bytes", std::to_string(raw.bytes),
                   std::to_string(sizeof(hibjump_saved)));
  hibjump_saved summed = raw.saved;
  summed.stack = 0;  // written after the checksum was made
  const std::uint32_t crc = crc32(object_bytes(summed));
  if (crc != raw.crc) return corrupt(offsetof(hibjump_context, crc), "crc", hex(raw.crc), hex(crc));
  const hibjump_saved& saved = raw.saved;
  if (saved.self_phys != address)
    return corrupt(offsetof(hibjump_context, saved.self_phys), "self_phys", hex(saved.self_phys),
                   hex(address));
  if (saved.low_count == 0 || saved.low_count > HIBJUMP_MAX_LOW)
    return corrupt(offsetof(hibjump_context, saved.low_count), "low_count", std::to_string(saved.low_count),
                   fmt::format("1 to {}", HIBJUMP_MAX_LOW));

  Context context;
  std::copy(std::begin(saved.id), std::end(saved.id), context.id.begin());
  context.region = {saved.region_start, saved.region_bytes};
  if (!checked_add<std::uint64_t>(saved.region_start, saved.region_bytes))
    return corrupt(offsetof(hibjump_context, saved.region_bytes), "region_bytes", hex(saved.region_bytes),
                   "no overflow");
  context.low_copy = saved.low_copy;
  std::uint64_t end = 0;
  std::uint64_t copied = 0;
  for (std::uint32_t i = 0; i < saved.low_count; ++i) {
    const MemoryRange range{saved.low[i].start, saved.low[i].bytes};
    const bool is_valid = range.start >= end && range.start < kLowEnd && range.bytes > 0 &&
                          range.bytes <= kLowEnd - range.start && range.start % kPageBytes == 0 &&
                          range.bytes % kPageBytes == 0;
    if (!is_valid)
      return corrupt(offsetof(hibjump_context, saved.low) + i * sizeof(hibjump_range),
                     fmt::format("low[{}]", i), fmt::format("{} bytes at {}", range.bytes, hex(range.start)),
                     "whole pages below 640 KiB, ascending");
    context.low.push_back(range);
    end = range.end();
    copied += range.bytes;
  }
  if (!context.region.contains(saved.low_copy, copied))
    return corrupt(offsetof(hibjump_context, saved.low_copy), "low_copy", hex(saved.low_copy),
                   "in the crash region");
  context.five_levels = saved.five_levels != 0;
  context.address = address;
  context.self = saved.self;
  context.table = saved.table;
  context.entry = saved.resume;
  context.suspended_ns = saved.suspended_ns;
  if (saved.wish < static_cast<std::uint32_t>(Wish::Rehearse) ||
      saved.wish > static_cast<std::uint32_t>(Wish::StandBy))
    return corrupt(offsetof(hibjump_context, saved.wish), "wish", std::to_string(saved.wish), "1 to 4");
  context.wish = static_cast<Wish>(saved.wish);
  if (saved.free_map % kPageBytes != 0 || saved.free_map_bytes > kMaxMapIndexBytes)
    return corrupt(offsetof(hibjump_context, saved.free_map), "free_map",
                   fmt::format("{} bytes at {}", saved.free_map_bytes, hex(saved.free_map)),
                   fmt::format("at a page, up to {}", kMaxMapIndexBytes));
  context.free_map = {saved.free_map, saved.free_map_bytes};
  if (saved.skip_map % kPageBytes != 0 || saved.skip_map_bytes == 0 ||
      saved.skip_map_bytes > kMaxMapIndexBytes)
    return corrupt(offsetof(hibjump_context, saved.skip_map), "skip_map",
                   fmt::format("{} bytes at {}", saved.skip_map_bytes, hex(saved.skip_map)),
                   fmt::format("at a page, 1 to {}", kMaxMapIndexBytes));
  context.skip_map = {saved.skip_map, saved.skip_map_bytes};
  constexpr std::uint64_t kMaxIndexBytes = 1U << 16;
  if (saved.records % kPageBytes != 0 || saved.records_bytes > kMaxIndexBytes)
    return corrupt(offsetof(hibjump_context, saved.records), "records",
                   fmt::format("{} bytes at {}", saved.records_bytes, hex(saved.records)),
                   fmt::format("at a page, up to {}", kMaxIndexBytes));
  context.records = {saved.records, saved.records_bytes};
  return context;
}

}  // namespace hib::jump
