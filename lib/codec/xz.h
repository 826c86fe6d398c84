// xz streams, as Debian packs kernel modules.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

// The whole content; more than `limit` bytes of it is an error. Right when `expected` is its size: no memory
// is needed twice. `progress` is told bytes of the content, every few MiB.
Result<std::vector<std::byte>> unpack_xz(ByteView stream, std::size_t limit, std::size_t expected = 0,
                                         const std::function<void(std::size_t done)>& progress = {});

}  // namespace hib
