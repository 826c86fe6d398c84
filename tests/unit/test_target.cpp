// Where a kernel jump may save to, and what it may overwrite there.

#include "lib/jump/target.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include <fmt/format.h>

#include "format/hib/layout.h"
#include "tests/support/images.h"
#include "tests/support/loop_device.h"

using namespace hib;
using namespace hib::test;
using jump::ArmedTarget;
using jump::check_unmoved;
using jump::choose_area;
using jump::claim_target;
using jump::find_claimed;
using jump::JumpId;
using jump::target_device;

namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kDeviceBytes = 4U << 20;
constexpr std::uint64_t kPieceStart = 1U << 20;  // of the target's file on its device
constexpr JumpId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr JumpId kOtherId = {16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1};

void check_refused(const Error& error, const std::string& found, const std::string& allowed,
                   const std::string& advice = "") {
  CHECK(error.kind == ErrorKind::Refused);
  CHECK(error.where == "target");
  CHECK(error.found == found);
  CHECK(error.allowed == allowed);
  CHECK(error.advice == advice);
}

// ---- which device

// sys/dev/block with a link for each device, as the kernel makes them.
class Sysfs {
 public:
  Sysfs& device(const std::string& number, const std::string& folder) {
    const stdfs::path real = stdfs::path(root()) / "sys" / folder;
    stdfs::create_directories(real);
    stdfs::create_directories(stdfs::path(root()) / "sys/dev/block");
    stdfs::create_directory_symlink("../../" + folder, stdfs::path(root()) / "sys/dev/block" / number);
    return *this;
  }
  std::string root() const { return folder_.file("root"); }

 private:
  TempFolder folder_;
};

struct stat status_of(mode_t mode, dev_t rdev, dev_t dev) {
  struct stat status {};
  status.st_mode = mode;
  status.st_rdev = rdev;
  status.st_dev = dev;
  return status;
}

// ---- what may be overwritten

void put(std::vector<std::byte>& content, std::size_t at, std::string_view bytes) {
  REQUIRE(at + bytes.size() <= content.size());
  std::copy_n(as_bytes(bytes).begin(), bytes.size(), content.begin() + static_cast<std::ptrdiff_t>(at));
}

// A block device, played by a file.
class Device {
 public:
  explicit Device(std::size_t bytes = kDeviceBytes) { write_file(path(), std::vector<std::byte>(bytes)); }
  Device& with(const std::function<void(std::vector<std::byte>&)>& change) {
    auto content = read_file(path());
    change(content);
    write_file(path(), content);
    return *this;
  }
  Device& with_swap() {
    return with([](auto& content) {
      put(content, 1024, std::string("\1\0\0\0\xff\3\0\0", 8));  // version 1, last page 1023
      put(content, 4096 - 10, "SWAPSPACE2");
    });
  }
  Device& with_image(const Area& area, const std::vector<Phase>& phases) {
    const auto output = must(Output::create_window(path(), area.places, false));
    std::vector<Breadcrumb> history;
    for (const Phase phase : phases) history.push_back({static_cast<std::uint16_t>(phase), 0, ""});
    must(areas().write_claim(*output, history));
    must(areas().write_head(*open(), area));
    return *this;
  }
  static const AreaOperations& areas() { return *formats().with_areas().areas; }
  std::string path() const { return folder_.file("device"); }
  std::shared_ptr<const File> open() const { return must(File::open(path())); }
  Result<Area> chosen(bool force = false) const {
    return choose_area(areas(), open(), nullptr, "/dev/sdz", force);
  }

 private:
  TempFolder folder_;
};

const Area kWhole{AreaKind::Whole, 0, {{0, kDeviceBytes}}};
const Area kSwap{AreaKind::Swap, 0, {{4096, kDeviceBytes - 4096}}};
const Area kBlocks{
    AreaKind::Blocks, kPieceStart, {{kPieceStart + 4096, 256 * 1024 - 4096}, {3U << 20, 4096}}};

void check_needs_force(const Device& device, const std::string& found, const std::string& allowed) {
  INFO(found);
  const auto area = device.chosen();
  REQUIRE_FALSE(area);
  check_refused(area.error(), found, allowed, "--force overwrites it");
  CHECK(area.error().file == "/dev/sdz");
  CHECK(must(device.chosen(true)).kind == AreaKind::Whole);
}

