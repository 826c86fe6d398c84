// Swap areas of a kernel made by hand: what is said of them, and what damage does to it.
#include "lib/memory/swap_areas.h"

#include <random>

#include "tests/support/swap_machine.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

// header, used, used with cache, free, bad, only a cache, used, free, used
const Bytes kMap = map_of({0x3F, 1, 0x42, 0, 0x3F, 0x40, 0xBF, 0, 0x81});

}  // namespace

TEST_CASE("A machine without swap areas has none") { REQUIRE(SwapMachine().areas().empty()); }

TEST_CASE("Slots are used, bad, cached or free") {
  SwapMachine machine;
  const Address area = machine.make_area(kMap);
  machine.set(area, "swap_info_struct", "inuse_pages", 5);
  machine.set_areas({area});
  const SwapArea found = machine.areas().at(0);
  REQUIRE(found.type == 0);
  REQUIRE(found.slots == 9);
  REQUIRE(found.pages == 8);
  REQUIRE(found.inuse_pages == 5);
  REQUIRE(found.used == SlotRuns{{1, 2}, {5, 2}, {8, 1}});
  REQUIRE(slot_count(found.used) == found.inuse_pages);
  REQUIRE(found.bad == SlotRuns{{0, 1}, {4, 1}});
  REQUIRE(found.cached_slots == SlotRuns{{2, 1}, {5, 1}});
  REQUIRE(found.zero_slots.empty());
  REQUIRE(found.zswap_slots.empty());
  REQUIRE(!found.others_in_zswap);
}

TEST_CASE("Only areas in use count, and they keep their type") {
  SwapMachine machine;
  machine.set_areas({machine.make_area(kMap, 0), machine.make_area(kMap, 1), machine.make_area(kMap, 2),
                     machine.make_area(kMap, 3 | 1 << 6)});
  const auto areas = machine.areas();
  REQUIRE(areas.size() == 1);
  REQUIRE(areas[0].type == 3);
}

TEST_CASE("Slots of zeros that were not written are those of the bitmap that are used") {
  SwapMachine machine;
  const Address area = machine.make_area(kMap);
  machine.set(area, "swap_info_struct", "zeromap",
              machine.make_bytes(map_of({0b11001010, 1, 0, 0, 0, 0, 0, 0})));
  machine.set_areas({area});
  const SwapArea found = machine.areas().at(0);
  REQUIRE(found.zero_slots == SlotRuns{{1, 1}, {6, 1}, {8, 1}});
}

TEST_CASE("Slots whose pages are compressed in memory are told, one by one or as a whole") {
  SwapMachine by_bitmap({.zeromap = false, .frontswap = true});
  Address area = by_bitmap.make_area(kMap);
  by_bitmap.set(area, "swap_info_struct", "frontswap_map", by_bitmap.make_bytes(Bytes(16, std::byte{6})));
  by_bitmap.set_areas({area});
  by_bitmap.image.write_word(kZswap, 2);
  REQUIRE(by_bitmap.areas().at(0).zswap_slots == SlotRuns{{1, 2}});
  REQUIRE(!by_bitmap.areas().at(0).others_in_zswap);

  SwapMachine as_a_whole;
  as_a_whole.set_areas({as_a_whole.make_area(kMap)});
  as_a_whole.image.write_word(kZswap, 1);
  REQUIRE(as_a_whole.areas().at(0).others_in_zswap);
}

TEST_CASE("The use of an area is read as an atomic counter too, without its flag") {
  SwapMachine machine({.atomic_usage = true});
  const Address area = machine.make_area(kMap);
  machine.set(area, "swap_info_struct", "inuse_pages", 5 | 1U << 30);
  machine.set_areas({area});
  REQUIRE(machine.areas().at(0).inuse_pages == 5);
}

