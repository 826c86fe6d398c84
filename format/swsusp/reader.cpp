#include "format/swsusp/reader.h"

#include <fmt/format.h>

#include "format/swsusp/carve/carve.h"
#include "format/swsusp/carve/headerless.h"
#include "format/swsusp/empty_reader.h"
#include "format/swsusp/image_record.h"
#include "format/swsusp/locate.h"
#include "format/swsusp/parts.h"
#include "format/swsusp/snapshot_reader.h"
#include "format/swsusp/snapshot_stream.h"
#include "format/swsusp/swap_stream.h"
#include "format/swsusp/uswsusp_stream.h"
#include "lib/base/text.h"
#include "lib/codec/md5.h"
#include "lib/image/input.h"

namespace hib::swsusp {
namespace {

// ---- a swap area

std::unique_ptr<ImageReader> plain_area(const Located& found) {
  ImageInfo info = basic_info(found);
  info.findings.push_back(
      {"no-image", Severity::Note, found.header_offset,
       fmt::format("a swap area{} without a hibernation image",
                   found.header.uuid_text().empty() ? "" : " (UUID " + found.header.uuid_text() + ")")});
  RangeMap map;
  label_header(map, found);
  Error none = found.space.file().error(
      ErrorKind::NotRecognised, found.header_offset + found.header.page_size - kSigFromEnd,
      "swap header: signature",
      fmt::format("\"{}\": a swap area without an image", printable(found.header.sig)),
      "S1SUSPEND, or what a kernel leaves of it");
  if (seems_to_hold_images(found.space.file_handle())) {
    none.advice = carve_advice(found.space.file());
    info.findings.push_back({"carvable", Severity::Note, std::nullopt, none.advice});
  }
  return make_empty_reader(std::move(info), std::move(map), std::move(none));
}

std::vector<Layer> header_layers(const Located& found) {
  const Header& header = found.header;
  std::vector<Layer> layers;
  const std::string sig(until_nul(header.sig));
  layers.push_back({"signature", LayerResult::Ok,
                    header.state == State::Armed
                        ? fmt::format("{}: armed", printable(sig))
                        : fmt::format("{}: consumed, a kernel or swapon has put the swap signature back",
                                      printable(sig))});
  const std::uint32_t unknown = header.flags & ~kKnownFlags;
  layers.push_back({"header", unknown == 0 ? LayerResult::Ok : LayerResult::NotChecked,
                    unknown == 0
                        ? fmt::format("map at block {}, flags {:#x}", header.image, header.flags)
                        : fmt::format("flags {:#x}, of which {:#x} are not known", header.flags, unknown)});
  return layers;
}

void add_consumed(const Located& found, const char* by, ImageInfo& info) {
  if (found.header.state != State::Consumed) return;
  info.findings.push_back(
      {"consumed", Severity::Note, found.header_offset + found.header.page_size - kSigFromEnd,
       fmt::format("{} has tried to resume from this image, or swapon has come across it, and "
                   "the signature is gone; whether a resume succeeded is not recorded: hibtool "
                   "diagnose asks the logs",
                   by)});
}

}  // namespace

Result<std::unique_ptr<ImageReader>> read_swsusp(const Located& found, std::unique_ptr<SwapStream> stream) {
  const Header& header = found.header;
  SnapshotParts parts;
  parts.info = basic_info(found);
  parts.info.codec = header.codec();
  parts.layers = header_layers(found);
  if ((header.flags & ~kKnownFlags) != 0) {
    parts.info.findings.push_back({"unknown-flags", Severity::Warning,
                                   found.header_offset + header.page_size - kFlagsFromEnd,
                                   fmt::format("flags {:#x} are not known; read as if they were not set",
                                               header.flags & ~kKnownFlags)});
  }
  if (header.has_hw_sig())
    parts.info.details.emplace_back("hardware", fmt::format("signature {:#010x}", header.hw_sig));
  if ((header.flags & kFlagPlatform) != 0)
    parts.info.details.emplace_back("power off", "by the platform (ACPI S4)");
  parts.info.details.emplace_back(
      "map",
      fmt::format("{} from block {} on, {} in {}", counted(stream->chain().map_pages.size(), "map page"),
                  header.image, counted(stream->chain().blocks.size(), "block"),
                  counted(stream->chain().blocks.runs().size(), "run")));
  add_consumed(found, "a kernel", parts.info);
  parts.label = [found](RangeMap& map) { label_header(map, found); };
  ImageRecord& record = parts.record;
  record.codec = header.codec();
  record.flags = header.flags;
  record.hw_sig = header.hw_sig;
  record.swap_uuid = header.uuid_text();
  record.swap_label = header.label;
  record.header_block = found.header_block;
  record.blocks = all_blocks(stream->chain());
  parts.slots = slots_beside(found, record.blocks);
  return SnapshotReader::create(std::move(stream), std::move(parts));
}

namespace {

ImageInfo uswsusp_info(const Located& found, const UswsuspStream& stream) {
  const std::uint32_t flags = stream.image().flags;
  ImageInfo info = basic_info(found);
  info.format = "uswsusp";
  info.codec = stream.is_compressed() ? "lzo" : "none";
  info.is_encrypted = (flags & (UswsuspHeader::kEncrypted | UswsuspHeader::kRsa)) != 0;
  if (info.is_encrypted)
    info.variant +=
        (flags & UswsuspHeader::kRsa) != 0 ? ", encrypted (Blowfish, RSA key)" : ", encrypted (Blowfish)";
  return info;
}

// Encrypted, and no passphrase: what the headers say, and why no more.
std::unique_ptr<ImageReader> describe_locked(const Located& found, const UswsuspStream& stream, Error why) {
  const UswsuspHeader& image = stream.image();
  ImageInfo info = uswsusp_info(found, stream);
  info.pages_are_known = false;
  info.details.emplace_back("stream",
                            counted(image.pages, "page") + ", the info page and the PFN list among them");
  if ((image.flags & UswsuspHeader::kPlatform) != 0)
    info.details.emplace_back("power off", "by the platform (ACPI S4)");
  if ((image.flags & UswsuspHeader::kChecksum) != 0) {
    info.integrity_algorithm = "md5";
    info.integrity_value = hex_digest(image.md5);
  }
  add_consumed(found, "uswsusp", info);
  const bool has_passphrase = why.kind == ErrorKind::Authentication;
  info.findings.push_back({has_passphrase ? "encrypted" : "not-read", Severity::Note, why.offset,
                           has_passphrase
                               ? "the image is encrypted; --passphrase-file FILE opens it"
                               : "the image is encrypted with an RSA key, which hibtool does not read"});
  RangeMap map;
  label_header(map, found);
  stream.label(map);
  return make_empty_reader(std::move(info), std::move(map), std::move(why));
}

}  // namespace

Result<std::unique_ptr<ImageReader>> read_uswsusp(const Located& found, const std::string& passphrase) {
  TRY(auto stream, UswsuspStream::find(found.space, found.header));
  if (auto why = stream->locked(passphrase)) return describe_locked(found, *stream, std::move(*why));
  TRY_OK(stream->open(passphrase));
  const UswsuspHeader& image = stream->image();
  SnapshotParts parts;
  parts.info = uswsusp_info(found, *stream);
  add_consumed(found, "uswsusp", parts.info);
  if (found.header.state == State::Plain) {
    parts.info.findings.push_back({"carved", Severity::Warning, found.header_offset,
                                   "no swap header leads to this image: nothing resumes from it as it is"});
  } else {
    parts.layers.push_back(
        {"signature", LayerResult::Ok,
         fmt::format("{}: {}", printable(until_nul(found.header.sig)), name_of(parts.info.state))});
  }
  parts.layers.push_back(
      {"header", LayerResult::Ok, fmt::format("flags {:#x}, {} pages", image.flags, grouped(image.pages))});
  parts.label = [found](RangeMap& map) { label_header(map, found); };
  parts.record.codec = parts.info.codec;
  parts.record.flags = (image.flags & UswsuspHeader::kPlatform) != 0 ? kFlagPlatform : 0;
  parts.record.swap_uuid = found.header.uuid_text();
  parts.record.swap_label = found.header.label;
  parts.record.header_block = found.header_block;
  parts.record.blocks = in_order(stream->image_blocks());
  parts.slots = slots_beside(found, parts.record.blocks);
  return SnapshotReader::create(std::move(stream), std::move(parts));
}

namespace {

// ---- TuxOnIce: recognised, not read

bool is_tuxonice(const File& file) {
  std::array<std::byte, sizeof(kTuxOnIceMagic)> head{};
  return file.size() >= kPageSizes[0] && file.read_at(0, head) &&
         std::memcmp(head.data(), kTuxOnIceMagic, sizeof(kTuxOnIceMagic)) == 0;
}

// The swap allocator's record behind the magic (struct toi_sig_data, as a 64-bit kernel lays it out).
std::unique_ptr<ImageReader> describe_tuxonice(const std::shared_ptr<const File>& file) {
  ImageInfo info;
  info.format = "tuxonice";
  info.variant = "swap area";
  describe_input(*file, info);
  info.state = ImageState::Armed;
  info.codec = "unknown";
  info.pages_are_known = false;
  if (const auto raw = file->read_at(0, 32)) {
    const Abi abi;
    const std::uint32_t device = abi.u32(*raw, 8);
    info.details.emplace_back(
        "header", fmt::format("device {}:{}, sector {}", device >> 20, device & 0xFFFFF, abi.u64(*raw, 16)));
    info.details.emplace_back("attempted",
                              abi.u32(*raw, 24) != 0 ? "a resume was attempted" : "no resume was attempted");
  }
  RangeMap map;
  map.add(0, kPageSizes[0], "TuxOnIce signature page");
  info.findings.push_back(
      {"not-read", Severity::Note, 0, "an image of TuxOnIce: recognised, but its pages cannot be read"});
  Error why = file->error(ErrorKind::Unsupported, 0, "format", "a TuxOnIce image, whose pages cannot be read",
                          "swsusp or uswsusp");
  return make_empty_reader(std::move(info), std::move(map), std::move(why));
}

}  // namespace

bool recognise_swap(const FormatHead& head) {
  const bool tuxonice = head.bytes.size() >= kPageSizes[0] &&
                        std::memcmp(head.bytes.data(), kTuxOnIceMagic, sizeof(kTuxOnIceMagic)) == 0;
  return tuxonice || may_hold_swap_area(head.bytes);
}

bool recognise_snapshot(const FormatHead& head) {
  return find_snapshot_info(head.bytes, head.file_bytes).has_value();
}

namespace {

// Where the map chain is broken, what lies behind is looked for on the device, as carving does.
Result<std::unique_ptr<ImageReader>> open_swsusp(const Located& found) {
  auto stream = SwapStream::open(found.space, found.header, found.header_block);
  const bool is_broken = !stream || !(*stream)->has_whole_chain();
  auto image = stream ? read_swsusp(found, std::move(*stream))
                      : Result<std::unique_ptr<ImageReader>>(fail(std::move(stream).error()));
  if (!is_broken) return image;
  auto mended = open_mended(found);
  const bool is_better =
      mended && (!image || (*mended)->info().pages.unreadable < (*image)->info().pages.unreadable);
  return is_better ? std::move(mended) : std::move(image);
}

}  // namespace

Result<std::unique_ptr<ImageReader>> open_swap(std::shared_ptr<const File> file, const OpenOptions& options) {
  if (options.at) return open_at(std::move(file), options);
  if (!options.swap_offset && is_tuxonice(*file)) return describe_tuxonice(file);
  TRY(const Located found, locate(std::move(file), options));
  if (is_uswsusp(found.space, found.header)) return read_uswsusp(found, options.passphrase);
  if (found.header.state == State::Plain) return plain_area(found);
  return open_swsusp(found);
}

Result<std::unique_ptr<ImageReader>> open_snapshot(std::shared_ptr<const File> file, const OpenOptions&) {
  TRY(auto stream, SnapshotStream::open(std::move(file)));
  SnapshotParts parts;
  parts.info.format = "snapshot";
  parts.info.variant = "stream of /dev/snapshot";
  parts.info.state = ImageState::Unknown;  // told once the pages have been counted
  return SnapshotReader::create(std::move(stream), std::move(parts));
}

}  // namespace hib::swsusp
