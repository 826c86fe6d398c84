// x86-64 page tables in an image: where a virtual address leads. For what an image claims about addresses in
// its own kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::jump {

// Fills `out` with the page at a physical address.
using ReadPhysicalPage = std::function<Result<void>(std::uint64_t address, MutableBytes out)>;

// The physical address that `address` is mapped to by the tables at `table`, 4 or 5 levels; nothing when it
// is not mapped. Fails when a table cannot be read.
Result<std::optional<std::uint64_t>> translate(const ReadPhysicalPage& read, std::uint64_t table,
                                               bool five_levels, std::uint64_t address);

}  // namespace hib::jump
