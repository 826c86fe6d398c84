#include "cli/jump_init.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <vector>

#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/jump/arm.h"
#include "lib/jump/context.h"

namespace hib::cli {
namespace {

Result<std::vector<std::byte>> read_whole(const std::string& path) {
  TRY(const auto file, File::open(path));
  return file->read_at(0, file->size());
}

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
    TRY(const auto content, read_whole(path));
    if (::syscall(SYS_init_module, content.data(), content.size(), "") != 0 && errno != EEXIST) return fail(system_error("init_module", errno).of(path));
  }
  return {};
}

Result<std::uint64_t> context_address() {
  const std::string path = std::string("/") + jump::kConfigPath;
  TRY(const auto text, read_whole(path));
  const Json config = Json::parse(as_text(text), nullptr, false);
  if (!config.is_object() || !config.contains("context") || !config["context"].is_string()) return fail(make_error(ErrorKind::Corrupt, "configuration", "no \"context\"").of(path));
  return std::strtoull(config["context"].get<std::string>().c_str(), nullptr, 0);
}

// Returns with what kept it from going back.
Result<void> serve() {
  TRY_OK(mount_kernel_file_systems());
  TRY_OK(load_kernel_modules());
  TRY(const auto address, context_address());
  TRY(const auto device, jump::Device::open());
  std::vector<std::byte> page(jump::kPageBytes);
  TRY_OK(device.read(address, page));
  TRY(const auto context, jump::decode_context(page, address));
  if (context.wish == jump::Wish::Rehearse) return fail(device.return_to_a(address, jump::Outcome::Returned, ""));
  return fail(device.return_to_a(address, jump::Outcome::Failed, "nothing was armed to save the image to"));
}

}  // namespace

int run_as_init() {
  const auto served = serve();
  if (!served) std::cerr << "hibtool: " << served.error().line() << std::endl;
  return EXIT_FAILURE;
}

}  // namespace hib::cli
