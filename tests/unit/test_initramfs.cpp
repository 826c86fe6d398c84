// What an initramfs brings along, read from small archives that are made here, and from those of real
// generators (tests/corpus/initramfs).
#include <cstdlib>

#include <fmt/format.h>

#include "lib/base/bytes.h"
#include "lib/diagnose/boot/cpio_stream.h"
#include "lib/diagnose/boot/initramfs.h"
#include "lib/diagnose/boot/module_index.h"
#include "tests/support/folder.h"

using namespace hib;
using namespace hib::diagnose;
using namespace hib::diagnose::boot;
using hib::test::Folder;

namespace {

constexpr unsigned kRegular = 0100644;
constexpr unsigned kLink = 0120777;

struct Entry {
  std::string name;
  std::string content;
  unsigned mode = kRegular;
};

std::string padded(std::string text) {
  while (text.size() % 4 != 0) text += '\0';
  return text;
}

std::string cpio_entry(const Entry& entry) {
  // Fields: inode, mode, uid, gid, links, time, size, four device numbers, name size, checksum.
  const std::string text =
      fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 1,
                  entry.mode, 0, 0, 1, 0, entry.content.size(), 0, 0, 0, 0, entry.name.size() + 1, 0);
  return padded(text + entry.name + '\0') + padded(entry.content);
}

std::string cpio(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += cpio_entry(entry);
  text += cpio_entry({"TRAILER!!!", "", 0});
  text.resize(round_up(text.size(), 512));
  return text;
}

const std::vector<Entry> kDebian = {
    {"conf/initramfs.conf", "MODULES=most\n"},
    {"conf/conf.d/resume", "RESUME=UUID=aa\n"},
    {"scripts/local-premount/resume", "#!/bin/sh\n"},
    {"usr/lib/modules/6.12.1-amd64/kernel/drivers/md/dm-crypt.ko.xz", "x"},
    {"usr/lib/modules/6.12.1-amd64/kernel/crypto/lz4.ko", "x"},
    {"usr/lib/modules/6.12.1-amd64/modules.builtin", "kernel/crypto/lzo.ko\nkernel/crypto/lzo-rle.ko\n"},
    {"cryptroot/crypttab", "swap_crypt UUID=bb none luks\n"},
    {"etc/modprobe.d/n.conf",
     "# options nvidia A=1\noptions nvidia NVreg_PreserveVideoMemoryAllocations=1 B=2\n"},
};

Result<Initramfs> read(const std::string& bytes) {
  const Folder folder;
  folder.file("initrd.img", bytes);
  return read_initramfs(folder.path() + "/initrd.img");
}

// One of tests/corpus/initramfs.
Result<Initramfs> real(const std::string& name) {
  return read_initramfs(std::string(HIB_SOURCES) + "/tests/corpus/initramfs/" + name);
}

// What a tool makes of it; "" where the tool fails.
std::string through(const std::string& command, const std::string& bytes) {
  const Folder folder;
  folder.file("in", bytes);
  const std::string line = fmt::format("{} <{}/in >{}/out", command, folder.path(), folder.path());
  REQUIRE(std::system(line.c_str()) == 0);
  std::ifstream out(folder.path() + "/out", std::ios::binary);
  return {std::istreambuf_iterator<char>(out), {}};
}

ErrorKind kind_of(const std::string& bytes) {
  const auto facts = read(bytes);
  REQUIRE_FALSE(facts);
  return facts.error().kind;
}

