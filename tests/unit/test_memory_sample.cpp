// How far memory compresses, over files that look like /proc/kcore and /proc/kpageflags of small machines.
#include <random>

#include "format/elf/layout.h"
#include "lib/codec/lzo.h"
#include "lib/diagnose/preflight/memory_sample.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::diagnose;
using namespace hib::test;

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kUnitBytes = kPage * kUnitPages;
constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
// include/uapi/linux/kernel-page-flags.h
constexpr std::uint64_t kFree = 1 << 10;
constexpr std::uint64_t kPoisoned = 1 << 19;
constexpr std::uint64_t kOffline = 1 << 23;

// System RAM from page `first` on, behind a segment of vmalloc that has no physical address.
struct MadeUpMachine {
  TempFolder folder;
  std::uint64_t first = 16;
  std::vector<std::byte> memory;
  std::vector<std::uint64_t> flags;

  explicit MadeUpMachine(std::size_t pages) : memory(pages * kPage), flags(pages) {}

  std::vector<std::byte> kcore() const {
    constexpr std::size_t kHeader = 4096;
    std::vector<std::byte> file(kHeader);
    elf::Header64 header{};
    std::memcpy(header.ident.magic, elf::kMagic, 4);
    header.ident.file_class = elf::kClass64;
    header.ident.data = elf::kLittleEndian;
    header.type = elf::kTypeCore;
    header.machine = 62;
    header.phoff = 64;
    header.phentsize = sizeof(elf::Program64);
    header.phnum = 2;
    elf::Program64 ram{};
    ram.type = elf::kPtLoad;
    ram.offset = kHeader;
    ram.paddr = first * kPage;
    ram.filesz = ram.memsz = memory.size();
    elf::Program64 vmalloc{};
    vmalloc.type = elf::kPtLoad;
    vmalloc.offset = 1ULL << 40;
    vmalloc.paddr = kNowhere;
    vmalloc.filesz = vmalloc.memsz = 1ULL << 45;
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + 64, &vmalloc, sizeof vmalloc);
    std::memcpy(file.data() + 64 + sizeof vmalloc, &ram, sizeof ram);
    file.insert(file.end(), memory.begin(), memory.end());
    return file;
  }
  SampleRequest request() const {
    std::vector<std::uint64_t> all(first);
    all.insert(all.end(), flags.begin(), flags.end());
    write_file(folder.file("flags"), std::as_bytes(std::span(all)));
    return {folder.file("kcore"), folder.file("flags"), folder.file("zones"), "lzo", true};
  }
  MemorySample sample(const SampleRequest& request) const {
    write_file(folder.file("kcore"), kcore());
    return must(sample_memory(formats(), request));
  }
  MemorySample sample() const { return sample(request()); }
  Error refusal(const SampleRequest& request, const std::vector<std::byte>& file) const {
    write_file(folder.file("kcore"), file);
    const auto refused = sample_memory(formats(), request);
    REQUIRE_FALSE(refused);
    return refused.error();
  }

  void fill_random(std::size_t page, std::size_t pages) {
    std::mt19937 random(static_cast<unsigned>(page));
    for (std::size_t i = 0; i < pages * kPage; ++i)
      memory[page * kPage + i] = static_cast<std::byte>(random());
  }
};

}  // namespace

TEST_CASE("Each unit of memory takes as many blocks as the kernel would write for it") {
  MadeUpMachine machine(256);
  machine.fill_random(0, 128);  // the first half does not compress, the second is zeros
  const MemorySample sample = machine.sample();
  CHECK(sample.codec == "lzo");
  CHECK(sample.saved_pages() == 256);
  REQUIRE(sample.units.size() == 8);
  CHECK(sample.units.front() == kPage);
  CHECK(sample.units.back() == kUnitBytes + kPage);  // LZO makes noise a little larger
  CHECK(sample.ratio() > 0.53);
  CHECK(sample.ratio() < 0.55);
}

TEST_CASE("Pages that are free, offline or poisoned are neither counted nor read") {
  MadeUpMachine machine(256);
  machine.fill_random(0, 192);
  for (std::size_t i = 0; i < 192; ++i) machine.flags[i] = i < 64 ? kFree : i < 128 ? kOffline : kPoisoned;
  const MemorySample sample = machine.sample();
  CHECK(sample.saved_pages() == 64);
  CHECK(sample.units == std::vector<std::uint64_t>{kPage, kPage});
}

TEST_CASE("Free pages that processors keep at hand are not counted") {
  MadeUpMachine machine(64);
  const SampleRequest request = machine.request();
  const auto saved = [&](const char* zones) {
    write_file(request.zones, as_bytes(zones));
    return machine.sample(request).saved_pages();
  };
  CHECK(saved("Node 0, zone DMA\n  pages free 9\n  pagesets\n    cpu: 0\n count: 5\n high: 8\n    cpu: 1\n "
              "count: 7\n") == 52);
  CHECK(saved("count: 99") == 0);
  CHECK(saved("count: none\ncount:") == 64);
}

