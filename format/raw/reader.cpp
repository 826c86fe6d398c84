#include "format/raw/reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "lib/image/extent_reader.h"
#include "lib/image/input.h"

namespace hib::raw {
namespace {

// What a PC's firmware leaves at the start of memory, and Linux leaves alone. The real-mode interrupt table:
// 256 vectors of offset and segment, most of them into the BIOS at 0xF000 or a ROM at 0xC000. It would look
// much the same a few vectors further on, as behind a header of 32 bytes. Two more marks tell where it
// starts: vectors that stand at the addresses of the first PC's BIOS, as they do in all since, and the BIOS
// data area at 0x400.
struct PcMarks {
  std::size_t rom_vectors = 0;
  std::size_t known_vectors = 0;
  std::uint32_t base_memory_kib = 0;  // 0: the BIOS data area does not agree with itself

  bool has_table() const { return rom_vectors >= 64; }
  bool has_known_vectors() const { return known_vectors >= 3; }
  bool is_pc() const { return has_table() && (has_known_vectors() || base_memory_kib != 0); }
};

constexpr std::size_t kVectors = 256;
constexpr std::size_t kExtendedDataSegment = 0x40E;  // in the BIOS data area
constexpr std::size_t kBaseMemory = 0x413;           // KiB
constexpr std::size_t kMarksBytes = 0x415;

struct KnownVector {
  std::size_t number;
  std::uint16_t offset;  // in segment 0xF000
};
constexpr KnownVector kKnownVectors[] = {
    {0x02, 0xE2C3}, {0x08, 0xFEA5}, {0x09, 0xE987}, {0x0E, 0xEF57}, {0x11, 0xF84D},
    {0x12, 0xF841}, {0x13, 0xE3FE}, {0x14, 0xE739}, {0x15, 0xF859}, {0x16, 0xE82E},
    {0x17, 0xEFD2}, {0x19, 0xE6F2}, {0x1A, 0xFE6E},
};

std::uint16_t word_at(ByteView head, std::size_t offset) {
  le16 word;
  std::memcpy(&word, head.data() + offset, sizeof(word));
  return word;
}

PcMarks pc_marks(ByteView head) {
  PcMarks marks;
  if (head.size() < kMarksBytes) return marks;
  for (std::size_t i = 0; i < kVectors; ++i) {
    const std::uint16_t segment = word_at(head, i * 4 + 2);
    marks.rom_vectors += segment == 0xF000 || segment == 0xC000 ? 1 : 0;
  }
  for (const KnownVector& known : kKnownVectors) {
    const bool stands =
        word_at(head, known.number * 4) == known.offset && word_at(head, known.number * 4 + 2) == 0xF000;
    marks.known_vectors += stands ? 1 : 0;
  }
  const std::uint32_t kib = word_at(head, kBaseMemory);
  const std::uint32_t extended = std::uint32_t{word_at(head, kExtendedDataSegment)} * 16;
  if (kib >= 512 && kib <= 640 && extended >= kib * 1024 && extended < 640 * 1024)
    marks.base_memory_kib = kib;
  return marks;
}

// How sure it is that this is a PC's memory from its first byte on.
std::string certainty(const PcMarks& marks) {
  if (!marks.is_pc()) return "none by its content: it was named";
  std::string found = fmt::format("interrupt table with {} vectors into ROM", marks.rom_vectors);
  if (marks.has_known_vectors()) found += fmt::format(", {} of them a PC's own", marks.known_vectors);
  if (marks.base_memory_kib != 0) found += fmt::format(", {} KiB of base memory", marks.base_memory_kib);
  return (marks.has_known_vectors() && marks.base_memory_kib != 0 ? "high: " : "fair: ") + found;
}

}  // namespace

// Raw memory has no magic. Only a PC's is recognised; anything else has to be named with -f raw or
// --base-address.
bool recognise(const FormatHead& head) {
  return head.file_bytes % kMinPageBytes == 0 && pc_marks(head.bytes).is_pc();
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  const std::uint64_t base = options.base_address.value_or(0);
  if (file->size() == 0) {
    return fail(file->error(ErrorKind::NotRecognised, 0, "raw memory", "an empty file", "at least one page"));
  }
  ImageInfo info;
  info.format = "raw";
  info.variant = fmt::format("physical memory from {:#x} on", base);
  describe_input(*file, info);
  info.page_size = options.page_size;
  if (base == 0) {
    TRY(const auto head, file->read_at(0, std::min<std::uint64_t>(file->size(), kMarksBytes)));
    info.details.emplace_back("certainty", certainty(pc_marks(head)));
  }
  const Extent all{base, file->size(), 0, file->size(), "memory"};
  return ExtentReader::create(std::move(file), std::move(info), {all}, {}, {});
}

}  // namespace hib::raw
