// The probe's parts on bytes and trees that are made here: identifiers, marks, mount tables, places, and
// hostile trees.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "lib/codec/crc32.h"
#include "lib/device/device_record.h"
#include "lib/device/policy/saver_marks.h"
#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/mount_table.h"
#include "lib/device/probe/place.h"
#include "lib/device/probe/probe.h"
#include "lib/device/probe/tree.h"
#include "lib/fs/marks.h"
#include "tests/support/catch.h"
#include "tests/support/folder.h"

namespace stdfs = std::filesystem;
using namespace hib;
using namespace hib::device;
using namespace hib::fs;
using hib::test::Folder;

namespace {

std::vector<std::byte> from_hex(const std::string& digits) {
  std::vector<std::byte> bytes;
  std::string pair;
  for (const char c : digits) {
    if (c == ' ') continue;
    pair += c;
    if (pair.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoul(pair, nullptr, 16)));
    pair.clear();
  }
  return bytes;
}

std::vector<std::byte> with_text(std::string head, const std::string& text) {
  std::vector<std::byte> bytes = from_hex(head);
  const ByteView tail = as_bytes(text);
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

template <typename T>
void put(std::vector<std::byte>& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

const Device* find(const DeviceSet& set, const std::string& path) {
  for (const Device& device : set.devices) {
    if (device.path == path) return &device;
  }
  return nullptr;
}

ReadBytes reader_of(const std::vector<std::byte>& device) {
  return [&device](std::uint64_t offset, std::size_t bytes) -> Result<std::vector<std::byte>> {
    if (offset > device.size() || bytes > device.size() - offset)
      return fail(make_error(ErrorKind::Truncated, "read", "the end"));
    const auto begin = device.begin() + static_cast<std::ptrdiff_t>(offset);
    return std::vector<std::byte>(begin, begin + static_cast<std::ptrdiff_t>(bytes));
  };
}

// An XFS log whose sectors carry these cycles, 4 KiB into the device; a record's header every fourth.
std::vector<std::byte> xfs_log(const std::vector<std::uint32_t>& cycles) {
  std::vector<std::byte> device(4096 + cycles.size() * 512);
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    const bool is_header = i % 4 == 0 && cycles[i] != 0;
    const std::size_t at = 4096 + i * 512;
    if (is_header) put(device, at, be32(0xFEEDBABE));
    put(device, at + (is_header ? 4 : 0), be32(cycles[i]));
  }
  return device;
}

XfsSuperBlock log_of(std::size_t sectors) {
  XfsSuperBlock block;
  block.log_offset = 4096;
  block.log_sectors = sectors;
  return block;
}

// A checkpoint pack of three blocks, as f2fs writes it.
void put_pack(std::vector<std::byte>& device, std::size_t at, std::uint64_t version) {
  for (const std::size_t block : {at, at + 2 * 4096}) {
    put(device, block, le64(version));
    put(device, block + 136, le32(3));
    put(device, block + 164, le32(4092));
    put(device, block + 4092, le32(~crc32(~0xF2F52010U, ByteView(device).subspan(block, 4092))));
  }
}

F2fsSuperBlock f2fs_of() {
  F2fsSuperBlock block;
  block.checkpoint_offset = 8192;
  block.segment_bytes = 4096 * 8;
  return block;
}

constexpr const char* kTwoDesignators =
    "00 83 00 18  01 03 00 08 50 01 4e e2 b5 aa aa aa  01 13 00 08 50 00 00 00 00 00 00 01";

}  // namespace

// ---- what devices say of themselves

TEST_CASE("Of a SCSI disk's designators those of the unit count, not those of its port") {
  const auto names = vpd_designators(from_hex(kTwoDesignators));
  REQUIRE(names);
  REQUIRE(names->size() == 1);
  CHECK(names->front().name == "wwn");
  CHECK(names->front().text == "50014ee2b5aaaaaa");
}

TEST_CASE("EUI-64 and T10 designators are found, and T10 text loses its padding") {
  const auto names =
      vpd_designators(with_text("00 83 00 18  01 02 00 08 00 25 38 8b 91 b1 23 45  02 01 00 08", "ATA  X  "));
  REQUIRE(names);
  REQUIRE(names->size() == 2);
  CHECK((*names)[0].name == "eui64");
  CHECK((*names)[1].text == "ATA  X");
}

