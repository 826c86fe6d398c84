#include "lib/jump/target.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "lib/image/record_fields.h"
#include "lib/jump/boot/kernel_modules.h"
#include "lib/os/active_swap.h"
#include "lib/os/output.h"
#include "lib/os/partitions.h"

namespace hib::jump {
namespace {

constexpr const char* kStateFolder = "/run/hibtool";
constexpr const char* kStatePath = "/run/hibtool/armed";
constexpr std::string_view kStateType = "armed";
constexpr auto kPause = std::chrono::milliseconds(20);  // between two looks for a device
constexpr auto kModesOfOwner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

std::string claim_text(const JumpId& id) { return "jump " + to_text(id); }

Error refused(const std::string& path, std::string found, std::string allowed) {
  return make_error(ErrorKind::Refused, "target", std::move(found), std::move(allowed)).of(path);
}

// ---- which device

// dm, md and loop devices must be set up by somebody, and the saver does not set them up.
Result<void> refuse_what_is_put_together(const TargetDevice& target, const std::string& path,
                                         const std::string& root) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(
                               fmt::format("{}/sys/dev/block/{}:{}", root, target.major, target.minor), error)
                               .string();
  if (error) {
    return fail(refused(path, "no block device that sysfs knows", "a disk, a partition, or a file on one"));
  }
  if (real.find("/devices/virtual/block/") == std::string::npos) return {};
  return fail(refused(path, fmt::format("{} is put together by software (dm, md, loop, RAM)", target.path),
                      "a disk, a partition, or a file on one: the saver has only drivers"));
}

// ---- what may be overwritten

Result<void> refuse_what_is_of_use(const AreaOperations& areas, const File& image, const std::string& path) {
  const auto history = areas.read_history(image);
  if (!history && history.error().kind == ErrorKind::NotRecognised) return {};
  if (!history) {
    return fail(refused(path, "an image whose history cannot be read: " + history.error().text(), "")
                    .advise("--force overwrites it"));
  }
  if (!has_phase(*history, Phase::Committed) || has_gone_on(*history)) return {};
  return fail(refused(path, "an image that nobody has resumed from", "").advise("--force overwrites it"));
}

Result<Area> area_in_file(const AreaOperations& areas, const File& device, const File& file,
                          const std::string& path, bool force) {
  TRY(auto area, areas.of_file(file, device.size()));
  if (force) return area;
  TRY(const auto earlier, areas.find(device, area.head));
  // Read through the file: there, blocks that were never written are zeros, whatever the device holds.
  TRY(const auto seen, file.read_at(0, kAreaHeadBytes));
  const bool is_empty = all_zero(seen) && content_name(file).empty();
  if (earlier.kind == AreaKind::Whole && !is_empty) {
    return fail(
        refused(path, "a file with something in it", "a preallocated one").advise("--force overwrites it"));
  }
  return area;
}

Result<Area> area_on_device(const AreaOperations& areas, const File& device, const std::string& path,
                            bool force) {
  if (auto swap = areas.of_swap(device)) return swap;
  // What an earlier image of ours has left is no data of anybody's.
  const auto history = areas.read_history(device);
  const bool is_ours = history || history.error().kind != ErrorKind::NotRecognised;
  TRY(const std::string content, is_ours ? content_name(device) : what_lies_on(device));
  if (!force && !content.empty()) {
    return fail(refused(path, content, "a device with nothing on it").advise("--force overwrites it"));
  }
  return Area{AreaKind::Whole, 0, {{0, device.size()}}};
}

Result<void> write_claim(const AreaOperations& areas, const JumpTarget& target, const JumpId& id) {
  const bool exclusive =
      target.area.kind != AreaKind::Blocks;  // of a file the device is in use: it is mounted
  TRY(const auto output, Output::create_window(target.device, target.area.places, exclusive));
  return areas.write_claim(*output, {{static_cast<std::uint16_t>(Phase::Armed), clock_ns(), claim_text(id)}});
}

// ---- found again

Result<ClaimedTarget> look_at(const AreaOperations& areas, const std::string& path, const std::string& claim,
                              std::uint64_t head) {
  TRY(const auto device, File::open(path));
  device->drop_cache();
  TRY(auto area, areas.find(*device, head));
  if (area.places.empty()) area.places = {{0, device->size()}};
  TRY(auto image, device->window(area.places));
  TRY(const auto history, areas.read_history(*image));
  if (history.empty() || history.front().text != claim) {
    return fail(make_error(ErrorKind::NotFound, "target", "another id").of(path));
  }
  return ClaimedTarget{path, std::move(area), std::move(image), &areas};
}

Result<ClaimedTarget> look_at_all(const AreaOperations& areas, const std::string& claim, std::uint64_t head) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/block", error)) {
    auto found = look_at(areas, "/dev/" + entry.path().filename().string(), claim, head);
    if (found) return found;
  }
  return fail(make_error(ErrorKind::NotFound, "target", "no device carries the id of this jump"));
}

