// What a jump believes of an image and of a kernel, and what it does not.
#include <cstring>
#include <functional>
#include <map>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/codec/crc32.h"
#include "lib/jump/boot/bzimage.h"
#include "lib/jump/restore/check.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::MemoryRange;

namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kAddress = 0x5000000;  // of the context page
constexpr std::uint64_t kTable = 0x6000000;
constexpr std::uint64_t kCode = 0x7000000;
constexpr std::uint64_t kEntry = 0xFFFFFFFFC0001234;
constexpr std::uint64_t kSelf = 0xFFFF888000000000 + kAddress;

hibjump_context good_context() {
  hibjump_context raw{};
  raw.magic = HIBJUMP_CONTEXT_MAGIC;
  raw.version = HIBJUMP_VERSION;
  raw.bytes = sizeof(raw.saved);
  raw.saved.region_start = 256 * kMiB;
  raw.saved.region_bytes = 192 * kMiB;
  raw.saved.low_copy = 256 * kMiB;
  raw.saved.low_count = 1;
  raw.saved.low[0] = {4096, 0x9E000};
  raw.saved.self = kSelf;
  raw.saved.self_phys = kAddress;
  raw.saved.resume = kEntry;
  raw.saved.table = kTable;
  raw.saved.wish = 2;
  raw.saved.skip_map_bytes = sizeof(hibjump_map);
  return raw;
}

std::vector<std::byte> page_of(hibjump_context raw, bool sealed = true) {
  hibjump_saved summed = raw.saved;
  summed.stack = 0;
  if (sealed) raw.crc = crc32(object_bytes(summed));
  std::vector<std::byte> page(4096);
  std::memcpy(page.data(), &raw, sizeof(raw));
  return page;
}

Result<jump::Context> decoded(const std::function<void(hibjump_context&)>& change = {}, bool sealed = true) {
  hibjump_context raw = good_context();
  if (sealed && change) change(raw);
  auto page = page_of(raw);
  if (!sealed && change) {
    std::memcpy(&raw, page.data(), sizeof(raw));
    change(raw);
    page = page_of(raw, false);
  }
  return jump::decode_context(page, kAddress);
}

template <typename T>
void check_refused(const Result<T>& result, const std::string& field) {
  REQUIRE_FALSE(result);
  INFO(result.error().line());
  CHECK(result.error().where.find(field) != std::string::npos);
}

// A machine of 1 GiB, and its image: all of its RAM but the crash region, and page tables for the entry and
// the context.
struct Claim {
  jump::Context context = must(decoded());
  std::vector<MemoryMapEntry> here = {{0, 0x9FC00, 1, "System RAM"},
                                      {kMiB, 1023 * kMiB, 1, "System RAM"},
                                      {1024 * kMiB, kMiB, 2, "Reserved"}};
  std::vector<MemoryRange> pages = {{4096, 0x9E000}, {kMiB, 255 * kMiB}, {448 * kMiB, 576 * kMiB}};
  std::map<std::uint64_t, std::vector<std::uint64_t>> tables;

  Claim() {
    map(kEntry & ~0xFFFULL, kCode);
    map(kSelf, kAddress);
  }
  void map(std::uint64_t virtual_address, std::uint64_t physical) {
    std::uint64_t table = kTable;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
      auto& entries = table_at(table);
      std::uint64_t& entry = entries[virtual_address >> shift & 511];
      if (entry == 0) entry = (kTable + tables.size() * 4096) | 3;
      table = entry & ~0xFFFULL;
      table_at(table);
    }
    table_at(table)[virtual_address >> 12 & 511] = physical | 3;
  }
  std::vector<std::uint64_t>& table_at(std::uint64_t address) {
    auto& entries = tables[address];
    entries.resize(512);
    return entries;
  }
  Result<void> places() const { return jump::check_places(context, pages, here); }
  Result<void> entry() const {
    return jump::check_entry(context, pages, [&](std::uint64_t address, MutableBytes out) -> Result<void> {
      const auto it = tables.find(address);
      if (it == tables.end()) return fail(make_error(ErrorKind::NoPage, "page", "none"));
      std::memcpy(out.data(), it->second.data(), out.size());
      return {};
    });
  }
};

Claim changed(const std::function<void(Claim&)>& change) {
  Claim claim;
  change(claim);
  return claim;
}

}  // namespace

TEST_CASE("A context is taken as the module wrote it") {
  const auto context = must(decoded());
  CHECK(context.region.start == 256 * kMiB);
  CHECK(context.entry == kEntry);
  CHECK(context.wish == jump::Wish::SaveAndPowerOff);
  CHECK(context.low.size() == 1);
}

