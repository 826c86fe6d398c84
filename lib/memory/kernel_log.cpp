#include "lib/memory/kernel_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/memory/address_space.h"
#include "lib/os/cancel.h"

namespace hib::memory {
namespace {

// A number of VMCOREINFO that has to be there.
class LogLayout {
 public:
  explicit LogLayout(const AddressSpace& memory) : memory_(memory) {}

  Result<std::uint64_t> get(const std::string& key) const {
    if (const auto value = memory_.vmcoreinfo(key)) return *value;
    return fail(make_error(ErrorKind::NotFound, "VMCOREINFO", "no " + key, "it, to find the kernel's log"));
  }
  Result<std::uint64_t> symbol(const char* name) const { return get(fmt::format("SYMBOL({})", name)); }
  Result<std::uint64_t> size(const char* name) const { return get(fmt::format("SIZE({})", name)); }
  Result<std::uint64_t> offset(const char* member) const { return get(fmt::format("OFFSET({})", member)); }

 private:
  const AddressSpace& memory_;
};

// ---- Linux 5.10 and later

// Bits 62 and 63 of a descriptor's state say what it is; the others are the id of its record.
constexpr unsigned kIdBits = 62;
constexpr std::uint64_t kIdMask = (std::uint64_t{1} << kIdBits) - 1;
constexpr std::uint64_t kCommitted = 1;
constexpr std::uint64_t kFinalized = 2;
constexpr std::uint64_t kNoData = 1;             // bit of a text's place: the record has none
constexpr std::uint64_t kIdBytes = 8;            // of the id in front of a text
constexpr std::size_t kFacilityAfterLength = 2;  // u16 text_len; u8 facility; u8 flags:5, level:3
constexpr unsigned kLevelShift = 5;

struct Ring {
  Address descriptors = 0;
  Address infos = 0;
  Address texts = 0;
  std::uint64_t count = 0;       // of descriptors, a power of two
  std::uint64_t text_bytes = 0;  // of all texts, a power of two
  std::uint64_t tail = 0;        // id of the oldest record
  std::uint64_t head = 0;        // and of the newest