TEST_CASE("A partition is named by its path over mounts, its device and its disk") {
  SwapMachine machine;
  const Address area = machine.make_area(kMap);
  const Address root = machine.make_dentry(0, "/");
  const Address root_mount = machine.make_mount(root);
  const Address dev = machine.make_dentry(root, "dev");
  const Address dev_root = machine.make_dentry(0, "/");
  const Address dev_mount = machine.make_mount(dev_root, root_mount, dev);
  const Address mapper = machine.make_dentry(dev_root, "mapper");
  machine.set(area, "swap_info_struct", "swap_file",
              machine.make_file(dev_mount, machine.make_dentry(mapper, "swap"), 0060660));
  machine.set(area, "swap_info_struct", "bdev", machine.make_device("sda", "sda2"));
  machine.set_areas({area});
  const SwapArea found = machine.areas().at(0);
  REQUIRE(found.path == "/dev/mapper/swap");
  REQUIRE(found.device == "sda2");
  REQUIRE(found.disk == "sda");
  REQUIRE(!found.is_file);
  REQUIRE(!found.is_zram);
}

TEST_CASE("A swap file is a file even on zram, and an area on zram is one") {
  SwapMachine machine;
  const Address file_area = machine.make_area(kMap);
  const Address root = machine.make_dentry(0, "/");
  const Address mount = machine.make_mount(root);
  const Address zram = machine.make_device("zram0", "zram0");
  machine.set(file_area, "swap_info_struct", "swap_file",
              machine.make_file(mount, machine.make_dentry(root, "swapfile"), 0100600));
  machine.set(file_area, "swap_info_struct", "bdev", zram);
  const Address device_area = machine.make_area(kMap);
  machine.set(device_area, "swap_info_struct", "swap_file",
              machine.make_file(mount, machine.make_dentry(root, "zram0"), 0060660));
  machine.set(device_area, "swap_info_struct", "bdev", zram);
  machine.set_areas({file_area, device_area});
  const auto areas = machine.areas();
  REQUIRE(areas.at(0).path == "/swapfile");
  REQUIRE(areas.at(0).is_file);
  REQUIRE(!areas.at(0).is_zram);
  REQUIRE(areas.at(1).is_zram);
}

TEST_CASE("What cannot be read of the place is left out, and the slots are still told") {
  SwapMachine machine;
  const Address area = machine.make_area(kMap);
  machine.set(area, "swap_info_struct", "swap_file", 0xFFFF888070000000);
  machine.set(area, "swap_info_struct", "bdev", 0xFFFF888070000000);
  machine.set_areas({area});
  const SwapArea found = machine.areas().at(0);
  REQUIRE(!found.path);
  REQUIRE(!found.device);
  REQUIRE(!found.disk);
  REQUIRE(slot_count(found.used) == 5);
}

TEST_CASE("A path without an end, and a name that is none, are errors") {
  SwapMachine machine;
  const Address root = machine.make_dentry(0, "/");
  const Address mount = machine.make_mount(root);
  const auto path_error = [&](Address file) {
    const Kernel kernel = must(Kernel::open(machine.image));
    const auto path = path_of_file(kernel, file);
    REQUIRE(!path);
    return path.error();
  };
  const Address one = machine.make_dentry(0, "one");
  const Address two = machine.make_dentry(one, "two");
  machine.set(one, "dentry", "d_parent", two);
  REQUIRE(path_error(machine.make_file(mount, one, 0)).kind == ErrorKind::Corrupt);

  const Address upper = machine.make_mount(root, mount, root);
  machine.set(mount, "mount", "mnt_parent", upper);  // each mounted on the other
  REQUIRE(path_error(machine.make_file(mount, root, 0)).kind == ErrorKind::Corrupt);

  const Address other_mount = machine.make_mount(machine.make_dentry(0, "/"));
  for (const std::uint64_t length : {std::uint64_t{0}, kMaxNameBytes + 1}) {
    const Address dentry = machine.make_dentry(two, "name");
    machine.set(dentry, "dentry", "d_name.len", length);
    REQUIRE(path_error(machine.make_file(other_mount, dentry, 0)).kind == ErrorKind::Corrupt);
  }
  const Kernel kernel = must(Kernel::open(machine.image));
  REQUIRE(must(path_of_file(kernel, machine.make_file(other_mount, root, 0))).empty());
}

