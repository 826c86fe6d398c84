// The mark of a FAT file system: file systems made by mkfs.vfat and written by mtools, and damaged ones.
#include "lib/fs/fat_mark.h"

#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "lib/base/bytes.h"
#include "lib/os/file.h"
#include "tests/support/catch.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::fs;
using namespace hib::test;

namespace {

using Bytes = std::vector<std::byte>;

void run(const std::string& command) {
  INFO(command);
  const int status = std::system(command.c_str());
  REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

// A file system with EFI/BOOT/A.EFI and so many entries in EFI/MANY that it has several clusters.
class Volume {
 public:
  explicit Volume(unsigned bits) {
    const unsigned kib = bits == 12 ? 1440 : bits == 16 ? 8192 : 35000;
    run(fmt::format(
        "PATH=$PATH:/usr/sbin:/sbin mkfs.vfat -F {} -s 1 -i 12345678 --invariant -C {} {} >{} 2>&1", bits,
        path(), kib, folder_.file("log")));
    mtools("mmd", "::/EFI ::/EFI/BOOT ::/EFI/MANY");
    copy("first contents", "EFI/BOOT/A.EFI", "2001-02-03 04:05:06");
    for (int i = 0; i < 10; ++i)
      write_file(folder_.file(fmt::format("a long name, so that it takes several entries {}.txt", i)),
                 as_bytes("x"));
    mtools("mcopy", fmt::format("{}/a*.txt ::/EFI/MANY", folder_.file("")));
  }

  std::string path() const { return folder_.file("fat.img"); }
  void mtools(const std::string& program, const std::string& rest) const {
    run(fmt::format("MTOOLS_SKIP_CHECK=1 {} -i {} {} </dev/null", program, path(), rest));
  }
  void copy(const std::string& contents, const std::string& to,
            const std::string& time = "2001-02-03 04:05:06") const {
    write_file(folder_.file("in"), as_bytes(contents));
    run(fmt::format("TZ=UTC touch -d '{}' {}", time, folder_.file("in")));
    mtools("mcopy", fmt::format("-m -o {} '::/{}'", folder_.file("in"), to));
  }
  Bytes bytes() const { return read_file(path()); }
  Result<std::string> try_mark() const {
    const auto file = must(File::open(path()));
    return fat_mark([&](std::uint64_t offset, std::size_t size) { return file->read_at(offset, size); });
  }
  std::string mark() const { return must(try_mark()); }

 private:
  TempFolder folder_;
};

// The same one again and again, for tests that only look at it.
const Bytes& sample(unsigned bits) {
  static std::map<unsigned, Bytes> made;
  const auto it = made.find(bits);
  return it != made.end() ? it->second : made.emplace(bits, Volume(bits).bytes()).first->second;
}

ReadBytes reader_of(ByteView bytes) {
  return [bytes](std::uint64_t offset, std::size_t size) -> Result<Bytes> {
    if (offset > bytes.size() || size > bytes.size() - offset)
      return fail(make_error(ErrorKind::Truncated, "device", "its end").at(offset));
    return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                 bytes.begin() + static_cast<std::ptrdiff_t>(offset + size));
  };
}

Result<std::string> mark_of(ByteView bytes) { return fat_mark(reader_of(bytes)); }

template <typename T>
void put(Bytes& bytes, std::uint64_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

std::uint64_t offset_of_cluster(const FatLayout& layout, std::uint32_t cluster) {
  return layout.data_offset + std::uint64_t{cluster - 2} * layout.cluster_bytes;
}

// Where the short entry of a name stands: the only one in the image.
std::uint64_t entry_named(const Bytes& bytes, const std::string& name) {
  const auto at = as_text(bytes).find(name + std::string(11 - name.size(), ' ') + '\x10');
  REQUIRE(at != std::string_view::npos);
  return at;
}

void set_next(Bytes& bytes, const FatLayout& layout, std::uint32_t cluster, std::uint32_t next) {
  if (layout.bits == 32) return put(bytes, layout.table_offset + cluster * 4, le32(next));
  if (layout.bits == 16)
    return put(bytes, layout.table_offset + cluster * 2, le16(static_cast<std::uint16_t>(next)));
  const std::uint64_t at = layout.table_offset + cluster + cluster / 2;
  le16 pair;
  std::memcpy(&pair, bytes.data() + at, 2);
  put(bytes, at,
      le16(static_cast<std::uint16_t>(cluster % 2 == 0 ? (pair & 0xF000) | next
                                                       : (pair & 0x000F) | next << 4)));
}

void expect_error(ByteView bytes, ErrorKind kind, std::uint64_t offset) {
  const auto mark = mark_of(bytes);
  REQUIRE_FALSE(mark);
  INFO(mark.error().line());
  CHECK(mark.error().kind == kind);
  CHECK(mark.error().offset == offset);
}

// Hand-made: a boot sector, and as much behind it as a test gives it.
Bytes boot_sector(std::uint32_t sectors, std::uint32_t table_sectors32) {
  Bytes bytes(512);
  put(bytes, 11, le16(512));
  put(bytes, 13, std::uint8_t{1});
  put(bytes, 14, le16(32));
  put(bytes, 16, std::uint8_t{1});
  put(bytes, 32, le32(sectors));
  put(bytes, 36, le32(table_sectors32));
  put(bytes, 44, le32(2));
  return bytes;
}

}  // namespace

TEST_CASE("A FAT file system that nobody wrote keeps its mark, and whatever is written gives another one") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Volume volume(bits);
  CHECK(must(fat_layout(volume.bytes())).bits == bits);
  const std::string first = volume.mark();
  CHECK(first.size() == 32);
  CHECK(volume.mark() == first);