Result<TargetDevice> target_device_of(const std::string& path, const std::string& root) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  if (root.empty() && is_active_swap(status))
    return fail(refused(path, "in use: the machine swaps to it", "a swap area that is off")
                    .advise("swapoff " + path));
  return target_device(path, status, root);
}

}  // namespace

std::uint64_t clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

Result<TargetDevice> target_device(const std::string& path, const struct stat& status,
                                   const std::string& root) {
  TargetDevice target;
  if (S_ISBLK(status.st_mode)) {
    target = {path, major(status.st_rdev), minor(status.st_rdev), false};
  } else if (S_ISREG(status.st_mode)) {
    std::error_code error;
    const auto link = std::filesystem::canonical(
        fmt::format("{}/sys/dev/block/{}:{}", root, major(status.st_dev), minor(status.st_dev)), error);
    if (error) {
      return fail(
          refused(path, "a file on a file system without a block device of its own (btrfs, overlay, network)",
                  "one on ext4 or XFS on a disk or partition"));
    }
    target = {"/dev/" + link.filename().string(), major(status.st_dev), minor(status.st_dev), true};
  } else {
    return fail(
        refused(path, "neither a block device nor a file",
                "a disk or partition that nothing uses, a swap device that is off, or a preallocated file"));
  }
  TRY_OK(refuse_what_is_put_together(target, path, root));
  return target;
}

Result<Area> choose_area(const AreaOperations& areas, const std::shared_ptr<const File>& device,
                         const std::shared_ptr<const File>& file, const std::string& path, bool force) {
  TRY(auto area,
      file ? area_in_file(areas, *device, *file, path, force) : area_on_device(areas, *device, path, force));
  if (force) return area;
  TRY(const auto earlier, areas.open(device, area.head));
  TRY_OK(refuse_what_is_of_use(areas, *earlier, path));
  return area;
}

Result<JumpTarget> find_target(const AreaOperations& areas, const std::string& path, bool force,
                               const std::string& root) {
  TRY(const TargetDevice found, target_device_of(path, root));
  JumpTarget target{path, found.path, {}, modules_driving(found.major, found.minor, root)};
  TRY(const auto device, File::open(found.path));
  device->drop_cache();
  std::shared_ptr<const File> file;
  if (found.is_file) {
    TRY(file, File::open(path));
  }
  TRY(target.area, choose_area(areas, device, file, path, force));
  return target;
}

Result<JumpTarget> claim_target(const AreaOperations& areas, const std::string& path, const JumpId& id,
                                bool force, const std::string& root) {
  TRY(auto target, find_target(areas, path, force, root));
  TRY_OK(write_claim(areas, target, id));  // first: it finds out whether the device is in use
  TRY(const auto device, File::open(target.device));
  TRY_OK(areas.write_head(*device, target.area));
  return target;
}

Result<void> ClaimedTarget::note(Phase phase, const std::string& text, std::uint64_t time_ns) const {
  return areas->append_history(*image, phase, time_ns == 0 ? clock_ns() : time_ns, text);
}

