#include <cstring>

#include "format/hib/area.h"
#include "format/hib/layout.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using hib_image::AreaHead;

namespace {

constexpr std::uint64_t kHead = 40960;
constexpr std::size_t kDeviceBytes = 4U << 20;

// A device with other people's bytes, and an image in it, in three pieces that do not lie in order.
struct Device {
  TempFolder folder;
  std::string raw = folder.file("memory.raw");
  std::string hib = folder.file("image.hib");
  std::string path = folder.file("device");
  Area area{AreaKind::Blocks, kHead, {{kHead + 4096, 8192}, {3U << 20, 512 * 1024}, {1U << 20, 1U << 20}}};

  Device() {
    write_file(raw, sample_memory(64, 1));
    pack(raw, hib, {});
    write_file(path, std::vector<std::byte>(kDeviceBytes, std::byte{0x77}));
    const auto device = must(File::open(path));
    must(hib_image::write_area_head(*device, area));
    auto content = read_file(path);
    const auto image = read_file(hib);
    const ExtentMap map(area.places);
    for (std::size_t i = 0; i < image.size(); ++i) content[map.from(i).start] = image[i];
    write_file(path, content);
  }

  Result<Area> with_head(const std::function<void(AreaHead&)>& change, bool sealed = true) const {
    auto content = read_file(path);
    AreaHead head;
    std::memcpy(&head, content.data() + kHead, sizeof(head));
    change(head);
    if (sealed) head.hash = hash64(object_bytes(head).first(offsetof(AreaHead, hash)));
    std::memcpy(content.data() + kHead, &head, sizeof(head));
    write_file(path, content);
    return hib_image::find_area(*must(File::open(path)), kHead);
  }
};

void check_refused(const Result<Area>& area, const std::string& field) {
  REQUIRE_FALSE(area);
  CHECK(area.error().where.find(field) != std::string::npos);
}

}  // namespace

TEST_CASE("An image in the blocks of a file is read through its places, as from a file of its own") {
  const Device device;
  OpenOptions options;
  options.swap_offset = kHead / 4096;
  const auto image = must(open_image(device.path, "", options));
  CHECK(image->info().format == "hib");
  CHECK(image->info().content_digest == open_or_fail(device.hib)->info().content_digest);
}

TEST_CASE("A file that holds an image in its blocks is one too when it is read through its file system") {
  const Device device;
  auto content = read_file(device.path);
  std::vector<std::byte> file(content.begin() + kHead, content.begin() + kHead + 4096);
  const auto image = read_file(device.hib);
  file.insert(file.end(), image.begin(), image.end());
  const std::string path = device.folder.file("seen");
  write_file(path, file);
  CHECK(open_or_fail(path)->info().content_digest == open_or_fail(device.hib)->info().content_digest);
}

TEST_CASE(
    "A head with a broken byte, places outside of the device, twice, or over the head is refused, and says "
    "which field") {
  const Device device;
  check_refused(device.with_head([](AreaHead& head) { head.places[1].start = 4096; }, false), "hash");
  check_refused(device.with_head([](AreaHead& head) { head.version = 2; }), "version");
}

TEST_CASE("Places of an area are sectors of the device, none of them twice") {
  const auto refuses = [](const std::function<void(AreaHead&)>& change) {
    check_refused(Device().with_head(change), "place");
  };
  refuses([](AreaHead& head) { head.count = 0; });
  refuses([](AreaHead& head) { head.count = 255; });
  refuses([](AreaHead& head) { head.places[0].start = kHead; });                 // the head itself
  refuses([](AreaHead& head) { head.places[1].start = head.places[2].start; });  // twice
  refuses([](AreaHead& head) { head.places[1].start = kDeviceBytes - 512; });    // past the end
  refuses([](AreaHead& head) { head.places[1].bytes = ~0ULL; });
  refuses([](AreaHead& head) { head.places[1].bytes = 0; });
  refuses([](AreaHead& head) { head.places[1].start = head.places[1].start + 1; });
  refuses([](AreaHead& head) { head.head = 8192; });
}

TEST_CASE("A swap device with an image is a swap device again afterwards, byte for byte") {
  const TempFolder folder;
  const std::string path = folder.file("swap");
  std::vector<std::byte> swap(1U << 20, std::byte{0});
  std::memcpy(swap.data() + 4086, "SWAPSPACE2", 10);
  std::memcpy(swap.data() + 1036, "a-uuid", 6);
  write_file(path, swap);
  const auto device = must(File::open(path));
  const Area area = must(hib_image::area_of_swap(*device));
  CHECK(area.places.at(0).start == 4096);
  must(hib_image::write_area_head(*device, area));
  CHECK(must(hib_image::find_area(*device, 0)).kind == AreaKind::Swap);
  CHECK_FALSE(read_file(path) == swap);
  must(hib_image::remove_area_head(*device, area));
  CHECK(read_file(path) == swap);
  CHECK(must(hib_image::find_area(*device, 0)).kind == AreaKind::Whole);
}

TEST_CASE("A device without a swap header is no swap area") {
  const TempFolder folder;
  const std::string path = folder.file("empty");
  for (const std::size_t bytes : {0U, 100U, 4096U, 8192U}) {
    write_file(path, std::vector<std::byte>(bytes));
    CHECK_FALSE(hib_image::area_of_swap(*must(File::open(path))));
    CHECK(must(hib_image::find_area(*must(File::open(path)), 0)).kind == AreaKind::Whole);
  }
}