template <typename T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A PE program with these sections.
std::string unified(const std::vector<Entry>& sections) {
  std::string image(64, '\0');
  image.replace(0, 2, "MZ");
  put(image, 0x3c, le32(64));
  image += std::string("PE\0\0", 4) + std::string(20, '\0');
  put(image, 64 + 6, le16(static_cast<std::uint16_t>(sections.size())));
  const std::size_t table = image.size();
  image.resize(table + sections.size() * 40);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::size_t row = table + i * 40;
    const auto bytes = static_cast<std::uint32_t>(sections[i].content.size());
    image.replace(row, sections[i].name.size(), sections[i].name);
    put(image, row + 8, le32(bytes));
    put(image, row + 16, le32(static_cast<std::uint32_t>(round_up(bytes, 512))));
    put(image, row + 20, le32(static_cast<std::uint32_t>(image.size())));
    image += sections[i].content;
    image.resize(round_up(image.size(), 512));
  }
  return image;
}

}  // namespace

TEST_CASE("What Debian's initramfs says of itself is read") {
  const auto facts = read(cpio(kDebian));
  REQUIRE(facts);
  CHECK(facts->generator == Generator::InitramfsTools);
  CHECK(facts->kernels == std::vector<std::string>{"6.12.1-amd64"});
  CHECK(facts->has_busybox_resume);
  CHECK_FALSE(facts->has_systemd);
  CHECK(resumes(*facts) == Resumes::Yes);
  REQUIRE(facts->settings.size() == 1);
  CHECK(facts->settings[0].line.resume == "UUID=aa");
  CHECK(facts->settings[0].origin == Origin::Initramfs);
  CHECK(facts->modules.contains("dm_crypt"));
  REQUIRE(facts->crypttab.size() == 1);
  CHECK(facts->crypttab[0].mapper == "swap_crypt");
  CHECK(module_option(facts->module_options, "nvidia", "NVreg_PreserveVideoMemoryAllocations") == "1");
  CHECK_FALSE(module_option(facts->module_options, "nvidia", "A"));
  CHECK(facts->is_whole());
}

TEST_CASE("An initramfs is unpacked whatever it is compressed with, behind microcode that lies open") {
  const std::string early =
      cpio({{"kernel/x86/microcode/AuthenticAMD.bin", std::string(700, 'm')}}) + std::string(4096, '\0');
  for (const char* tool :
       {"gzip -c", "bzip2 -c", "xz -c --check=crc32", "zstd -q -c", "lz4 -q -c", "lz4 -q -l -c"}) {
    const auto facts = read(early + through(tool, cpio(kDebian)));
    REQUIRE(facts);
    CHECK(facts->entries == kDebian.size() + 1);
    CHECK(facts->wrappings.size() == 2);
    CHECK(facts->is_whole());
    CHECK(resumes(*facts) == Resumes::Yes);
  }
}

TEST_CASE("Compressed archives behind each other are all unpacked, and an archive may span them") {
  const std::string second = cpio({{"etc/cmdline.d/20-resume.conf", " resume=UUID=cc\n"}});
  for (const char* tool : {"gzip -c", "zstd -q -c", "lz4 -q -l -c"}) {
    const std::string whole = cpio(kDebian);
    const auto both = read(through(tool, whole) + std::string(512, '\0') + through("xz -c", second));
    REQUIRE(both);
    CHECK(both->is_whole());
    CHECK(both->settings.size() == 2);
    const auto halves = read(through(tool, whole.substr(0, 300)) + through(tool, whole.substr(300)));
    REQUIRE(halves);
    CHECK(halves->is_whole());
    CHECK(halves->entries == kDebian.size());
  }
}

TEST_CASE("A codec is a module, built in, missing, or not known") {
  const auto facts = read(cpio(kDebian));
  REQUIRE(facts);
  CHECK(codec_in(*facts, "lz4", {}) == Availability::Module);
  CHECK(codec_in(*facts, "lzo", {}) == Availability::BuiltIn);
  CHECK(codec_in(*facts, "none", {}) == Availability::BuiltIn);
  const auto bare = read(cpio({{"lib/modules/6.12.1/kernel/x.ko.zst", "x"}}));
  REQUIRE(bare);
  CHECK(codec_in(*bare, "lzo", {}) == Availability::Unknown);
  CHECK(codec_in(*bare, "lzo", "kernel/crypto/lzo.ko\n") == Availability::BuiltIn);
  CHECK(codec_in(*bare, "lz4", "kernel/crypto/lzo.ko\n") == Availability::Missing);
  const auto old = read(cpio({{"lib/modules/6.1.0/kernel/x.ko", "x"}}));
  REQUIRE(old);
  CHECK(codec_in(*old, "lzo", {}) == Availability::BuiltIn);  // in the kernel itself before 6.9
  CHECK(codec_in(*old, "lz4", {}) == Availability::Missing);
}