Result<void> ClaimedTarget::give_back() const {
  TRY(const auto file, File::open(device));
  return areas->remove_head(*file, area);
}

Result<ClaimedTarget> find_claimed(const AreaOperations& areas, const JumpId& id, std::uint64_t head,
                                   unsigned seconds, const std::string& likely) {
  const std::string claim = claim_text(id);
  if (!likely.empty()) {
    if (auto found = look_at(areas, likely, claim, head)) return found;
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    auto found = look_at_all(areas, claim, head);
    if (found) return found;
    if (std::chrono::steady_clock::now() > limit) break;
    std::this_thread::sleep_for(kPause);  // drivers find their disks in their own time
  }
  return fail(make_error(ErrorKind::NotFound, "target",
                         fmt::format("no device carries the id of this jump after {} s", seconds),
                         "the device that arm claimed"));
}

// ---- from arm to hibernate

std::vector<std::byte> encode(const ArmedTarget& target) {
  Record record;
  record.type = kStateType;
  record.set("id", to_text(target.id));
  record.set("path", target.path);
  record.set("device", target.device);
  record.set("head", target.head);
  return encode_record(record);
}

Result<ArmedTarget> decode_armed_target(ByteView bytes) {
  TRY(const Record record, decode_record(bytes, 0));
  TRY(auto fields, RecordFields::of(record, kStateType));
  ArmedTarget target;
  TRY(const std::string id, fields.text("id"));
  TRY(target.id, parse_jump_id(id));
  TRY(target.path, fields.text("path"));
  TRY(target.device, fields.text("device"));
  TRY(target.head, fields.number("head"));
  TRY_OK(fields.finish());
  return target;
}

Result<void> remember_armed(const ArmedTarget& target) {
  std::error_code error;
  std::filesystem::create_directories(kStateFolder, error);
  const auto bytes = encode(target);
  std::ofstream file(kStatePath, std::ios::trunc | std::ios::binary);
  std::filesystem::permissions(kStatePath, kModesOfOwner, error);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return fail(system_error("write", errno).of(kStatePath));
  return {};
}

Result<ArmedTarget> recall_armed() {
  TRY(const auto bytes, File::read_whole(kStatePath));
  auto target = decode_armed_target(bytes);
  if (!target) return fail(std::move(target).error().of(kStatePath).advise("hibtool arm again"));
  return target;
}

void forget_armed() {
  std::error_code error;
  std::filesystem::remove(kStatePath, error);
}

Result<void> release(const AreaOperations& areas, const ArmedTarget& armed, bool keep_images) {
  const auto target = find_claimed(areas, armed.id, armed.head, 0, armed.device);
  if (!target) return {};  // somebody else has it by now
  TRY(const auto history, areas.read_history(*target->image));
  if (has_phase(history, Phase::Committed) && (keep_images || !has_gone_on(history))) return {};
  return target->give_back();
}

Result<void> release_armed(const AreaOperations& areas, bool keep_images) {
  if (const auto armed = recall_armed()) TRY_OK(release(areas, *armed, keep_images));
  forget_armed();
  return {};
}

Result<void> check_unmoved(const AreaOperations& areas, const ArmedTarget& target, const std::string& root) {
  TRY(const TargetDevice here, target_device_of(target.path, root));
  if (!here.is_file) return {};
  const auto found = find_claimed(areas, target.id, target.head, 0);
  TRY(const auto device, File::open(here.path));
  TRY(const auto file, File::open(target.path));
  TRY(const auto now, areas.of_file(*file, device->size()));
  const auto same = [](const DeviceRange& a, const DeviceRange& b) {
    return a.start == b.start && a.bytes == b.bytes;
  };
  const bool is_there = found && now.head == target.head &&
                        std::equal(now.places.begin(), now.places.end(), found->area.places.begin(),
                                   found->area.places.end(), same);
  if (!is_there) {
    return fail(refused(target.path, "the file has changed since it was armed", "the same blocks")
                    .advise("hibtool arm again"));
  }
  return {};
}

}  // namespace hib::jump