TEST_CASE("A designator that is longer than its page is an error, not a name") {
  const auto names = vpd_designators(from_hex("00 83 00 0c  01 03 00 ff 50 01 4e e2 b5 aa aa aa"));
  REQUIRE_FALSE(names);
  CHECK(names.error().kind == ErrorKind::Truncated);
  CHECK(names.error().offset == 8U);
}

TEST_CASE("Half a designator's head is an error") {
  CHECK(vpd_designators(from_hex("00 83 00 02 01 03")).error().kind == ErrorKind::Truncated);
}

TEST_CASE("Another page than the one asked for is an error") {
  CHECK(vpd_designators(from_hex("00 80 00 00")).error().kind == ErrorKind::Corrupt);
  CHECK(vpd_serial(from_hex("00 83 00 00")).error().kind == ErrorKind::Corrupt);
}

TEST_CASE("A page of vital product data without its head is an error") {
  CHECK(vpd_serial(from_hex("00 80 00")).error().kind == ErrorKind::Truncated);
}

TEST_CASE("A unit serial number loses its padding and ends where the page ends") {
  CHECK(vpd_serial(with_text("00 80 00 08", "  WD-1  ")).value() == "WD-1");
  CHECK(vpd_serial(with_text("00 80 ff ff", "WD-1")).value() == "WD-1");
}

TEST_CASE(
    "An ATA disk's identity has the bytes of each word exchanged, and a WWN only where word 87 says so") {
  std::vector<std::byte> page(572);
  page[1] = std::byte{0x89};
  page[2] = std::byte{0x02};
  page[3] = std::byte{0x38};
  const auto words = [&](std::size_t word, std::string text) {
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
      page[60 + word * 2 + i] = static_cast<std::byte>(text[i + 1]);
      page[60 + word * 2 + i + 1] = static_cast<std::byte>(text[i]);
    }
  };
  words(10, "     WD-WCC4N1AAAAAA");
  words(27, "WDC WD30EFRX-68EUZN0                    ");
  words(108, "\x50\x01\x4e\xe2\xb5\xaa\xaa\xaa");
  auto identity = vpd_ata_identity(page);
  REQUIRE(identity);
  CHECK(identity->serial == "WD-WCC4N1AAAAAA");
  CHECK(identity->model == "WDC WD30EFRX-68EUZN0");
  CHECK(identity->wwn.empty());
  page[60 + 87 * 2 + 1] = std::byte{0x41};
  CHECK(vpd_ata_identity(page)->wwn == "50014ee2b5aaaaaa");
  page.resize(571);
  CHECK(vpd_ata_identity(page).error().kind == ErrorKind::Truncated);
}

TEST_CASE("Numbers that vendors write instead of a serial number tell nothing apart") {
  for (const char* text : {"", "   ", "0000000000000000", "FFFF-FFFF", "0x00000000", "123456789ABCDEF",
                           "To Be Filled By O.E.M.", "None"})
    CHECK_FALSE(tells_apart(text));
  for (const char* text : {"S3TNNX0K123456", "00000001", "4C530001230915117382"}) CHECK(tells_apart(text));
}

// ---- PCI

namespace {
std::vector<std::byte> config_with(std::size_t at, std::uint32_t head) {
  std::vector<std::byte> config(4096);
  put(config, 0, le32(0x15338086));
  put(config, at, le32(head));
  for (std::size_t i = 0; i < 8; ++i) config[at + 4 + i] = static_cast<std::byte>(i + 1);
  return config;
}
}  // namespace

TEST_CASE("The Device Serial Number is found behind another capability, and spelled as lspci does") {
  std::vector<std::byte> config = config_with(0x140, 0x00010003);
  put(config, 0x100, le32(0x14010001));
  const auto serial = pci_serial_number(config);
  REQUIRE(serial);
  CHECK(serial->value() == "08-07-06-05-04-03-02-01");
}

