// Where a swap file begins on its device: chunks of btrfs as bytes, and file systems that are mounted here.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "lib/diagnose/boot/swap_file.h"
#include "lib/os/fd.h"
#include "lib/os/file.h"
#include "tests/support/folder.h"
#include "tests/support/loop_device.h"

using namespace hib;
using namespace hib::diagnose;
using hib::test::Folder;
using hib::test::LoopDevice;

namespace {

constexpr std::uint64_t kPage = 4096;

// A file system in a file, mounted while it lives, where only this process sees it.
class Mounted {
 public:
  // Null, with a warning that says why, where none can be mounted: the test then shows nothing.
  static std::unique_ptr<Mounted> make(const std::string& mkfs, const char* type, std::uint64_t bytes) {
    auto mounted = std::unique_ptr<Mounted>(new Mounted);
    mounted->folder_.file("image", "");
    std::filesystem::resize_file(mounted->image(), bytes);
    REQUIRE(std::system(fmt::format("{} {} >/dev/null 2>&1", mkfs, mounted->image()).c_str()) == 0);
    mounted->device_ = LoopDevice::over(mounted->image());
    if (!mounted->device_) return nullptr;
    std::filesystem::create_directory(mounted->path());
    const bool is_done =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount(mounted->device_->path().c_str(), mounted->path().c_str(), type, 0, nullptr) == 0;
    if (is_done) return mounted;
    WARN("skipped, " << type << " cannot be mounted: " << std::generic_category().message(errno));
    return nullptr;
  }
  ~Mounted() { ::umount2(path().c_str(), MNT_DETACH); }

  std::string image() const { return folder_.path() + "/image"; }
  std::string path() const { return folder_.path() + "/mounted"; }

  // A file whose pages say their own number.
  std::string write_file(const std::string& name, std::size_t pages) const {
    const std::string file = path() + "/" + name;
    const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(fd);
    for (std::size_t i = 0; i < pages; ++i) {
      std::string page = fmt::format("{} page {}", name, i);
      page.resize(kPage);
      REQUIRE(::write(fd.get(), page.data(), page.size()) == static_cast<ssize_t>(kPage));
    }
    REQUIRE(::fsync(fd.get()) == 0);
    return file;
  }
  std::string on_device(std::uint64_t offset) const {
    const auto file = File::open(image());
    REQUIRE(file);
    const auto bytes = (*file)->read_at(offset, 64);
    REQUIRE(bytes);
    return as_text(*bytes).data();
  }

