// Slots of a swap area and the blocks that hold them; sets of blocks.
#include "format/swsusp/swap_slots.h"

#include "tests/support/images.h"

using namespace hib;
using namespace hib::swsusp;
using namespace hib::test;

namespace {

constexpr std::uint64_t kPage = 4096;

// A file of `blocks` pages, and the swap area in it as locate() would say.
struct SwapDisk {
  TempFolder folder;
  std::string path = folder.file("area");

  explicit SwapDisk(std::uint64_t blocks) { write_file(path, std::vector<std::byte>(blocks * kPage)); }

  Located located(std::uint32_t last_page, std::uint64_t blocks) const {
    Header header;
    header.last_page = last_page;
    return {header, BlockSpace(must(File::open(path)), kPage, 0, blocks * kPage), 0, 0, "", {}, {}};
  }
};

std::vector<std::array<std::uint64_t, 3>> listed(const SwapSlots& slots) {
  std::vector<std::array<std::uint64_t, 3>> out;
  for (const SlotRange& range : slots.ranges()) out.push_back({range.slot, range.block, range.count});
  return out;
}

}  // namespace

TEST_CASE("The slots of a partition are its pages, without the header and the bad ones") {
  const SwapDisk area(20);
  Located located = area.located(15, 20);
  located.header.bad_pages = {3, 15};
  CHECK(listed(SwapSlots::of(located)) == std::vector<std::array<std::uint64_t, 3>>{{1, 1, 2}, {4, 4, 11}});
}

TEST_CASE("A swap area that is larger than its device has the slots that are there") {
  const SwapDisk area(8);
  CHECK(listed(SwapSlots::of(area.located(1000, 8))) == std::vector<std::array<std::uint64_t, 3>>{{1, 1, 7}});
}

TEST_CASE("The slots of a swap file are its pages, wherever they lie") {
  const SwapDisk area(40);
  Located located = area.located(9, 40);
  located.header_block = 30;
  located.swap_file = std::vector<FileExtent>{{30 * kPage, 0, 4 * kPage}, {10 * kPage, 4 * kPage, 6 * kPage}};
  const SwapSlots slots = SwapSlots::of(located);
  CHECK(listed(slots) == std::vector<std::array<std::uint64_t, 3>>{{1, 31, 3}, {4, 10, 6}});
  CHECK(slots.blocks() == BlockSet{{10, 16}, {31, 34}});
  CHECK(slots.from(5)->block == 11);
  CHECK(slots.from(5)->count == 5);
  CHECK_FALSE(slots.from(0));
  CHECK_FALSE(slots.from(10));
  CHECK(slots.blocks_of({{2, 4, PageState::Data, 0}}) == BlockSet{{10, 12}, {32, 34}});
}

TEST_CASE(
    "Pages of a swap file that are not aligned on the device are no slots: the kernel leaves them out") {
  const SwapDisk area(40);
  Located located = area.located(9, 40);
  located.header_block = 30;
  located.swap_file =
      std::vector<FileExtent>{{30 * kPage, 0, 4 * kPage}, {10 * kPage + 1024, 4 * kPage, 6 * kPage}};
  CHECK(listed(SwapSlots::of(located)) == std::vector<std::array<std::uint64_t, 3>>{{1, 31, 3}});
}

TEST_CASE("Blocks of an image are taken out of the slots, in whatever order they lie") {
  const SwapDisk area(40);
  SwapSlots slots = SwapSlots::of(area.located(39, 40));
  slots.remove_blocks(in_order({{20, 25}, {5, 10}, {10, 12}, {39, 50}}));
  CHECK(listed(slots) == std::vector<std::array<std::uint64_t, 3>>{{1, 1, 4}, {12, 12, 8}, {25, 25, 14}});
}

TEST_CASE("Sets of blocks: order, difference and what two have in common") {
  CHECK(in_order({{5, 7}, {1, 3}, {3, 4}, {6, 9}, {8, 8}}) == BlockSet{{1, 4}, {5, 9}});
  const BlockSet all = {{0, 10}, {20, 30}};
  CHECK(without(all, {{3, 5}, {8, 22}, {29, 40}}) == BlockSet{{0, 3}, {5, 8}, {22, 29}});
  CHECK(without(all, {}) == all);
  CHECK(without(all, {{0, 100}}).empty());
  CHECK(common(all, {{3, 5}, {8, 22}, {29, 40}}) == BlockSet{{3, 5}, {8, 10}, {20, 22}, {29, 30}});
  CHECK(common(all, {}).empty());
}

TEST_CASE("Sets of a hundred thousand pieces take no time") {
  BlockSet many;
  BlockSet holes;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    many.emplace_back(10 * i, 10 * i + 8);
    holes.emplace_back(10 * i + 2, 10 * i + 3);
  }
  CHECK(without(many, holes).size() == 200000);
  CHECK(common(many, holes) == holes);
}
