#include "lib/device/probe/await.h"

#include <chrono>
#include <thread>

#include "lib/device/probe/probe.h"

namespace hib::device {
namespace {

constexpr auto kPause = std::chrono::milliseconds(50);

}  // namespace

Result<DeviceSet> devices_here(const std::string& root) {
  TRY(const Tree tree, root.empty() ? Result<Tree>(Tree::live()) : Tree::captured(root));
  return probe(tree).devices;
}

DeviceSet await_devices(unsigned seconds, const std::function<bool(const DeviceSet&)>& are_enough) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    DeviceSet here = probe(Tree::live()).devices;
    if (are_enough(here) || std::chrono::steady_clock::now() >= limit) return here;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace hib::device