TEST_CASE("A function without extended capabilities has no serial number") {
  CHECK_FALSE(pci_serial_number(std::vector<std::byte>(4096)).value().has_value());
  CHECK_FALSE(pci_serial_number(std::vector<std::byte>(256)).value().has_value());
}

TEST_CASE("With 64 bytes of configuration space it is not known whether there is a serial number") {
  CHECK(pci_serial_number(std::vector<std::byte>(64)).error().kind == ErrorKind::Truncated);
}

TEST_CASE("A function that is switched off does not tell its serial number") {
  CHECK(pci_serial_number(std::vector<std::byte>(4096, std::byte{0xFF})).error().kind == ErrorKind::Io);
}

TEST_CASE("Extended capabilities that go in a circle end") {
  CHECK(pci_serial_number(config_with(0x100, 0x10010001)).error().found == "a circle");
}

TEST_CASE("Extended capabilities that lead out of the configuration space are an error") {
  CHECK(pci_serial_number(config_with(0x100, 0xFFC10001)).error().kind ==
        ErrorKind::Corrupt);  // its number would lie behind the end
  CHECK(pci_serial_number(config_with(0x100, 0x04010001)).error().kind == ErrorKind::Corrupt);  // below 0x100
  CHECK(pci_serial_number(config_with(0x100, 0x14210001)).error().kind ==
        ErrorKind::Corrupt);  // not a multiple of 4
}

// ---- FireWire, MMC

TEST_CASE("A FireWire node's ROM reads the same whichever way the kernel turns its quadlets") {
  const std::string big = "0404 4a5b 3133 3934 f000b223 00023f99 290b1f4a 0006c107";
  const std::string little = "5b4a0404 34393331 23b200f0 993f0200 4a1f0b29 07c10600";
  CHECK(firewire_rom(from_hex(big)).value() == "04044a5b 31333934 f000b223 00023f99 290b1f4a 0006c107");
  CHECK(firewire_rom(from_hex(little)).value() == firewire_rom(from_hex(big)).value());
}

TEST_CASE("A configuration ROM that is short or not of IEEE 1394 is an error") {
  CHECK(firewire_rom(from_hex("04044a5b 31333934")).error().kind == ErrorKind::Truncated);
  CHECK(firewire_rom(std::vector<std::byte>(24)).error().kind == ErrorKind::Corrupt);
}

TEST_CASE("A card's identification has 32 hexadecimal digits") {
  CHECK(card_identification("035344534C31364780A1B2C3D4016700").value() ==
        "035344534c31364780a1b2c3d4016700");
  CHECK(card_identification("035344534c31364780a1b2c3d40167").error().kind == ErrorKind::Corrupt);
  CHECK(card_identification("0353445 4c31364780a1b2c3d4016700").error().kind == ErrorKind::Corrupt);
}

// ---- marks

TEST_CASE("The head of an XFS log is where the cycle changes") {
  const std::vector<std::byte> wrapped = xfs_log({7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 6});
  const auto head = xfs_log_head(reader_of(wrapped), log_of(12));
  REQUIRE(head);
  CHECK(head->cycle == 7);
  CHECK(head->sector == 5);
}

TEST_CASE("Every place of an XFS log's head is found") {
  for (std::size_t place = 1; place < 40; ++place) {
    std::vector<std::uint32_t> cycles(40, 3);
    std::fill(cycles.begin(), cycles.begin() + static_cast<std::ptrdiff_t>(place), 4);
    const std::vector<std::byte> log = xfs_log(cycles);
    CHECK(xfs_log_head(reader_of(log), log_of(40))->sector == place);
  }
}

TEST_CASE(
    "A log that was never written to its end has its head before the zeros, a full one at its end, an empty "
    "one nowhere") {
  const std::vector<std::byte> young = xfs_log({1, 1, 1, 0, 0, 0, 0, 0});
  CHECK(xfs_log_head(reader_of(young), log_of(8))->sector == 3);
  const std::vector<std::byte> full = xfs_log({2, 2, 2, 2});
  CHECK(xfs_log_head(reader_of(full), log_of(4))->sector == 4);
  const std::vector<std::byte> empty = xfs_log({0, 0, 0, 0});
  CHECK(xfs_log_head(reader_of(empty), log_of(4))->cycle == 0);
}

