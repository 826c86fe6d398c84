// Records on their way from the machine that leaves to the one that saves, and the drivers that it needs to
// look at file systems.
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/jump/boot/kernel_modules.h"
#include "lib/jump/boot/mounted_drivers.h"
#include "lib/jump/module/suspend_records.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::kPageBytes;

namespace {

constexpr std::uint64_t kIndex = 0x1000000;  // where the index lies
constexpr std::uint64_t kFirst = 0x2000000;  // the pages lie every third page from here down

Record record_of(const std::string& type, std::size_t filler = 0) {
  Record record;
  record.type = type;
  record.set("filler", std::string(filler, 'x'));
  return record;
}

// Memory of a machine that has left: an index, and pages that do not lie side by side.
struct Left {
  hibjump_records index{};
  std::vector<std::uint64_t> pages;
  std::vector<std::byte> content;
  std::uint64_t index_bytes = 0;  // 0: as many as there are

  Left(const Record& own, const std::vector<Record>& given)
      : Left(encode_record(own), must(jump::pack_records(given))) {}
  Left(const std::vector<std::byte>& own, const std::vector<std::byte>& given) {
    const std::uint64_t start = (own.size() + kPageBytes - 1) / kPageBytes * kPageBytes;
    content.resize((start + given.size() + kPageBytes - 1) / kPageBytes * kPageBytes);
    std::copy(own.begin(), own.end(), content.begin());
    std::copy(given.begin(), given.end(), content.begin() + static_cast<std::ptrdiff_t>(start));
    for (std::size_t i = 0; i < content.size() / kPageBytes; ++i)
      pages.push_back(kFirst - 3 * i * kPageBytes);
    index.magic = HIBJUMP_RECORDS_MAGIC;
    index.version = HIBJUMP_VERSION;
    index.page_count = static_cast<std::uint32_t>(pages.size());
    index.own_bytes = static_cast<std::uint32_t>(own.size());
    index.given_start = static_cast<std::uint32_t>(start);
    index.given_bytes = static_cast<std::uint32_t>(given.size());
  }

  Result<void> read(std::uint64_t address, MutableBytes out) const {
    if (address == kIndex) {
      std::vector<std::byte> raw(sizeof(index) + pages.size() * 8);
      std::memcpy(raw.data(), &index, sizeof(index));
      std::memcpy(raw.data() + sizeof(index), pages.data(), pages.size() * 8);
      raw.resize(out.size());
      std::copy(raw.begin(), raw.end(), out.begin());
      return {};
    }
    const auto page = std::find(pages.begin(), pages.end(), address);
    if (page == pages.end()) return fail(make_error(ErrorKind::Io, "read", "not the machine's memory"));
    const auto start = content.begin() + (page - pages.begin()) * static_cast<std::ptrdiff_t>(kPageBytes);
    std::copy_n(start, out.size(), out.begin());
    return {};
  }

  jump::LeftRecords records() const {
    const std::uint64_t bytes = index_bytes != 0 ? index_bytes : sizeof(index) + pages.size() * 8;
    return jump::read_left_records(
        {kIndex, bytes}, [&](std::uint64_t address, MutableBytes out) { return read(address, out); });
  }
};

Left good() { return {record_of("suspend", 9000), {record_of("machine", 5000), record_of("jump")}}; }

void check_problem(const std::function<void(Left&)>& change, const std::string& field) {
  Left left = good();
  change(left);
  const auto found = left.records();
  CHECK(found.records.empty());
  REQUIRE(found.problems.size() == 1);
  INFO(found.problems.front());
  CHECK(found.problems.front().find(field) != std::string::npos);
}

std::vector<std::string> types_of(const jump::LeftRecords& left) {
  std::vector<std::string> types;
  for (const Record& record : left.records) types.push_back(record.type);
  return types;
}

}  // namespace

TEST_CASE("Records that a machine left are found in pages that lie anywhere, the module's last") {
  const auto left = good().records();
  CHECK(left.problems == std::vector<std::string>{});
  REQUIRE(types_of(left) == std::vector<std::string>{"machine", "jump", "suspend"});
  CHECK(left.records[2].text("filler")->size() == 9000);
}

