#include "format/hib/area.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "format/hib/layout.h"
#include "lib/codec/hash.h"

namespace hib::hib_image {
namespace {

constexpr std::string_view kSwapSignature = "SWAPSPACE2";
constexpr std::size_t kSignatureAt = kAreaHeadBytes - kSwapSignature.size();

Result<std::vector<std::byte>> read_head(const File& device, std::uint64_t head) {
  return device.read_at(head, kAreaHeadBytes);
}

std::string_view signature_of(const std::vector<std::byte>& head) {
  return as_text(ByteView(head).subspan(kSignatureAt));
}

Result<void> write_bytes(const File& device, std::uint64_t offset, ByteView bytes) {
  const Fd fd(::open(device.path().c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(device.path()));
  const ssize_t written = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written != static_cast<ssize_t>(bytes.size()))
    return fail(system_error("write", written < 0 ? errno : ENOSPC).at(offset).of(device.path()));
  if (::fdatasync(fd.get()) != 0) return fail(system_error("flush", errno).of(device.path()));
  return {};
}

Result<Area> swap_area(const File& device) {
  if (device.size() <= kAreaHeadBytes)
    return fail(device.error(ErrorKind::Corrupt, 0, "swap area", fmt::format("{} bytes", device.size()),
                             "more than a page"));
  return Area{AreaKind::Swap, 0, {{kAreaHeadBytes, device.size() - kAreaHeadBytes}}};
}

// Places on the device: whole sectors, none twice, none over the head.
Result<void> check_places(const File& device, const Area& area) {
  std::vector<DeviceRange> all = area.places;
  all.push_back({area.head, kAreaHeadBytes});
  std::sort(all.begin(), all.end(),
            [](const DeviceRange& a, const DeviceRange& b) { return a.start < b.start; });
  std::uint64_t end = 0;
  for (const DeviceRange& place : all) {
    const bool fits = place.bytes > 0 && place.start % kSectorBytes == 0 && place.bytes % kSectorBytes == 0 &&
                      place.start >= end && place.start <= device.size() &&
                      place.bytes <= device.size() - place.start;
    if (!fits)
      return fail(device.error(ErrorKind::Corrupt, area.head, "area head: place",
                               fmt::format("{} bytes at {:#x}", place.bytes, place.start),
                               "whole sectors of the device, none of them twice"));
    end = place.end();
  }
  return {};
}

Result<Area> decode_blocks(const File& device, std::uint64_t head, const std::vector<std::byte>& bytes) {
  AreaHead raw;
  std::memcpy(&raw, bytes.data(), sizeof(raw));
  const std::uint64_t hash = hash64(ByteView(bytes).first(offsetof(AreaHead, hash)));
  if (hash != raw.hash)
    return fail(device.error(ErrorKind::Corrupt, head + offsetof(AreaHead, hash), "area head: hash",
                             fmt::format("{:#x}", std::uint64_t{raw.hash}), fmt::format("{:#x}", hash)));
  if (raw.version != kAreaVersion)
    return fail(device.error(ErrorKind::Unsupported, head + offsetof(AreaHead, version), "area head: version",
                             std::to_string(raw.version), std::to_string(kAreaVersion)));
  if (raw.count == 0 || raw.count > kMaxAreaPlaces)
    return fail(device.error(ErrorKind::Corrupt, head + offsetof(AreaHead, count), "area head: places",
                             std::to_string(raw.count), fmt::format("1 to {}", kMaxAreaPlaces)));
  Area area{AreaKind::Blocks, head, {}};
  if (raw.head != head) {  // not the device, so the file itself, through its file system
    if (head != 0 || device.is_block_device() || device.size() <= kAreaHeadBytes)
      return fail(device.error(ErrorKind::Corrupt, head + offsetof(AreaHead, head), "area head: its place",
                               fmt::format("{:#x}", std::uint64_t{raw.head}), fmt::format("{:#x}", head)));
    area.places = {{kAreaHeadBytes, device.size() - kAreaHeadBytes}};
    return area;
  }
  for (std::size_t i = 0; i < raw.count; ++i)
    area.places.push_back({raw.places[i].start, raw.places[i].bytes});
  TRY_OK(check_places(device, area));
  return area;
}

}  // namespace

Result<Area> find_area(const File& device, std::uint64_t head) {
  const Area whole{AreaKind::Whole, head, {}};
  if (device.size() < kAreaHeadBytes || head > device.size() - kAreaHeadBytes) return whole;
  TRY(const auto bytes, read_head(device, head));
  if (std::memcmp(bytes.data(), kAreaMagic, sizeof(kAreaMagic)) == 0)
    return decode_blocks(device, head, bytes);
  if (head == 0 && signature_of(bytes) == kSwapAreaSignature) return swap_area(device);
  if (head != 0 && std::memcmp(bytes.data(), kFileMagic, sizeof(kFileMagic)) == 0)
    return Area{AreaKind::Whole, head, {{head, device.size() - head}}};
  return whole;
}

Result<std::shared_ptr<const File>> open_area(std::shared_ptr<const File> device, std::uint64_t head) {
  TRY(auto area, find_area(*device, head));
  if (area.places.empty()) return device;
  return device->window(std::move(area.places));
}

Result<Area> area_of_swap(const File& device) {
  if (device.size() >= kAreaHeadBytes) {
    TRY(const auto head, read_head(device, 0));
    const std::string_view signature = signature_of(head);
    if (signature == kSwapSignature || signature == kSwapAreaSignature) return swap_area(device);
  }
  return fail(device.error(ErrorKind::NotRecognised, kSignatureAt, "swap header", "none of 4 KiB pages",
                           std::string(kSwapSignature)));
}

Result<Area> area_of_file(const File& file, std::uint64_t device_bytes) {
  const auto refuse = [&](std::string found, std::string allowed) {
    return fail(
        make_error(ErrorKind::Refused, "target", std::move(found), std::move(allowed)).of(file.path()));
  };
  TRY(const auto pieces, file_pieces(file));
  Area area{AreaKind::Blocks, 0, {}};
  std::uint64_t end = 0;
  for (const FilePiece& piece : pieces) {
    if (piece.file_offset != end || piece.is_shared)
      return refuse(piece.is_shared ? "a file that shares blocks with another" : "a file with holes",
                    "one that is preallocated: fallocate -l SIZE FILE");
    if (piece.device_offset > device_bytes || piece.bytes > device_bytes - piece.device_offset)
      return refuse("blocks outside of the device below", "a file system on one device");
    end += piece.bytes;
    if (!area.places.empty() && area.places.back().end() == piece.device_offset)
      area.places.back().bytes += piece.bytes;
    else
      area.places.push_back({piece.device_offset, piece.bytes});
  }
  if (end < file.size() || end < 2 * kAreaHeadBytes)
    return refuse("a file with holes", "one that is preallocated: fallocate -l SIZE FILE");
  if (area.places.front().bytes <= kAreaHeadBytes || area.places.size() > kMaxAreaPlaces)
    return refuse(fmt::format("a file in {} pieces", area.places.size()),
                  fmt::format("up to {}, the first of more than a page", kMaxAreaPlaces));
  area.head = area.places.front().start;
  area.places.front() = {area.head + kAreaHeadBytes, area.places.front().bytes - kAreaHeadBytes};
  return area;
}

Result<void> write_area_head(const File& device, const Area& area) {
  if (area.kind == AreaKind::Whole) return {};
  if (area.kind == AreaKind::Swap) return write_bytes(device, kSignatureAt, as_bytes(kSwapAreaSignature));
  TRY_OK(check_places(device, area));
  AreaHead raw{};
  std::memcpy(raw.magic, kAreaMagic, sizeof(kAreaMagic));
  raw.version = kAreaVersion;
  raw.count = static_cast<std::uint32_t>(area.places.size());
  for (std::size_t i = 0; i < area.places.size(); ++i)
    raw.places[i] = {area.places[i].start, area.places[i].bytes};
  raw.head = area.head;
  raw.hash = hash64(object_bytes(raw).first(offsetof(AreaHead, hash)));
  return write_bytes(device, area.head, object_bytes(raw));
}

Result<void> remove_area_head(const File& device, const Area& area) {
  if (area.kind != AreaKind::Swap) return {};
  TRY(const auto head, read_head(device, 0));
  if (signature_of(head) != kSwapAreaSignature) return {};
  return write_bytes(device, kSignatureAt, as_bytes(kSwapSignature));
}

}  // namespace hib::hib_image