  std::string before = first;
  const auto expect_change = [&](const char* what) {
    INFO(what);
    const std::string now = volume.mark();
    CHECK(now != before);
    before = now;
  };
  volume.copy("other contents", "EFI/BOOT/A.EFI", "2001-02-03 04:05:08");
  expect_change("overwritten with as many bytes");
  volume.copy("new", "EFI/BOOT/B.EFI");
  expect_change("a file in a subdirectory");
  volume.mtools("mren", "::/EFI/BOOT/B.EFI ::/EFI/BOOT/C.EFI");
  expect_change("renamed");
  volume.mtools("mdel", "::/EFI/BOOT/C.EFI");
  expect_change("deleted");
  volume.mtools("mmd", "::/EFI/NEW");
  expect_change("a directory");
  volume.mtools("mattrib", "+r ::/EFI/BOOT/A.EFI");
  expect_change("an attribute");
  volume.copy("x", "EFI/MANY/a long name that stands in the last of several clusters.txt");
  expect_change("a file in a directory of several clusters");
  volume.mtools("mlabel", "::OTHER");
  expect_change("the label");
}

TEST_CASE("What mounting, unmounting and reading leave behind is no write") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& bytes = sample(bits);
  const std::string mark = must(mark_of(bytes));
  const FatLayout layout = must(fat_layout(bytes));

  Bytes mounted = bytes;
  mounted[bits == 32 ? 65 : 37] ^= std::byte{0x01};
  if (bits == 16) mounted[layout.table_offset + 3] ^= std::byte{0xC0};
  if (bits == 32) mounted[layout.table_offset + 7] ^= std::byte{0x0C};
  CHECK(must(mark_of(mounted)) == mark);

  Bytes looked_at = bytes;
  for (const char* name : {"EFI", "BOOT", "MANY"})
    put(looked_at, entry_named(looked_at, name) + 18, le16(0x1234));
  REQUIRE(looked_at != bytes);
  CHECK(must(mark_of(looked_at)) == mark);
}

TEST_CASE("What lies beside the masked bytes is seen") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& bytes = sample(bits);
  const std::string mark = must(mark_of(bytes));
  const FatLayout layout = must(fat_layout(bytes));
  const std::uint64_t entry = entry_named(bytes, "BOOT");
  // A long name's characters lie where a short name's entry has the date of the access.
  const auto long_name = as_text(bytes).find(as_text(
      Bytes{std::byte{'a'}, std::byte{0}, std::byte{' '}, std::byte{0}, std::byte{'l'}, std::byte{0}}));
  REQUIRE(long_name != std::string_view::npos);
  for (const std::uint64_t at :
       {std::uint64_t{bits == 32 ? 64U : 36U}, std::uint64_t{bits == 32 ? 66U : 38U}, layout.table_offset,
        entry + 17, entry + 22, std::uint64_t{long_name} - 1 + 18}) {
    CAPTURE(at);
    Bytes changed = bytes;
    changed[at] ^= std::byte{0x10};
    CHECK(must(mark_of(changed)) != mark);
  }
}

