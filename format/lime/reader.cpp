#include "format/lime/reader.h"

#include <fmt/format.h>

#include "format/lime/layout.h"
#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/image/extent_reader.h"
#include "lib/image/input.h"

namespace hib::lime {
namespace {

constexpr std::size_t kMaxRanges = 1U << 20;

Result<RangeHeader> read_header(const File& file, std::uint64_t offset, std::size_t index) {
  const std::string where = fmt::format("range {}", index);
  auto raw = file.read_at(offset, sizeof(RangeHeader));
  if (!raw) return fail(std::move(raw).error().in(where + ": header"));
  Cursor in(*raw, offset, where);
  TRY(const RangeHeader header, in.read<RangeHeader>("header"));
  const auto reject = [&](std::uint64_t at, const char* field, std::uint64_t found, std::string allowed) {
    return fail(file.error(ErrorKind::Corrupt, offset + at, where + ": " + field, fmt::format("{:#x}", found),
                           std::move(allowed)));
  };
  if (header.magic != kMagic) return reject(0, "magic", header.magic, fmt::format("{:#x}", kMagic));
  if (header.version != kVersion) return reject(4, "version", header.version, "1");
  if (header.last < header.start)
    return reject(16, "last address", header.last,
                  fmt::format("at least the first, {:#x}", std::uint64_t{header.start}));
  if (header.last - header.start >= kMaxPfn * kMinPageBytes)
    return reject(16, "last address", header.last, "below 2^52");
  return header;
}

}  // namespace

bool recognise(const FormatHead& head) {
  Cursor in(head.bytes, 0, "LiME header");
  const auto header = in.read<RangeHeader>("header");
  return header && header->magic == kMagic && header->version == kVersion;
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  ImageInfo info;
  info.format = "lime";
  describe_input(*file, info);
  info.page_size = options.page_size;
  std::vector<Extent> extents;
  RangeMap labels;
  std::uint64_t offset = 0;
  while (offset < file->size()) {
    if (extents.size() == kMaxRanges) {
      return fail(
          file->error(ErrorKind::Limit, offset, "ranges", fmt::format("more than {}", kMaxRanges), "fewer"));
    }
    auto header = read_header(*file, offset, extents.size());
    if (!header) {
      if (extents.empty()) return fail(std::move(header).error());
      // What follows is unknown: neither its length nor its addresses can be told.
      info.state = ImageState::Incomplete;
      info.findings.push_back({"broken-range", Severity::Error, offset, header.error().line()});
      info.damage.push_back({std::move(header).error(), {}});
      break;
    }
    labels.add(offset, sizeof(RangeHeader), fmt::format("header of range {}", extents.size()));
    offset += sizeof(RangeHeader);
    const std::uint64_t size = header->last - header->start + 1;
    extents.push_back({header->start, size, offset, size, fmt::format("range {}", extents.size())});
    offset += size;  // both are below 2^52 here
  }
  info.variant = "LiME 1, " + counted(extents.size(), "range");
  return ExtentReader::create(std::move(file), std::move(info), std::move(extents), {}, std::move(labels));
}

}  // namespace hib::lime