// A file on that device; where its pieces lie is made up: no file system here would tell.
class TargetFile {
 public:
  explicit TargetFile(const std::string& first_bytes = "", std::size_t at = 0) {
    std::vector<std::byte> content(128 * 1024);
    put(content, at, first_bytes);
    write_file(path_, content);
  }
  Result<Area> chosen(const Device& device, bool force = false) const {
    AreaOperations areas = Device::areas();
    areas.of_file = [](const File&, std::uint64_t) -> Result<Area> { return kBlocks; };
    return choose_area(areas, device.open(), must(File::open(path_)), "/mnt/target", force);
  }

 private:
  TempFolder folder_;
  std::string path_ = folder_.file("target");
};

void check_same(const Area& a, const Area& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.head == b.head);
  REQUIRE(a.places.size() == b.places.size());
  for (std::size_t i = 0; i < a.places.size(); ++i) {
    CHECK(a.places[i].start == b.places[i].start);
    CHECK(a.places[i].bytes == b.places[i].bytes);
  }
}

// ---- claims

template <typename T>
void check_not_found(const Result<T>& claimed) {
  REQUIRE_FALSE(claimed);
  CHECK(claimed.error().kind == ErrorKind::NotFound);
  CHECK(claimed.error().where == "target");
  CHECK(claimed.error().found == "no device carries the id of this jump after 0 s");
  CHECK(claimed.error().allowed == "the device that arm claimed");
}

Area area_of_target_file = kBlocks;

// A disk of this machine: a loop device over a Device, in a sysfs where it is a disk of its own, with a file
// on its file system.
class Disk {
 public:
  // Null where this machine has no loop devices.
  static std::unique_ptr<Disk> of(const Device& device) {
    auto loop = LoopDevice::over(device.path());
    return loop ? std::unique_ptr<Disk>(new Disk(std::move(loop))) : nullptr;
  }
  const std::string& path() const { return loop_->path(); }
  std::string file() const { return folder_.file("target"); }
  std::vector<std::byte> content() const { return must(must(File::open(path()))->read_at(0, kDeviceBytes)); }
  Result<jump::JumpTarget> claim(const std::string& path, bool force = false) const {
    return claim_target(areas_, path, kId, force, sysfs_.root());
  }
  Result<void> unmoved(const std::string& path, const JumpId& id = kId) const {
    return check_unmoved(areas_, {id, path, loop_->path(), kPieceStart}, sysfs_.root());
  }
  Result<jump::ClaimedTarget> found(std::uint64_t head, const JumpId& id = kId) const {
    return find_claimed(areas_, id, head, 0, path());
  }

 private:
  explicit Disk(std::unique_ptr<LoopDevice> loop) : loop_(std::move(loop)) {
    areas_.of_file = [](const File&, std::uint64_t) -> Result<Area> { return area_of_target_file; };
    area_of_target_file = kBlocks;
    write_file(file(), std::vector<std::byte>(128 * 1024));
    struct stat status {};
    REQUIRE(::stat(file().c_str(), &status) == 0);
    const std::string folder = "devices/pci0000:00/ata1/block/" + loop_->name();
    sysfs_.device(loop_->number(), folder);
    sysfs_.device(fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev)), folder);
  }

  std::unique_ptr<LoopDevice> loop_;
  Sysfs sysfs_;
  TempFolder folder_;
  AreaOperations areas_ = Device::areas();
};

// ---- from arm to hibernate

ArmedTarget armed() { return {kId, "/mnt/tar get", "/dev/sda2", ~std::uint64_t{0}}; }

Record armed_record() { return must(decode_record(jump::encode(armed()), 0)); }

Result<ArmedTarget> decoded(const Record& record) { return jump::decode_armed_target(encode_record(record)); }

void check_corrupt(const Result<ArmedTarget>& target, const std::string& where, const std::string& found) {
  INFO(where);
  REQUIRE_FALSE(target);
  CHECK(target.error().kind == ErrorKind::Corrupt);
  CHECK(target.error().where == where);
  CHECK(target.error().found == found);
}

}  // namespace

