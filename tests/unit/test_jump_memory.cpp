// All of the machine's memory or none: what the module says of its pages, what an image has to hold, and
// which machines the saver cannot be planned for.
#include <cstring>
#include <functional>
#include <map>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/jump/boot/load_plan.h"
#include "lib/jump/memory_record.h"
#include "lib/jump/module/context.h"
#include "lib/jump/module/page_map.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::kPageBytes;
using jump::MemoryRange;

namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kIndexAt = 0x1000000;
constexpr std::uint64_t kPageAt = 0x2000000;  // of the first page of a map

using Ranges = std::vector<PfnRange>;

// What the module leaves: an index, and pages that lie anywhere.
struct LeftMap {
  hibjump_map index{HIBJUMP_MAP_MAGIC, HIBJUMP_VERSION, 0, 3, 2};
  std::vector<std::uint64_t> addresses;
  std::map<std::uint64_t, std::vector<std::byte>> pages;
  std::uint64_t index_bytes = 0;  // 0: as many as there are

  explicit LeftMap(const Ranges& ranges) {
    for (const auto& [first, count] : ranges)
      for (Pfn pfn = first; pfn < first + count; ++pfn) set(pfn);
    index.page_count = static_cast<std::uint32_t>(addresses.size());
  }
  void set(Pfn pfn) {
    const std::size_t number = pfn / HIBJUMP_MAP_FRAMES;
    if (addresses.size() <= number) addresses.resize(number + 1);
    if (addresses[number] == 0) addresses[number] = kPageAt - number * 3 * kPageBytes;
    auto& page = pages[addresses[number]];
    page.resize(kPageBytes);
    const Pfn bit = pfn % HIBJUMP_MAP_FRAMES;
    page[bit / 8] |= std::byte{1} << (bit % 8);
  }
  Result<void> read(std::uint64_t address, MutableBytes out) const {
    std::vector<std::byte> raw(sizeof(index) + addresses.size() * 8);
    std::memcpy(raw.data(), &index, sizeof(index));
    std::memcpy(raw.data() + sizeof(index), addresses.data(), addresses.size() * 8);
    if (const auto page = pages.find(address); page != pages.end())
      raw = page->second;
    else if (address != kIndexAt)
      return fail(make_error(ErrorKind::Io, "read", "not the machine's memory"));
    raw.resize(out.size());
    std::copy(raw.begin(), raw.end(), out.begin());
    return {};
  }
  Result<jump::PageMap> taken() const {
    const std::uint64_t bytes = index_bytes != 0 ? index_bytes : sizeof(index) + addresses.size() * 8;
    return jump::read_page_map({kIndexAt, bytes},
                               [&](std::uint64_t address, MutableBytes out) { return read(address, out); });
  }
};

template <typename T>
void check_refused_at(const Result<T>& result, const std::string& field) {
  REQUIRE_FALSE(result);
  INFO(result.error().line());
  CHECK(result.error().line().find(field) != std::string::npos);
}

void check_map_refused(const std::function<void(LeftMap&)>& change, const std::string& field) {
  LeftMap left({{5, 2}});
  change(left);
  check_refused_at(left.taken(), field);
}

const MemoryRange kRegion{256 * kMiB, 192 * kMiB};
const std::vector<MemoryRange> kRam = {{4096, 0x9E000}, {kMiB, 1023 * kMiB}, {4096 * kMiB, 256 * kMiB}};
const std::vector<MemoryRange> kCovered = {
    {4096, 0x9E000}, {kMiB, 255 * kMiB}, {448 * kMiB, 576 * kMiB}, {4096 * kMiB, 256 * kMiB}};

std::string hole_in(std::vector<MemoryRange> covered, const std::vector<MemoryRange>& ram = kRam) {
  const auto checked = jump::check_coverage(ram, kRegion, covered);
  if (checked) return "";
  CHECK(checked.error().kind == ErrorKind::Corrupt);
  return checked.error().found;
}