TEST_CASE("An initramfs of systemd resumes with all of its parts, and with one of them missing it does not") {
  const std::vector<Entry> base = {{"usr/lib/dracut/dracut-106", "x"},
                                   {"usr/lib/systemd/systemd", "x"},
                                   {"etc/os-release", "initrd-release", kLink},
                                   {"usr/lib/initrd-release", "NAME=dracut\nID=dracut\n"}};
  auto whole = base;
  whole.push_back({"usr/lib/systemd/system-generators/systemd-hibernate-resume-generator", "x"});
  whole.push_back({"usr/lib/systemd/systemd-hibernate-resume", "x"});
  auto incomplete = read(cpio(whole));
  whole.push_back({"usr/lib/systemd/system/systemd-hibernate-resume.service", "x"});
  const auto facts = read(cpio(whole));
  const auto none = read(cpio(base));
  REQUIRE((incomplete && facts && none));
  CHECK(resumes(*facts) == Resumes::Yes);
  CHECK(resumes(*incomplete) == Resumes::Incomplete);
  CHECK(resumes(*none) == Resumes::No);
  CHECK(facts->os.id == "dracut");
  CHECK(facts->generator == Generator::Dracut);
}

TEST_CASE("The order of mkinitcpio's hooks and early graphics drivers are read") {
  const auto facts = read(cpio({{"buildconfig", "HOOKS=(base zfs resume)\n"},
                                {"config", "EARLYHOOKS=\"udev\"\nHOOKS=\"udev zfs resume\"\n"},
                                {"hooks/resume", "x"},
                                {"usr/lib/modules/6.9.1/extramodules/nvidia.ko.zst", "x"},
                                {"usr/lib/modules/6.9.1/kernel/i915.ko.zst", "x"}}));
  REQUIRE(facts);
  CHECK(facts->hooks == std::vector<std::string>{"udev", "udev", "zfs", "resume"});
  CHECK(early_graphics_drivers(*facts) == std::vector<std::string>{"nvidia", "i915"});
  CHECK(resumes(*facts) == Resumes::Yes);
}

TEST_CASE(
    "An initramfs whose own init resumes is not known to, and one of Debian without the script does not") {
  const auto booster = read(cpio({{"etc/booster.init.yaml", "x"}}));
  const auto debian = read(cpio({{"conf/initramfs.conf", "x"}}));
  const auto other = read(cpio({{"init", "x"}}));
  REQUIRE((booster && debian && other));
  CHECK(resumes(*booster) == Resumes::Unknown);
  CHECK(resumes(*debian) == Resumes::No);
  CHECK(resumes(*other) == Resumes::Unknown);
}

TEST_CASE("A unified kernel image is taken apart") {
  const auto facts = read(unified({{".osrel", "ID=fedora\n"},
                                   {".cmdline", "root=x resume=UUID=dd"},
                                   {".uname", "6.9.1-fc"},
                                   {".initrd", cpio({{"usr/lib/dracut/x", "x"}})}}));
  REQUIRE(facts);
  CHECK(facts->wrappings.front() == "UKI");
  CHECK(facts->kernel_release == "6.9.1-fc");
  CHECK(facts->os.id == "fedora");
  REQUIRE(facts->settings.size() == 1);
  CHECK(facts->settings[0].line.resume == "UUID=dd");
  CHECK(facts->settings[0].origin == Origin::BootEntry);
}

