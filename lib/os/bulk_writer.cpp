#include "lib/os/bulk_writer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace hib {
namespace {

constexpr std::size_t kAlignment = 4096;  // enough for every disk's direct I/O

}  // namespace

Result<void> BulkWriter::append(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kPieceBytes - filled_);
    std::memcpy(filling() + filled_, bytes.data(), count);
    filled_ += count;
    bytes = bytes.subspan(count);
    if (filled_ < kPieceBytes) continue;
    TRY_OK(wait());
    // Where no thread is to be had it is written when somebody waits for it.
    under_way_ =
        std::async(std::launch::async | std::launch::deferred, write_, start_, ByteView(filling(), filled_));
    current_ = 1 - current_;
    start_ += filled_;
    filled_ = 0;
  }
  return {};
}

Result<void> BulkWriter::drain() {
  TRY_OK(wait());
  return filled_ == 0 ? Result<void>() : write_(start_, ByteView(filling(), filled_));
}

std::byte* BulkWriter::filling() {
  Piece& piece = pieces_[current_];
  if (!piece) piece.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, kPieceBytes)));
  if (!piece) throw std::bad_alloc();
  return piece.get();
}

Result<void> BulkWriter::wait() { return under_way_.valid() ? under_way_.get() : Result<void>(); }

}  // namespace hib