TEST_CASE("An XFS log on another device, outside of this one, or of no size is unknown") {
  const std::vector<std::byte> log = xfs_log({1, 1});
  XfsSuperBlock external = log_of(2);
  external.log_is_external = true;
  CHECK(xfs_log_head(reader_of(log), external).error().kind == ErrorKind::Unsupported);
  CHECK(xfs_log_head(reader_of(log), log_of(64)).error().kind == ErrorKind::Truncated);
  CHECK(xfs_log_head(reader_of(log), log_of(0)).error().kind == ErrorKind::Corrupt);
  CHECK(xfs_log_head(reader_of(log), log_of(std::size_t{1} << 40)).error().kind == ErrorKind::Corrupt);
}

TEST_CASE("An XFS superblock places its log by allocation group, and a place that cannot be is none") {
  std::vector<std::byte> raw(512);
  std::memcpy(raw.data(), "XFSB", 4);
  put(raw, 48, be64((std::uint64_t{2} << 16) | 5));  // group 2, block 5
  put(raw, 84, be32(50000));
  put(raw, 88, be32(4));
  put(raw, 96, be32(2560));
  raw[120] = std::byte{12};
  raw[124] = std::byte{16};
  const auto block = xfs_super_block(raw);
  REQUIRE(block);
  CHECK(block->log_offset == (2 * 50000 + 5) * std::uint64_t{4096});
  CHECK(block->log_sectors == 2560 * 8);
  put(raw, 88, be32(2));  // there is no group 2
  CHECK(xfs_super_block(raw)->log_offset == 0);
  put(raw, 88, be32(4));
  raw[120] = std::byte{200};
  CHECK(xfs_super_block(raw)->log_offset == 0);
  put(raw, 48, be64(0));
  CHECK(xfs_super_block(raw)->log_is_external);
}

TEST_CASE("Of two checkpoints of f2fs the newer valid one counts") {
  std::vector<std::byte> device(8192 + 2 * 8 * 4096);
  put_pack(device, 8192, 41);
  put_pack(device, 8192 + 8 * 4096, 42);
  CHECK(f2fs_checkpoint_version(reader_of(device), f2fs_of()).value() == 42);
  device[8192 + 8 * 4096 + 100] ^= std::byte{1};  // damages the newer one
  CHECK(f2fs_checkpoint_version(reader_of(device), f2fs_of()).value() == 41);
  put(device, 8192 + 2 * 4096, le64(40));  // its end is of another version
  CHECK_FALSE(f2fs_checkpoint_version(reader_of(device), f2fs_of()));
}

TEST_CASE("A checkpoint of f2fs whose checksum lies nowhere, or which has no end, is none") {
  std::vector<std::byte> device(8192 + 2 * 8 * 4096);
  put_pack(device, 8192, 41);
  put(device, 8192 + 164, le32(0xFFFFFFF0));
  CHECK(f2fs_checkpoint_version(reader_of(device), f2fs_of()).error().where ==
        "f2fs checkpoint: checksum_offset");
  put(device, 8192 + 164, le32(4092));
  put(device, 8192 + 136, le32(9));
  put(device, 8192 + 4092, le32(~crc32(~0xF2F52010U, ByteView(device).subspan(8192, 4092))));
  CHECK(f2fs_checkpoint_version(reader_of(device), f2fs_of()).error().where == "f2fs checkpoint: blocks");
}

// ---- tables

TEST_CASE("A line of mountinfo is read with its optional fields and its escapes") {
  const auto mounts = mounts_from_text(
      "36 35 8:1 /data /export/my\\040data rw,noatime shared:1 master:2 - ext4 /dev/sda1 "
      "rw,errors=continue\n");
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].number == "8:1");
  CHECK(mounts[0].root == "/data");
  CHECK(mounts[0].point == "/export/my data");
  CHECK(mounts[0].type == "ext4");
  CHECK(mounts[0].super_options == "rw,errors=continue");
}

