// Where the bytes of an input lie: in a file or device of this system, or behind an NBD server. All functions
// but data_from() may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/extents.h"

namespace hib {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual std::uint64_t size() const = 0;

  // Some of the bytes at `offset`, at least one; 0 where the source has become shorter. `out` is not empty
  // and lies inside size().
  virtual Result<std::size_t> read(std::uint64_t offset, MutableBytes out) const = 0;

  // The next stretch from `offset` on, less than size(), that is not known to be zeros; empty when there is
  // none. All of the rest where nothing tells.
  virtual DeviceRange data_from(std::uint64_t offset) const { return {offset, size() - offset}; }

  // For a library that reads by itself; -1 where there is none.
  virtual int descriptor() const { return -1; }
  virtual bool is_block_device() const { return false; }

  // What the system has of it in memory, unchanged, is read from the disk again.
  virtual void drop_cache() const {}
};

}  // namespace hib