TEST_CASE(
    "A machine that left nothing, or an index that cannot be right, costs the records and says which field") {
  CHECK(jump::read_left_records({0, 0}, {}).problems.size() == 1);
  check_problem([](Left& l) { l.index_bytes = 31; }, "index");
  check_problem([](Left& l) { l.index_bytes = 1U << 16; }, "index");
  check_problem([](Left& l) { l.index.magic ^= 1; }, "magic");
  check_problem([](Left& l) { ++l.index.version; }, "version");
  check_problem([](Left& l) { ++l.index.page_count; }, "page_count");
  check_problem([](Left& l) { l.index.page_count = 0x20000000; }, "page_count");
  check_problem([](Left& l) { l.index.own_bytes = l.index.given_start + 1; }, "own_bytes");
  check_problem(
      [](Left& l) {
        l.index.given_bytes = static_cast<std::uint32_t>(l.content.size()) - l.index.given_start + 1;
      },
      "given_bytes");
  check_problem([](Left& l) { l.index.given_bytes = ~0U; }, "given_bytes");
  check_problem([](Left& l) { l.pages[1] += 8; }, "page");
  check_problem(
      [](Left& l) {
        l.index.given_start = ~0U - 4095;
        l.index.given_bytes = 8192;
      },
      "given_bytes");
}

TEST_CASE(
    "Of the room for records only what was written is read: it is large, and a read in the saver is slow") {
  Left left(encode_record(record_of("suspend", 100)), must(jump::pack_records({record_of("machine", 5000)})));
  constexpr std::uint64_t kRoom = 0x3000000;
  const std::size_t room = 8;  // pages behind the module's record
  left.pages.insert(left.pages.begin() + 1, room, kRoom);
  left.content.insert(left.content.begin() + kPageBytes, room * kPageBytes, std::byte{0});
  left.index.page_count += room;
  left.index.given_start += room * kPageBytes;
  const auto found = jump::read_left_records({kIndex, sizeof(left.index) + left.pages.size() * 8},
                                             [&](std::uint64_t address, MutableBytes out) -> Result<void> {
                                               if (address == kRoom)
                                                 return fail(make_error(ErrorKind::Io, "read", "room"));
                                               return left.read(address, out);
                                             });
  CHECK(found.problems == std::vector<std::string>{});
  CHECK(types_of(found) == std::vector<std::string>{"machine", "suspend"});
}

TEST_CASE("What user space gave may begin anywhere in a page") {
  const auto own = encode_record(record_of("suspend", 100));
  const auto given = must(jump::pack_records({record_of("machine", 5000)}));
  Left left(own, {});
  left.content = own;
  left.content.resize(own.size() + 3);
  left.index.given_start = static_cast<std::uint32_t>(left.content.size());
  left.index.given_bytes = static_cast<std::uint32_t>(given.size());
  left.content.insert(left.content.end(), given.begin(), given.end());
  left.content.resize(2 * kPageBytes);
  left.pages = {kFirst, kFirst - 3 * kPageBytes};
  left.index.page_count = 2;
  CHECK(left.records().problems == std::vector<std::string>{});
  CHECK(types_of(left.records()) == std::vector<std::string>{"machine", "suspend"});
}

TEST_CASE("A page of the records that cannot be read costs all of them") {
  Left left = good();
  const auto found = jump::read_left_records({kIndex, sizeof(left.index) + left.pages.size() * 8},
                                             [&](std::uint64_t address, MutableBytes out) -> Result<void> {
                                               if (address == left.pages[2])
                                                 return fail(make_error(ErrorKind::Io, "read", "gone"));
                                               return left.read(address, out);
                                             });
  CHECK(found.records.empty());
  CHECK(found.problems == std::vector<std::string>{"read: gone"});
}

TEST_CASE(
    "A record that is damaged does not hide those behind it; a length that is does, and the module's is "
    "there all the same") {
  Left broken = good();
  broken.content[broken.index.given_start + 4 + 3] = std::byte{1};  // reserved byte of the first record
  CHECK(types_of(broken.records()) == std::vector<std::string>{"jump", "suspend"});
  CHECK(broken.records().problems.size() == 1);

  Left endless = good();
  endless.content[endless.index.given_start + 3] = std::byte{0x7F};
  CHECK(types_of(endless.records()) == std::vector<std::string>{"suspend"});
  CHECK(endless.records().problems.size() == 1);

  Left own = good();
  own.content[3] = std::byte{1};
  CHECK(types_of(own.records()) == std::vector<std::string>{"machine", "jump"});
  CHECK(own.records().problems.size() == 1);
}

TEST_CASE("More records than the module takes are refused and name the one that is too much") {
  const auto packed =
      jump::pack_records({record_of("machine"), record_of("devices", jump::kMaxRecordsBytes)});
  REQUIRE_FALSE(packed);
  CHECK(packed.error().kind == ErrorKind::Limit);
  CHECK(packed.error().where == "record \"devices\"");
}