TEST_CASE("A block device is its own target") {
  Sysfs sysfs;
  sysfs.device("8:3", "devices/pci0000:00/ata1/block/sda/sda3");
  const auto target =
      must(target_device("/dev/sda3", status_of(S_IFBLK | 0660, makedev(8, 3), makedev(0, 6)), sysfs.root()));
  CHECK(target.path == "/dev/sda3");
  CHECK(target.major == 8);
  CHECK(target.minor == 3);
  CHECK_FALSE(target.is_file);
}

TEST_CASE("The target of a file is the device that its file system lies on") {
  Sysfs sysfs;
  sysfs.device("259:2", "devices/pci0000:00/nvme/nvme0/nvme0n1/nvme0n1p2");
  const auto target =
      must(target_device("/mnt/target", status_of(S_IFREG | 0600, 0, makedev(259, 2)), sysfs.root()));
  CHECK(target.path == "/dev/nvme0n1p2");
  CHECK(target.major == 259);
  CHECK(target.minor == 2);
  CHECK(target.is_file);
}

TEST_CASE("A device that software puts together is refused: the saver has nobody who would") {
  Sysfs sysfs;
  sysfs.device("254:0", "devices/virtual/block/dm-0").device("7:1", "devices/virtual/block/loop1");
  const std::string allowed = "a disk, a partition, or a file on one: the saver has only drivers";
  const auto mapped =
      target_device("/dev/mapper/root", status_of(S_IFBLK | 0660, makedev(254, 0), 0), sysfs.root());
  REQUIRE_FALSE(mapped);
  CHECK(mapped.error().file == "/dev/mapper/root");
  check_refused(mapped.error(), "/dev/mapper/root is put together by software (dm, md, loop, RAM)", allowed);
  const auto on_loop =
      target_device("/mnt/target", status_of(S_IFREG | 0600, 0, makedev(7, 1)), sysfs.root());
  REQUIRE_FALSE(on_loop);
  CHECK(on_loop.error().file == "/mnt/target");
  check_refused(on_loop.error(), "/dev/loop1 is put together by software (dm, md, loop, RAM)", allowed);
}

TEST_CASE("A device that sysfs does not know is refused") {
  Sysfs sysfs;
  sysfs.device("8:0", "devices/pci0000:00/ata1/block/sda");
  const auto target =
      target_device("/dev/sdb", status_of(S_IFBLK | 0660, makedev(8, 16), makedev(0, 6)), sysfs.root());
  REQUIRE_FALSE(target);
  check_refused(target.error(), "no block device that sysfs knows", "a disk, a partition, or a file on one");
}

TEST_CASE("A file on a file system without a block device of its own is refused") {
  Sysfs sysfs;
  sysfs.device("8:0", "devices/pci0000:00/ata1/block/sda");
  const auto target =
      target_device("/mnt/target", status_of(S_IFREG | 0600, makedev(8, 0), makedev(0, 42)), sysfs.root());
  REQUIRE_FALSE(target);
  check_refused(target.error(),
                "a file on a file system without a block device of its own (btrfs, overlay, network)",
                "one on ext4 or XFS on a disk or partition");
}

TEST_CASE("What is neither a block device nor a file is refused") {
  Sysfs sysfs;
  sysfs.device("8:0", "devices/pci0000:00/ata1/block/sda");
  for (const mode_t mode : {S_IFDIR | 0755U, S_IFCHR | 0600U, S_IFIFO | 0600U, S_IFSOCK | 0600U}) {
    const auto target = target_device("/dev/x", status_of(mode, makedev(8, 0), makedev(8, 0)), sysfs.root());
    REQUIRE_FALSE(target);
    check_refused(target.error(), "neither a block device nor a file",
                  "a disk or partition that nothing uses, a swap device that is off, or a preallocated file");
  }
}

TEST_CASE("A device with nothing on it is taken whole") {
  const Area area = must(Device().chosen());
  CHECK(area.kind == AreaKind::Whole);
  CHECK(area.head == 0);
  REQUIRE(area.places.size() == 1);
  CHECK(area.places[0].start == 0);
  CHECK(area.places[0].bytes == kDeviceBytes);
}

