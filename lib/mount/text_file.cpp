#include "lib/mount/text_file.h"

#include <algorithm>

namespace hib::mount {

bool TextFile::prepare() {
  const std::scoped_lock lock(mutex_);
  if (is_ready_) return true;
  auto text = make_();
  if (!text) return false;  // the next one who asks tries again: a server may be back by then
  text_ = std::move(*text);
  is_ready_ = true;
  return true;
}

Outcome TextFile::read(std::uint64_t offset, MutableBytes out, Wait) const {
  const ByteView bytes = as_bytes(text_).subspan(offset, out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return Outcome::Read;
}

}  // namespace hib::mount