TEST_CASE("A context with a broken byte, or with fields that no jump can use, is refused and says which") {
  check_refused(jump::decode_context(std::vector<std::byte>(100), kAddress), "size");
  check_refused(decoded([](auto& raw) { raw.magic ^= 1; }), "magic");
  check_refused(decoded([](auto& raw) { ++raw.version; }), "version");
  check_refused(decoded([](auto& raw) { --raw.bytes; }), "bytes");
  check_refused(decoded([](auto& raw) { raw.saved.resume ^= 1; }, false), "crc");
  check_refused(jump::decode_context(page_of(good_context()), kAddress + 4096), "self_phys");
  check_refused(decoded([](auto& raw) { raw.saved.low_count = 0; }), "low_count");
  check_refused(decoded([](auto& raw) { raw.saved.low_count = HIBJUMP_MAX_LOW + 1; }), "low_count");
  check_refused(decoded([](auto& raw) { raw.saved.low[0].bytes = 0xA0000; }), "low[0]");
  check_refused(decoded([](auto& raw) { raw.saved.low[0].start = 1; }), "low[0]");
  check_refused(decoded([](auto& raw) {
                  raw.saved.low_count = 2;
                  raw.saved.low[1] = raw.saved.low[0];
                }),
                "low[1]");
  check_refused(decoded([](auto& raw) { raw.saved.low_copy = 255 * kMiB; }), "low_copy");
  check_refused(decoded([](auto& raw) { raw.saved.region_bytes = ~0ULL; }), "region_bytes");
  check_refused(decoded([](auto& raw) { raw.saved.wish = 0; }), "wish");
  check_refused(decoded([](auto& raw) { raw.saved.wish = 5; }), "wish");
  check_refused(decoded([](auto& raw) { raw.saved.free_map = 1; }), "free_map");
  check_refused(decoded([](auto& raw) { raw.saved.free_map_bytes = 1ULL << 40; }), "free_map");
  check_refused(decoded([](auto& raw) { raw.saved.skip_map = 1; }), "skip_map");
  check_refused(decoded([](auto& raw) { raw.saved.skip_map_bytes = 0; }), "skip_map");
  check_refused(decoded([](auto& raw) { raw.saved.skip_map_bytes = 1ULL << 40; }), "skip_map");
  check_refused(decoded([](auto& raw) { raw.saved.records = 8; }), "records");
  check_refused(decoded([](auto& raw) { raw.saved.records_bytes = 1ULL << 40; }), "records");
}

TEST_CASE("The stack pointer is not part of a context's checksum: it is written last") {
  CHECK(decoded([](auto& raw) { raw.saved.stack = 42; }, false));
}

TEST_CASE("An image whose pages have their places on this machine is taken") {
  const Claim claim;
  CHECK(claim.places());
  CHECK(claim.entry());
  CHECK(jump::check_memory_map(claim.here, claim.here));
}

TEST_CASE("Another memory map is refused, and both sides are named") {
  const Claim claim;
  auto other = claim.here;
  other[1].size -= 4096;
  const auto refused = jump::check_memory_map(other, claim.here);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Refused);
  CHECK(refused.error().found == "0x100000 to 0x3fffefff System RAM");
  CHECK(refused.error().allowed == "0x100000 to 0x3fffffff System RAM as in the image");
  other = claim.here;
  std::reverse(other.begin(), other.end());
  CHECK(jump::check_memory_map(other, claim.here));
  other = claim.here;
  other.pop_back();
  CHECK_FALSE(jump::check_memory_map(other, claim.here));
  CHECK_FALSE(jump::check_memory_map(claim.here, other));
  CHECK_FALSE(jump::check_memory_map(claim.here, {}));
}

TEST_CASE(
    "Pages at wild addresses, twice, in the crash region or in low memory that nobody kept are refused") {
  const auto refuses = [](const std::function<void(Claim&)>& change) {
    check_refused(changed(change).places(), "pages");
  };
  refuses([](Claim& c) { c.pages.push_back({1024 * kMiB, 4096}); });                   // reserved
  refuses([](Claim& c) { c.pages.push_back({1ULL << 51, 4096}); });                    // nowhere
  refuses([](Claim& c) { c.pages.back().bytes += 4096; });                             // past the end of RAM
  refuses([](Claim& c) { c.pages.push_back(c.pages.back()); });                        // twice
  refuses([](Claim& c) { c.pages.insert(c.pages.begin() + 2, {300 * kMiB, 4096}); });  // in the region
  refuses([](Claim& c) { c.pages[1].bytes += 4096; });                                 // into the region
  refuses([](Claim& c) { c.pages[0].bytes -= 4096; });              // not what the context keeps
  refuses([](Claim& c) { c.context.region.start = 1000 * kMiB; });  // the region itself is not RAM
  refuses([](Claim& c) { c.context.region.bytes = 0; });
}

