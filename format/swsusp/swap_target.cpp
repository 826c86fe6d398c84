#include "format/swsusp/swap_target.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "format/swsusp/swap_file.h"
#include "format/swsusp/swap_stream.h"
#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

using Blocks = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // first, end; ascending, disjoint

void cut_out(Blocks& blocks, std::uint64_t first, std::uint64_t end) {
  Blocks out;
  for (const auto& [a, b] : blocks) {
    if (a < std::min(b, first)) out.emplace_back(a, std::min(b, first));
    if (std::max(a, end) < b) out.emplace_back(std::max(a, end), b);
  }
  blocks = std::move(out);
}

Blocks overlap(const Blocks& blocks, std::uint64_t first, std::uint64_t end) {
  Blocks out;
  for (const auto& [a, b] : blocks) {
    if (std::max(a, first) < std::min(b, end)) out.emplace_back(std::max(a, first), std::min(b, end));
  }
  return out;
}

// Page `index` of the swap area for every block of the device that belongs to it: pages 1 … last_page without
// the bad ones.
Blocks usable_blocks(const Located& located, const std::vector<FileExtent>& extents) {
  const Header& header = located.header;
  const std::uint64_t page = header.page_size;
  std::vector<std::uint64_t> bad(header.bad_pages.begin(), header.bad_pages.end());
  std::sort(bad.begin(), bad.end());
  Blocks blocks;
  for (const FileExtent& extent : extents) {
    const std::uint64_t first_index = std::max<std::uint64_t>((extent.file_offset + page - 1) / page, 1);
    const std::uint64_t end_index = std::min<std::uint64_t>((extent.file_offset + extent.size) / page,
                                                            std::uint64_t{header.last_page} + 1);
    if (first_index >= end_index) continue;
    const std::uint64_t shift = extent.device_offset + (first_index * page - extent.file_offset);
    if (shift % page != 0) continue;  // the kernel uses whole, aligned pages only
    blocks.emplace_back(shift / page, shift / page + (end_index - first_index));
    for (const std::uint64_t index : bad) {
      if (index >= first_index && index < end_index)
        cut_out(blocks, shift / page + (index - first_index), shift / page + (index - first_index) + 1);
    }
  }
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

}  // namespace

Result<std::unique_ptr<SwapTarget>> SwapTarget::open(const std::string& path, const ImageRecord& record,
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
  TRY_OK(target->find_blocks(path, record, options.force));
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

// The machine in the image may have pages of its own swapped out into this area, and they are not in the
// image. The blocks that the image itself lay in are certainly not among them; those behind it hardly ever
// are, since the kernel fills the area from its start and the image came last. Any other block is taken only
// by force, or when the area is not the one that the image comes from.
Result<void> SwapTarget::find_blocks(const std::string& path, const ImageRecord& record, bool force) {
  std::vector<FileExtent> extents = {{0, 0, located_.space.block_count() * located_.header.page_size}};
  if (located_.swap_file) extents = *located_.swap_file;
  Blocks usable = usable_blocks(located_, extents);
  cut_out(usable, located_.header_block, located_.header_block + 1);
  if (usable.empty())
    return fail(
        make_error(ErrorKind::Refused, "output", "a swap area without a usable page", "blocks to write to")
            .of(path));
  const bool same_area =
      !record.swap_uuid.empty() && record.swap_uuid == located_.header.uuid_text() && !record.blocks.empty();
  const auto take = [&](std::uint64_t first, std::uint64_t end) {
    for (const auto& [a, b] : overlap(usable, first, end)) blocks_.push_back({a, b - a});
    cut_out(usable, first, end);
  };
  if (same_area) {
    for (const BlockList::Run& run : record.blocks)
      take(run.block, run.block + std::min(run.count, ~std::uint64_t{0} - run.block));
    take(record.blocks.back().block, ~std::uint64_t{0});
  }
  if (!same_area || force) take(0, ~std::uint64_t{0});
  return {};
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
                    .advise("nothing in it is armed; it is an empty swap area now"));
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
