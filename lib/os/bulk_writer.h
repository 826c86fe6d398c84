// Collects what is appended into large aligned pieces, and has each written while the next one is collected.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib {

class BulkWriter {
 public:
  static constexpr std::size_t kPieceBytes = 2U << 20;

  // Called for one piece after the other, mostly on another thread; the last may be shorter.
  using Write = std::function<Result<void>(std::uint64_t offset, ByteView piece)>;

  explicit BulkWriter(Write write) : write_(std::move(write)) {}

  // At the end of what was appended before, beginning with offset 0. An error may be an earlier piece's.
  Result<void> append(ByteView bytes);

  // All that was appended has been written when this returns. One may append on after it: the last piece is
  // then written again.
  Result<void> drain();

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  using Piece = std::unique_ptr<std::byte, Free>;

  std::byte* filling();
  Result<void> wait();

  Write write_;
  std::array<Piece, 2> pieces_;
  std::size_t current_ = 0;
  std::uint64_t start_ = 0;  // offset of the piece that is being filled
  std::size_t filled_ = 0;
  std::future<Result<void>> under_way_;  // uses the other piece; goes before the pieces do
};

}  // namespace hib