 private:
  Mounted() = default;
  Folder folder_;
  std::unique_ptr<LoopDevice> device_;
};

void check_file_system(const std::string& mkfs, const char* type) {
  const auto mounted = Mounted::make(mkfs, type, 320U << 20);
  if (!mounted) return;
  mounted->write_file("before", 300);
  const auto place = boot::locate_swap_file(mounted->write_file("swap", 200), kPage);
  REQUIRE(place);
  CHECK(mounted->on_device(place->first_byte) == "swap page 0");
  CHECK(place->offset_pages * kPage == place->first_byte);
  CHECK_FALSE(place->is_shared);
  const Fd hole(::open((mounted->path() + "/hole").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::ftruncate(hole.get(), 1 << 20) == 0);
  const auto refused = boot::locate_swap_file(mounted->path() + "/hole", kPage);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
}

}  // namespace

TEST_CASE("A swap file of ext4 begins where the disk has its first page") {
  check_file_system("mkfs.ext4 -q -F -b 4096", "ext4");
}

TEST_CASE("A swap file of XFS begins where the disk has its first page") {
  check_file_system("mkfs.xfs -q -f", "xfs");
}

TEST_CASE("A file that begins between two pages of its device has no offset") {
  const auto mounted = Mounted::make("mkfs.ext4 -q -F -b 1024", "ext4", 64U << 20);
  if (!mounted) return;
  bool is_between = false;
  for (int i = 0; i < 8 && !is_between; ++i) {
    const Fd small(
        ::open(fmt::format("{}/small{}", mounted->path(), i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::write(small.get(), "x", 1) == 1);  // takes one block of 1 KiB
    REQUIRE(::fsync(small.get()) == 0);
    const auto place = boot::locate_swap_file(mounted->write_file(fmt::format("swap{}", i), 2), kPage);
    is_between = !place && place.error().kind == ErrorKind::Unsupported;
  }
  CHECK(is_between);
}

TEST_CASE("What is no file, and a machine without a size of pages, are refused") {
  CHECK(boot::locate_swap_file("/nonexistent/swap", kPage).error().kind == ErrorKind::NotFound);
  CHECK(boot::locate_swap_file("/", kPage).error().kind == ErrorKind::Unsupported);
  CHECK(boot::locate_swap_file("/etc/passwd", 0).error().kind == ErrorKind::Usage);
}

TEST_CASE("Below a folder a swap file has an offset only where the file system itself is mounted there") {
  const Folder folder;
  std::filesystem::create_directory(folder.path() + "/disk");
  const std::string disk = std::filesystem::canonical(folder.path() + "/disk");
  const auto mounted = [&](const std::string& root, const std::string& type, const std::string& point) {
    return boot::check_mounted(folder.path() + "/disk", fmt::format("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                                                    "2 1 8:2 {} {} rw - {} /dev/sda2 rw\n",
                                                                    root, point, type));
  };
  CHECK(mounted("/", "ext4", disk));
  CHECK(mounted("/@", "btrfs", disk));
  const auto refusal = [&](const Result<void>& result) {
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::Unsupported);
    return result.error().found;
  };
  CHECK(refusal(mounted("/backups/disk", "ext4", disk)) == "a folder of a file system");  // a bind mount
  CHECK(refusal(mounted("/", "ext4", disk + "2")) == "a folder that nothing is mounted at");
  CHECK(refusal(boot::check_mounted(disk, "")) == "a folder that nothing is mounted at");
  CHECK(boot::check_mounted(folder.path() + "/none", "").error().kind == ErrorKind::NotFound);
}

TEST_CASE("The swap file of a system that is mounted here begins where its disk has its first page") {
  const auto mounted = Mounted::make("mkfs.ext4 -q -F -b 4096", "ext4", 320U << 20);
  if (!mounted) return;
  std::filesystem::create_directory(mounted->path() + "/proc");
  mounted->write_file("before", 300);
  mounted->write_file("swap", 200);
  const auto tree = device::Tree::captured(mounted->path());
  REQUIRE(tree);
  const std::string mountinfo = device::Tree::live().read("/proc/self/mountinfo").text;
  const auto place = boot::locate_swap_file_of(*tree, "/swap", kPage, mountinfo);
  REQUIRE(place);
  CHECK(mounted->on_device(place->first_byte) == "swap page 0");
  CHECK(boot::locate_swap_file_of(*tree, "/none", kPage, mountinfo).error().kind == ErrorKind::NotFound);
  const auto copied = boot::locate_swap_file_of(*tree, "/swap", kPage, "");
  CHECK(copied.error().kind == ErrorKind::Unsupported);
}

TEST_CASE("A chunk of btrfs says where an address is on its device") {
  std::string chunk(80, '\0');
  const auto put = [&](std::size_t at, auto value) { std::memcpy(chunk.data() + at, &value, sizeof value); };
  put(0, le64(0x100000));  // length
  put(24, le64(1));        // data, single
  put(44, le16(1));        // stripes
  put(48, le64(3));        // device
  put(56, le64(0x5000));   // offset
  const auto place = boot::place_in_chunk(as_bytes(chunk), 0x20000, 0x21000);
  REQUIRE(place);
  CHECK(place->device == 3);
  CHECK(place->physical == 0x6000);
  const auto kind = [&](std::uint64_t wanted) {
    const auto refused = boot::place_in_chunk(as_bytes(chunk), 0x20000, wanted);
    REQUIRE_FALSE(refused);
    return refused.error().kind;
  };
  CHECK(kind(0x1FFFF) == ErrorKind::Corrupt);
  CHECK(kind(0x120000) == ErrorKind::Corrupt);
  put(56, le64(~std::uint64_t{0}));
  CHECK(kind(0x21000) == ErrorKind::Corrupt);
  put(44, le16(0));
  CHECK(kind(0x21000) == ErrorKind::Corrupt);
  put(44, le16(1));
  put(24, le64(1 | 32));  // kept twice
  CHECK(kind(0x21000) == ErrorKind::Unsupported);
  chunk.resize(60);
  CHECK(kind(0x21000) == ErrorKind::Truncated);
}
