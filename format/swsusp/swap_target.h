// A swap area that an image is written into: its free blocks, and the order of writes that makes an
// interruption harmless.
#pragma once

#include <memory>

#include "format/swsusp/image_record.h"
#include "format/swsusp/locate.h"
#include "lib/os/in_place.h"

namespace hib::swsusp {

class SwapTarget {
 public:
  struct Options {
    std::optional<std::uint64_t> offset;  // of the swap header, in pages
    bool by_extents =
        false;  // the output is a swap file of this machine: blocks are counted on its file system's device
    bool force =
        false;  // also over another machine's armed image, and onto blocks that may hold swapped-out pages
  };

  // Refused unless there is a swap area, nobody uses it, and no image is armed in it but the one of `record`.
  static Result<std::unique_ptr<SwapTarget>> open(const std::string& path, const ImageRecord& record,
                                                  const Options& options);

  // The next free block: first those that the image had before, then those behind them.
  Result<std::uint64_t> take_block();
  Result<void> write_block(std::uint64_t block, ByteView bytes);  // one page or less
  Result<void> write_blocks(std::uint64_t first, ByteView bytes);

  Result<void> begin();  // removes an old signature, so that no half-written image is armed
  Result<void> arm(const Header& with_image);  // flush, signature, flush

  const Header& header() const { return located_.header; }
  std::uint64_t header_block() const { return located_.header_block; }
  const std::string& place() const { return located_.place; }
  std::uint64_t free_blocks() const;

 private:
  SwapTarget(Located located, std::unique_ptr<InPlaceFile> file)
      : located_(std::move(located)), file_(std::move(file)) {}
  static Result<void> count_by_extents(Located& found, const ImageRecord& record, const Options& options);
  Result<void> find_blocks(const std::string& path, const ImageRecord& record, bool force);

  struct BlockRun {
    std::uint64_t block = 0;
    std::uint64_t count = 0;
  };

  Located located_;
  std::unique_ptr<InPlaceFile> file_;
  std::vector<std::byte> header_page_;
  std::vector<BlockRun> blocks_;  // in the order of taking
  std::size_t run_ = 0;
  std::uint64_t used_in_run_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace hib::swsusp
