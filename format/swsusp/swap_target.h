// A swap area that an image is written into: its free blocks, and the order of writes that makes an
// interruption harmless.
#pragma once

#include <memory>

#include "format/swsusp/image_record.h"
#include "format/swsusp/locate.h"
#include "format/swsusp/swap_slots.h"
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

  // The slots that hold swapped-out pages of the machine: nothing of the image may lie there.
  struct UsedSlots {
    std::vector<PageRun> runs;      // ascending
    std::vector<PageRun> doubtful;  // perhaps: the image lies there by force only
  };

  // Refused unless there is a swap area, nobody uses it, no image is armed in it but the one of `record`, and
  // it has every used slot. Without `used` it is not known which slots are in use.
  static Result<std::unique_ptr<SwapTarget>> open(const std::string& path, const ImageRecord& record,
                                                  const std::optional<UsedSlots>& used,
                                                  const Options& options);

  // A page of a slot, written where another one lies there. False: it was there, or the area has no such
  // slot.
  Result<bool> put_slot(std::uint64_t slot, ByteView page);

  // The next free block: first those that the image had before, then those behind them, then any.
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
  Result<void> find_blocks(const ImageRecord& record, const std::optional<UsedSlots>& used, bool force);
  Result<void> refuse_missing(const UsedSlots& used) const;

  struct BlockRun {
    std::uint64_t block = 0;
    std::uint64_t count = 0;
  };

  Located located_;
  std::unique_ptr<InPlaceFile> file_;
  std::vector<std::byte> header_page_;
  SwapSlots slots_;
  std::vector<std::byte> present_;  // what lies in a slot
  std::vector<BlockRun> blocks_;    // in the order of taking
  std::size_t run_ = 0;
  std::uint64_t used_in_run_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace hib::swsusp