TEST_CASE("Another signature of the hardware is refused in a virtual machine, and only said elsewhere") {
  using jump::check_hardware;
  CHECK(must(check_hardware(0x12, 0x12, true)).empty());
  CHECK(must(check_hardware(std::nullopt, 0x12, true)).empty());
  CHECK(must(check_hardware(0x12, std::nullopt, true)).empty());
  CHECK(must(check_hardware(0x12, 0x34, false)) ==
        "the firmware says that the hardware has changed: signature 0x34, expected 0x12, as in the image");
  const auto refused = check_hardware(0x12, 0x34, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Refused);
  CHECK(refused.error().line() ==
        "hardware, by the firmware: signature 0x34, expected 0x12, as in the image; --accept hardware=other "
        "goes on "
        "all the same");
}

TEST_CASE("An entry outside of the recorded kernel is refused") {
  const auto refuses = [](const std::function<void(Claim&)>& change, const std::string& field) {
    check_refused(changed(change).entry(), field);
  };
  refuses([](Claim& c) { c.context.entry = 0x1000; }, "entry");
  refuses([](Claim& c) { c.context.entry += 4096; }, "entry");                // not mapped
  refuses([](Claim& c) { c.map(kEntry & ~0xFFFULL, 300 * kMiB); }, "entry");  // mapped into the region
  refuses([](Claim& c) { c.map(kEntry & ~0xFFFULL, 1ULL << 45); }, "entry");  // mapped to nowhere
  refuses([](Claim& c) { c.context.self = 0x2000; }, "self");
  refuses([](Claim& c) { c.map(kSelf, kAddress + 4096); }, "self");  // to another page
  refuses([](Claim& c) { c.context.table = 300 * kMiB; }, "table");
  refuses([](Claim& c) { c.context.table += 8; }, "table");
  refuses([](Claim& c) { c.context.five_levels = true; }, "entry");
  refuses([](Claim& c) { c.tables.erase(kTable + 4096); }, "page");  // a table that the image does not hold
}

TEST_CASE("A file that is no kernel, or half of one, is refused before it is loaded") {
  const TempFolder folder;
  const std::string path = folder.file("vmlinuz");
  std::vector<std::byte> file(64 * 1024);
  const auto put = [&](std::size_t offset, std::uint64_t value, std::size_t bytes) {
    std::memcpy(file.data() + offset, &value, bytes);
  };
  const auto read = [&] {
    write_file(path, file);
    return jump::BzImage::read(path);
  };
  check_refused(read(), "magic");
  std::memcpy(file.data() + 0x202, "HdrS", 4);
  put(0x206, 0x209, 2);
  check_refused(read(), "boot protocol");
  put(0x206, 0x20F, 2);
  check_refused(read(), "load flags");
  put(0x236, 1, 2);
  put(0x234, 1, 1);
  put(0x1F1, 255, 1);
  check_refused(read(), "setup_sects");
  put(0x1F1, 4, 1);
  put(0x1F4, 1U << 20, 4);
  check_refused(read(), "syssize");
  put(0x1F4, 0x100, 4);
  check_refused(read(), "header length");
  put(0x201, 0x6A, 1);
  check_refused(read(), "kernel_alignment");
  put(0x230, 1U << 21, 4);
  check_refused(read(), "init_size");
  put(0x260, 1U << 24, 4);
  put(0x248, 1U << 20, 4);
  check_refused(read(), "payload");
  put(0x248, 0, 4);
  put(0x24C, 8192, 4);
  std::memcpy(file.data() + 5 * 512,
              "\xFD"
              "7zXZ\0",
              6);
  check_refused(read(), "payload");  // begins as xz and is not
  std::memcpy(file.data() + 5 * 512, "\x28\xB5\x2F\xFD", 4);
  check_refused(read(), "payload");
  put(5 * 512, 0, 4);
  const auto image = must(read());  // packed in a way that only the kernel unpacks: entered as it is
  CHECK(image.entry == 0x200);
  CHECK(image.parts.size() == 1);
}