TEST_CASE(
    "The free space that FSInfo counts is part of the mark; an FSInfo outside of the reserved sectors is "
    "none") {
  Bytes bytes = sample(32);
  const std::string mark = must(mark_of(bytes));
  const FatLayout layout = must(fat_layout(bytes));
  CHECK(layout.info_offset == 512);
  bytes[layout.info_offset + 488] ^= std::byte{1};
  CHECK(must(mark_of(bytes)) != mark);
  put(bytes, 48, le16(0xFFFF));
  CHECK(must(fat_layout(bytes)).info_offset == 0);
  CHECK(mark_of(bytes));
}

TEST_CASE("A FAT volume cut anywhere is truncated at what is missing, or has all that the mark is made of") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& whole = sample(bits);
  const std::string mark = must(mark_of(whole));
  const FatLayout layout = must(fat_layout(whole));
  expect_error(ByteView(whole).first(511), ErrorKind::Truncated, 0);
  for (std::size_t size = 512; size <= layout.data_offset + 64 * std::size_t{layout.cluster_bytes};
       size += 512) {
    const auto cut = mark_of(ByteView(whole).first(size));
    CAPTURE(size);
    if (cut) {
      CHECK(*cut == mark);
    } else {
      CHECK(cut.error().kind == ErrorKind::Truncated);
    }
    if (size <= layout.data_offset) CHECK_FALSE(cut);
  }
}

TEST_CASE("A directory that begins outside of the file system is refused where its entry stands") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& whole = sample(bits);
  const FatLayout layout = must(fat_layout(whole));
  const std::uint64_t entry = entry_named(whole, "BOOT");
  for (const std::uint32_t cluster : {0U, 1U, layout.end_cluster, bits == 32 ? 0xFFFFFFFFU : 0xFFFFU}) {
    CAPTURE(cluster);
    Bytes bytes = whole;
    put(bytes, entry + 20, le16(static_cast<std::uint16_t>(cluster >> 16)));
    put(bytes, entry + 26, le16(static_cast<std::uint16_t>(cluster)));
    expect_error(bytes, ErrorKind::Corrupt, entry);
  }
  Bytes bytes = whole;
  put(bytes, entry + 20, le16(0xFFFF));
  if (bits == 32)
    expect_error(bytes, ErrorKind::Corrupt, entry);
  else
    CHECK(must(mark_of(bytes)) != must(mark_of(whole)));  // not part of the number there
}

TEST_CASE("A directory inside itself, or one in two places, is refused at the second entry that names it") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& whole = sample(bits);
  const std::uint64_t efi = entry_named(whole, "EFI");
  const std::uint64_t boot = entry_named(whole, "BOOT");
  const std::uint64_t many = entry_named(whole, "MANY");
  Bytes circle = whole;
  std::memcpy(circle.data() + boot + 26, whole.data() + efi + 26, 2);
  expect_error(circle, ErrorKind::Corrupt, boot);
  Bytes twice = whole;
  std::memcpy(twice.data() + many + 26, whole.data() + boot + 26, 2);
  expect_error(twice, ErrorKind::Corrupt, many);
}

TEST_CASE(
    "A chain that goes in a circle, to a free or bad cluster or out of the file system is refused at the "
    "table's entry") {
  const unsigned bits = GENERATE(12U, 16U, 32U);
  CAPTURE(bits);
  const Bytes& whole = sample(bits);
  const FatLayout layout = must(fat_layout(whole));
  le16 many;
  std::memcpy(&many, whole.data() + entry_named(whole, "MANY") + 26, 2);
  const std::uint32_t bad = bits == 12 ? 0xFF7 : bits == 16 ? 0xFFF7 : 0x0FFFFFF7;
  for (const std::uint32_t next : {std::uint32_t{many}, 0U, 1U, layout.end_cluster, bad}) {
    CAPTURE(next);
    Bytes bytes = whole;
    set_next(bytes, layout, many, next);
    expect_error(bytes, ErrorKind::Corrupt, layout.table_offset + std::uint64_t{many} * bits / 8);
  }
}