TEST_CASE("A kernel without swap_map is said to be unsupported, with what it has") {
  SwapMachine clusters({.swap_map = false});
  REQUIRE(clusters.error().kind == ErrorKind::Unsupported);
  REQUIRE(clusters.error().found == "cluster_info and no swap_map");
  REQUIRE(clusters.error().file == "memory");
  SwapMachine nothing({.swap_map = false, .cluster_info = false});
  REQUIRE(nothing.error().found == "no swap_map");
}

TEST_CASE("More areas than there can be, and areas that are not there, are refused") {
  SwapMachine machine;
  machine.image.write_word(kNumber, kMaxSwapAreas + 1);
  REQUIRE(machine.error().where == "nr_swapfiles");
  machine.set_areas({0});
  REQUIRE(machine.error().kind == ErrorKind::Corrupt);
  REQUIRE(machine.error().where == "swap_info[0]: swap_info_struct");
  machine.set_areas({0xFFFF888070000000});
  REQUIRE(machine.error().kind == ErrorKind::NoPage);
}

TEST_CASE("A map that is larger than the memory, or is not in the image, is refused") {
  SwapMachine machine;
  machine.image.changeable_info().end_pfn = 0x10000;  // 256 MiB
  const Address area = machine.make_area(kMap);
  machine.set_areas({area});
  machine.set(area, "swap_info_struct", "max", 0xFFFFFFFF);
  REQUIRE(machine.error().kind == ErrorKind::Corrupt);
  REQUIRE(machine.error().where == "swap_info[0]: max");
  machine.set(area, "swap_info_struct", "max", 20000);  // over its pages
  REQUIRE(machine.error().kind == ErrorKind::NoPage);
  machine.set(area, "swap_info_struct", "max", 9);
  machine.set(area, "swap_info_struct", "swap_map", 0);
  REQUIRE(machine.error().kind == ErrorKind::NoPage);
}

TEST_CASE("A number of a strange size is refused") {
  SwapMachine machine;
  const Kernel kernel = must(Kernel::open(machine.image));
  const Address disk = machine.make("gendisk");
  REQUIRE(kernel.number(disk, "gendisk", "disk_name").error().kind == ErrorKind::Unsupported);
  REQUIRE(kernel.number(0, "gendisk", "disk_name").error().kind == ErrorKind::Corrupt);
  REQUIRE(kernel.number(disk, "gendisk", "none").error().kind == ErrorKind::NotFound);
}

TEST_CASE("Two thousand mutants of a kernel are read or refused") {
  std::mt19937 random(1);
  const auto below = [&](std::uint64_t end) { return random() % end; };
  std::size_t read = 0;
  SwapMachine machine;
  const Address area = machine.make_area(kMap);
  const Address root = machine.make_dentry(0, "/");
  machine.set(area, "swap_info_struct", "swap_file",
              machine.make_file(machine.make_mount(root), machine.make_dentry(root, "swapfile"), 0100600));
  machine.set(area, "swap_info_struct", "bdev", machine.make_device("sda", "sda2"));
  machine.set_areas({area});
  for (int i = 0; i < 2000; ++i) {
    KernelMemory mutant = machine.image;
    for (std::uint64_t changes = 1 + below(3); changes > 0; --changes) {
      const std::uint64_t value = below(2) == 0 ? below(256) : ~std::uint64_t{0} >> below(64);
      mutant.overwrite(below(mutant.page_count()), below(kPageBytes - 8), 1 + below(8), value);
    }
    read += swap_areas(mutant).has_value() ? 1 : 0;
  }
  REQUIRE(read > 0);
  REQUIRE(read < 2000);
}