TEST_CASE("A swap device is taken without its first page, which keeps its header") {
  const Area area = must(Device().with_swap().chosen());
  CHECK(area.kind == AreaKind::Swap);
  CHECK(area.head == 0);
  REQUIRE(area.places.size() == 1);
  CHECK(area.places[0].start == 4096);
  CHECK(area.places[0].end() == kDeviceBytes);
  CHECK(must(Device().with_swap().chosen(true)).kind == AreaKind::Swap);
}

TEST_CASE("A device with a file system, a partition table or a hibernation image is refused unless forced") {
  const std::string empty = "a device with nothing on it";
  check_needs_force(Device().with([](auto& content) {
    put(content, 1024, std::string("\x40\0\0\0\0\x10\0\0", 8));  // inodes, blocks
    put(content, 1024 + 24, std::string("\2\0\0\0", 4));         // of 4 KiB
    put(content, 1024 + 56, "\x53\xef");
    put(content, 1024 + 76, std::string("\1\0\0\0", 4));  // with inode sizes and features
    put(content, 1024 + 104, "0123456789abcdef");
  }),
                    "ext2", empty);
  check_needs_force(Device().with([](auto& content) {
    put(content, 0, "hsqs");
    put(content, 28, std::string("\4\0", 2));
  }),
                    "squashfs", empty);
  check_needs_force(Device().with([](auto& content) {
    put(content, 446, std::string("\0\0\2\0\x83\0\0\0\x08\0\0\0\xe8\3\0\0", 16));
    put(content, 510, "\x55\xaa");
  }),
                    "dos partition table", empty);
  check_needs_force(Device().with_swap().with(
                        [](auto& content) { put(content, 4096 - 10, std::string("S1SUSPEND\0", 10)); }),
                    "swsuspend", empty);
}

TEST_CASE("A device with data that nothing knows is refused unless forced") {
  for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{77}, kDeviceBytes - 3}) {
    check_needs_force(Device().with([&](auto& content) { put(content, place, "key"); }),
                      fmt::format("data at {:#x}", place), "a device with nothing on it");
  }
}

TEST_CASE("An image that nobody has resumed from is refused unless forced, whole or in a swap device") {
  const std::string found = "an image that nobody has resumed from";
  check_needs_force(Device().with_image(kWhole, {Phase::Armed, Phase::Committed}), found, "");
  check_needs_force(Device().with_image(kWhole, {Phase::Armed, Phase::Committed, Phase::ResumeAttempted}),
                    found, "");
  Device swap;
  swap.with_swap().with_image(kSwap, {Phase::Armed, Phase::Committed, Phase::PoweredOff});
  const auto refused = swap.chosen();
  REQUIRE_FALSE(refused);
  check_refused(refused.error(), found, "", "--force overwrites it");
  CHECK(must(swap.chosen(true)).kind == AreaKind::Swap);
}

TEST_CASE("An image whose history cannot be read is refused unless forced: nobody may have resumed from it") {
  Device damaged;
  damaged.with_image(kWhole, {Phase::Armed, Phase::Committed}).with([](auto& content) {
    content[20] ^= std::byte{1};  // in the file header, before its hash
  });
  const auto refused = damaged.chosen();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Refused);
  CHECK(refused.error().found.starts_with("an image whose history cannot be read: "));
  CHECK(refused.error().advice == "--force overwrites it");
  CHECK(must(damaged.chosen(true)).kind == AreaKind::Whole);
}

TEST_CASE("An image whose machine went on, or that was never finished, may be overwritten") {
  for (const auto& phases : {std::vector<Phase>{Phase::Armed},
                             {Phase::Armed, Phase::Saving, Phase::Failed},
                             {Phase::Armed, Phase::Committed, Phase::JumpedBack},
                             {Phase::Armed, Phase::Committed, Phase::JumpedBack, Phase::Resumed},
                             {Phase::Armed, Phase::Committed, Phase::Resumed}}) {
    CHECK(must(Device().with_image(kWhole, phases).chosen()).kind == AreaKind::Whole);
    CHECK(must(Device().with_swap().with_image(kSwap, phases).chosen()).kind == AreaKind::Swap);
  }
}

TEST_CASE("An image of which the jump back failed is one that nobody has resumed from") {
  check_needs_force(Device().with_image(kWhole, {Phase::Armed, Phase::Committed, Phase::ResumeAttempted,
                                                 Phase::JumpedBack, Phase::Failed}),
                    "an image that nobody has resumed from", "");
}

