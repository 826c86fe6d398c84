#include "format/raw/reader.h"

#include <fmt/format.h>

#include "lib/image/extent_reader.h"

namespace hib::raw {
namespace {

// A PC's memory starts with the real-mode interrupt table: 256 vectors of offset and segment, most of them
// into the BIOS at 0xF000 or a ROM at 0xC000. Linux leaves it alone.
bool has_interrupt_table(ByteView head) {
  constexpr std::size_t kVectors = 256;
  constexpr std::size_t kEnough = 64;
  if (head.size() < kVectors * 4) return false;
  std::size_t found = 0;
  for (std::size_t i = 0; i < kVectors; ++i) {
    le16 segment;
    std::memcpy(&segment, head.data() + i * 4 + 2, 2);
    found += segment == 0xF000 || segment == 0xC000 ? 1 : 0;
  }
  return found >= kEnough;
}

}  // namespace

// Raw memory has no magic. Only a PC's is recognised; anything else has to be named with -f raw or
// --base-address.
bool recognise(const FormatHead& head) {
  return head.file_bytes % kMinPageBytes == 0 && has_interrupt_table(head.bytes);
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  const std::uint64_t base = options.base_address.value_or(0);
  if (file->size() == 0) {
    return fail(file->error(ErrorKind::NotRecognised, 0, "raw memory", "an empty file", "at least one page"));
  }
  ImageInfo info;
  info.format = "raw";
  info.variant = fmt::format("physical memory from {:#x} on", base);
  info.path = file->path();
  info.file_bytes = file->size();
  info.page_size = options.page_size;
  const Extent all{base, file->size(), 0, file->size(), "memory"};
  return ExtentReader::create(std::move(file), std::move(info), {all}, {}, {});
}

}  // namespace hib::raw