Record good_record() { return jump::encode(jump::MemoryRecord{kRam, 7, 1}); }

void check_record_refused(const std::function<void(Record&)>& change, const std::string& field) {
  Record record = good_record();
  change(record);
  check_refused_at(jump::decode_memory_record(record), field);
}

FieldList range_of(std::uint64_t start, std::uint64_t bytes) {
  FieldList fields;
  fields.emplace_back("start", start);
  fields.emplace_back("bytes", bytes);
  return fields;
}

}  // namespace

TEST_CASE("A map of pages is read from wherever its pages lie, with holes where no bit is set") {
  const Ranges ranges = {{0, 1},     {3, 61},     {64, 64},
                         {130, 200}, {32760, 20}, {5 * HIBJUMP_MAP_FRAMES + 63, 2}};
  const LeftMap left(ranges);
  CHECK(left.addresses[3] == 0);
  const auto map = must(left.taken());
  CHECK(map.pages == Ranges{{0, 1}, {3, 125}, {130, 200}, {32760, 20}, {5 * HIBJUMP_MAP_FRAMES + 63, 2}});
  CHECK(map.offline == 3);
  CHECK(map.poisoned == 2);
}

TEST_CASE("A map reaches above 128 GiB, and a machine without one has every page saved") {
  const Pfn pfn = (256ULL << 30) / kPageBytes + 17;
  CHECK(must(LeftMap({{pfn, 4}}).taken()).pages == Ranges{{pfn, 4}});
  CHECK(must(jump::read_page_map({0, 0}, {})).pages.empty());
}

TEST_CASE("A map that cannot be right is refused and says which field") {
  check_map_refused([](LeftMap& l) { l.index_bytes = 31; }, "index");
  check_map_refused([](LeftMap& l) { l.index_bytes = jump::kMaxMapIndexBytes + 8; }, "index");
  check_map_refused([](LeftMap& l) { l.index.magic ^= 1; }, "magic");
  check_map_refused([](LeftMap& l) { ++l.index.version; }, "version");
  check_map_refused([](LeftMap& l) { ++l.index.page_count; }, "page_count");
  check_map_refused([](LeftMap& l) { l.index.page_count = 0xFFFFFFFF; }, "page_count");
  check_map_refused([](LeftMap& l) { l.addresses[0] += 8; }, "page");
  check_map_refused([](LeftMap& l) { l.addresses[0] = 1ULL << 51; }, "not the machine's memory");
}

TEST_CASE("Pages of two maps are those of either, once") {
  CHECK(jump::pages_of_both({{0, 4}, {10, 2}}, {{2, 3}, {12, 1}, {20, 5}}) ==
        Ranges{{0, 5}, {10, 3}, {20, 5}});
  CHECK(jump::pages_of_both({{0, 100}}, {{5, 5}}) == Ranges{{0, 100}});
  CHECK(jump::pages_of_both({}, {{5, 5}}) == Ranges{{5, 5}});
}

TEST_CASE("The record of the machine's RAM comes back as it was written") {
  const auto memory = must(jump::decode_memory_record(must(decode_record(encode_record(good_record()), 0))));
  REQUIRE(memory.ram.size() == kRam.size());
  CHECK(memory.ram[2].start == kRam[2].start);
  CHECK(memory.ram[2].bytes == kRam[2].bytes);
  CHECK(memory.offline_pages == 7);
  CHECK(memory.poisoned_pages == 1);
}

