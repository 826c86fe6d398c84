#include "lib/device/probe/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "lib/device/probe/tree_capture.h"
#include "lib/device/probe/udev_facts.h"
#include "lib/fs/marks.h"
#include "lib/os/content.h"
#include "lib/os/ethtool.h"
#include "lib/os/machine.h"
#include "lib/os/tree_walk.h"

namespace hib::device {
namespace {

constexpr const char* kUnreadableKey = "UNREADABLE";
constexpr const char* kMachineFacts = "/hibtool/machine";

// What a failed read means: the value is absent, or unreadable.
Reading reading_of(int error, std::size_t max_bytes) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO: return {Presence::Absent, {}};  // sysfs: the device has no such thing
    case EISDIR: return {Presence::Unreadable, "a folder, not a file"};
    case EFBIG: return {Presence::Unreadable, fmt::format("larger than {} bytes", max_bytes)};
    case ELOOP: return {Presence::Unreadable, "links that go in a circle"};
    default: return {Presence::Unreadable, std::strerror(error)};
  }
}

std::string trimmed_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  line.resize(std::min(line.find('\0'), line.size()));
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::string with_slashes(std::string name, char from) {
  std::replace(name.begin(), name.end(), from, '/');
  return name;
}

std::string facts_path(const char* kind, std::string name) {
  std::replace(name.begin(), name.end(), '/', '!');
  return fmt::format("/hibtool/{}/{}", kind, name);
}

// Opens /dev/NAME, if that is the device of this number ("8:1").
std::shared_ptr<const File> open_device(const std::string& name, const std::string& number,
                                        std::string& why) {
  const std::string path = "/dev/" + with_slashes(name, '!');
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    why = fmt::format("{}: {}", path, std::strerror(errno));
    return nullptr;
  }
  if (!S_ISBLK(status.st_mode) ||
      fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev)) != number) {
    why = path + " is another device";
    return nullptr;
  }
  auto file = File::open(path);
  if (!file) {
    why = file.error().line();
    return nullptr;
  }
  return *file;
}

}  // namespace

Tree Tree::live() { return {}; }

Result<Tree> Tree::captured(const std::string& root) {
  TRY_OK(check_machine_root(root));
  return below(root);
}

Result<Tree> Tree::mounted(const std::string& root) {
  TRY_OK(check_system_root(root));
  return below(root);
}

Tree Tree::below(const std::string& root) {
  Tree tree;
  tree.root_ = root;
  if (const Reading stored = tree.read(kUnreadableFacts); stored.is_present())
    tree.unreadable_ = facts_from_text(stored.text);
  return tree;
}

Result<void> Tree::capture_into(const std::string& folder) {
  const bool is_new = ::mkdir(folder.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return fail(system_error("mkdir", errno).of(folder));
  const Fd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", errno).of(folder));
  if (!names_in(fd.get(), ".", 1).empty())
    return fail(
        make_error(ErrorKind::Exists, "capture", "a folder that holds something", "an empty one, or none")
            .of(folder));
  capture_ = std::make_shared<Capture>();
  capture_->folder = folder;
  capture_->is_new = is_new;
  return {};
}

Result<void> Tree::finish_capture() const {
  if (!capture_ || !capture_->failure) return {};
  capture_->remove();
  return fail(*capture_->failure);
}

Reading Tree::read_at(const std::string& path, std::size_t max_bytes) const {
  OnLink on_link;
  if (capture_)
    on_link = [&](const std::string& at, const std::string& target) { capture_->link(at, target); };
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, on_link);
  if (const auto said = unreadable_.find(walked.path); said != unreadable_.end()) {
    if (capture_) capture_->no(walked.path, said->second);
    return {Presence::Unreadable, said->second};
  }
  if (walked.error == 0 && !S_ISDIR(walked.mode) && !S_ISREG(walked.mode))
    return {Presence::Unreadable, "not a regular file"};
  if (walked.error != 0) return reading_of(walked.error, max_bytes);
  SmallFile file = read_small_file(walked.folder.get(), walked.name, max_bytes);
  Reading reading =
      file.error != 0 ? reading_of(file.error, max_bytes) : Reading{Presence::Present, std::move(file.text)};
  if (capture_ && reading.is_present()) capture_->file(walked.path, reading.text);
  if (capture_ && reading.presence == Presence::Unreadable) capture_->no(walked.path, reading.text);
  return reading;
}

std::optional<std::string> Tree::replacement_of(const std::string& path) const {
  for (const auto& [from, to] : replaced_) {
    if (path == from) return to;
    if (path.starts_with(from + "/")) return to + path.substr(from.size());
  }
  return std::nullopt;
}

Reading Tree::read(const std::string& path, std::size_t max_bytes) const {
  if (const auto real = replacement_of(path)) return Tree::live().read(*real, max_bytes);
  if (!is_live() || capture_) return read_at(path, max_bytes);
  SmallFile file = read_small_file(AT_FDCWD, path, max_bytes);
  if (file.error == EINVAL || file.error == ELOOP) return read_at(path, max_bytes);  // perhaps a link
  if (file.error != 0) return reading_of(file.error, max_bytes);
  return {Presence::Present, std::move(file.text)};
}

Reading Tree::read_line(const std::string& path) const {
  Reading reading = read(path);
  if (reading.is_present()) reading.text = trimmed_line(reading.text);
  return reading;
}

