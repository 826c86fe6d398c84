#include "cli/jump_target.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "cli/render_json.h"
#include "format/hib/writer.h"
#include "lib/base/text.h"
#include "lib/jump/kernel_modules.h"
#include "lib/os/output.h"
#include "lib/os/partitions.h"

namespace hib::cli {
namespace {

using container::Area;
using container::AreaKind;
using container::Breadcrumb;
using container::Phase;

constexpr const char* kStateFolder = "/run/hibtool";
constexpr const char* kStatePath = "/run/hibtool/armed.json";

std::string claim_text(const jump::JumpId& id) { return "jump " + jump::to_text(id); }

bool has_phase(const std::vector<Breadcrumb>& crumbs, Phase phase) {
  return std::any_of(crumbs.begin(), crumbs.end(), [&](const Breadcrumb& crumb) {
    return crumb.phase == static_cast<std::uint16_t>(phase);
  });
}

Error refused(const std::string& path, std::string found, std::string allowed) {
  return make_error(ErrorKind::Refused, "target", std::move(found), std::move(allowed)).of(path);
}

// ---- which device

struct Place {
  std::string device;
  unsigned major = 0;
  unsigned minor = 0;
  bool is_file = false;
};

// dm, md, loop: somebody has to put them together, and the image-saving kernel has nobody.
Result<void> refuse_what_is_put_together(const Place& place, const std::string& path) {
  std::error_code error;
  const std::string real =
      std::filesystem::canonical(fmt::format("/sys/dev/block/{}:{}", place.major, place.minor), error)
          .string();
  if (error)
    return fail(refused(path, "no block device that sysfs knows", "a disk, a partition, or a file on one"));
  if (real.find("/devices/virtual/block/") == std::string::npos) return {};
  return fail(refused(path, fmt::format("{} is put together by software (dm, md, loop, RAM)", place.device),
                      "a disk, a partition, or a file on one: the image-saving kernel has only drivers"));
}

Result<Place> place_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  Place place;
  if (S_ISBLK(status.st_mode)) {
    place = {path, major(status.st_rdev), minor(status.st_rdev), false};
  } else if (S_ISREG(status.st_mode)) {
    std::error_code error;
    const auto link = std::filesystem::canonical(
        fmt::format("/sys/dev/block/{}:{}", major(status.st_dev), minor(status.st_dev)), error);
    if (error)
      return fail(
          refused(path, "a file on a file system without a block device of its own (btrfs, overlay, network)",
                  "one on ext4 or XFS on a disk or partition"));
    place = {"/dev/" + link.filename().string(), major(status.st_dev), minor(status.st_dev), true};
  } else {
    return fail(
        refused(path, "neither a block device nor a file",
                "a disk or partition that nothing uses, a swap device that is off, or a preallocated file"));
  }
  TRY_OK(refuse_what_is_put_together(place, path));
  return place;
}

// ---- what may be overwritten

Result<void> refuse_what_is_of_use(const File& image, const std::string& path) {
  const auto crumbs = container::read_breadcrumbs(image);
  if (!crumbs || !has_phase(*crumbs, Phase::Committed) || has_phase(*crumbs, Phase::JumpedBack) ||
      has_phase(*crumbs, Phase::Resumed))
    return {};
  return fail(refused(path, "an image that nobody has resumed from", "").advise("--force overwrites it"));
}

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Result<Area> area_on_file(const File& device, const std::string& path, bool force) {
  TRY(const auto file, File::open(path));
  TRY(auto area, container::area_of_file(*file, device.size()));
  TRY(const auto earlier, container::find_area(device, area.head));
  TRY(const auto seen,
      file->read_at(
          0,
          container::kAreaHeadBytes));  // blocks that were never written read as zeros, whatever lies there
  if (!force && earlier.kind == AreaKind::Whole && !is_zero(seen))
    return fail(
        refused(path, "a file with something in it", "a preallocated one").advise("--force overwrites it"));
  return area;
}

Result<Area> area_on_device(const File& device, const std::string& path, bool force) {
  if (auto swap = container::area_of_swap(device)) return swap;
  const std::string content = content_name(device);
  if (!force && !content.empty())
    return fail(refused(path, content, "a device with nothing on it").advise("--force overwrites it"));
  return Area{AreaKind::Whole, 0, {{0, device.size()}}};
}

Result<void> write_claim(const JumpTarget& target, const jump::JumpId& id) {
  TRY(const auto output,
      Output::create_window(target.device, target.area.places, target.area.kind != AreaKind::Blocks));
  return container::write_claim(*output,
                                {{static_cast<std::uint16_t>(Phase::Armed), clock_ns(), claim_text(id)}});
}

}  // namespace

