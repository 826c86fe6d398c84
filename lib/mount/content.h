// What a file of a mounted image holds. All functions may be called from several threads at once.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace hib::mount {

enum class Outcome {
  Read,
  Unreadable,  // damaged or absent: EIO
  NotYet,      // it would have to be waited for, and Wait::No was said
};

enum class Wait { No, Yes };

class Content {
 public:
  virtual ~Content() = default;

  // What takes long to make is made when it is first asked for: before that only prepare() may be called,
  // which waits for it, and says whether it could be had.
  virtual bool is_ready() const { return true; }
  virtual bool prepare() { return true; }

  virtual std::uint64_t size() const = 0;
  virtual std::uint64_t stored_bytes() const { return size(); }  // without holes

  // Fills `out`, which lies inside size().
  virtual Outcome read(std::uint64_t offset, MutableBytes out, Wait wait) const = 0;

  // The next byte from `offset` on, less than size(), that lies outside holes; or inside one. size() where
  // there is none.
  virtual std::uint64_t next_data(std::uint64_t offset) const { return offset; }
  virtual std::uint64_t next_hole(std::uint64_t) const { return size(); }
};

}  // namespace hib::mount
