#include "format/swsusp/swap_target.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "format/swsusp/swap_file.h"
#include "format/swsusp/swap_stream.h"
#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

// Those of `blocks` that lie at or behind `first`.
BlockSet from_on(const BlockSet& blocks, std::uint64_t first) {
  return common(blocks, {{first, ~std::uint64_t{0}}});
}

}  // namespace

Result<std::unique_ptr<SwapTarget>> SwapTarget::open(const std::string& path, const ImageRecord& record,
                                                     const std::optional<UsedSlots>& used,
                                                     const Options& options) {
  const auto refuse = [&](std::string found, std::string allowed) {
    return fail(make_error(ErrorKind::Refused, "output", std::move(found), std::move(allowed)).of(path));
  };
  TRY(auto read, File::open(path));
  OpenOptions open;
  open.swap_offset = options.offset;
  auto found = locate(read, open);
  if (!found && found.error().kind == ErrorKind::NotRecognised)
    return refuse(found.error().found, "an existing swap area (mkswap makes one)");
  if (!found) return fail(std::move(found).error());
  const Header& header = found->header;
  if (header.page_size != record.info.abi.page_size)
    return refuse(fmt::format("a swap area of pages of {} bytes", header.page_size),
                  std::to_string(record.info.abi.page_size));
  if (header.swap_version != 1)
    return refuse(fmt::format("a swap area of version {}", header.swap_version), "version 1");
  if (!found->findings.empty() && !options.offset) {
    return fail(make_error(ErrorKind::Refused, "output",
                           fmt::format("{} swap areas", found->findings.size() + 1),
                           "one, or --target-offset PAGES to say which")
                    .of(path));
  }
  if (header.state == State::Armed && !options.force) {
    auto stream = header.dialect == Dialect::Swsusp
                      ? SwapStream::open(found->space, header, found->header_block)
                      : Result<std::unique_ptr<SwapStream>>(fail(Error{}));
    if (!stream || (*stream)->info_page().raw != record.info.raw) {
      return fail(make_error(ErrorKind::Refused, "output",
                             "another hibernation image, armed: the machine in it would be lost",
                             "a swap area without one")
                      .of(path)
                      .advise("--force writes over it"));
    }
  }
  TRY_OK(count_by_extents(*found, record, options));
  TRY(auto file, InPlaceFile::open(path));
  auto target = std::unique_ptr<SwapTarget>(new SwapTarget(std::move(*found), std::move(file)));
  target->header_page_.resize(header.page_size);
  TRY_OK(read->read_at(target->located_.header_offset, target->header_page_));
  TRY_OK(target->find_blocks(record, used, options.force));
  return target;
}

// A file that begins with a swap header is a copy of a swap partition, whose blocks count from its start, or
// a swap file, whose blocks count on the device below its file system. Nothing in it says which. If the image
// came from a swap file, and this file begins at the same block, it is that one.
Result<void> SwapTarget::count_by_extents(Located& found, const ImageRecord& record, const Options& options) {
  const File& file = found.space.file();
  const bool may_be_swap_file =
      found.header_offset == 0 && found.header_block == 0 && !file.is_block_device();
  if (!may_be_swap_file) return {};
  const bool from_swap_file = record.header_block != 0;
  if (!options.by_extents && !from_swap_file) return {};
  auto extents = swap_file_extents(file);
  const bool begins_there = extents && !extents->empty() && extents->front().file_offset == 0 &&
                            extents->front().device_offset % found.header.page_size == 0;
  const std::uint64_t first_block =
      begins_there ? extents->front().device_offset / found.header.page_size : 0;
  if (options.by_extents && first_block == 0) {
    return fail(make_error(ErrorKind::Refused, "--by-extents",
                           "a file whose place on its device the file system does not tell", "a swap file")
                    .of(file.path()));
  }
  if (!options.by_extents && first_block != record.header_block) {
    return fail(
        make_error(ErrorKind::Refused, "output",
                   fmt::format("the image came from a swap file at block {}, and this file is not there",
                               record.header_block),
                   "that swap file, or the device or image of its file system")
            .of(file.path())
            .advise("--by-extents if it is another swap file of this machine"));
  }
  found.space = BlockSpace(found.space.file_handle(), found.header.page_size, *extents);
  found.header_block = first_block;
  found.swap_file = std::move(extents);
  found.place = "swap file";
  return {};
}

constexpr const char* kDoubtful =
    "which slots the machine has in use is not known; --force takes those that are zero for free";

Result<void> SwapTarget::refuse_missing(const UsedSlots& used) const {
  for (const PageRun& run : used.runs) {
    for (std::uint64_t slot = run.first; slot < run.end();) {
      const auto there = slots_.from(slot);
      if (!there) {
        return fail(make_error(ErrorKind::Refused, "output",
                               fmt::format("a swap area without a slot {}", grouped(slot)),
                               "one that has it: the machine has a page swapped out there")
                        .of(file_->path())
                        .advise("a larger swap area (mkswap) will do"));
      }
      slot += there->count;
    }
  }
  return {};
}

