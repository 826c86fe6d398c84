// Swap areas of a kernel made by hand: what is said of them, and what damage does to it.
#include "lib/memory/swap_areas.h"

#include <random>

#include "lib/memory/kernel.h"
#include "lib/memory/path.h"
#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr Address kData = SymbolTables::kBase + 0x400000;
constexpr Address kSwapInfo = kData;
constexpr Address kNumber = kData + 0x1000;
constexpr Address kZswap = kData + 0x1010;
constexpr Address kBtf = kData + 0x10000;
constexpr Address kObjects = 0xFFFF888001000000;

// Which members this kernel's structures have.
struct Variant {
  bool swap_map = true;
  bool cluster_info = true;
  bool zeromap = true;
  bool frontswap = false;
  bool atomic_usage = false;  // inuse_pages is an atomic_long_t
};

// A kernel with its types, and places for objects of them.
class SwapMachine {
 public:
  explicit SwapMachine(Variant variant = {}) {
    make_types(variant);
    SymbolTables tables;
    tables.symbols = {{"T_stext", SymbolTables::kBase}, {"bswap_info", kSwapInfo},
                      {"bnr_swapfiles", kNumber},       {"Bzswap_stored_pages", kZswap},
                      {"D__start_BTF", kBtf},           {"D__stop_BTF", kBtf + btf_.bytes().size()}};
    tables.build();
    tables.place(image);
    image.write(kBtf, btf_.bytes());
    image.write_word(kZswap, 0);
    set_areas({});
  }

  void set_areas(const std::vector<Address>& areas) {
    image.write_word(kNumber, areas.size());
    for (std::size_t i = 0; i < kMaxSwapAreas; ++i)
      image.write_word(kSwapInfo + 8 * i, i < areas.size() ? areas[i] : 0);
  }

  // An object of that structure.
  Address make(std::string_view structure) {
    const Address made = next_;
    next_ += 0x1000;
    image.write(made, Bytes(must(types().size_bytes(structure))));
    return made;
  }
  void set(Address object, std::string_view structure, std::string_view path, std::uint64_t value) {
    const Member member = must(types().member(structure, path));
    const std::uint64_t size = must(types().size_bytes(member.type));
    image.write(object + member.offset(), object_bytes(le64(value)).first(size));
  }
  Address make_text(std::string_view text) {
    const Address made = next_;
    next_ += 0x1000;
    image.write_text(made, text);
    return made;
  }
  Address make_bytes(const Bytes& bytes) {
    const Address made = next_;
    next_ += round_up(bytes.size(), 0x1000) + 0x1000;
    image.write(made, bytes);
    return made;
  }
  const Types& types() const { return *types_; }

  // An area in use, of these slots.
  Address make_area(const Bytes& map, std::uint64_t flags = 3) {
    const Address area = make("swap_info_struct");
    set(area, "swap_info_struct", "flags", flags);
    set(area, "swap_info_struct", "max", map.size());
    set(area, "swap_info_struct", "pages", map.size() - 1);
    if (must(has_member(types(), "swap_info_struct", "swap_map")))
      set(area, "swap_info_struct", "swap_map", make_bytes(map));
    return area;
  }

  Address make_dentry(Address parent, std::string_view name) {
    const Address dentry = make("dentry");
    set(dentry, "dentry", "d_parent", parent == 0 ? dentry : parent);
    set(dentry, "dentry", "d_name.len", name.size());
    set(dentry, "dentry", "d_name.name", make_text(name));
    return dentry;
  }
  // On `mountpoint` of the mount `parent`; the root of all without them.
  Address make_mount(Address root, Address parent = 0, Address mountpoint = 0) {
    const Address mount = make("mount");
    set(mount, "mount", "mnt.mnt_root", root);
    set(mount, "mount", "mnt_parent", parent == 0 ? mount : parent);
    set(mount, "mount", "mnt_mountpoint", mountpoint == 0 ? root : mountpoint);
    return mount;
  }
  Address make_file(Address mount, Address dentry, std::uint64_t mode) {
    const Address file = make("file");
    const Address inode = make("inode");
    set(inode, "inode", "i_mode", mode);
    set(file, "file", "f_inode", inode);
    set(file, "file", "f_path.dentry", dentry);
    set(file, "file", "f_path.mnt", mount + must(types().member("mount", "mnt")).offset());
    return file;
  }
  Address make_device(std::string_view disk, std::string_view name) {
    const Address gendisk = make("gendisk");
    image.write_text(gendisk + must(types().member("gendisk", "disk_name")).offset(), disk);
    const Address device = make("block_device");
    set(device, "block_device", "bd_disk", gendisk);
    set(device, "block_device", "bd_device.kobj.name", make_text(name));
    return device;
  }