TEST_CASE(
    "A preallocated file is taken by its pieces, whatever its never written blocks hold on the device") {
  const TargetFile file;
  for (const char* other : {"", "somebody's earlier file"}) {
    const Area area =
        must(file.chosen(Device().with([&](auto& content) { put(content, kPieceStart, other); })));
    CHECK(area.kind == AreaKind::Blocks);
    CHECK(area.head == kPieceStart);
    CHECK(area.places.size() == 2);
  }
}

TEST_CASE("A file with something in it is refused unless forced") {
  const Device device;
  const TargetFile file("my notes");
  const auto area = file.chosen(device);
  REQUIRE_FALSE(area);
  CHECK(area.error().file == "/mnt/target");
  check_refused(area.error(), "a file with something in it", "a preallocated one", "--force overwrites it");
  CHECK(must(file.chosen(device, true)).kind == AreaKind::Blocks);
}

TEST_CASE("A file whose first page is empty is not empty when something is known to begin behind it") {
  // ISO 9660 begins at 32 KiB, btrfs at 64 KiB.
  const TargetFile disc(std::string("\1CD001\1", 7) + std::string(33, ' '), 32768);
  const Device device;
  const auto area = disc.chosen(device);
  REQUIRE_FALSE(area);
  check_refused(area.error(), "a file with something in it", "a preallocated one", "--force overwrites it");
  CHECK(must(disc.chosen(device, true)).kind == AreaKind::Blocks);
}

TEST_CASE("A file that holds an image nobody has resumed from is refused unless forced") {
  const std::string head(reinterpret_cast<const char*>(hib_image::kAreaMagic), 8);
  const TargetFile file(head);  // what its own file system shows of the head
  Device device;
  device.with_image(kBlocks, {Phase::Armed, Phase::Committed});
  const auto area = file.chosen(device);
  REQUIRE_FALSE(area);
  check_refused(area.error(), "an image that nobody has resumed from", "", "--force overwrites it");
  CHECK(must(file.chosen(device, true)).kind == AreaKind::Blocks);
  CHECK(file.chosen(Device().with_image(kBlocks, {Phase::Armed, Phase::Committed, Phase::JumpedBack})));
}

TEST_CASE("A file whose head of an area is damaged is refused, and taken when forced") {
  const std::string head(reinterpret_cast<const char*>(hib_image::kAreaMagic), 8);
  const TargetFile file(head);
  Device device;
  device.with([&](auto& content) { put(content, kPieceStart, head); });
  const auto area = file.chosen(device);
  REQUIRE_FALSE(area);
  CHECK(area.error().kind == ErrorKind::Corrupt);
  CHECK(area.error().where == "area head: hash");
  CHECK(must(file.chosen(device, true)).kind == AreaKind::Blocks);
}

TEST_CASE("A file that has no pieces to be taken is refused with the reason") {
  AreaOperations areas = Device::areas();
  areas.of_file = [](const File&, std::uint64_t) -> Result<Area> {
    return fail(make_error(ErrorKind::Refused, "target", "a file with holes", "a preallocated one"));
  };
  const Device device;
  const auto area = choose_area(areas, device.open(), device.open(), "/mnt/target", true);
  REQUIRE_FALSE(area);
  CHECK(area.error().found == "a file with holes");
}

TEST_CASE("A claim is found again by its id, in a whole device, a swap device and the blocks of a file") {
  for (const Area& area : {kWhole, kSwap, kBlocks}) {
    Device device;
    if (area.kind == AreaKind::Swap) device.with_swap();
    const auto& areas = Device::areas();
    {
      const auto output = must(Output::create_window(device.path(), area.places, false));
      must(areas.write_claim(*output,
                             {{static_cast<std::uint16_t>(Phase::Armed), 1, "jump " + jump::to_text(kId)}}));
      must(areas.write_head(*device.open(), area));
    }
    const auto claimed = must(find_claimed(areas, kId, area.head, 0, device.path()));
    CHECK(claimed.device == device.path());
    check_same(claimed.area, area);
    must(claimed.note(Phase::Jumped, "noted", 17));
    must(claimed.note(Phase::Saving));
    const auto history = must(areas.read_history(*claimed.image));
    REQUIRE(history.size() == 3);
    CHECK(history[0].is(Phase::Armed));
    CHECK(history[1].is(Phase::Jumped));
    CHECK(history[1].text == "noted");
    CHECK(history[1].time_ns == 17);
    CHECK(history[2].is(Phase::Saving));
    CHECK(history[2].time_ns > 17);  // now
  }
}

