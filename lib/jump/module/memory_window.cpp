#include "lib/jump/module/memory_window.h"

#include <algorithm>
#include <cstring>

#include "lib/base/text.h"

namespace hib::jump {
namespace {

constexpr std::uint64_t kWindowBytes = 64U << 20;  // its page table has 128 KiB: the saver has little memory

}  // namespace

Result<void> MemoryWindow::write(std::uint64_t address, ByteView bytes) {
  while (!bytes.empty()) {
    TRY(const MutableBytes place, at(address, bytes.size()));
    std::memcpy(place.data(), bytes.data(), place.size());
    address += place.size();
    bytes = bytes.subspan(place.size());
  }
  return {};
}

Result<void> MemoryWindow::fill(std::uint64_t address, std::byte value, std::uint64_t bytes) {
  while (bytes > 0) {
    TRY(const MutableBytes place, at(address, bytes));
    std::memset(place.data(), std::to_integer<int>(value), place.size());
    address += place.size();
    bytes -= place.size();
  }
  return {};
}

// As much of it as one window reaches.
Result<MutableBytes> MemoryWindow::at(std::uint64_t address, std::uint64_t most) {
  if (!mapped_.contains(address, 1)) {
    const auto range = std::find_if(ranges_.begin(), ranges_.end(),
                                    [&](const MemoryRange& r) { return r.contains(address, 1); });
    if (range == ranges_.end())
      return fail(
          make_error(ErrorKind::Refused, "page", "not memory of the machine that was saved").at(address));
    const std::uint64_t base = address / kWindowBytes * kWindowBytes;
    const std::uint64_t start = std::max(range->start, base);
    const MemoryRange wanted{start, std::min(range->end(), base + kWindowBytes) - start};
    mapped_ = {};
    mapping_ = {};  // the old one goes before the new one takes memory
    TRY(mapping_, device_->map(wanted.start, wanted.bytes));
    mapped_ = wanted;
  }
  const std::uint64_t offset = address - mapped_.start;
  return mapping_.bytes().subspan(offset, std::min(most, mapped_.bytes - offset));
}

}  // namespace hib::jump