std::uint64_t clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

Result<JumpTarget> claim_target(const std::string& path, const jump::JumpId& id, bool force) {
  TRY(const Place place, place_of(path));
  JumpTarget target{path, place.device, {}, jump::modules_driving(place.major, place.minor, "")};
  TRY(const auto device, File::open(place.device));
  device->drop_cache();
  TRY(target.area, place.is_file ? area_on_file(*device, path, force) : area_on_device(*device, path, force));
  if (!force) {
    TRY(const auto earlier, container::open_area(device, target.area.head));
    TRY_OK(refuse_what_is_of_use(*earlier, path));
  }
  TRY_OK(write_claim(target, id));  // first: it finds out whether the device is in use
  TRY_OK(container::write_area_head(*device, target.area));
  return target;
}

Result<void> ClaimedTarget::note(Phase phase, const std::string& text, std::uint64_t time_ns) const {
  return container::append_breadcrumb(*image, phase, time_ns == 0 ? clock_ns() : time_ns, text);
}

Result<ClaimedTarget> find_claimed(const jump::JumpId& id, std::uint64_t head, unsigned seconds,
                                   const std::string& likely) {
  const std::string wanted = claim_text(id);
  const auto look_at = [&](const std::string& path) -> Result<ClaimedTarget> {
    TRY(const auto device, File::open(path));
    device->drop_cache();
    TRY(auto area, container::find_area(*device, head));
    if (area.places.empty()) area.places = {{0, device->size()}};
    TRY(auto image, device->window(area.places));
    TRY(const auto crumbs, container::read_breadcrumbs(*image));
    if (crumbs.empty() || crumbs.front().text != wanted)
      return fail(make_error(ErrorKind::NotFound, "target", "another id").of(path));
    return ClaimedTarget{path, std::move(area), std::move(image)};
  };
  if (!likely.empty()) {
    if (auto found = look_at(likely)) return found;
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/block", error)) {
      auto found = look_at("/dev/" + entry.path().filename().string());
      if (found) return found;
    }
    if (std::chrono::steady_clock::now() > limit) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // drivers find their disks in their own time
  }
  return fail(make_error(ErrorKind::NotFound, "target",
                         fmt::format("no device carries the id of this jump after {} s", seconds),
                         "the device that arm claimed"));
}

Result<void> remember_armed(const ArmedTarget& target) {
  std::error_code error;
  std::filesystem::create_directories(kStateFolder, error);
  std::ofstream file(kStatePath, std::ios::trunc);
  file << Json{{"id", jump::to_text(target.id)},
               {"path", target.path},
               {"device", target.device},
               {"head", target.head}}
              .dump()
       << "\n";
  file.close();
  if (!file) return fail(system_error("write", errno).of(kStatePath));
  return {};
}

Result<ArmedTarget> recall_armed() {
  TRY(const auto text, File::read_whole(kStatePath));
  const Json state = Json::parse(as_text(text), nullptr, false);
  const auto has_text = [&](const char* name) { return state.contains(name) && state[name].is_string(); };
  const bool is_whole = state.is_object() && has_text("id") && has_text("path") && has_text("device") &&
                        state.contains("head") && state["head"].is_number_unsigned();
  if (!is_whole)
    return fail(make_error(ErrorKind::Corrupt, "state of arm", "not what arm writes")
                    .of(kStatePath)
                    .advise("hibtool arm again"));
  ArmedTarget target{{},
                     state["path"].get<std::string>(),
                     state["device"].get<std::string>(),
                     state["head"].get<std::uint64_t>()};
  TRY(target.id, jump::parse_jump_id(state["id"].get<std::string>()));
  return target;
}

void forget_armed() {
  std::error_code error;
  std::filesystem::remove(kStatePath, error);
}

Result<void> check_unmoved(const ArmedTarget& target) {
  TRY(const Place place, place_of(target.path));
  if (!place.is_file) return {};
  const auto found = find_claimed(target.id, target.head, 0);
  TRY(const auto device, File::open(place.device));
  TRY(const auto file, File::open(target.path));
  TRY(const auto now, container::area_of_file(*file, device->size()));
  const auto same = [](const DeviceRange& a, const DeviceRange& b) {
    return a.start == b.start && a.bytes == b.bytes;
  };
  const bool is_there = found && now.head == target.head &&
                        std::equal(now.places.begin(), now.places.end(), found->area.places.begin(),
                                   found->area.places.end(), same);
  if (!is_there)
    return fail(refused(target.path, "the file has changed since it was armed", "the same blocks")
                    .advise("hibtool arm again"));
  return {};
}

}  // namespace hib::cli
