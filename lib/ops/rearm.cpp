#include "lib/ops/rearm.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/fs/memory_scan.h"
#include "lib/fs/on_disk.h"
#include "lib/image/content_digest.h"
#include "lib/image/swapped_record.h"
#include "lib/image/unused_options.h"
#include "lib/ops/diff.h"
#include "lib/ops/verify.h"
#include "lib/os/same_disk.h"

namespace hib {
namespace {

RearmCheck check_image(const VerifyReport& report) {
  switch (report.verdict) {
    case Verdict::Good:
      return {"image", true, "every layer verifies, the checksum included: the blocks are untouched"};
    case Verdict::Damaged:
      return {"image", false,
              "damaged: " + (report.damage.empty() ? std::string("a layer is bad")
                                                   : report.damage.front().error.text())};
    case Verdict::Unverifiable:
      return {"image", false,
              "not all of it can be proven: it carries no checksum, or a restore record of an unknown kind"};
  }
  return {};
}

// The image's device, those that share its disk, and those that were named.
std::vector<std::string> devices_to_look_at(const RearmRequest& request) {
  std::vector<std::string> paths = {request.image};
  for (std::string& path : devices_of_same_disk(request.image, "")) paths.push_back(std::move(path));
  for (const std::string& path : request.devices) {
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  }
  return paths;
}

Result<std::vector<fs::OnDisk>> file_systems_here(const std::vector<std::string>& paths) {
  std::vector<fs::OnDisk> found;
  for (const std::string& path : paths) {
    TRY(const auto file, File::open(path));
    for (fs::OnDisk& one : fs::file_systems_on(*file)) found.push_back(std::move(one));
  }
  return found;
}

RearmCheck check_file_system(const fs::MemoryScan& memory, const std::string& uuid,
                             const std::vector<fs::OnDisk>& here, const std::vector<std::string>& paths) {
  const std::string name = "file system " + uuid;
  const auto it =
      std::find_if(here.begin(), here.end(), [&](const fs::OnDisk& one) { return one.uuid == uuid; });
  if (it == here.end()) {
    return {
        name, false,
        fmt::format("the machine used this {} file system, and it is not on {}: name its disk with --device",
                    memory.of(uuid, 0).type, paths.size() == 1 ? paths.front() : "the disks looked at")};
  }
  const fs::InMemory saved = memory.of(uuid, it->log_sectors);
  const fs::WrittenSince since = fs::written_since(saved.marks, it->marks, 0);
  switch (since.since) {
    case fs::Since::Untouched: return {name, true, saved.type + ", as the machine left it", since.since};
    case fs::Since::Written:
      if (since.by_mount) return {name, false, "it was mounted or checked since", since.since};
      return {name, false,
              fmt::format("it was written since: expected {}, found {}", since.expected, since.found),
              since.since};
    case fs::Since::Unproven:
      return {
          name, false,
          fmt::format("{}, of which it cannot be told whether it was written since: expected {}, found {}",
                      saved.type, since.expected, since.found),
          since.since};
  }
  return {};
}

// Every file system of which the machine had something in memory has to be found, unchanged.
Result<void> check_file_systems(const RearmRequest& request, const fs::MemoryScan& memory,
                                RearmReport& report) {
  const std::vector<std::string> uuids = memory.uuids();
  if (uuids.empty()) report.checks.push_back({"file systems", true, "none in the machine's memory"});
  const auto paths = devices_to_look_at(request);
  TRY(const auto here, file_systems_here(paths));
  for (const std::string& uuid : uuids) report.checks.push_back(check_file_system(memory, uuid, here, paths));
  return {};
}

// The kernel's account names the slots in use; without it, all that is not zero may be one.
Result<std::uint64_t> slots_in_use(const ImageReader& image) {
  const ImageReader& slots = *image.swapped_pages();
  const auto record = swapped_record_in(image.records());
  if (record && record->exact) return slots.info().pages.present();
  PipelineOptions options;
  options.salvage = true;
  TRY(const auto result, run_pipeline(slots, nullptr, options));
  return result.pages.data + result.pages.unreadable;
}

// No checksum covers the slots: a copy that was made while they were right proves them.
Result<RearmCheck> check_swapped_pages(const Formats& formats, const RearmRequest& request,
                                       const ImageReader& image, const Hash128& memory) {
  const std::string name = "swapped-out pages";
  if (image.swapped_pages() == nullptr) return RearmCheck{name, true, "none"};
  TRY(const std::uint64_t count, slots_in_use(image));
  if (count == 0) return RearmCheck{name, true, "none: every slot that may be in use is zero"};
  const std::string pages = counted(count, "swapped-out page");
  if (request.against.empty()) {
    if (request.trust_swapped) return RearmCheck{name, true, pages + ", trusted as they are"};
    return RearmCheck{name, false,
                      pages +
                          " cannot be proven: no checksum covers them; --against COPY.hib proves them, "
                          "--trust-swapped-pages takes them as they are"};
  }
  TRY(const auto copy, formats.open_whole(request.against, "", {}));
  if (copy->info().content_digest != ContentDigest::text(memory))
    return RearmCheck{name, false, request.against + " is not a copy of this image: it has other memory"};
  if (copy->swapped_pages() == nullptr)
    return RearmCheck{name, false, request.against + " was made without the swapped-out pages"};
  PipelineOptions options;
  options.threads = request.threads;
  TRY(const DiffReport compared, diff(image, *copy, options));
  if (compared.swapped->identical()) return RearmCheck{name, true, pages + ", as in " + request.against};
  return RearmCheck{
      name, false,
      counted(compared.swapped->changed + compared.swapped->only_a + compared.swapped->only_b, "slot") +
          " changed since " + request.against + " was made"};
}

Result<const Format*> format_that_rearms(const Formats& formats, const ImageInfo& info, bool has_place) {
  const Format* format = formats.reader_of(info.format);
  const bool can_be = format != nullptr && format->rearm != nullptr;
  if (!info.found_in.empty()) {
    return fail(make_error(ErrorKind::Refused, "rearm", "an image in " + info.found_in.front().title,
                           "a swap area of this machine, where the signature can be put back")
                    .of(info.path));
  }
  if (can_be && has_place && info.state == ImageState::None) {
    return fail(make_error(ErrorKind::Refused, "rearm", "an image whose header is gone, named by --at",
                           "one whose header is there, without its signature")
                    .of(info.path)
                    .advise("create --at and restore --as swsusp write the image back"));
  }
  if (can_be && info.state != ImageState::None) return format;
  return fail(make_error(can_be ? ErrorKind::Refused : ErrorKind::NotRecognised, "rearm",
                         can_be ? std::string("a swap area without an image")
                                : std::string(formats.title(info.format)),
                         "a consumed hibernation image in a swap area")
                  .of(info.path));
}

}  // namespace

bool RearmReport::possible() const {
  return std::all_of(checks.begin(), checks.end(), [](const RearmCheck& check) { return check.ok; });
}

Result<RearmReport> could_be_rearmed(const Formats& formats, const ImageReader& image,
                                     const RearmRequest& request) {
  TRY_OK(format_that_rearms(formats, image.info(), request.open.at.has_value()));
  RearmReport report;
  report.image = request.image;
  report.armed_already = image.info().state == ImageState::Armed;
  fs::MemoryScan memory;
  const std::uint32_t page_size = image.info().page_size;
  TRY(report.verified, verify(image, request.threads, request.progress,
                              [&](const PageBatch& batch) { memory.add(batch, page_size); }));
  report.checks.push_back(check_image(report.verified));
  TRY(RearmCheck swapped, check_swapped_pages(formats, request, image, report.verified.content_digest));
  report.checks.push_back(std::move(swapped));
  TRY_OK(check_file_systems(request, memory, report));
  return report;
}

Result<RearmReport> rearm(const Formats& formats, const RearmRequest& request) {
  OpenOptions open = request.open;
  open.salvage = true;  // damage is an answer here
  TRY(const auto image, formats.open(request.image, request.format, open));
  TRY_OK(refuse_unused(formats, request.open, {image->info()}));
  TRY(RearmReport report, could_be_rearmed(formats, *image, request));
  if (!request.write || !report.possible() || report.armed_already) return report;
  TRY(const Format* format, format_that_rearms(formats, image->info(), request.open.at.has_value()));
  TRY_OK(format->rearm(request.image, open));
  report.written = true;
  return report;
}

}  // namespace hib
