#include "format/hib/breadcrumbs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "format/hib/decode.h"

namespace hib::hib_image {
namespace {

BreadcrumbEntry encode(std::uint16_t phase, std::uint64_t time_ns, const std::string& text,
                       std::uint32_t number) {
  BreadcrumbEntry entry{};
  std::memcpy(entry.magic, kBreadcrumbMagic, sizeof(kBreadcrumbMagic));
  entry.phase = phase;
  entry.text_bytes = static_cast<std::uint16_t>(std::min(text.size(), sizeof(entry.text)));
  entry.time_ns = time_ns;
  entry.number = number;
  std::memcpy(entry.text, text.data(), entry.text_bytes);
  entry.hash = hash64(object_bytes(entry).first(offsetof(BreadcrumbEntry, hash)));
  return entry;
}

struct History {
  Header header;
  std::vector<Breadcrumb> breadcrumbs;
};

Result<History> read_history(const File& file) {
  TRY(const auto raw, file.read_at(0, sizeof(FileHeader)));
  auto header = decode_header(raw);
  if (!header) return fail(std::move(header).error().of(file.path()));
  TRY(const auto area, file.read_at(header->breadcrumb_offset, header->breadcrumb_bytes));
  auto crumbs = decode_breadcrumbs(area, header->breadcrumb_offset);
  if (!crumbs) return fail(std::move(crumbs).error().of(file.path()));
  return History{std::move(*header), std::move(*crumbs)};
}

}  // namespace

std::vector<std::byte> encode_breadcrumbs(const std::vector<Breadcrumb>& breadcrumbs,
                                          std::size_t area_bytes) {
  std::vector<std::byte> area(area_bytes);
  const std::size_t count = std::min(breadcrumbs.size(), area_bytes / sizeof(BreadcrumbEntry));
  for (std::size_t i = 0; i < count; ++i) {
    const Breadcrumb& crumb = breadcrumbs[i];
    const BreadcrumbEntry entry =
        encode(crumb.phase, crumb.time_ns, crumb.text, static_cast<std::uint32_t>(i));
    std::memcpy(area.data() + i * sizeof(entry), &entry, sizeof(entry));
  }
  return area;
}

Result<std::vector<Breadcrumb>> read_breadcrumbs(const File& image) {
  TRY(auto history, read_history(image));
  return std::move(history.breadcrumbs);
}

Result<void> append_breadcrumb(const File& image, Phase phase, std::uint64_t time_ns,
                               const std::string& text) {
  TRY(const auto history, read_history(image));
  const std::size_t count = history.breadcrumbs.size();
  const std::uint64_t offset = history.header.breadcrumb_offset + count * sizeof(BreadcrumbEntry);
  if (offset == history.header.first_block) {
    return fail(image.error(ErrorKind::Limit, offset, "breadcrumbs",
                            fmt::format("all {} entries used", count), "a free one"));
  }
  const Fd fd(::open(image.path().c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(image.path()));
  const BreadcrumbEntry entry =
      encode(static_cast<std::uint16_t>(phase), time_ns, text, static_cast<std::uint32_t>(count));
  // One write of 128 aligned bytes: it lies inside one sector, which a disk writes whole or not at all.
  const ssize_t written =
      ::pwrite(fd.get(), &entry, sizeof(entry), static_cast<off_t>(image.place_of(offset)));
  if (written != sizeof(entry))
    return fail(system_error("write", written < 0 ? errno : ENOSPC).at(offset).of(image.path()));
  if (::fdatasync(fd.get()) != 0) return fail(system_error("flush", errno).of(image.path()));
  return {};
}

}  // namespace hib::hib_image