TEST_CASE("Lines of mountinfo that end early are left out, the others are not") {
  CHECK(mounts_from_text("36 35 8:1 /\n36 35 8:1 / /mnt rw shared:1\n36 35 8:1 / /mnt rw - ext4\n\n36 35 8:1 "
                         "/ /a rw - ext4 /dev/sda1 rw")
            .size() == 1);
}

TEST_CASE("A path lies on the last mount above it") {
  const auto mounts = mounts_from_text(
      "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /home rw - ext4 b rw\n3 1 8:3 / /home rw - ext4 c rw\n");
  const MountIndex index(mounts);
  CHECK(index.above("/home/x")->number == "8:3");
  CHECK(index.above("/home")->number == "8:3");
  CHECK(index.above("/homes")->number == "8:1");
  CHECK(index.above("no path")->number == "8:1");
  CHECK(index.above("/" + std::string(10000, 'x')) == nullptr);
  CHECK(MountIndex().above("/x") == nullptr);
}

TEST_CASE("Swap areas are read below the line of headings") {
  const auto swaps = swaps_from_text(
      "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n/my\\040swap file 1 0 5\nrubbish\n");
  REQUIRE(swaps.size() == 2);
  CHECK_FALSE(swaps[0].is_file);
  CHECK(swaps[1].name == "/my swap");
  CHECK(swaps[1].priority == "5");
}

// ---- places

TEST_CASE("A place has no number that is only an order of discovery") {
  const Folder folder;
  const std::string bridge = "devices/pci0000:00/0000:00:1c.0/";
  folder.file("sys/" + bridge + "0000:03:00.0/ata7/ata_port/ata7/port_no", "3\n");
  folder.file("sys/" + bridge + "0000:02:00.0/usb3/x", "");
  folder.file("sys/" + bridge + "0000:02:00.0/usb4/x", "");
  const Tree tree = folder.tree();
  CHECK(place_of(tree, bridge + "0000:02:00.0") == "pci0000:00/1c.0/00.0");
  CHECK(place_of(tree, bridge + "0000:03:00.0/ata7/host6/target6:0:1/6:0:1:0") ==
        "pci0000:00/1c.0/00.0/ata3/0:1:0");
  CHECK(place_of(tree, bridge + "0000:02:00.0/usb4/4-1/4-1.3/4-1.3:1.0/host5/target5:0:0/5:0:0:0") ==
        "pci0000:00/1c.0/00.0/usb2/1/3/if1.0/0:0:0");
  CHECK(place_of(tree, bridge + "0000:04:00.0/virtio9") == "pci0000:00/1c.0/00.0/virtio");
  CHECK(place_of(tree, bridge + "0000:04:00.0/domain0/0-0/0-301") == "pci0000:00/1c.0/00.0/domain1/0/301");
  CHECK(place_of(tree, "devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0") ==
        "pci0000:00/0e.0/pci10000:e0/06.0");
}

// ---- hostile trees

TEST_CASE("A captured tree is read as it is, and what is missing is absent") {
  const Folder folder;
  folder.file("sys/a", "one\ntwo\n");
  folder.file("sys/empty", "");
  const Tree tree = folder.tree();
  CHECK(tree.read("/sys/a").text == "one\ntwo\n");
  CHECK(tree.read_line("/sys/a").text == "one");
  CHECK(tree.read("/sys/empty").is_present());
  CHECK(tree.read("/sys/b").presence == Presence::Absent);
  CHECK(tree.read("/sys/a/b").presence == Presence::Absent);
}

TEST_CASE("A folder that holds no part of a machine is refused, and never taken for one without devices") {
  const Folder folder;
  folder.file("file", "");
  const auto refusal = [](const std::string& path) {
    const auto tree = Tree::captured(path);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().file == path);
    return tree.error();
  };
  CHECK(refusal("").kind == ErrorKind::NotFound);
  CHECK(refusal(folder.path() + "/none").kind == ErrorKind::NotFound);
  CHECK(refusal(folder.path() + "/file").found == "not a folder");
  CHECK(refusal(folder.path()).found == "a folder without proc and sys");
  CHECK(refusal(folder.path()).kind == ErrorKind::Unsupported);
  CHECK(Tree::mounted(folder.path()).error().found == "a folder without a system");
  folder.file("etc/fstab", "");
  CHECK(Tree::mounted(folder.path()));
  CHECK(refusal(folder.path()).found == "a folder without proc and sys");
  folder.file("proc/cmdline", "quiet");
  CHECK(Tree::captured(folder.path()));
}

