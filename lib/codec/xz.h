// xz streams, as Debian packs kernel modules.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

// The whole content; more than `limit` bytes of it is an error.
Result<std::vector<std::byte>> unpack_xz(ByteView stream, std::size_t limit);

}  // namespace hib
