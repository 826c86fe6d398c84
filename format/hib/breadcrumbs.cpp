#include "format/hib/breadcrumbs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "format/hib/decode.h"

namespace hib::container {
namespace {

BreadcrumbEntry encode(Phase phase, std::uint64_t time_ns, const std::string& text, std::uint32_t number) {
  BreadcrumbEntry entry{};
  std::memcpy(entry.magic, kBreadcrumbMagic, sizeof(kBreadcrumbMagic));
  entry.phase = static_cast<std::uint16_t>(phase);
  entry.text_bytes = static_cast<std::uint16_t>(std::min(text.size(), sizeof(entry.text)));
  entry.time_ns = time_ns;
  entry.number = number;
  std::memcpy(entry.text, text.data(), entry.text_bytes);
  entry.hash = hash64(object_bytes(entry).first(offsetof(BreadcrumbEntry, hash)));
  return entry;
}

}  // namespace

Result<void> append_breadcrumb(const std::string& path, Phase phase, std::uint64_t time_ns, const std::string& text) {
  TRY(const auto file, File::open(path));
  TRY(const auto raw, file->read_at(0, sizeof(FileHeader)));
  auto header = decode_header(raw);
  if (!header) return fail(std::move(header).error().of(path));
  TRY(const auto area, file->read_at(header->breadcrumb_offset, header->breadcrumb_bytes));
  auto crumbs = decode_breadcrumbs(area, header->breadcrumb_offset);
  if (!crumbs) return fail(std::move(crumbs).error().of(path));
  const std::uint64_t offset = header->breadcrumb_offset + crumbs->size() * sizeof(BreadcrumbEntry);
  if (offset == header->first_block) {
    return fail(file->error(ErrorKind::Limit, offset, "breadcrumbs", fmt::format("all {} entries used", crumbs->size()), "a free one"));
  }
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(path));
  const BreadcrumbEntry entry = encode(phase, time_ns, text, static_cast<std::uint32_t>(crumbs->size()));
  // One write of 128 aligned bytes: it lies inside one sector, which a disk writes whole or not at all.
  const ssize_t written = ::pwrite(fd.get(), &entry, sizeof(entry), static_cast<off_t>(offset));
  if (written != sizeof(entry)) return fail(system_error("write", written < 0 ? errno : ENOSPC).at(offset).of(path));
  if (::fdatasync(fd.get()) != 0) return fail(system_error("flush", errno).of(path));
  return {};
}

}  // namespace hib::container
