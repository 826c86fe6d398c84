#include "cli/jump_init.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <vector>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/render_json.h"
#include "cli/replay.h"
#include "cli/restore_jump.h"
#include "lib/base/text.h"
#include "lib/jump/arm.h"
#include "lib/jump/context.h"

namespace hib::cli {
namespace {

Result<void> mount_kernel_file_systems() {
  struct Mount {
    const char* type;
    const char* target;
  };
  for (const Mount& m : {Mount{"proc", "/proc"}, Mount{"sysfs", "/sys"}, Mount{"devtmpfs", "/dev"}}) {
    if (::mount(m.type, m.target, m.type, 0, nullptr) != 0) return fail(system_error("mount", errno).of(m.target));
  }
  return {};
}

Result<void> load_kernel_modules() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string("/") + jump::kModuleFolder)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    TRY(const auto content, File::read_whole(path));
    if (::syscall(SYS_init_module, content.data(), content.size(), "") != 0 && errno != EEXIST) return fail(system_error("init_module", errno).of(path));
  }
  return {};
}

const std::string& config_path() {
  static const std::string path = std::string("/") + jump::kConfigPath;
  return path;
}

struct Config {
  std::uint64_t context = 0;
  bool has_target = false;
  std::vector<Record> records;
  std::optional<jump::JumpId> restore;
};

Result<Config> read_config() {
  TRY(const auto text, File::read_whole(config_path()));
  const Json config = Json::parse(as_text(text), nullptr, false);
  if (!config.is_object() || !config.contains("context") || !config["context"].is_string()) return fail(make_error(ErrorKind::Corrupt, "configuration", "no \"context\"").of(config_path()));
  Config result;
  result.context = std::strtoull(config["context"].get<std::string>().c_str(), nullptr, 0);
  result.has_target = config.contains("target");
  if (config.contains("records")) {
    TRY(result.records, records_from_json(std::string(as_text(text)), config_path()));
  }
  if (config.contains("restore") && config["restore"].is_string()) {
    TRY(result.restore, jump::parse_jump_id(config["restore"].get<std::string>()));
  }
  return result;
}

constexpr unsigned kSecondsForDisks = 30;

// The ordinary create, from /proc/vmcore to the claimed device.
Result<std::string> save_image(const jump::Context& context, const Config& config) {
  TRY(const auto target, find_claimed(context.id, kSecondsForDisks));
  ReplayRequest request;
  request.verb = "create";
  request.source = "/proc/vmcore";
  request.output = target;
  request.as = "hib";
  request.added_records = config.records;
  add_saver(request.added_records);
  request.force = true;
  TRY(request.breadcrumbs, container::read_breadcrumbs(target));
  const auto add = [&](container::Phase phase, std::uint64_t time_ns) { request.breadcrumbs.push_back({static_cast<std::uint16_t>(phase), time_ns, ""}); };
  add(container::Phase::DevicesSuspended, context.suspended_ns);
  add(container::Phase::Jumped, context.suspended_ns);
  add(container::Phase::Saving, clock_ns());
  std::ostringstream out;
  std::ostringstream err;
  const CommonOptions options;
  if (replay(Context(options, {out, err}), request) != kDone) return fail(make_error(ErrorKind::Io, "saving", err.str().substr(0, err.str().find('\n'))));
  TRY_OK(container::append_breadcrumb(target, container::Phase::Committed, clock_ns(), ""));
  return target;
}

void power_off() {
  ::sync();
  ::reboot(RB_POWER_OFF);
}

// Does what A wants and says what A is to be told; on success of SaveAndPowerOff it does not return.
Result<void> do_wish(const jump::Context& context, const Config& config) {
  if (context.wish == jump::Wish::Rehearse) return {};
  if (!config.has_target) return fail(make_error(ErrorKind::Usage, "saving", "armed without a target", "arm --target DEV"));
  TRY(const auto target, save_image(context, config));
  if (context.wish == jump::Wish::SaveAndReturn) return container::append_breadcrumb(target, container::Phase::JumpedBack, clock_ns(), "the machine went on");
  TRY_OK(container::append_breadcrumb(target, container::Phase::PoweredOff, clock_ns(), ""));
  power_off();
  return fail(system_error("reboot", errno));
}

// From an image into A. Until the pages are being written a failure leaves the image as it was; the machine then reboots.
Result<void> restore(const jump::Device& device, const Config& config) {
  TRY(const auto target, find_claimed(*config.restore, kSecondsForDisks));
  TRY_OK(write_memory(target, device));
  TRY_OK(container::append_breadcrumb(target, container::Phase::Loaded, clock_ns(), ""));
  TRY_OK(container::append_breadcrumb(target, container::Phase::JumpedBack, clock_ns(), ""));
  return fail(device.return_to_a(config.context, jump::Outcome::Restored, ""));
}

// Returns with what kept it from going back.
Result<void> serve() {
  TRY_OK(mount_kernel_file_systems());
  TRY_OK(load_kernel_modules());
  TRY(const auto config, read_config());
  TRY(const auto device, jump::Device::open());
  if (config.restore) return restore(device, config);
  std::vector<std::byte> page(jump::kPageBytes);
  TRY_OK(device.read(config.context, page));
  TRY(const auto context, jump::decode_context(page, config.context));
  const auto done = do_wish(context, config);
  const auto outcome = done ? jump::Outcome::Returned : jump::Outcome::Failed;
  return fail(device.return_to_a(config.context, outcome, done ? "" : done.error().line()));
}

}  // namespace

int run_as_init() {
  const auto served = serve();
  if (!served) std::cerr << "hibtool: " << served.error().line() << std::endl;
  return EXIT_FAILURE;
}

}  // namespace hib::cli
