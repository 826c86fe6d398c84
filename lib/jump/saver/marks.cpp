#include "lib/jump/saver/marks.h"

#include <algorithm>
#include <set>

#include "lib/device/device_record.h"
#include "lib/device/policy/saver_marks.h"
#include "lib/device/probe/await.h"

namespace hib::jump {
namespace {

using device::DeviceSet;
using device::Kind;

std::string uuid_of(const device::Device& device) {
  const device::Value* uuid = device.kind == Kind::FileSystem ? device.find_identity("uuid") : nullptr;
  return uuid == nullptr ? "" : uuid->text;
}

// UUIDs of file systems that are mounted right on a disk or partition. Those on dm or md never appear here:
// the saver does not set up dm or md.
std::set<std::string> expected_here(const DeviceSet& saved) {
  std::set<std::string> plain;
  for (const device::Device& device : saved.devices) {
    if (device.kind == Kind::Disk || device.kind == Kind::Partition) plain.insert(device.path);
  }
  std::set<std::string> uuids;
  for (const device::Device& device : saved.devices) {
    if (!uuid_of(device).empty() && device.find_state("mount") != nullptr && plain.count(device.parent) > 0)
      uuids.insert(uuid_of(device));
  }
  return uuids;
}

bool are_all_in(const DeviceSet& here, const std::set<std::string>& expected) {
  std::set<std::string> found;
  for (const device::Device& device : here.devices) found.insert(uuid_of(device));
  return std::includes(found.begin(), found.end(), expected.begin(), expected.end());
}

}  // namespace

void add_saver_marks(std::vector<Record>& records, unsigned seconds, const std::function<void()>& alive) {
  const auto record =
      std::find_if(records.begin(), records.end(), [](const Record& r) { return r.type == kDevicesRecord; });
  if (record == records.end()) return;
  auto saved = device::from_record(*record);
  if (!saved) return;  // kept as it is; whoever reads it says what is wrong
  const auto expected = expected_here(*saved);
  const DeviceSet here = device::await_devices(seconds, [&](const DeviceSet& found) {
    alive();
    return are_all_in(found, expected);
  });
  device::take_marks(*saved, here);
  *record = device::to_record(*saved);
}

}  // namespace hib::jump