TEST_CASE("Pages of zeros cost nothing where the kernel does not store them") {
  MadeUpMachine machine(256);
  machine.fill_random(0, 16);
  SampleRequest request = machine.request();
  request.stores_zero_pages = false;
  const MemorySample sample = machine.sample(request);
  REQUIRE(sample.units.size() == 8);
  CHECK(sample.units[6] == 0);
  CHECK(sample.units.back() > 16 * kPage);  // half a unit, and its share of the last block
  CHECK(sample.units.back() < 17 * kPage);
}

TEST_CASE("LZ4 is sampled as LZ4, and a codec that is not known not at all") {
  MadeUpMachine machine(64);
  machine.fill_random(0, 64);
  SampleRequest request = machine.request();
  request.codec = "lz4";
  CHECK(machine.sample(request).units.back() == kUnitBytes + kPage);
  request.codec = "zstd";
  CHECK(machine.refusal(request, machine.kcore()).kind == ErrorKind::Unsupported);
}

TEST_CASE("Large memory is sampled in a bounded number of units") {
  MadeUpMachine machine(kUnitPages * 600);
  const MemorySample sample = machine.sample();
  CHECK(sample.units.size() == 512);
  CHECK(sample.saved_pages() == kUnitPages * 600);
}

TEST_CASE("Of memory with more flags than are looked at the share that is used is right") {
  constexpr std::size_t kPages = (1U << 21) * 2;
  MadeUpMachine machine(64);
  auto file = machine.kcore();
  const le64 bytes(kPages * kPage);
  std::memcpy(file.data() + 64 + sizeof(elf::Program64) + offsetof(elf::Program64, filesz), &bytes, 8);
  std::memcpy(file.data() + 64 + sizeof(elf::Program64) + offsetof(elf::Program64, memsz), &bytes, 8);
  write_file(machine.folder.file("kcore"), file);
  std::filesystem::resize_file(machine.folder.file("kcore"), kPages * kPage + kPage);  // a hole: zeros
  SampleRequest request = machine.request();
  std::vector<std::uint64_t> flags(machine.first + kPages);
  std::mt19937 random(1);
  for (std::size_t i = 0; i < kPages; i += 512) {
    const bool is_free = random() % 4 == 0;
    for (std::size_t j = i; j < i + 512; ++j) flags[machine.first + j] = is_free ? kFree : 0;
  }
  write_file(request.page_flags, std::as_bytes(std::span(flags)));
  const MemorySample sample = must(sample_memory(formats(), request));
  const double share = static_cast<double>(sample.saved_pages()) / static_cast<double>(kPages);
  CHECK(share > 0.70);
  CHECK(share < 0.80);
  CHECK(sample.units.size() == 512);
}

TEST_CASE("Damaged headers, and files that are no running machine, yield an error and no sample") {
  MadeUpMachine machine(64);
  const SampleRequest request = machine.request();
  const auto good = machine.kcore();
  const auto with = [&](std::size_t at, auto value) {
    auto bad = good;
    std::memcpy(bad.data() + at, &value, sizeof value);
    return machine.refusal(request, bad).kind;
  };
  constexpr std::size_t kVmalloc = 64;
  constexpr std::size_t kRam = kVmalloc + sizeof(elf::Program64);
  CHECK(with(0, le32(0)) == ErrorKind::Corrupt);
  CHECK(with(offsetof(elf::Header64, phentsize), le16(3)) == ErrorKind::Corrupt);
  CHECK(with(offsetof(elf::Header64, phoff), le64(1ULL << 60)) == ErrorKind::Truncated);
  CHECK(with(kRam + offsetof(elf::Program64, memsz), le64(~std::uint64_t{0})) == ErrorKind::Corrupt);
  CHECK(with(kRam + offsetof(elf::Program64, paddr), le64(kNowhere)) == ErrorKind::NotFound);
  CHECK(with(kVmalloc + offsetof(elf::Program64, paddr), le64(0)) == ErrorKind::NotRecognised);  // any vmcore
  CHECK(machine.refusal(request, {}).kind == ErrorKind::Truncated);
}

TEST_CASE("Without flags of pages nothing is read, and behind their end there are no pages") {
  MadeUpMachine machine(64);
  SampleRequest request = machine.request();
  write_file(request.page_flags, as_bytes(""));
  CHECK(machine.refusal(request, machine.kcore()).kind == ErrorKind::NotFound);
  request.page_flags = machine.folder.file("missing");
  CHECK(machine.refusal(request, machine.kcore()).kind == ErrorKind::NotFound);
}
