#include "lib/diagnose/boot/tree_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

namespace hib::diagnose::boot {

void TreeReader::note(const std::string& path, const std::string& why) const {
  const auto same = [&](const Unread& unread) { return unread.path == path; };
  if (std::any_of(unread_.begin(), unread_.end(), same)) return;
  const bool is_denied = why == std::strerror(EACCES) || why == std::strerror(EPERM);
  unread_.push_back({path, is_denied ? why + ": needs root" : why});
}

std::optional<std::string> TreeReader::text(const std::string& path) const {
  device::Reading reading = tree_.read(path);
  if (reading.is_present()) return std::move(reading.text);
  if (reading.presence == device::Presence::Unreadable) note(path, reading.text);
  return std::nullopt;
}

std::optional<std::string> TreeReader::line(const std::string& path) const {
  device::Reading reading = tree_.read_line(path);
  if (reading.is_present()) return std::move(reading.text);
  if (reading.presence == device::Presence::Unreadable) note(path, reading.text);
  return std::nullopt;
}

std::vector<std::string> TreeReader::names(const std::string& path) const {
  const device::Reading folder = tree_.look_into(path);
  if (folder.presence == device::Presence::Unreadable) note(path, folder.text);
  return folder.is_present() ? tree_.list(path) : std::vector<std::string>();
}

std::vector<std::string> TreeReader::with_drop_ins(const std::vector<std::string>& folders,
                                                   const std::string& name, const std::string& suffix,
                                                   bool with_main) const {
  std::vector<std::string> paths;
  if (with_main) {
    const auto main = std::find_if(folders.begin(), folders.end(), [&](const std::string& folder) {
      return tree_.exists(folder + "/" + name);
    });
    if (main != folders.end()) paths.push_back(*main + "/" + name);
  }
  std::map<std::string, std::string> by_name;
  for (const std::string& folder : folders) {
    const std::string drop_ins = folder + "/" + name + ".d";
    for (const std::string& file : names(drop_ins)) {
      if (file.ends_with(suffix)) by_name.emplace(file, drop_ins + "/" + file);
    }
  }
  for (const auto& [file, path] : by_name) paths.push_back(path);
  return paths;
}

}  // namespace hib::diagnose::boot