TEST_CASE("A claim with another id, an image without a claim and an empty device are not the target") {
  Device device;
  check_not_found(find_claimed(Device::areas(), kId, 0, 0, device.path()));
  device.with_image(kWhole, {Phase::Armed});
  check_not_found(find_claimed(Device::areas(), kId, 0, 0, device.path()));
  const auto output = must(Output::create_window(device.path(), kWhole.places, false));
  must(Device::areas().write_claim(
      *output, {{static_cast<std::uint16_t>(Phase::Armed), 1, "jump " + jump::to_text(kOtherId)}}));
  CHECK(find_claimed(Device::areas(), kOtherId, 0, 0, device.path()));
  check_not_found(find_claimed(Device::areas(), kId, 0, 0, device.path()));
}

TEST_CASE("A target that is not there, or that no image can go into, is not claimed") {
  const TempFolder folder;
  const auto missing = claim_target(Device::areas(), folder.file("none"), kId, true);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::NotFound);
  CHECK(missing.error().file == folder.file("none"));
  for (const std::string& path : {std::string("/dev/null"), folder.file("")}) {
    const auto refused = claim_target(Device::areas(), path, kId, true);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().file == path);
    check_refused(refused.error(), "neither a block device nor a file",
                  "a disk or partition that nothing uses, a swap device that is off, or a preallocated file");
  }
}

TEST_CASE("A loop device of this machine is not claimed, not even by force") {
  const Device device;
  const auto loop = LoopDevice::over(device.path());
  if (!loop) return;
  for (const bool force : {false, true}) {
    const auto refused = claim_target(Device::areas(), loop->path(), kId, force);
    REQUIRE_FALSE(refused);
    check_refused(refused.error(), loop->path() + " is put together by software (dm, md, loop, RAM)",
                  "a disk, a partition, or a file on one: the saver has only drivers");
  }
  CHECK(must(must(File::open(loop->path()))->read_at(0, kDeviceBytes)) ==
        std::vector<std::byte>(kDeviceBytes));
}

TEST_CASE("A device is claimed and found again by the id: a whole one, and one that held swap") {
  for (const bool holds_swap : {false, true}) {
    Device device;
    if (holds_swap) device.with_swap();
    const auto disk = Disk::of(device);
    if (!disk) return;
    const auto target = must(disk->claim(disk->path()));
    CHECK(target.path == disk->path());
    CHECK(target.device == disk->path());
    check_same(target.area, holds_swap ? kSwap : kWhole);
    const auto claimed = must(disk->found(0));
    CHECK(claimed.area.kind == target.area.kind);
    const auto history = must(Device::areas().read_history(*claimed.image));
    REQUIRE(history.size() == 1);
    CHECK(history[0].is(Phase::Armed));
    CHECK(history[0].text == "jump " + jump::to_text(kId));
    check_not_found(disk->found(0, kOtherId));
    CHECK(disk->unmoved(disk->path()));
  }
}

TEST_CASE("A device that somebody uses is not claimed, not even by force, and stays as it is") {
  for (const bool holds_swap : {false, true}) {
    Device device;
    if (holds_swap) device.with_swap();
    const auto disk = Disk::of(device);
    if (!disk) return;
    const auto before = disk->content();
    const Fd user(::open(disk->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));  // as mount and swapon do
    REQUIRE(user);
    for (const bool force : {false, true}) {
      const auto refused = disk->claim(disk->path(), force);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().kind == ErrorKind::Refused);
      CHECK(refused.error().file == disk->path());
      CHECK(refused.error().where == "output");
      CHECK(refused.error().found == "the device is in use (mounted, swap, or part of another)");
      CHECK(refused.error().allowed == "a device that nothing uses");
    }
    CHECK(disk->content() == before);
  }
}

