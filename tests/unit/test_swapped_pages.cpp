// Which slots of a swap area are taken for swapped-out pages, by what is known of the area.
#include "format/swsusp/swapped_pages.h"

#include <tuple>

#include "lib/image/swapped_record.h"
#include "tests/support/swap_machine.h"

using namespace hib;
using namespace hib::swsusp;
using namespace hib::test;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBlocks = 20;  // of the file
const BlockSet kImage = {{6, 8}};      // lies between the slots
constexpr std::uint64_t kBlockDevice = 0060000;
constexpr std::uint64_t kRegularFile = 0100000;

// header, in use: 1 to 3 and 9
const Bytes kInUse = map_of({0x3F, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0});

// A kernel with one area, and the device on which the image lies.
struct Hibernated {
  TempFolder folder;
  SwapMachine machine;

  explicit Hibernated(const Bytes& map, std::uint64_t mode = kBlockDevice) {
    write_file(folder.file("device"), sample_memory(kBlocks, 7));
    const Address area = machine.make_area(map);
    const Address root = machine.make_dentry(0, "/");
    machine.set(area, "swap_info_struct", "swap_file",
                machine.make_file(machine.make_mount(root), machine.make_dentry(root, "swap"), mode));
    machine.set_areas({area});
  }

  // The file has blocks first_block … 19 of the device.
  BlockSpace space(std::uint64_t first_block) const {
    const std::uint64_t size = (kBlocks - first_block) * kPage;
    return {must(File::open(folder.file("device"))), kPage, {FileExtent{first_block * kPage, 0, size}}};
  }

  SwapSlots slots(std::uint64_t pages, std::uint64_t first_block = 0) const {
    Header header;
    header.last_page = static_cast<std::uint32_t>(pages - 1);
    SwapSlots slots = SwapSlots::of(Located{header, space(first_block), 0, 0, "", {}, {}});
    slots.remove_blocks(kImage);
    return slots;
  }

  // What is known of an area without a header of the image's own: `pages` long by a later header, or by the
  // partition table.
  SlotPlaces places(AreaIs area, std::uint64_t pages, std::uint64_t first_block = 0) const {
    return {space(first_block),
            slots(pages, first_block),
            pages,
            "",
            "",
            area,
            DeviceSlots{slots(kBlocks, first_block), first_block, kImage.back().second}};
  }

  SwappedPages find(AreaIs area, std::uint64_t pages, std::uint64_t first_block = 0) const {
    return find_swapped_pages(machine.image, machine.image.records(), places(area, pages, first_block));
  }
};

using Run = std::tuple<Pfn, std::uint64_t, PageState>;  // first, count

std::vector<Run> runs_of(const SwappedPages& found) {
  REQUIRE(found.pages != nullptr);
  std::vector<Run> runs;
  const auto source = must(found.pages->runs());
  while (const auto run = must(source->next())) runs.emplace_back(run->first, run->count, run->state);
  return runs;
}

bool is_exact(const SwappedPages& found) {
  const auto record = swapped_record_in(found.records);
  REQUIRE(record);
  return record->exact;
}

const std::vector<Run> kSlotsInUse = {{1, 3, PageState::Data}, {9, 1, PageState::Data}};

}  // namespace

TEST_CASE("The kernel's account says how large an area is of which only the start is known") {
  const Hibernated hibernated(kInUse);
  const SwappedPages found = hibernated.find(AreaIs::Guessed, kBlocks);
  CHECK(runs_of(found) == kSlotsInUse);
  CHECK(is_exact(found));
  std::vector<std::byte> page(kPage);
  must(found.pages->read_page(9, page));
  const auto device = read_file(hibernated.folder.file("device"));
  CHECK(std::equal(page.begin(), page.end(), device.begin() + 9 * kPage));
}

TEST_CASE("The kernel's account is right where a later header gives the area another size") {
  const Hibernated hibernated(kInUse);
  for (const std::uint64_t pages : {5, 15})
    CHECK(runs_of(hibernated.find(AreaIs::Likely, pages)) == kSlotsInUse);
}

TEST_CASE("An area of the machine in which the image does not lie is not taken for the image's") {
  Bytes where_image_lies = kInUse;
  where_image_lies[7] = std::byte{1};
  Bytes short_of_image = kInUse;
  short_of_image.resize(6);
  Bytes behind_device = kInUse;
  behind_device.resize(30, std::byte{1});
  for (const Bytes& map : {where_image_lies, short_of_image, behind_device}) {
    for (const AreaIs area : {AreaIs::Likely, AreaIs::Guessed}) {
      const SwappedPages found = Hibernated(map).find(area, kBlocks);
      CHECK(found.pages == nullptr);
      CHECK(swap_areas_in(found.records));
    }
  }
}

TEST_CASE("Slots of a swap file are not looked for on its device") {
  for (const std::uint64_t pages : {kBlocks, std::uint64_t{12}}) {
    const SwappedPages found = Hibernated(kInUse, kRegularFile).find(AreaIs::Guessed, pages);
    CHECK(found.pages == nullptr);
    CHECK(swapped_out(*swap_areas_in(found.records)) == 4);
  }
}

TEST_CASE("Slots before the start of a file that is cut off there are lost, and the others are kept") {
  const Hibernated hibernated(kInUse);
  const SwappedPages found = hibernated.find(AreaIs::Guessed, kBlocks, 3);
  CHECK(runs_of(found) ==
        std::vector<Run>{{1, 2, PageState::Unreadable}, {3, 1, PageState::Data}, {9, 1, PageState::Data}});
  std::vector<std::byte> page(kPage);
  CHECK_FALSE(found.pages->read_page(2, page));
  must(found.pages->read_page(3, page));
}

TEST_CASE(
    "Where the account cannot be read, all is taken beside the image if it is known where the area ends") {
  Hibernated hibernated(kInUse);
  hibernated.machine.image.lose(kSwapInfo);
  const SwappedPages found = hibernated.find(AreaIs::Likely, 12);
  CHECK(runs_of(found) == std::vector<Run>{{1, 5, PageState::Data}, {8, 4, PageState::Data}});
  CHECK_FALSE(is_exact(found));
  CHECK(hibernated.find(AreaIs::Guessed, 12).pages == nullptr);
}

TEST_CASE("A machine that had swapped out nothing has no swapped-out pages, wherever the area ends") {
  const SwappedPages found =
      Hibernated(map_of({0x3F, 0, 0, 0, 0, 0, 0, 0, 0, 0})).find(AreaIs::Guessed, kBlocks);
  CHECK(found.pages == nullptr);
  CHECK(swapped_out(*swap_areas_in(found.records)) == 0);
}