  std::vector<SwapArea> areas() const { return must(swap_areas(image)); }
  Error error() const {
    const auto result = swap_areas(image);
    REQUIRE(!result);
    return result.error();
  }

  KernelMemory image;

 private:
  void make_types(const Variant& variant) {
    const auto u8 = btf_.integer("unsigned char", 1);
    const auto u16 = btf_.integer("unsigned short", 2);
    const auto u32 = btf_.integer("unsigned int", 4);
    const auto u64 = btf_.integer("unsigned long", 8);
    const auto pointer = btf_.pointer(0);
    const auto atomic = btf_.structure("", 8, {{"counter", u64, 0}});
    const auto atomic_long = btf_.simple(TypeKind::Typedef, "atomic_long_t", atomic);
    std::vector<Btf::Member> members = {
        {"flags", u64, 0},      {"max", u32, 64},
        {"pages", u32, 96},     {"inuse_pages", variant.atomic_usage ? atomic_long : u32, 128},
        {"bdev", pointer, 192}, {"swap_file", pointer, 256}};
    if (variant.swap_map) members.push_back({"swap_map", pointer, 320});
    if (variant.cluster_info) members.push_back({"cluster_info", pointer, 384});
    if (variant.zeromap) members.push_back({"zeromap", pointer, 448});
    if (variant.frontswap) members.push_back({"frontswap_map", pointer, 512});
    btf_.structure("swap_info_struct", 72, members);

    const auto vfsmount = btf_.structure("vfsmount", 8, {{"mnt_root", pointer, 0}});
    btf_.structure("mount", 32,
                   {{"mnt_parent", pointer, 0}, {"mnt_mountpoint", pointer, 64}, {"mnt", vfsmount, 128}});
    const auto hash_and_length = btf_.structure("", 8, {{"hash", u32, 0}, {"len", u32, 32}});
    const auto either = btf_.structure("", 8, {{"", hash_and_length, 0}, {"hash_len", u64, 0}}, true);
    const auto qstr = btf_.structure("qstr", 16, {{"", either, 0}, {"name", pointer, 64}});
    btf_.structure("dentry", 32, {{"d_parent", pointer, 0}, {"d_name", qstr, 64}});
    btf_.structure("inode", 8, {{"i_mode", u16, 16}});
    const auto path = btf_.structure("path", 16, {{"mnt", pointer, 0}, {"dentry", pointer, 64}});
    btf_.structure("file", 32, {{"f_path", path, 64}, {"f_inode", pointer, 192}});
    const auto kobject = btf_.structure("kobject", 8, {{"name", pointer, 0}});
    const auto device = btf_.structure("device", 16, {{"kobj", kobject, 64}});
    btf_.structure("block_device", 32, {{"bd_disk", pointer, 0}, {"bd_device", device, 64}});
    btf_.structure("gendisk", 40, {{"disk_name", btf_.array(u8, 32), 0}});
    types_ = std::make_unique<Types>(must(Types::parse(btf_.bytes())));
  }

  Btf btf_;
  std::unique_ptr<Types> types_;
  Address next_ = kObjects;
};

Bytes map_of(std::initializer_list<unsigned> slots) {
  Bytes map;
  for (const unsigned slot : slots) map.push_back(static_cast<std::byte>(slot));
  return map;
}

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
