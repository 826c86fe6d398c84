#include "format/registry.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "format/elf/reader.h"
#include "format/hib/area.h"
#include "format/hib/reader.h"
#include "format/kdump/reader.h"
#include "format/lime/reader.h"
#include "format/raw/reader.h"
#include "format/swsusp/reader.h"

namespace hib {
namespace {

// In the order of trying: a strong magic first, raw memory, which has none, last.
constexpr std::array<const Backend*, 7> kBackends = {
    &container::kBackend,    &kdump::kBackend,          &elf::kBackend, &lime::kBackend,
    &swsusp::kSwsuspBackend, &swsusp::kSnapshotBackend, &raw::kBackend};

}  // namespace

std::span<const Backend* const> backends() { return kBackends; }

const Backend* find_backend(std::string_view name) {
  const auto it =
      std::find_if(kBackends.begin(), kBackends.end(), [&](const Backend* b) { return b->name == name; });
  return it == kBackends.end() ? nullptr : *it;
}

Result<std::unique_ptr<ImageReader>> open_image(const std::string& path, const std::string& format,
                                                const OpenOptions& options) {
  TRY(auto file, File::open(path));
  constexpr std::uint64_t kOffsetUnit = 4096;
  const auto head = checked_mul<std::uint64_t>(options.swap_offset.value_or(0), kOffsetUnit);
  TRY(const auto area, container::open_area(file, head.value_or(0)));
  if (area != file) return container::kBackend.open(area, options);
  if (!format.empty()) {
    const Backend* backend = find_backend(format);
    if (backend == nullptr)
      return fail(make_error(ErrorKind::Usage, "--format", format, "a format that hibtool --help lists"));
    return backend->open(std::move(file), options);
  }
  if (options.swap_offset) return swsusp::kSwsuspBackend.open(std::move(file), options);
  if (options.base_address) return raw::kBackend.open(std::move(file), options);
  TRY(const auto start, file->read_at(0, std::min<std::uint64_t>(file->size(), kProbeBytes)));
  const ProbeInput input{start, file->size()};
  for (const Backend* backend : kBackends) {
    if (backend->probe(input) == Match::Yes) return backend->open(std::move(file), options);
  }
  return fail(make_error(ErrorKind::NotRecognised, "format",
                         file->size() == 0 ? "an empty file" : "nothing that a reader knows",
                         "hib, kdump, elf, lime, swsusp, snapshot")
                  .of(path)
                  .advise("-f raw reads it as raw physical memory"));
}

}  // namespace hib