TEST_CASE("Devices that failed are read from the module's record, whatever else is in it") {
  Record suspend = record_of("suspend");
  FieldList failed;
  failed.push_back({"path", std::string("devices/pci0000:00/0000:00:04.0")});
  failed.push_back({"driver", std::string("virtio-pci")});
  failed.push_back({"phase", std::string("resume_noirq")});
  failed.push_back({"error", std::string("-5")});
  suspend.fields.push_back({"failed", failed});
  suspend.fields.push_back({"failed", std::uint64_t{3}});
  FieldList nothing;
  nothing.push_back({"path", std::uint64_t{1}});
  suspend.fields.push_back({"failed", nothing});
  const auto failures = jump::failures_in(suspend);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].name() == "0000:00:04.0");
  CHECK(failures[0].driver == "virtio-pci");
  CHECK(failures[0].error == "-5");
  CHECK(failures[0].is_resume());
  CHECK(failures[1].path.empty());
  CHECK_FALSE(failures[1].is_resume());
}

namespace {

// /sys and /proc of a machine, as far as they say what is mounted on what.
class Tree {
 public:
  std::string root() const { return folder_.file("root"); }
  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root() + path).parent_path());
    std::ofstream(root() + path) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path(root() + path).parent_path());
    std::filesystem::create_directories(root() + target);
    std::filesystem::create_symlink(root() + target, root() + path);
  }
  // A block device, below the device that a module drives ("": none).
  void block(const std::string& number, const std::string& path, const std::string& module) const {
    file(path + "/dev", number + "\n");
    link("/sys/dev/block/" + number, path);
    if (!module.empty())
      link(std::filesystem::path(path).parent_path().parent_path().string() + "/driver/module",
           "/sys/module/" + module);
  }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE(
    "The drivers of what is mounted are found through device mapper, md and partitions, and below all of a "
    "btrfs") {
  const Tree tree;
  tree.block("8:0", "/sys/devices/pci0/ata1/block/sda", "ahci");
  tree.block("8:1", "/sys/devices/pci0/ata1/block/sda/sda1", "");
  tree.block("8:16", "/sys/devices/pci1/host1/block/sdb", "megaraid_sas");
  tree.block("8:32", "/sys/devices/pci2/host2/block/sdc", "mpt3sas");
  tree.block("259:0", "/sys/devices/pci3/nvme0/block/nvme0n1", "nvme");
  tree.block("9:0", "/sys/devices/virtual/block/md0", "");
  tree.block("253:0", "/sys/devices/virtual/block/dm-0", "");
  tree.link("/sys/devices/virtual/block/dm-0/slaves/md0", "/sys/devices/virtual/block/md0");
  tree.link("/sys/devices/virtual/block/md0/slaves/sda1", "/sys/devices/pci0/ata1/block/sda/sda1");
  tree.link("/sys/devices/virtual/block/md0/slaves/sdb", "/sys/devices/pci1/host1/block/sdb");
  tree.link("/sys/devices/virtual/block/md0/slaves/dm-0", "/sys/devices/virtual/block/dm-0");  // a circle
  tree.link("/sys/fs/btrfs/5e0f/devices/nvme0n1", "/sys/devices/pci3/nvme0/block/nvme0n1");
  tree.file("/proc/self/mountinfo",
            "22 1 253:0 / / rw - ext4 /dev/mapper/root rw\n23 22 0:21 / /proc rw - proc proc rw\nshort\n24 "
            "22 x:y / /odd rw - ext4 /dev/odd rw\n25 22 7:9 / /gone rw - ext4 /dev/gone rw\n");
  CHECK(jump::modules_driving_mounts(tree.root()) ==
        std::vector<std::string>{"ahci", "megaraid_sas", "nvme"});
}

TEST_CASE("The drivers of watchdogs are found by what uses the core of all of them, and by their devices") {
  const Tree tree;
  tree.file("/sys/module/watchdog/holders/i6300esb", "");
  tree.file("/sys/module/watchdog/holders/iTCO_wdt", "");
  tree.link("/sys/class/watchdog/watchdog0/device/driver/module", "/sys/module/wdat_wdt");
  tree.file("/sys/class/watchdog/watchdog1/identity", "Software Watchdog\n");
  CHECK(jump::modules_driving_watchdogs(tree.root()) ==
        std::vector<std::string>{"i6300esb", "iTCO_wdt", "wdat_wdt"});
}

TEST_CASE("A machine on which nothing can be read has no drivers to name") {
  const TempFolder folder;
  CHECK(jump::modules_driving_mounts(folder.file("none")).empty());
  CHECK(jump::modules_driving_watchdogs(folder.file("none")).empty());
}