TEST_CASE("A record of RAM with a field that is missing, strange or twice there is refused") {
  check_record_refused([](Record& r) { r.fields.erase(r.fields.begin(), r.fields.begin() + 3); }, "range");
  check_record_refused([](Record& r) { r.set("range", std::uint64_t{1}); }, "range");
  check_record_refused([](Record& r) { r.fields[0].value = range_of(1, 4096); }, "whole pages");
  check_record_refused([](Record& r) { r.fields[0].value = range_of(4096, 0); }, "whole pages");
  check_record_refused([](Record& r) { r.fields[2].value = range_of(0ULL - 4096, 8192); }, "whole pages");
  check_record_refused([](Record& r) { r.fields[1].value = range_of(4096, 4096); }, "ascending");
  check_record_refused([](Record& r) { std::get<FieldList>(r.fields[0].value).pop_back(); },
                       "start and bytes");
  check_record_refused([](Record& r) { std::get<FieldList>(r.fields[0].value)[1].name = "start"; }, "start");
  check_record_refused([](Record& r) { std::get<FieldList>(r.fields[0].value)[1].name = "end"; }, "end");
  check_record_refused([](Record& r) { r.set("offline_pages", std::string("many")); }, "offline_pages");
  check_record_refused([](Record& r) { r.fields.emplace_back("poisoned_pages", std::uint64_t{0}); },
                       "poisoned_pages");
  check_record_refused([](Record& r) { r.fields.pop_back(); }, "not read");
  check_record_refused([](Record& r) { r.set("rnge", std::uint64_t{1}); }, "rnge");
}

TEST_CASE("An image with all of the machine's RAM but its crash region is whole") {
  CHECK(hole_in(kCovered) == "");
  CHECK(hole_in({{0, 8192 * kMiB}}) == "");
  CHECK(
      hole_in({{4096, 0x9E000}, {kMiB, 100 * kMiB}, {101 * kMiB, 1000 * kMiB}, {4096 * kMiB, 300 * kMiB}}) ==
      "");
}

TEST_CASE("An image that lacks a piece of the machine's RAM is refused, and the piece is named") {
  auto covered = kCovered;
  covered.pop_back();  // memory that came after arm
  CHECK(hole_in(covered) == "0x100000000 to 0x10fffffff is missing");
  covered = kCovered;
  covered[3].bytes -= kPageBytes;
  CHECK(hole_in(covered) == "0x10ffff000 to 0x10fffffff is missing");
  covered = kCovered;
  covered[3].start += kPageBytes;
  CHECK(hole_in(covered) == "0x100000000 to 0x100000fff is missing");
  covered = kCovered;
  covered[1].bytes -= kPageBytes;  // right before the crash region
  CHECK(hole_in(covered) == "0xffff000 to 0xfffffff is missing");
  covered = kCovered;
  covered[2].start += kPageBytes;  // right after it
  CHECK(hole_in(covered) == "0x1c000000 to 0x1c000fff is missing");
  covered = kCovered;
  covered.erase(covered.begin());  // low memory
  CHECK(hole_in(covered) == "0x1000 to 0x9efff is missing");
  covered = kCovered;
  covered[2].bytes = 100 * kMiB;
  covered.insert(covered.begin() + 3, {549 * kMiB, 475 * kMiB});
  CHECK(hole_in(covered) == "0x22400000 to 0x224fffff is missing");
  CHECK(hole_in({}) == "0x1000 to 0x9efff is missing");
}

TEST_CASE("More pieces of low memory than the saver keeps are refused, not dropped") {
  jump::LoadRequest request;
  request.region = kRegion;
  for (std::uint64_t i = 0; i <= jump::kMaxLowRanges; ++i)
    request.ram.push_back({(2 * i + 1) * kPageBytes, kPageBytes});
  request.ram.push_back({kMiB, 1023 * kMiB});
  jump::BzImage kernel;
  kernel.alignment = 2 * kMiB;
  kernel.memory_bytes = 32 * kMiB;
  kernel.max_command_line = 2048;
  const auto refused = jump::plan_load(request, kernel, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().line() == "memory below 640 KiB: 9 pieces, expected up to 8");
  request.ram.erase(request.ram.begin());
  kernel.setup_header.resize(0x100);
  CHECK(must(jump::plan_load(request, kernel, {})).low.size() == jump::kMaxLowRanges);
}