TEST_CASE("A unified kernel image with sections outside of the file or none of an initramfs is refused") {
  CHECK(kind_of(unified({{".cmdline", "x"}})) == ErrorKind::NotRecognised);
  std::string outside = unified({{".initrd", "x"}});
  put(outside, 64 + 24 + 20, le32(0xFFFFFF00));
  CHECK(kind_of(outside) == ErrorKind::Truncated);
  std::string many = unified({});
  put(many, 64 + 6, le16(97));
  CHECK(kind_of(many) == ErrorKind::Corrupt);
  std::string other = unified({});
  other.replace(64, 2, "NE");
  CHECK(kind_of(other) == ErrorKind::NotRecognised);
  CHECK(kind_of("MZ") == ErrorKind::Truncated);
  std::string short_table = unified({});
  put(short_table, 64 + 6, le16(90));
  CHECK(kind_of(short_table) == ErrorKind::Truncated);
}

TEST_CASE("What is no initramfs is refused, and what other tools read is named") {
  CHECK(kind_of("") == ErrorKind::NotRecognised);
  CHECK(kind_of("hello") == ErrorKind::NotRecognised);
  CHECK(kind_of(std::string(1000, '\0')) == ErrorKind::NotRecognised);
  CHECK(kind_of("hsqs" + std::string(100, 'x')) == ErrorKind::Unsupported);
  CHECK(kind_of(std::string("\x89LZO") + "x") == ErrorKind::Unsupported);
  CHECK(kind_of(std::string(1024, 'x') + "\xe2\xe1\xf5\xe0") == ErrorKind::Unsupported);
  CHECK(kind_of(through("gzip -c", "hsqs" + std::string(100, 'x'))) == ErrorKind::Unsupported);
  CHECK(kind_of(cpio({})) == ErrorKind::NotRecognised);
  CHECK(read_initramfs("/nonexistent/initrd").error().kind == ErrorKind::NotFound);
}

TEST_CASE("A damaged initramfs gives what comes before the damage, and says where that is") {
  const std::string whole = cpio(kDebian);
  const auto broken = [](const std::string& bytes) {
    auto facts = read(bytes);
    REQUIRE(facts);
    REQUIRE(facts->broken);
    CHECK(facts->generator == Generator::InitramfsTools);
    CHECK_FALSE(facts->wrappings.empty());
    CHECK(facts->broken->offset);
    return *facts;
  };
  const std::size_t second = cpio_entry(kDebian[0]).size();
  CHECK(broken(whole.substr(0, second + 50)).broken->kind == ErrorKind::Truncated);
  for (const auto& [at, text] : std::vector<std::pair<std::size_t, std::string>>{{0, "x"},
                                                                                 {14, "00000zz0"},
                                                                                 {54, "000000g0"},
                                                                                 {94, "ffffffff"},
                                                                                 {94, "00000000"},
                                                                                 {110 + 18, "x"}}) {
    std::string bytes = whole;
    bytes.replace(second + at, text.size(), text);
    const auto facts = broken(bytes);
    CHECK(facts.broken->kind == ErrorKind::Corrupt);
    CHECK(facts.broken->offset >= second);
    CHECK(facts.entries <= 2);
  }
  const auto cut =
      broken(through("gzip -c", cpio(kDebian) + cpio({{"a", std::string(60000, 'x')}})).substr(0, 520));
  CHECK(resumes(cut) != Resumes::No);  // the script may lie behind
  std::string mixed = whole + "garbage behind it";
  CHECK(broken(mixed).broken->kind == ErrorKind::NotRecognised);
  CHECK(broken(through("gzip -c", mixed)).broken->kind == ErrorKind::Corrupt);
  std::string flipped = through("zstd -q -c --check", whole);
  flipped[flipped.size() - 2] = static_cast<char>(flipped[flipped.size() - 2] ^ 1);
  const auto damaged = read(flipped);
  CHECK((!damaged || damaged->broken));
}