TEST_CASE("A device that is of use is claimed by force only, and stays as it is until then") {
  Device device;
  device.with([](auto& content) {
    put(content, 0, "hsqs");
    put(content, 28, std::string("\4\0", 2));
  });
  const auto disk = Disk::of(device);
  if (!disk) return;
  const auto before = disk->content();
  const auto refused = disk->claim(disk->path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().file == disk->path());
  check_refused(refused.error(), "squashfs", "a device with nothing on it", "--force overwrites it");
  CHECK(disk->content() == before);
  must(disk->claim(disk->path(), true));
  CHECK(disk->found(0));
}

TEST_CASE("A file is claimed where it lies on its device, while that is in use") {
  const auto disk = Disk::of(Device());
  if (!disk) return;
  const Fd user(::open(disk->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  REQUIRE(user);
  const auto target = must(disk->claim(disk->file()));
  CHECK(target.path == disk->file());
  CHECK(target.device == disk->path());
  check_same(target.area, kBlocks);
  check_same(must(disk->found(kPieceStart)).area, kBlocks);
  CHECK(disk->unmoved(disk->file()));
}

TEST_CASE("A file that lies elsewhere than when it was armed, or whose claim is gone, is refused") {
  const auto disk = Disk::of(Device());
  if (!disk) return;
  const auto check_changed = [&](const Result<void>& unmoved) {
    REQUIRE_FALSE(unmoved);
    CHECK(unmoved.error().file == disk->file());
    check_refused(unmoved.error(), "the file has changed since it was armed", "the same blocks",
                  "hibtool arm again");
  };
  check_changed(disk->unmoved(disk->file()));  // never claimed
  must(disk->claim(disk->file()));
  CHECK(disk->unmoved(disk->file()));
  check_changed(disk->unmoved(disk->file(), kOtherId));
  for (const auto& change : std::vector<std::function<void(Area&)>>{
           [](Area& area) { area.head += 4096; }, [](Area& area) { area.places[1].start += 4096; },
           [](Area& area) { area.places[1].bytes += 4096; }, [](Area& area) { area.places.pop_back(); },
           [](Area& area) {
             area.places.push_back({2U << 20, 4096});
           }}) {
    area_of_target_file = kBlocks;
    change(area_of_target_file);
    check_changed(disk->unmoved(disk->file()));
  }
  area_of_target_file = kBlocks;
  CHECK(disk->unmoved(disk->file()));
  stdfs::remove(disk->file());
  const auto gone = disk->unmoved(disk->file());
  REQUIRE_FALSE(gone);
  CHECK(gone.error().kind == ErrorKind::NotFound);
  CHECK(gone.error().file == disk->file());
}

TEST_CASE("A target that was armed is remembered with all of its fields") {
  const ArmedTarget read = must(jump::decode_armed_target(jump::encode(armed())));
  CHECK(read.id == kId);
  CHECK(read.path == "/mnt/tar get");
  CHECK(read.device == "/dev/sda2");
  CHECK(read.head == ~std::uint64_t{0});
}

TEST_CASE("What arm left is refused when a field is missing, unknown, there twice or of another kind") {
  const Record good = armed_record();
  for (const Field& field : good.fields) {
    Record bad = good;
    std::erase_if(bad.fields, [&](const Field& one) { return one.name == field.name; });
    check_corrupt(decoded(bad), "record armed: " + field.name, "missing");
    bad = good;
    bad.fields.push_back(field);
    check_corrupt(decoded(bad), "record armed: " + field.name, "there more than once");
    bad = good;
    bad.set(field.name, std::vector<std::byte>(4));
    check_corrupt(decoded(bad), "record armed: " + field.name, "of another kind");
  }
  Record bad = good;
  bad.set("extra", std::uint64_t{1});
  check_corrupt(decoded(bad), "record armed: extra", "unknown");
  bad = good;
  bad.set("id", std::string("0102"));
  check_corrupt(decoded(bad), "id of a jump", "0102");
}

TEST_CASE("What arm left is refused when it is a record of another type, or half of one") {
  Record other = armed_record();
  other.type = "saver";
  check_corrupt(decoded(other), "record: type", "saver");
  const auto bytes = jump::encode(armed());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto half = jump::decode_armed_target(ByteView(bytes).first(size));
    REQUIRE_FALSE(half);
    CHECK(half.error().kind == ErrorKind::Truncated);
  }
}
