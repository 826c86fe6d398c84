// The place of an image that a kernel jump writes: a block device, a swap device that is not in use, or the
// blocks of a preallocated file. arm claims it by writing a random id to it, and the image-saving kernel
// takes whatever device carries that id: not a name, and not a place, which both may differ there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/hib/area.h"
#include "format/hib/breadcrumbs.h"
#include "lib/base/error.h"
#include "lib/jump/jump_id.h"
#include "lib/os/file.h"

namespace hib::cli {

struct JumpTarget {
  std::string path;    // as it was asked for
  std::string device;  // itself, or below the file
  container::Area area;
  std::vector<std::string> drivers;  // modules that drive the device
};

// Refuses a target in use, one with other content, one that the image-saving kernel could not reach, and one
// with an image that nobody has resumed from; `force` allows to lose content.
Result<JumpTarget> claim_target(const std::string& path, const jump::JumpId& id, bool force);

// A target as it was claimed, found again.
struct ClaimedTarget {
  std::string device;
  container::Area area;
  std::shared_ptr<const File> image;

  Result<void> note(container::Phase phase, const std::string& text = {},
                    std::uint64_t time_ns = 0) const;  // 0: now
};

// Waits up to `seconds` for the device that carries `id` in the area whose head is at byte `head`. `likely`
// is looked at first: others may be gone, and reading them says so in the kernel's log.
Result<ClaimedTarget> find_claimed(const jump::JumpId& id, std::uint64_t head, unsigned seconds,
                                   const std::string& likely = {});

// What arm leaves for hibernate, in /run: which target it claimed. The module keeps nothing of it.
struct ArmedTarget {
  jump::JumpId id{};
  std::string path;
  std::string device;
  std::uint64_t head = 0;
};
Result<void> remember_armed(const ArmedTarget& target);
Result<ArmedTarget> recall_armed();
void forget_armed();

// Now, for breadcrumbs.
std::uint64_t clock_ns();

// That a file still lies where it lay when it was claimed.
Result<void> check_unmoved(const ArmedTarget& target);

}  // namespace hib::cli