TEST_CASE("A legacy LZ4 stream with a damaged block, or cut in one, is damage") {
  const std::string good = through("lz4 -q -l -c", cpio(kDebian));
  CHECK(kind_of(good.substr(0, 40)) == ErrorKind::Truncated);
  std::string bad = good;
  bad[8] = '\xff';
  bad[9] = '\xff';
  CHECK_FALSE(read(bad));
  const auto padded_end = read(good + std::string(3, '\0'));
  REQUIRE(padded_end);
  CHECK(padded_end->is_whole());
}

TEST_CASE("An initramfs that unpacks to more than a machine should have memory for is stopped") {
  // 2.5 GiB of zeros in a file that is not kept.
  const std::string head = cpio_entry({"conf/initramfs.conf", "x"});
  const Folder folder;
  folder.file(
      "head",
      head +
          fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                      1, kRegular, 0, 0, 1, 0, 0xF0000000U, 0, 0, 0, 0, 2, 0) +
          padded(std::string("a\0", 2)));
  const std::string line =
      fmt::format("(cat {0}/head; head -c 2600M /dev/zero) | zstd -q -c -1 >{0}/bomb", folder.path());
  REQUIRE(std::system(line.c_str()) == 0);
  const auto facts = read_initramfs(folder.path() + "/bomb");
  REQUIRE(facts);
  REQUIRE(facts->broken);
  CHECK(facts->broken->kind == ErrorKind::Limit);
}

TEST_CASE("More entries than any initramfs has are not taken") {
  std::string many;
  for (std::size_t i = 0; i <= CpioStream::kMaxEntries; ++i) many += cpio_entry({"a", ""});
  const auto facts = read(many);
  REQUIRE(facts);
  REQUIRE(facts->broken);
  CHECK(facts->broken->kind == ErrorKind::Limit);
  CHECK(facts->entries == CpioStream::kMaxEntries);
}

TEST_CASE("A file larger than what is kept is only listed") {
  const auto facts =
      read(cpio({{"conf/conf.d/big", "RESUME=UUID=ee\n" + std::string(CpioStream::kMaxContent, '#')}}));
  REQUIRE(facts);
  CHECK(facts->settings.empty());
  CHECK(facts->is_whole());
}

// ---- made by the real generators

TEST_CASE("Whether it resumes is read from what every generator makes, whole or with a part left out") {
  struct Real {
    const char* name;
    Generator generator;
    Resumes resumes;
  };
  for (const auto& [name, generator, expected] :
       std::vector<Real>{{"dracut-12", Generator::Dracut, Resumes::Yes},
                         {"dracut-13", Generator::Dracut, Resumes::Yes},
                         {"dracut-13-without-resume", Generator::Dracut, Resumes::No},
                         {"dracut-13-without-systemd", Generator::Dracut, Resumes::Yes},
                         {"initramfs-tools-12", Generator::InitramfsTools, Resumes::Yes},
                         {"initramfs-tools-13", Generator::InitramfsTools, Resumes::Yes},
                         {"mkinitcpio-busybox", Generator::Mkinitcpio, Resumes::Yes},
                         {"mkinitcpio-busybox-without-resume", Generator::Mkinitcpio, Resumes::No},
                         {"mkinitcpio-resume-first", Generator::Mkinitcpio, Resumes::Yes},
                         {"mkinitcpio-systemd", Generator::Mkinitcpio, Resumes::Yes},
                         {"mkinitcpio-systemd-without-unit", Generator::Mkinitcpio, Resumes::Incomplete},
                         {"mkosi-initrd", Generator::Unknown, Resumes::Yes},
                         {"uki-dracut", Generator::Dracut, Resumes::Yes},
                         {"uki-mkinitcpio", Generator::Mkinitcpio, Resumes::Yes},
                         {"uki-ukify", Generator::InitramfsTools, Resumes::Yes},
                         {"uki-ukify-profiles", Generator::InitramfsTools, Resumes::Yes}}) {
    INFO(name);
    const auto facts = real(name);
    REQUIRE(facts);
    CHECK(facts->is_whole());
    CHECK(facts->generator == generator);
    CHECK(resumes(*facts) == expected);
    const bool is_of_12 = std::string_view(name).ends_with("-12");
    CHECK(facts->kernels == std::vector<std::string>{is_of_12 ? "6.1.0-50-amd64" : "6.12.117+deb13-amd64"});
    CHECK(codec_in(*facts, "lzo", {}) == Availability::BuiltIn);
    CHECK(facts->modules.contains("nvme"));
  }
}