TEST_CASE("Links of a captured tree never lead out of it") {
  const Folder folder;
  folder.file("etc/passwd", "inside");
  folder.link("absolute", "/etc/passwd");
  folder.link("climbing", "../../../../../../../../etc/passwd");
  folder.link("sys/deep", "../../../etc/hostname");
  const Tree tree = folder.tree();
  CHECK(tree.read("/absolute").text == "inside");
  CHECK(tree.read("/climbing").text == "inside");
  CHECK(tree.read("/sys/deep").presence == Presence::Absent);
  CHECK(tree.read("/../../etc/passwd").text == "inside");
  CHECK(tree.resolve("/climbing") == "/etc/passwd");
}

TEST_CASE("Links that go in a circle are unreadable, and a long chain ends after forty") {
  const Folder folder;
  folder.link("a", "b");
  folder.link("b", "a");
  folder.file("end", "x");
  folder.link("l0", "end");
  for (int i = 1; i < 60; ++i) folder.link(fmt::format("l{}", i), fmt::format("l{}", i - 1));
  const Tree tree = folder.tree();
  CHECK(tree.read("/a").presence == Presence::Unreadable);
  CHECK_FALSE(tree.resolve("/a"));
  CHECK(tree.read("/l39").is_present());
  CHECK(tree.read("/l40").presence == Presence::Unreadable);
}

TEST_CASE("A FIFO, a folder and a huge file are unreadable, and nobody waits for them") {
  const Folder folder;
  REQUIRE(::mkfifo((folder.path() + "/fifo").c_str(), 0600) == 0);
  folder.file("folder/x", "");
  folder.file("huge", std::string(Tree::kMaxFileBytes + 1, 'x'));
  const Tree tree = folder.tree();
  CHECK(tree.read("/fifo").text == "not a regular file");
  CHECK(tree.read("/folder").presence == Presence::Unreadable);
  CHECK(tree.read("/huge").presence == Presence::Unreadable);
  CHECK(tree.read("/huge", Tree::kMaxFileBytes + 1).is_present());
  CHECK(tree.list("/fifo").empty());
}

TEST_CASE("An empty tree has no devices, and its records can be written") {
  const Folder folder;
  const Probe found = probe(folder.tree());
  CHECK(found.devices.devices.empty());
  CHECK(records_of(found).size() == 2);
}

TEST_CASE("Links of a bus that lead out of /sys, nowhere or in a circle name no device") {
  const Folder folder;
  folder.link("sys/bus/pci/devices/0000:00:01.0", "../../../../etc");
  folder.link("sys/bus/pci/devices/0000:00:02.0", "nowhere");
  folder.link("sys/bus/pci/devices/0000:00:03.0", "0000:00:03.0");
  folder.file("etc/vendor", "0x8086");
  CHECK(probe(folder.tree()).devices.devices.empty());
}

TEST_CASE("Mappings that are made of each other are shown, without the circle") {
  const Folder folder;
  for (const char* name : {"dm-0", "dm-1"}) {
    const std::string device = std::string("sys/devices/virtual/block/") + name;
    folder.file(device + "/dm/uuid", std::string("LVM-") + name);
    folder.file(device + "/size", "8");
    folder.link(std::string("sys/block/") + name, std::string("../devices/virtual/block/") + name);
    folder.file(device + "/slaves/" + (name[3] == '0' ? "dm-1" : "dm-0") + "/x", "");
  }
  const Probe found = probe(folder.tree());
  CHECK(found.devices.devices.size() == 2);
  CHECK(from_record(to_record(found.devices)));
}

