#include "cli/jump_target.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "format/hib/writer.h"
#include "lib/jump/kernel_modules.h"
#include "lib/os/output.h"
#include "lib/os/partitions.h"

namespace hib::cli {
namespace {

using container::Breadcrumb;
using container::Phase;

std::string claim_text(const jump::JumpId& id) { return "jump " + jump::to_text(id); }

bool has_phase(const std::vector<Breadcrumb>& crumbs, Phase phase) {
  return std::any_of(crumbs.begin(), crumbs.end(), [&](const Breadcrumb& crumb) { return crumb.phase == static_cast<std::uint16_t>(phase); });
}

Result<void> refuse_what_is_of_use(const std::string& path) {
  if (const auto crumbs = container::read_breadcrumbs(path)) {
    if (!has_phase(*crumbs, Phase::Committed) || has_phase(*crumbs, Phase::JumpedBack) || has_phase(*crumbs, Phase::Resumed)) return {};
    return fail(make_error(ErrorKind::Refused, "target", "an image that nobody has resumed from").of(path).advise("--force overwrites it"));
  }
  TRY(const auto file, File::open(path));
  const std::string content = content_name(*file);
  if (content.empty()) return {};
  return fail(make_error(ErrorKind::Refused, "target", content, "a device with nothing on it").of(path).advise("--force overwrites it"));
}

}  // namespace

std::uint64_t clock_ns() { return static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()); }

Result<JumpTarget> claim_target(const std::string& path, const jump::JumpId& id, bool force) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  if (!S_ISBLK(status.st_mode)) return fail(make_error(ErrorKind::Refused, "target", "not a block device", "a disk or partition that nothing uses").of(path));
  if (!force) TRY_OK(refuse_what_is_of_use(path));
  TRY(const auto output, Output::create(path, true));
  TRY_OK(container::write_claim(*output, {{static_cast<std::uint16_t>(Phase::Armed), clock_ns(), claim_text(id)}}));
  return JumpTarget{path, jump::modules_driving(major(status.st_rdev), minor(status.st_rdev), "")};
}

Result<std::string> find_claimed(const jump::JumpId& id, unsigned seconds) {
  const std::string wanted = claim_text(id);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/block", error)) {
      const std::string path = "/dev/" + entry.path().filename().string();
      const auto crumbs = container::read_breadcrumbs(path);
      if (crumbs && !crumbs->empty() && crumbs->front().text == wanted) return path;
    }
    if (std::chrono::steady_clock::now() > limit) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // drivers find their disks in their own time
  }
  return fail(make_error(ErrorKind::NotFound, "target", fmt::format("no device carries the id of this jump after {} s", seconds), "the device that arm claimed"));
}

}  // namespace hib::cli