TEST_CASE(
    "What mkinitcpio's hooks put into the archive that lies open and the one that is compressed is read") {
  const auto busybox = real("mkinitcpio-busybox");
  const auto without = real("mkinitcpio-busybox-without-resume");
  const auto first = real("mkinitcpio-resume-first");
  const auto systemd = real("mkinitcpio-systemd");
  REQUIRE((busybox && without && first && systemd));
  CHECK(busybox->wrappings == std::vector<std::string>{"cpio", "zstd"});
  CHECK(busybox->hooks == std::vector<std::string>{"udev", "udev", "keymap", "resume"});
  CHECK(first->hooks == std::vector<std::string>{"udev", "resume", "udev", "encrypt"});
  CHECK(hooks_behind_resume(*busybox).empty());
  CHECK(hooks_behind_resume(*without).empty());
  CHECK(hooks_behind_resume(*first) == std::vector<std::string>{"udev", "encrypt"});
  CHECK(systemd->hooks.empty());
  CHECK_FALSE(busybox->has_systemd);
  CHECK(systemd->has_systemd);
  CHECK(systemd->systemd_version == 257);
  CHECK(systemd->has_systemd_fsck);
  CHECK(systemd->os.id == "debian");
  CHECK(codec_in(*busybox, "lz4", {}) == Availability::Module);
  CHECK(codec_in(*without, "lz4", {}) == Availability::Missing);
}

TEST_CASE("An initramfs' own copy of where to resume from is read where its generator puts it") {
  const auto resume_in = [](const std::string& name) {
    const auto facts = real(name);
    REQUIRE(facts);
    REQUIRE(facts->settings.size() == 1);
    CHECK(facts->settings[0].line.resume == "UUID=0a1b2c3d-1111-2222-3333-444455556666");
    return facts->settings[0];
  };
  CHECK(resume_in("initramfs-tools-13").evidence.source.ends_with(": conf/conf.d/resume"));
  CHECK(resume_in("dracut-13").evidence.source.ends_with(": etc/cmdline.d/01-default.conf"));
  for (const char* name : {"uki-mkinitcpio", "uki-ukify"}) {
    const auto setting = resume_in(name);
    CHECK(setting.origin == Origin::BootEntry);
    CHECK(setting.evidence.source.ends_with(": .cmdline"));
    CHECK(setting.line.offset_pages == 34816U);
  }
}

TEST_CASE(
    "systemd's EFI variable is read by its generator, and by mkinitcpio's hook with systemd's program") {
  const auto reads = [](const std::string& name) {
    const auto facts = real(name);
    REQUIRE(facts);
    return reads_hibernate_location(*facts);
  };
  CHECK(reads("mkinitcpio-systemd"));
  CHECK(reads("mkinitcpio-busybox"));
  CHECK(reads("dracut-13"));
  CHECK_FALSE(reads("mkinitcpio-busybox-without-resume"));
  CHECK_FALSE(reads("dracut-13-without-systemd"));
  CHECK_FALSE(reads("initramfs-tools-13"));
}