  std::uint64_t descriptor_bytes = 0;
  std::uint64_t state = 0;  // offsets of members
  std::uint64_t begin = 0;
  std::uint64_t next = 0;
  std::uint64_t info_bytes = 0;
  std::uint64_t sequence = 0;
  std::uint64_t time = 0;
  std::uint64_t length = 0;
  std::uint64_t caller = 0;
};

Result<void> find_layout(const LogLayout& layout, Ring& ring) {
  TRY(ring.descriptor_bytes, layout.size("prb_desc"));
  TRY(ring.info_bytes, layout.size("printk_info"));
  TRY(const std::uint64_t state, layout.offset("prb_desc.state_var"));
  TRY(const std::uint64_t counter, layout.offset("atomic_long_t.counter"));
  TRY(const std::uint64_t place, layout.offset("prb_desc.text_blk_lpos"));
  TRY(const std::uint64_t begin, layout.offset("prb_data_blk_lpos.begin"));
  TRY(const std::uint64_t next, layout.offset("prb_data_blk_lpos.next"));
  TRY(ring.sequence, layout.offset("printk_info.seq"));
  TRY(ring.time, layout.offset("printk_info.ts_nsec"));
  TRY(ring.length, layout.offset("printk_info.text_len"));
  TRY(ring.caller, layout.offset("printk_info.caller_id"));
  ring.state = state + counter;
  ring.begin = place + begin;
  ring.next = place + next;
  return {};
}

Result<std::uint64_t> power_of_two(const AddressSpace& memory, Address place, const char* what,
                                   unsigned most) {
  TRY(const le32 bits, memory.object<le32>(place));
  if (bits <= most) return std::uint64_t{1} << bits;
  return fail(make_error(ErrorKind::Corrupt, fmt::format("kernel log: {}", what),
                         std::to_string(std::uint32_t{bits}), fmt::format("up to {}", most)));
}

Result<Ring> find_ring(const AddressSpace& memory, const LogLayout& layout) {
  Ring ring;
  TRY_OK(find_layout(layout, ring));
  TRY(const Address pointer, layout.symbol("prb"));
  TRY(const Address base, memory.word(pointer));
  TRY(const std::uint64_t descriptors, layout.offset("printk_ringbuffer.desc_ring"));
  TRY(const std::uint64_t texts, layout.offset("printk_ringbuffer.text_data_ring"));
  const auto word = [&](std::uint64_t within, const char* member) -> Result<std::uint64_t> {
    TRY(const std::uint64_t offset, layout.offset(member));
    return memory.word(base + within + offset);
  };
  TRY(const std::uint64_t counter, layout.offset("atomic_long_t.counter"));
  TRY(const std::uint64_t count_bits, layout.offset("prb_desc_ring.count_bits"));
  TRY(const std::uint64_t size_bits, layout.offset("prb_data_ring.size_bits"));
  TRY(ring.count, power_of_two(memory, base + descriptors + count_bits, "count_bits", kMaxLogDescriptorBits));
  TRY(ring.text_bytes, power_of_two(memory, base + texts + size_bits, "size_bits", kMaxLogBits));
  TRY(ring.descriptors, word(descriptors, "prb_desc_ring.descs"));
  TRY(ring.infos, word(descriptors, "prb_desc_ring.infos"));
  TRY(ring.head, word(descriptors + counter, "prb_desc_ring.head_id"));
  TRY(ring.tail, word(descriptors + counter, "prb_desc_ring.tail_id"));
  TRY(ring.texts, word(texts, "prb_data_ring.data"));
  ring.head &= kIdMask;
  ring.tail &= kIdMask;
  if (((ring.head - ring.tail) & kIdMask) < ring.count) return ring;
  return fail(make_error(ErrorKind::Corrupt, "kernel log: head_id", hex(ring.head),
                         fmt::format("less than {} after tail_id, {}", ring.count, hex(ring.tail))));
}

// A text that does not fit behind the end of its ring begins at the ring's start.
Result<std::string> read_text(const AddressSpace& memory, const Ring& ring, std::uint64_t begin,
                              std::uint64_t next, std::uint64_t length) {
  if (((begin | next) & kNoData) != 0) return std::string();
  const std::uint64_t mask = ring.text_bytes - 1;
  const std::uint64_t rounds = ((next - 1) / ring.text_bytes) - begin / ring.text_bytes;
  const std::uint64_t start = rounds == 0 ? begin & mask : 0;
  const std::uint64_t end = ((next - 1) & mask) + 1;
  const std::uint64_t block = end - start;  // of a text that ends before it begins: too large
  if (rounds > 1 || block <= kIdBytes || block > ring.text_bytes) {
    return fail(make_error(ErrorKind::Corrupt, "kernel log: text_blk_lpos", hex(next),
                           fmt::format("behind {}, in {} bytes", hex(begin), ring.text_bytes)));
  }
  TRY(const auto bytes, memory.bytes(ring.texts + start + kIdBytes, std::min(length, block - kIdBytes)));
  return std::string(as_text(bytes));
}

// Nothing where no record of that id is complete: one that was being written, or has been taken back.
Result<std::optional<LogLine>> read_record(const AddressSpace& memory, const Ring& ring, std::uint64_t id,
                                           std::uint64_t& sequence) {
  const std::uint64_t index = id & (ring.count - 1);
  const Address descriptor = ring.descriptors + index * ring.descriptor_bytes;
  const Address info = ring.infos + index * ring.info_bytes;
  TRY(const std::uint64_t state, memory.word(descriptor + ring.state));
  const std::uint64_t kind = state >> kIdBits;
  if ((state & kIdMask) != id || (kind != kCommitted && kind != kFinalized)) return std::optional<LogLine>();
  TRY(const std::uint64_t begin, memory.word(descriptor + ring.begin));
  TRY(const std::uint64_t next, memory.word(descriptor + ring.next));
  TRY(const le16 length, memory.object<le16>(info + ring.length));
  TRY(const auto kinds, memory.bytes(info + ring.length + kFacilityAfterLength, 2));
  TRY(const le32 caller, memory.object<le32>(info + ring.caller));
  TRY(sequence, memory.word(info + ring.sequence));
  LogLine line;
  TRY(line.time_ns, memory.word(info + ring.time));
  line.facility = std::to_integer<unsigned>(kinds[0]);
  line.level = std::to_integer<unsigned>(kinds[1]) >> kLevelShift;
  line.caller = std::uint32_t{caller};
  TRY(line.text, read_text(memory, ring, begin, next, length));
  return std::optional(std::move(line));
}

Result<KernelLog> read_ring(const AddressSpace& memory, const LogLayout& layout) {
  TRY(const Ring ring, find_ring(memory, layout));
  KernelLog log;
  std::uint64_t text_bytes = 0;
  const std::uint64_t count = ((ring.head - ring.tail) & kIdMask) + 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (cancelled()) return fail(cancelled_error());
    std::uint64_t sequence = 0;
    auto record = read_record(memory, ring, (ring.tail + i) & kIdMask, sequence);
    if (!record) {
      ++log.unreadable;
      continue;
    }
    if (!*record) continue;
    text_bytes += (*record)->text.size();
    if (text_bytes > ring.text_bytes) {
      return fail(make_error(ErrorKind::Corrupt, "kernel log: texts", counted(text_bytes, "byte"),
                             fmt::format("at most {}, each in a place of its own", ring.text_bytes)));
    }
    if (log.lines.empty()) log.lost_before = sequence - std::min(sequence, log.unreadable);
    log.lines.push_back(std::move(**record));
  }
  return log;
}

// ---- before Linux 5.10

// struct printk_log; caller_id only where the kernel was built to keep it.
struct OldRecord {
  le64 time_ns;
  le16 bytes;  // of the record, 0: it goes on at the start of the ring
  le16 text_bytes;
  le16 other_bytes;
  std::uint8_t facility;
  std::uint8_t flags_and_level;
  le32 caller;
};
static_assert(sizeof(OldRecord) == 20);

Result<KernelLog> read_old_ring(const AddressSpace& memory, const LogLayout& layout) {
  TRY(const Address pointer, layout.symbol("log_buf"));
  TRY(const Address length_place, layout.symbol("log_buf_len"));
  TRY(const Address first_place, layout.symbol("log_first_idx"));
  TRY(const Address next_place, layout.symbol("log_next_idx"));
  TRY(const std::uint64_t header_bytes, layout.size("printk_log"));
  TRY(const Address base, memory.word(pointer));
  TRY(const le32 ring_bytes, memory.object<le32>(length_place));
  TRY(const le32 first, memory.object<le32>(first_place));
  TRY(const le32 end, memory.object<le32>(next_place));
  if (header_bytes < offsetof(OldRecord, caller) || ring_bytes > kMaxLogBytes || first >= ring_bytes ||
      end > ring_bytes) {
    return fail(make_error(ErrorKind::Corrupt, "kernel log: log_first_idx, log_next_idx",
                           fmt::format("{}, {}", std::uint32_t{first}, std::uint32_t{end}),
                           fmt::format("inside of log_buf_len, {}", std::uint32_t{ring_bytes})));
  }
  KernelLog log;
  bool has_wrapped = false;
  std::uint64_t at = first;
  while (at != end) {
    if (cancelled()) return fail(cancelled_error());
    OldRecord record{};
    const std::uint64_t kept = std::min<std::uint64_t>(header_bytes, sizeof(OldRecord));
    const bool fits = at + kept <= ring_bytes;
    if (fits) TRY_OK(memory.read(base + at, MutableBytes(reinterpret_cast<std::byte*>(&record), kept)));
    if (!fits || record.bytes == 0) {
      if (has_wrapped)
        return fail(make_error(ErrorKind::Corrupt, "kernel log: a record of log_buf", hex(at),
                               "records that lead to log_next_idx"));
      has_wrapped = true;
      at = 0;
      continue;
    }
    const std::uint64_t text_bytes = record.text_bytes;
    if (record.bytes < header_bytes || header_bytes + text_bytes > record.bytes ||
        at + record.bytes > ring_bytes) {
      return fail(
          make_error(ErrorKind::Corrupt, fmt::format("kernel log: record at {}: length", hex(at)),
                     std::to_string(std::uint16_t{record.bytes}),
                     fmt::format("{} and the text of {}, inside of the ring", header_bytes, text_bytes)));
    }
    LogLine line{record.time_ns, unsigned{record.flags_and_level} >> kLevelShift, record.facility, {}, {}};
    if (header_bytes >= sizeof(OldRecord)) line.caller = std::uint32_t{record.caller};
    TRY(const auto text, memory.bytes(base + at + header_bytes, text_bytes));
    line.text = as_text(text);
    log.lines.push_back(std::move(line));
    at += record.bytes;
  }
  return log;
}

}  // namespace

Result<KernelLog> kernel_log(const ImageReader& image) {
  TRY(const AddressSpace memory, AddressSpace::open(image));
  const LogLayout layout(memory);
  auto log =
      memory.vmcoreinfo("SYMBOL(log_first_idx)") ? read_old_ring(memory, layout) : read_ring(memory, layout);
  if (!log) return fail(std::move(log).error().of(image.info().path));
  return log;
}

std::string caller_of(std::uint32_t caller) {
  constexpr std::uint32_t kIsProcessor = 0x80000000;
  return (caller & kIsProcessor) != 0 ? fmt::format("CPU {}", caller & ~kIsProcessor)
                                      : fmt::format("thread {}", caller);
}

}  // namespace hib::memory
