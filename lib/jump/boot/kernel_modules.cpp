#include "lib/jump/boot/kernel_modules.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/xz.h"
#include "lib/os/file.h"

namespace hib::jump {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxModuleBytes = 64U << 20;
constexpr unsigned kMaxDepth = 32;  // of devices above a block device, and of dependencies

// Files say virtio-blk where the kernel says virtio_blk.
std::string canonical(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::map<std::string, std::string> module_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       it != end; it.increment(error)) {
    if (error) break;
    const std::string file = it->path().filename().string();
    const std::size_t suffix = file.rfind(".ko");
    if (suffix != std::string::npos && (suffix + 3 == file.size() || file[suffix + 3] == '.'))
      files.emplace(canonical(file.substr(0, suffix)), it->path().string());
  }
  return files;
}

Result<std::vector<std::byte>> read_module(const std::string& path) {
  TRY(const auto file, File::open(path));
  if (file->size() > kMaxModuleBytes)
    return fail(file->error(ErrorKind::Limit, 0, "kernel module", fmt::format("{} bytes", file->size()),
                            fmt::format("up to {}", kMaxModuleBytes)));
  TRY(auto bytes, file->read_at(0, file->size()));
  if (path.ends_with(".ko")) return bytes;
  if (!path.ends_with(".xz"))
    return fail(make_error(ErrorKind::Unsupported, "kernel module", "an unknown compression", ".ko or .ko.xz")
                    .of(path));
  auto content = unpack_xz(bytes, kMaxModuleBytes);
  if (!content) return fail(std::move(content).error().of(path));
  return content;
}

// "depends=a,b" of its .modinfo, which is a list of NUL-terminated strings.
std::vector<std::string> needed_by(const std::vector<std::byte>& module) {
  constexpr std::string_view kKey("\0depends=", 9);
  const std::string_view text = as_text(module);
  const std::size_t start = text.find(kKey);
  std::vector<std::string> names;
  if (start == std::string_view::npos) return names;
  std::string_view list = until_nul(text.substr(start + kKey.size()));
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    names.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

}  // namespace

std::vector<std::string> modules_driving(unsigned major, unsigned minor, const std::string& root) {
  std::vector<std::string> names;
  std::error_code error;
  fs::path device = fs::canonical(fmt::format("{}/sys/dev/block/{}:{}", root, major, minor), error);
  for (unsigned depth = 0;
       !error && depth < kMaxDepth && device.filename() != "devices" && device.has_relative_path();
       ++depth, device = device.parent_path()) {
    std::error_code missing;
    for (const char* link : {"driver/module", "device/driver/module"}) {
      const fs::path module = fs::canonical(device / link, missing);
      if (!missing) names.push_back(module.filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// Most of them have no device in sysfs that leads to the driver; but they use the core of all watchdogs.
std::vector<std::string> modules_driving_watchdogs(const std::string& root) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& holder : fs::directory_iterator(root + "/sys/module/watchdog/holders", error))
    names.insert(holder.path().filename().string());
  for (const auto& entry : fs::directory_iterator(root + "/sys/class/watchdog", error)) {
    std::error_code missing;
    const fs::path module = fs::canonical(entry.path() / "device/driver/module", missing);
    if (!missing) names.insert(module.filename().string());
  }
  return {names.begin(), names.end()};
}

Result<std::vector<KernelModule>> read_modules(const std::string& folder,
                                               const std::vector<std::string>& names) {
  const auto files = module_files(folder);
  std::vector<KernelModule> ordered;
  std::optional<Error> failure;
  const std::function<void(const std::string&, unsigned)> visit = [&](const std::string& wanted,
                                                                      unsigned depth) {
    const std::string name = canonical(wanted);
    const bool is_there =
        std::any_of(ordered.begin(), ordered.end(), [&](const KernelModule& m) { return m.name == name; });
    const auto file = files.find(name);
    if (failure || is_there || file == files.end() || depth > kMaxDepth) return;
    auto content = read_module(file->second);
    if (!content) {
      failure = std::move(content).error();
      return;
    }
    for (const std::string& needed : needed_by(*content)) visit(needed, depth + 1);
    ordered.push_back({name, file->second, std::move(*content)});
  };
  for (const std::string& name : names) visit(name, 0);
  if (failure) return fail(std::move(*failure));
  return ordered;
}

}  // namespace hib::jump