TEST_CASE("Of a unified kernel image with several profiles the first one counts") {
  const auto facts = real("uki-ukify-profiles");
  REQUIRE(facts);
  CHECK(facts->kernel_release == "6.12.117+deb13-amd64");
  CHECK(facts->command_line.find("resume=UUID=0a1b2c3d-") != std::string::npos);
  // It may say itself what stands before it for all of them.
  const auto own = read(unified({{".cmdline", "resume=UUID=aa"},
                                 {".initrd", cpio(kDebian)},
                                 {".profile", "ID=main"},
                                 {".cmdline", "resume=UUID=bb"},
                                 {".profile", "ID=other"},
                                 {".cmdline", "noresume"}}));
  REQUIRE(own);
  CHECK(own->command_line == "resume=UUID=bb");
}

TEST_CASE("What booster tells its own init names the kernel and what is built into it") {
  const auto facts = read(cpio({{"etc/booster.init.yaml",
                                 "moduledependencies:\n    dm_crypt:\n        - dm_mod\n"
                                 "builtinmodules:\n    lzo: true\n    nvme: true\nkernel: 6.12.1-arch1-1\n"
                                 "mounttimeout: 180\n"},
                                {"usr/lib/modules/booster.alias", "x"},
                                {"usr/lib/modules/dm_crypt.ko", "x"}}));
  REQUIRE(facts);
  CHECK(facts->generator == Generator::Booster);
  CHECK(facts->kernels == std::vector<std::string>{"6.12.1-arch1-1"});
  CHECK(facts->modules == std::set<std::string>{"dm_crypt"});
  CHECK(facts->built_in == std::set<std::string>{"lzo", "nvme"});
  CHECK(codec_in(*facts, "lz4", {}) == Availability::Missing);
}

// ---- modules.builtin.bin

namespace {

std::string be(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

// A root with the prefix "lz", and below it "n" and "o".
std::string small_index(std::uint32_t child_of_o = 0x40000000 | 12) {
  const std::string root = std::string("lz\0", 3) + "no" + be(0x40000000 | 12) + be(child_of_o);
  return be(0xB007F457) + be(0x00020001) + be(0xA0000000 | 12) + root;
}

ErrorKind index_error(const std::string& index) {
  const auto names = module_index_names(as_bytes(index));
  REQUIRE_FALSE(names);
  return names.error().kind;
}

}  // namespace

TEST_CASE("The names in an index of modules are read, and a damaged index is refused") {
  const auto names = module_index_names(as_bytes(small_index()));
  REQUIRE(names);
  CHECK(*names == std::set<std::string>{"lzn", "lzo"});
  for (std::size_t bytes = 0; bytes < small_index().size(); ++bytes)
    CHECK(index_error(small_index().substr(0, bytes)) == ErrorKind::Truncated);
  std::string other = small_index();
  other[0] = 'x';
  CHECK(index_error(other) == ErrorKind::Corrupt);
  other = small_index();
  other[5] = 3;
  CHECK(index_error(other) == ErrorKind::Corrupt);
  CHECK(index_error(small_index(0x40000000 | 0xFFFFFFF)) == ErrorKind::Truncated);
}

TEST_CASE(
    "An index of modules whose nodes go in a circle, or that has names or nodes without end, is refused") {
  CHECK(index_error(small_index(0xA0000000 | 12)) == ErrorKind::Corrupt);
  const std::string head = be(0xB007F457) + be(0x00020001);
  CHECK(index_error(head + be(0x80000000 | 12) + std::string(1000, 'x')) == ErrorKind::Corrupt);
  // Three nodes, each with 256 times the next one below it.
  std::string wide = head + be(0x20000000 | 12);
  for (const std::uint32_t child : {0x20000000U | 12 + 1026, 0x20000000U | 12 + 2 * 1026, 0x40000000U | 12}) {
    wide += std::string("\x00\xff", 2);
    for (unsigned i = 0; i < 256; ++i) wide += be(child);
  }
  CHECK(index_error(wide) == ErrorKind::Limit);
}