TEST_CASE("Boot sectors that do not add up are refused at the field, before anything is computed from them") {
  struct Damage {
    std::uint64_t at;
    std::uint32_t value;
    unsigned bytes;
  };
  const Bytes good = boot_sector(70000, 600);
  CHECK(must(fat_layout(good)).bits == 32);
  CHECK(must(fat_layout(good)).end_cluster == 70000 - 632 + 2);
  for (const Damage& damage : {Damage{11, 0, 2},
                               {11, 513, 2},
                               {11, 256, 2},
                               {11, 8192, 2},
                               {13, 0, 1},
                               {13, 3, 1},
                               {14, 0, 2},
                               {16, 0, 1},
                               {17, 1, 2},
                               {32, 0, 4},
                               {32, 632, 4},
                               {36, 0, 4}}) {
    CAPTURE(damage.at, damage.value);
    Bytes bytes = good;
    for (unsigned i = 0; i < damage.bytes; ++i)
      bytes[damage.at + i] = static_cast<std::byte>(damage.value >> (8 * i) & 0xFF);
    expect_error(bytes, ErrorKind::Corrupt, damage.at);
  }
  Bytes huge = good;
  put(huge, 36, le32(0xFFFFFFFF));
  put(huge, 16, std::uint8_t{0xFF});
  expect_error(huge, ErrorKind::Corrupt, 32);
  Bytes second = good;
  put(second, 40, le16(0x81));
  expect_error(second, ErrorKind::Unsupported, 40);
}

TEST_CASE("A table that claims gigabytes is refused before any of it is read") {
  Bytes bytes = boot_sector(0x10000000, 0x00100000);
  bytes.resize(4096);
  expect_error(bytes, ErrorKind::Limit, 32 * 512);
}

TEST_CASE("Directories of more than is hashed, and too many of them, are refused") {
  // Clusters of 64 KiB, all of them one chain from the root.
  const std::uint32_t clusters = 600;
  Bytes bytes = boot_sector(32 + 5 + clusters * 128, 5);
  put(bytes, 13, std::uint8_t{128});
  bytes.resize((32 + 5 + std::size_t{clusters} * 128) * 512);
  const FatLayout layout = must(fat_layout(bytes));
  REQUIRE(layout.end_cluster == clusters + 2);
  for (std::uint32_t i = 2; i < layout.end_cluster; ++i)
    set_next(bytes, layout, i, i + 1 < layout.end_cluster ? i + 1 : 0x0FFFFFFF);
  // 512 clusters are 32 MiB; the boot sector is not counted, FSInfo and the table are.
  expect_error(bytes, ErrorKind::Limit, offset_of_cluster(layout, 2 + 511));

  // The root and its 16 entries a cluster, each a directory of one empty cluster.
  const std::uint32_t wanted = 65536;
  Bytes many = boot_sector(32 + 700 + 80000, 700);
  many.resize((32 + 700 + 80000) * std::size_t{512});
  const FatLayout small = must(fat_layout(many));
  const std::uint32_t root_clusters = wanted / 16 + 1;
  for (std::uint32_t i = 0; i < root_clusters; ++i)
    set_next(many, small, 2 + i, i + 1 < root_clusters ? 3 + i : 0x0FFFFFFF);
  for (std::uint32_t i = 0; i < wanted; ++i) {
    const std::uint32_t cluster = 2 + root_clusters + i;
    const std::uint64_t entry = small.data_offset + std::uint64_t{i} * 32;
    std::memcpy(many.data() + entry, "DIR        \x10", 12);
    put(many, entry + 20, le16(static_cast<std::uint16_t>(cluster >> 16)));
    put(many, entry + 26, le16(static_cast<std::uint16_t>(cluster)));
    set_next(many, small, cluster, 0x0FFFFFFF);
  }
  expect_error(many, ErrorKind::Limit, small.data_offset + std::uint64_t{wanted - 1} * 32);
}

TEST_CASE("vfat has the mark by its name, and one that cannot be read says why; exFAT has none") {
  const Volume volume(16);
  const auto file = must(File::open(volume.path()));
  CHECK(file_system_marks(*file, "vfat") == Marks{{"MARK_DIRECTORIES", volume.mark()}});
  CHECK(file_system_marks(*file, "exfat") == Marks{{"MARK", "none"}});
  Bytes bytes = volume.bytes();
  bytes[13] = std::byte{7};
  write_file(volume.path(), bytes);
  const Marks facts = file_system_marks(*must(File::open(volume.path())), "vfat");
  REQUIRE(facts.size() == 1);
  CHECK(facts.at("MARK_UNREADABLE").find("sectors in a cluster: 7") != std::string::npos);
}