TEST_CASE("What cannot be read of a function is said value by value") {
  const Folder folder;
  const std::string device = "sys/devices/pci0000:00/0000:00:01.0";
  folder.link("sys/bus/pci/devices/0000:00:01.0", "../../../devices/pci0000:00/0000:00:01.0");
  folder.file(device + "/vendor", "0x8086\n");
  folder.file(device + "/device", "");
  folder.file(device + "/class/x", "");
  const Probe found = probe(folder.tree());
  const Device* function = find(found.devices, "devices/pci0000:00/0000:00:01.0");
  REQUIRE(function != nullptr);
  CHECK(function->find_identity("vendor")->text == "0x8086");
  std::map<std::string, std::string> unreadable;
  for (const Value& value : function->identity) {
    if (value.presence == Presence::Unreadable) unreadable[value.name] = value.text;
  }
  CHECK(unreadable["device"] == "empty");
  CHECK(unreadable["class"] == "a folder, not a file");
  CHECK(unreadable["revision"] == "no such file");
  CHECK(unreadable.contains("dsn"));
}

// ---- marks that the saver reads

namespace {
Device file_system(const std::string& path, const std::string& uuid, const std::string& generation) {
  Device device;
  device.path = path;
  device.kind = Kind::FileSystem;
  device.identity.push_back({"uuid", uuid, "blkid", Strength::Strong, Presence::Present});
  device.state.push_back({"mount", "/", "proc", Strength::Medium, Presence::Present});
  device.state.push_back({"MARK_GENERATION", generation, "superblock", Strength::Medium, Presence::Present});
  return device;
}
}  // namespace

TEST_CASE("The saver's marks take the place of earlier ones, by UUID, wherever the file system lies there") {
  DeviceSet saved{
      {file_system("a", "one", "5"), file_system("b", "two", "6"), file_system("c", "three", "7")}};
  take_marks(saved, DeviceSet{{file_system("x", "two", "60"), file_system("y", "one", "50")}});
  CHECK(saved.devices[0].find_state("MARK_GENERATION")->text == "50");
  CHECK(saved.devices[0].find_state("MARK_GENERATION")->from == kFromSaver);
  CHECK(saved.devices[0].find_state("mount") != nullptr);
  CHECK(saved.devices[1].find_state("MARK_GENERATION")->text == "60");
  CHECK(saved.devices[2].find_state("MARK_GENERATION")->text == "7");
  CHECK(saved.devices[2].find_state("MARK_GENERATION")->from == "superblock");
}

TEST_CASE("Of two file systems with one UUID the saver takes neither's marks") {
  DeviceSet saved{{file_system("a", "one", "5")}};
  take_marks(saved, DeviceSet{{file_system("x", "one", "50"), file_system("y", "one", "51")}});
  CHECK(saved.devices[0].find_state("MARK_GENERATION") == nullptr);
  CHECK(saved.devices[0].state.back().presence == Presence::Unreadable);
}

// ---- capturing

TEST_CASE("What a tree could not read, its copy cannot read either, for the same reason") {
  const Folder folder;
  folder.file("sys/huge", std::string(Tree::kMaxFileBytes + 1, 'x'));
  folder.link("sys/here", "there/a");
  folder.file("sys/there/a", "text");
  folder.file("sys/there/secret", "not asked for");
  Tree tree = folder.tree();
  const Folder copy;
  REQUIRE(tree.capture_into(copy.path()));
  CHECK(tree.read("/sys/here").text == "text");
  const Reading first = tree.read("/sys/huge");
  REQUIRE(tree.finish_capture());
  const Tree again = copy.tree();
  CHECK(again.read("/sys/here").text == "text");
  CHECK(again.read("/sys/huge").text == first.text);
  CHECK_FALSE(stdfs::exists(copy.path() + "/sys/there/secret"));
  CHECK(stdfs::is_symlink(copy.path() + "/sys/here"));
}

TEST_CASE("A capture is for its owner alone, and does not write into a folder that holds something") {
  const Folder folder;
  folder.file("sys/a", "x");
  Tree tree = folder.tree();
  CHECK(tree.capture_into(folder.path()).error().kind == ErrorKind::Exists);
  const Folder copy;
  REQUIRE(tree.capture_into(copy.path() + "/new"));
  CHECK(tree.read("/sys/a").is_present());
  struct stat status {};
  REQUIRE(::stat((copy.path() + "/new/sys/a").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  REQUIRE(::stat((copy.path() + "/new/sys").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700);
}
