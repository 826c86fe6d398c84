#include "lib/device/policy/saver_marks.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hib::device {
namespace {

bool has_marks(const Device& device) { return device.kind == Kind::FileSystem || device.kind == Kind::Swap; }

bool is_mark_or_none(const Value& value) { return value.name.rfind("MARK", 0) == 0; }

// Null where several have the UUID.
std::map<std::string, const Device*> by_uuid(const DeviceSet& set) {
  std::map<std::string, const Device*> found;
  for (const Device& device : set.devices) {
    const Value* uuid = has_marks(device) ? device.find_identity("uuid") : nullptr;
    if (uuid == nullptr) continue;
    const auto [it, is_new] = found.try_emplace(uuid->text, &device);
    if (!is_new) it->second = nullptr;
  }
  return found;
}

}  // namespace

void take_marks(DeviceSet& saved, const DeviceSet& seen) {
  const auto found = by_uuid(seen);
  for (Device& device : saved.devices) {
    const Value* uuid = has_marks(device) ? device.find_identity("uuid") : nullptr;
    const auto it = uuid == nullptr ? found.end() : found.find(uuid->text);
    if (it == found.end()) continue;
    std::erase_if(device.state, is_mark_or_none);
    if (it->second == nullptr) {
      device.state.push_back({"MARK", "several file systems have this UUID", kFromSaver, Strength::Medium,
                              Presence::Unreadable});
      continue;
    }
    for (Value mark : it->second->state) {
      if (!is_mark_or_none(mark)) continue;
      mark.from = kFromSaver;
      device.state.push_back(std::move(mark));
    }
  }
}

}  // namespace hib::device