std::vector<std::string> Tree::list(const std::string& path) const {
  if (const auto real = replacement_of(path)) return Tree::live().list(*real);
  OnLink on_link;
  if (capture_)
    on_link = [&](const std::string& at, const std::string& target) { capture_->link(at, target); };
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, on_link);
  if (walked.error != 0 || !S_ISDIR(walked.mode)) return {};
  std::vector<std::string> names = names_in(walked.folder.get(), walked.name, kMaxNames);
  if (!capture_) return names;
  // Links and folders are found again in the copy; files only when they are read.
  capture_->folder_at(walked.path);
  const std::string base = walked.path == "/" ? "" : walked.path;
  const Fd here(::openat(walked.folder.get(), walked.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& name : names) {
    struct stat status {};
    if (::fstatat(here.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) capture_->folder_at(base + "/" + name);
    if (!S_ISLNK(status.st_mode)) continue;
    if (const auto target = link_target(here.get(), name)) capture_->link(base + "/" + name, *target);
  }
  return names;
}

bool Tree::exists(const std::string& path) const {
  if (const auto real = replacement_of(path)) return Tree::live().exists(*real);
  return resolve(path).has_value();
}

std::optional<std::string> Tree::resolve(const std::string& path) const {
  OnLink on_link;
  if (capture_)
    on_link = [&](const std::string& at, const std::string& target) { capture_->link(at, target); };
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, on_link);
  if (walked.error != 0) return std::nullopt;
  if (capture_ && S_ISDIR(walked.mode)) capture_->folder_at(walked.path);
  // Copies the fact that it exists. Its content is copied when it is read; that of a block device never.
  if (capture_ && !S_ISDIR(walked.mode) && !capture_->done.contains(walked.path))
    capture_->file(walked.path, "");
  return walked.path;
}

std::optional<std::string> Tree::link(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const Walked folder = walk(is_live() ? "/" : root_, path.substr(0, slash), kMaxLinks, {});
  if (folder.error != 0 || !S_ISDIR(folder.mode)) return std::nullopt;
  const Fd here(::openat(folder.folder.get(), folder.name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here) return std::nullopt;
  auto target = link_target(here.get(), path.substr(slash + 1));
  if (capture_ && target) capture_->link(folder.path + path.substr(slash), *target);
  return target;
}

Reading Tree::look_into(const std::string& path) const {
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, {});
  if (walked.error != 0) return reading_of(walked.error, 0);
  if (!S_ISDIR(walked.mode)) return {Presence::Absent, {}};
  const Fd here(::openat(walked.folder.get(), walked.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return here ? Reading{Presence::Present, {}} : reading_of(errno, 0);
}

std::optional<std::int64_t> Tree::changed_at(const std::string& path) const {
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, {});
  struct stat status {};
  if (walked.error != 0) return std::nullopt;
  if (::fstatat(walked.folder.get(), walked.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return std::nullopt;
  return status.st_mtim.tv_sec;
}

std::optional<std::string> Tree::path_here(const std::string& path) const {
  const Walked walked = walk(is_live() ? "/" : root_, path, kMaxLinks, {});
  if (walked.error != 0 || (!S_ISREG(walked.mode) && !S_ISDIR(walked.mode))) return std::nullopt;
  return root_ + walked.path;
}

std::optional<Facts> Tree::stored_facts(const std::string& path) const {
  const Reading stored = read(path);
  if (!stored.is_present()) return std::nullopt;
  return facts_from_text(stored.text);
}

// Of a tree that another tool has copied.
Facts Tree::udev_facts(const std::string& device_name) const {
  const std::string number = read_line("/sys/class/block/" + device_name + "/dev").text;
  if (number.empty() || number.find_first_not_of("0123456789:") != std::string::npos) return {};
  return facts_from_udev(read("/run/udev/data/b" + number).text);
}

Facts Tree::block_facts(const std::string& device_name, std::string& why) const {
  const std::string stored_at = facts_path("block", device_name);
  Facts facts;
  if (!is_live()) {
    const auto stored = stored_facts(stored_at);
    facts = stored ? *stored : udev_facts(device_name);
    if (!stored && facts.empty()) {
      why = "the tree does not say what lies on it (hibtool probe --capture keeps that)";
      return {};
    }
  } else {
    const Reading number = read_line("/sys/class/block/" + device_name + "/dev");
    const auto file = open_device(device_name, number.text, why);
    if (file != nullptr) {
      facts = content_facts(*file);
      const auto type = facts.find("TYPE");
      facts.merge(fs::file_system_marks(*file, type == facts.end() ? "" : type->second));
    } else {
      facts[kUnreadableKey] = why;
    }
  }
  if (capture_) capture_->file(stored_at, text_of_facts(facts));
  if (const auto said = facts.find(kUnreadableKey); said != facts.end()) {
    why = said->second;
    return {};
  }
  return facts;
}

Facts Tree::net_facts(const std::string& interface) const {
  const std::string stored_at = facts_path("net", interface);
  Facts facts;
  if (is_live()) {
    if (const auto address = permanent_address(interface)) facts["PERMANENT_ADDRESS"] = *address;
  } else {
    facts = stored_facts(stored_at).value_or(Facts());
  }
  if (capture_) capture_->file(stored_at, text_of_facts(facts));
  return facts;
}

Facts Tree::machine_facts() const {
  Facts facts;
  if (!is_live()) return stored_facts(kMachineFacts).value_or(facts);
  utsname uts{};
  if (::uname(&uts) == 0) facts["MACHINE"] = uts.machine;
  facts["PAGE_SIZE"] = std::to_string(::sysconf(_SC_PAGESIZE));
  if (capture_) capture_->file(kMachineFacts, text_of_facts(facts));
  return facts;
}

}  // namespace hib::device
