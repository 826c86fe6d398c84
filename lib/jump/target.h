// Where a kernel jump saves to: a block device, a swap device that is not in use, or the blocks of a
// preallocated file. arm claims it by writing a random id to it. The saver takes the device that carries that
// id, whatever its name and place: both may differ there.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/format.h"
#include "lib/jump/module/jump_id.h"
#include "lib/os/file.h"

namespace hib::jump {

// The block device of a target, and what kind of target it is.
struct TargetDevice {
  std::string path;  // "/dev/sda3": the target itself, or what the target's file lies on
  unsigned major = 0;
  unsigned minor = 0;
  bool is_file = false;
};

// By what stat(2) says of `path`. Refuses what the saver could not reach: the saver has drivers only, and
// does not set up dm, md or loop. `root` holds sys/, "" for this machine.
Result<TargetDevice> target_device(const std::string& path, const struct stat& status,
                                   const std::string& root);

// The area on `device` that an image may be written to. Without `force`, refuses other content and an image
// that nobody has resumed from. `file`: the target's file, where it is one.
Result<Area> choose_area(const AreaOperations& areas, const std::shared_ptr<const File>& device,
                         const std::shared_ptr<const File>& file, const std::string& path, bool force);

struct JumpTarget {
  std::string path;    // as it was asked for
  std::string device;  // itself, or below the file
  Area area;
  std::vector<std::string> drivers;  // modules that drive the device
};

// Which device and which area `path` means. Writes nothing, and does not find out whether the device is in
// use. `root` as for target_device().
Result<JumpTarget> find_target(const AreaOperations& areas, const std::string& path, bool force,
                               const std::string& root = "");

// Finds it and writes the claim. The first write finds out whether the device is in use. `root` as
// for target_device().
Result<JumpTarget> claim_target(const AreaOperations& areas, const std::string& path, const JumpId& id,
                                bool force, const std::string& root = "");

// A target as it was claimed, found again.
struct ClaimedTarget {
  std::string device;
  Area area;
  std::shared_ptr<const File> image;
  const AreaOperations* areas = nullptr;

  Result<void> note(Phase phase, const std::string& text = {}, std::uint64_t time_ns = 0) const;  // 0: now
  Result<void> give_back() const;  // a swap device is one again
};

// Waits up to `seconds` for the device that carries `id` in the area whose head is at byte `head`. `likely`
// is looked at first: others may be gone, and reading them says so in the kernel's log.
Result<ClaimedTarget> find_claimed(const AreaOperations& areas, const JumpId& id, std::uint64_t head,
                                   unsigned seconds, const std::string& likely = {});

// What arm leaves for hibernate, in /run: which target it claimed. The module keeps nothing of it.
struct ArmedTarget {
  JumpId id{};
  std::string path;
  std::string device;
  std::uint64_t head = 0;
};
std::vector<std::byte> encode(const ArmedTarget& target);
Result<ArmedTarget> decode_armed_target(ByteView bytes);
Result<void> remember_armed(const ArmedTarget& target);
Result<ArmedTarget> recall_armed();
void forget_armed();

// CLOCK_REALTIME now, for breadcrumbs.
std::uint64_t clock_ns();

// A swap device that was claimed is one again. But an image from which the machine has not gone on stays; and
// any other complete one, where `keep_images` says so.
Result<void> release(const AreaOperations& areas, const ArmedTarget& armed, bool keep_images);
// The same of what arm has claimed, if anything, which is forgotten then.
Result<void> release_armed(const AreaOperations& areas, bool keep_images);

// A file still lies where it lay when it was claimed. `root` as for target_device().
Result<void> check_unmoved(const AreaOperations& areas, const ArmedTarget& target,
                           const std::string& root = "");

}  // namespace hib::jump
