// A kernel made by hand that has swap areas.
#pragma once

#include "lib/memory/kernel.h"
#include "lib/memory/path.h"
#include "lib/memory/swap_areas.h"
#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

namespace hib::test {

using namespace memory;

inline constexpr Address kData = SymbolTables::kBase + 0x400000;
inline constexpr Address kSwapInfo = kData;
inline constexpr Address kNumber = kData + 0x1000;
inline constexpr Address kZswap = kData + 0x1010;
inline constexpr Address kBtf = kData + 0x10000;
inline constexpr Address kObjects = 0xFFFF888001000000;

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

inline Bytes map_of(std::initializer_list<unsigned> slots) {
  Bytes map;
  for (const unsigned slot : slots) map.push_back(static_cast<std::byte>(slot));
  return map;
}

}  // namespace hib::test