// Where the image goes. Free for certain are the blocks that it lay in before, and, when it is known which
// slots are in use, all others but those. When that is not known, blocks behind the image hardly ever hold a
// swapped-out page, since the kernel fills the area from its start and the image came last; what lies before
// is taken by force only, or when the area is another one.
Result<void> SwapTarget::find_blocks(const ImageRecord& record, const std::optional<UsedSlots>& used,
                                     bool force) {
  slots_ = SwapSlots::of(located_);
  BlockSet usable = slots_.blocks();
  BlockSet doubtful;
  if (used) {
    TRY_OK(refuse_missing(*used));
    doubtful = slots_.blocks_of(used->doubtful);
    usable = without(without(usable, slots_.blocks_of(used->runs)), doubtful);
  }
  if (usable.empty() && (doubtful.empty() || !force))
    return fail(
        make_error(ErrorKind::Refused, "output", "a swap area without a usable page", "blocks to write to")
            .of(file_->path())
            .advise(used && !used->doubtful.empty() ? kDoubtful : ""));
  const auto take = [&](const BlockSet& taken) {
    for (const auto& [first, end] : taken) blocks_.push_back({first, end - first});
    usable = without(usable, taken);
  };
  const bool same_area =
      !record.swap_uuid.empty() && record.swap_uuid == located_.header.uuid_text() && !record.blocks.empty();
  if (same_area) {
    const BlockSet before = block_set(record.blocks);
    take(common(usable, before));
    if (!before.empty()) take(from_on(usable, before.back().first));
  }
  if (used || !same_area || force) take(BlockSet(usable));
  if (force) {
    usable = doubtful;
    take(BlockSet(usable));
  }
  return {};
}

Result<bool> SwapTarget::put_slot(std::uint64_t slot, ByteView page) {
  const auto there = slots_.from(slot);
  if (!there) return false;
  present_.resize(page.size());
  const bool same = located_.space.read(there->block, present_).has_value() &&
                    std::equal(page.begin(), page.end(), present_.begin());
  if (!same) TRY_OK(write_block(there->block, page));
  return !same;
}

std::uint64_t SwapTarget::free_blocks() const {
  return std::accumulate(blocks_.begin(), blocks_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const BlockRun& run) { return sum + run.count; }) -
         taken_;
}

Result<std::uint64_t> SwapTarget::take_block() {
  while (run_ < blocks_.size() && used_in_run_ == blocks_[run_].count) {
    ++run_;
    used_in_run_ = 0;
  }
  if (run_ == blocks_.size()) {
    return fail(make_error(ErrorKind::Refused, "output",
                           fmt::format("a swap area with room for {} pages", taken_),
                           "a larger one, or a codec that packs better")
                    .of(file_->path())
                    .advise("nothing in it is armed; it is a swap area without an image now"));
  }
  ++taken_;
  return blocks_[run_].block + used_in_run_++;
}

Result<void> SwapTarget::write_block(std::uint64_t block, ByteView bytes) {
  return write_blocks(block, bytes);
}

Result<void> SwapTarget::write_blocks(std::uint64_t first, ByteView bytes) {
  while (!bytes.empty()) {
    const std::uint64_t wanted = (bytes.size() + header().page_size - 1) / header().page_size;
    const std::uint64_t there = located_.space.contiguous(first, wanted);
    if (there == 0)
      return fail(make_error(ErrorKind::Refused, fmt::format("block {}", first), "not in this file",
                             "a block of the swap area")
                      .of(file_->path()));
    const std::size_t size = std::min<std::size_t>(bytes.size(), there * header().page_size);
    TRY_OK(file_->write_at(*located_.space.file_offset(first), bytes.first(size)));
    bytes = bytes.subspan(size);
    first += there;
  }
  return {};
}

Result<void> SwapTarget::begin() {
  Header plain = header();
  const bool armed = header().state == State::Armed;
  plain.sig = armed ? header().orig_sig : header().sig;
  plain.orig_sig = std::string(kSigBytes, '\0');
  plain.image = 0;
  plain.flags = plain.crc32 = plain.hw_sig = 0;
  encode_tail(plain, header_page_);
  TRY_OK(file_->write_at(located_.header_offset, header_page_));
  return file_->flush();
}

Result<void> SwapTarget::arm(const Header& with_image) {
  TRY_OK(file_->flush());
  encode_tail(with_image, header_page_);
  TRY_OK(file_->write_at(located_.header_offset, header_page_));
  return file_->flush();
}

}  // namespace hib::swsusp
