// Would a machine accept a hibernation image? Each comparison that a kernel makes, against machines made up
// here and the conformance images (HIB_CORPUS).

#include "lib/ops/accept.h"

#include <sys/stat.h>

#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "format/swsusp/image_record.h"
#include "format/swsusp/layout.h"
#include "lib/codec/crc32.h"
#include "lib/codec/md5.h"
#include "tests/support/folder.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using swsusp::ImageRecord;

namespace {

constexpr std::size_t kMemoryMapEntryBytes = 20;

std::string sample(const std::string& name) {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  return std::string(corpus) + "/" + name + ".img";
}

ImageRecord record_of(const std::string& name) {
  const auto image = open_or_fail(sample(name));
  const Record* record = find_record(image->records(), swsusp::kSwsuspRecord);
  REQUIRE(record != nullptr);
  return must(swsusp::decode_image_record(*record));
}

// An image that is nothing but its records.
class RecordsOnly : public ImageReader {
 public:
  explicit RecordsOnly(std::vector<Record> records) : records_(std::move(records)) {
    info_.format = "hib";
    info_.path = "image.hib";
  }
  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override { return fail(none()); }
  void load(PageBatch&) const override {}
  Result<void> read_page(Pfn, MutableBytes) const override { return fail(none()); }
  Result<RangeMap> map() const override { return fail(none()); }
  StructureCheck check_structure() const override { return {}; }

 private:
  static Error none() { return make_error(ErrorKind::NoPage, "page", "none"); }
  ImageInfo info_;
  std::vector<Record> records_;
};

std::vector<Layer> layers_of(const ImageRecord& image, const Machine& machine) {
  return must(check_acceptance(formats(), RecordsOnly({encode_image_record(image)}), machine));
}

// The layer of that name, which is there once.
Layer layer_of(const ImageRecord& image, const Machine& machine, const std::string& name) {
  Layer found;
  unsigned count = 0;
  for (const Layer& layer : layers_of(image, machine)) {
    if (layer.name != "here: " + name) continue;
    found = layer;
    ++count;
  }
  REQUIRE(count == 1);
  return found;
}

void check_layer(const Layer& layer, LayerResult result, const std::string& text) {
  CHECK(layer.result == result);
  CHECK(layer.text == text);
}

// The firmware's memory map of the machine below, as the kernel hashes it.
std::vector<std::byte> table_of(const Machine& machine) {
  std::vector<std::byte> table;
  const auto append = [&](const auto& value) {
    const ByteView raw = object_bytes(value);
    table.insert(table.end(), raw.begin(), raw.end());
  };
  append(le32(static_cast<std::uint32_t>(machine.memory_map.size())));
  for (const MemoryMapEntry& entry : machine.memory_map) {
    append(le64(entry.start));
    append(le64(entry.size));
    append(le32(entry.type));
  }
  CHECK(table.size() == 4 + machine.memory_map.size() * kMemoryMapEntryBytes);
  return table;
}

// A machine that accepts `image`.
Machine machine_for(const ImageRecord& image) {
  Machine machine;
  machine.release = "6.12.3-amd64";
  machine.version = "#1 SMP Debian";
  machine.arch = "x86_64";
  machine.present_pages = image.info.num_physpages;
  machine.memory_map = {{0, 0x9FC00, 1, "System RAM"}, {0x100000, 0x7FF00000, 1, "System RAM"}};
  machine.can_hibernate = true;
  machine.compressors = {"lzo", "lz4"};
  return machine;
}

// The image as a kernel on that machine would have made it.
ImageRecord made_on(ImageRecord image, const Machine& machine) {
  const le64 sum = crc32(table_of(machine));
  const ByteView raw = object_bytes(sum);
  REQUIRE(image.info.restore.memory_map_crc);
  std::copy(raw.begin(), raw.end(), image.info.raw.begin() + 32);  // behind three addresses and the magic
  return image;
}

}  // namespace

TEST_CASE("A machine like the one that made the image accepts it in every layer that can be proven") {
  const ImageRecord plain = record_of("data-33");
  const Machine machine = machine_for(plain);
  const auto layers = layers_of(made_on(plain, machine), machine);
  std::vector<std::string> names;
  for (const Layer& layer : layers) {
    INFO(layer.name << ": " << layer.text);
    const bool has_none = layer.name == "here: hardware signature";
    CHECK(layer.result == (has_none ? LayerResult::NotProvable : LayerResult::Ok));
    names.push_back(layer.name);
  }
  CHECK(names == std::vector<std::string>{"here: hibernation", "here: kernel", "here: format", "here: codec",
                                          "here: page count", "here: memory map",
                                          "here: hardware signature"});
}

TEST_CASE("An image in a swap area is judged by the record that its reader makes") {
  const auto image = open_or_fail(sample("data-33"));
  Machine machine = machine_for(record_of("data-33"));
  machine.can_hibernate = false;
  const auto layers = must(check_acceptance(formats(), *image, machine));
  REQUIRE(layers.size() > 1);
  CHECK(layers[0].name == "here: signature");
  CHECK(layers[0].result == LayerResult::Ok);
  CHECK(layers[1].name == "here: hibernation");
  CHECK(layers[1].result == LayerResult::Bad);
}

TEST_CASE("No machine accepts a consumed image: its kernel would find no signature") {
  const auto image = open_or_fail(sample("consumed"));
  const auto layers = must(check_acceptance(formats(), *image, machine_for(record_of("data-33"))));
  REQUIRE_FALSE(layers.empty());
  CHECK(layers[0].result == LayerResult::Bad);
  CHECK(layers[0].text.find("Image not found (code -22)") != std::string::npos);
}

TEST_CASE("A machine of which nothing can be read leaves open whatever is asked of it") {
  for (const char* name : {"hw-sig", "zero-middle"}) {
    const auto layers = layers_of(record_of(name), Machine());
    for (const Layer& layer : layers) {
      INFO(name << ": " << layer.name << ": " << layer.text);
      CHECK(layer.result != LayerResult::Bad);
      const bool needs_nothing = layer.name == "here: kernel" ||
                                 (layer.name == "here: format" && std::string(name) == "hw-sig") ||
                                 (layer.name == "here: hardware signature" && std::string(name) != "hw-sig");
      if (!needs_nothing) CHECK(layer.result == LayerResult::NotChecked);
    }
  }
}

TEST_CASE("Hibernation: possible, impossible now, or not known") {
  const ImageRecord image = record_of("data-33");
  Machine machine = machine_for(image);
  check_layer(layer_of(image, machine, "hibernation"), LayerResult::Ok, "possible");
  machine.can_hibernate = false;
  check_layer(layer_of(image, machine, "hibernation"), LayerResult::Bad,
              "this kernel cannot hibernate now: not built in, or locked down");
  machine.can_hibernate.reset();
  check_layer(layer_of(image, machine, "hibernation"), LayerResult::NotChecked,
              "/sys/power/state cannot be read");
}

TEST_CASE("Format: zero pages in the PFN list take Linux 6.6") {
  ImageRecord image = record_of("data-33");
  image.uses_zero_flag = false;
  Machine machine = machine_for(image);
  machine.release = "2.6.38";
  check_layer(layer_of(image, machine, "format"), LayerResult::Ok, "known to every kernel since 2.6.38");
  image = record_of("zero-middle");
  CHECK(image.uses_zero_flag);
  machine.release = "6.5.13";
  check_layer(layer_of(image, machine, "format"), LayerResult::Bad,
              "the image marks zero pages in its PFN list, which Linux 6.5.13 does not know (6.6 does)");
  machine.release = "6.6.0";
  check_layer(layer_of(image, machine, "format"), LayerResult::Ok,
              "zero pages in the PFN list: Linux 6.6.0 knows them");
  machine.release = "custom";
  check_layer(layer_of(image, machine, "format"), LayerResult::NotChecked,
              "the kernel's release cannot be read");
}

TEST_CASE("Codec: there, not there, none needed, or not known") {
  const ImageRecord lzo = record_of("data-33");
  Machine machine = machine_for(lzo);
  check_layer(layer_of(lzo, machine, "codec"), LayerResult::Ok,
              "lzo is there, or can be loaded; if it is a module, the initramfs needs it too");
  machine.compressors = {"lz4"};
  check_layer(layer_of(lzo, machine, "codec"), LayerResult::Bad,
              "\"lzo compression is not available\": neither loaded nor among the modules of 6.12.3-amd64");
  machine.compressors.clear();
  machine.release.clear();
  check_layer(layer_of(lzo, machine, "codec"), LayerResult::NotChecked,
              "the kernel's release cannot be read");
  check_layer(layer_of(record_of("none"), Machine(), "codec"), LayerResult::Ok, "none needed");
}

TEST_CASE("Codec: a folder of modules without their list leaves it open") {
  const hib::test::Folder folder;
  folder.file("proc/sys/kernel/osrelease", "6.12.3-amd64\n");
  folder.file("lib/modules/6.12.3-amd64/kernel/readme", "");
  const ImageRecord lzo = record_of("data-33");
  CHECK(layer_of(lzo, read_machine(folder.path()), "codec").result == LayerResult::NotChecked);
  folder.file("lib/modules/6.12.3-amd64/modules.dep", "kernel/crypto/lz4.ko:\n");
  CHECK(layer_of(lzo, read_machine(folder.path()), "codec").result == LayerResult::Bad);
  folder.file("lib/modules/6.12.3-amd64/modules.builtin", "kernel/crypto/lzo.ko\n");
  CHECK(layer_of(lzo, read_machine(folder.path()), "codec").result == LayerResult::Ok);
}

TEST_CASE("A captured tree can neither make anybody wait nor show files of this machine") {
  const hib::test::Folder folder;
  folder.file("proc/sys/kernel/osrelease", "6.12.3-amd64\n");
  folder.link("sys/power/state", folder.path() + "/../outside");
  CHECK_FALSE(read_machine(folder.path()).can_hibernate);
  std::filesystem::remove(folder.path() + "/sys/power/state");
  REQUIRE(::mkfifo((folder.path() + "/sys/power/state").c_str(), 0600) == 0);
  CHECK_FALSE(read_machine(folder.path()).can_hibernate);
}

TEST_CASE("Codec: lz4 takes Linux 6.9, whatever modules there are") {
  const ImageRecord lz4 = record_of("lz4");
  Machine machine = machine_for(lz4);
  machine.release = "6.8.12";
  check_layer(layer_of(lz4, machine, "codec"), LayerResult::Bad,
              "lz4 came with Linux 6.9; this is 6.8.12, which takes the image for LZO");
  machine.release = "6.9.0";
  CHECK(layer_of(lz4, machine, "codec").result == LayerResult::Ok);
}

TEST_CASE("Page count: the same, another one, or not known") {
  ImageRecord image = record_of("data-33");
  Machine machine = machine_for(image);
  CHECK(layer_of(image, machine, "page count").result == LayerResult::Ok);
  for (const std::uint64_t other : {image.info.num_physpages - 1, image.info.num_physpages + 1}) {
    machine.present_pages = other;
    const Layer layer = layer_of(image, machine, "page count");
    CHECK(layer.result == LayerResult::Bad);
    CHECK(layer.text.starts_with("\"Image mismatch: memory size\": "));
    CHECK(layer.text.find("pages of RAM here, ") != std::string::npos);
  }
  machine.present_pages.reset();
  check_layer(layer_of(image, machine, "page count"), LayerResult::NotChecked,
              "/proc/zoneinfo cannot be read");
}

TEST_CASE("Memory map: the CRC of the firmware's table decides") {
  const ImageRecord plain = record_of("data-33");
  Machine machine = machine_for(plain);
  const ImageRecord image = made_on(plain, machine);
  const std::string there = fmt::format("{:08x}", crc32(table_of(machine)));
  check_layer(layer_of(image, machine, "memory map"), LayerResult::Ok, there);
  const auto check_bad = [&](const Machine& other) {
    check_layer(layer_of(image, other, "memory map"), LayerResult::Bad,
                fmt::format("\"Hibernate inconsistent memory map detected!\": {:08x} here, {} in the image",
                            crc32(table_of(other)), there));
  };
  Machine other = machine;
  other.memory_map[1].size += 4096;
  check_bad(other);
  other = machine;
  other.memory_map[0].type = 2;
  check_bad(other);
  other = machine;
  other.memory_map.pop_back();
  check_bad(other);
  other = machine;
  std::swap(other.memory_map[0], other.memory_map[1]);
  check_bad(other);
}

TEST_CASE("Memory map: older kernels record its MD5") {
  ImageRecord image = record_of("record-md5");
  REQUIRE(image.info.restore.memory_map_md5);
  const Machine machine = machine_for(image);
  Md5 md5;
  md5.update(table_of(machine));
  const auto digest = md5.digest();
  const ByteView raw = object_bytes(digest);
  check_layer(layer_of(image, machine, "memory map"), LayerResult::Bad,
              "\"Hibernate inconsistent memory map detected!\": " + hex_digest(digest) +
                  " here, 000102030405060708090a0b0c0d0e0f in the image");
  std::copy(raw.begin(), raw.end(), image.info.raw.begin() + 32);
  check_layer(layer_of(image, machine, "memory map"), LayerResult::Ok, hex_digest(digest));
}

TEST_CASE("Memory map: nothing to compare, on either side") {
  const ImageRecord image = record_of("data-33");
  Machine machine = machine_for(image);
  for (const char* name : {"record-md5-zero", "record-uts", "record-version", "record-unknown"})
    check_layer(layer_of(record_of(name), machine, "memory map"), LayerResult::NotProvable,
                "the image records none");
  machine.memory_map[1].type = 0;
  check_layer(layer_of(image, machine, "memory map"), LayerResult::NotChecked,
              "/sys/firmware/memmap has an entry of an unknown type");
  machine.memory_map.clear();
  check_layer(layer_of(image, machine, "memory map"), LayerResult::NotChecked,
              "/sys/firmware/memmap cannot be read");
}

TEST_CASE(
    "The firmware's memory map is read in its order, and ends before the first entry that is not whole") {
  std::map<std::string, std::string> files;
  const auto put = [&](int number, const char* first, const char* last, const char* type) {
    const std::string folder = "/sys/firmware/memmap/" + std::to_string(number) + "/";
    files[folder + "start"] = first;
    files[folder + "end"] = last;
    files[folder + "type"] = type;
  };
  const auto map = [&] {
    return read_firmware_map([&](const std::string& path) {
      const auto it = files.find(path);
      return it == files.end() ? std::nullopt : std::optional(it->second);
    });
  };
  CHECK(map().empty());
  put(0, "0x100000", "0x1fffff", "System RAM");
  put(1, "0x0", "0xfff", "Something else");
  put(2, "0x200000", "0x2fffff", "Reserved");
  REQUIRE(map().size() == 3);
  CHECK(map()[0].start == 0x100000);
  CHECK(map()[0].size == 0x100000);
  CHECK(map()[0].last() == 0x1FFFFF);
  CHECK(map()[0].type == 1);
  CHECK(map()[1].type == 0);
  CHECK(map()[1].name == "Something else");
  CHECK(map()[2].type == 2);
  for (const char* broken : {"", "0xfffg", "none"}) {
    put(1, "0x0", broken, "System RAM");
    CHECK(map().size() == 1);
  }
  put(1, "0x0", "0xfff", "System RAM");
  files.erase("/sys/firmware/memmap/2/type");
  CHECK(map().size() == 2);
}

TEST_CASE("Hardware signature: the same, another one, not known, or not recorded") {
  const ImageRecord image = record_of("hw-sig");
  Machine machine = machine_for(image);
  check_layer(layer_of(image, machine, "hardware signature"), LayerResult::NotChecked,
              "the FACS table cannot be read (that takes root)");
  machine.hardware_signature = 0xDEADBEEF;
  check_layer(layer_of(image, machine, "hardware signature"), LayerResult::Ok, "deadbeef");
  machine.hardware_signature = 0x1;
  check_layer(layer_of(image, machine, "hardware signature"), LayerResult::Bad,
              "\"Suspend image hardware signature mismatch (deadbeef now 00000001)\": refused with "
              "acpi_sleep=s4_hwsig, else only a warning");
  check_layer(layer_of(record_of("data-33"), machine, "hardware signature"), LayerResult::NotProvable,
              "the image records none");
}

TEST_CASE("Kernel: x86 takes an image of any other kernel, and an unknown restore record leaves it open") {
  check_layer(layer_of(record_of("data-33"), Machine(), "kernel"), LayerResult::Ok,
              "x86 does not ask for the same kernel");
  check_layer(layer_of(record_of("record-unknown"), Machine(), "kernel"), LayerResult::NotChecked,
              "the restore record is of an unknown kind");
}

TEST_CASE("Kernel: a magic with a flipped bit, and a sysname with one, are refused everywhere") {
  ImageRecord magic = record_of("data-33");
  magic.info.raw[24] ^= std::byte{4};
  check_layer(layer_of(magic, machine_for(magic), "kernel"), LayerResult::Bad,
              "\"Unrecognized hibernate image header format!\": magic 0x23456789abcdef06 in the image, and "
              "kernels know 0x23456789abcdef02");
  ImageRecord sysname = record_of("record-uts");
  sysname.info.raw[0] ^= std::byte{1};
  check_layer(layer_of(sysname, machine_for(sysname), "kernel"), LayerResult::Bad,
              "\"Image mismatch: system type\": it is not Linux in the image");
}

TEST_CASE("Kernel: arm64 and riscv take images of the same build only") {
  const ImageRecord image = record_of("record-version");
  Machine machine = machine_for(image);
  machine.version = "#1 SMP PREEMPT Test";
  check_layer(layer_of(image, machine, "kernel"), LayerResult::Ok, "#1 SMP PREEMPT Test");
  machine.version = "#2 SMP PREEMPT \x1b[2J";
  check_layer(
      layer_of(image, machine, "kernel"), LayerResult::Bad,
      "the kernel must be the same build: #2 SMP PREEMPT \\x1b[2J here, #1 SMP PREEMPT Test in the image");
}

TEST_CASE("Kernel: other machines compare release, version and architecture") {
  const ImageRecord image = record_of("record-uts");
  Machine same = machine_for(image);
  same.release = "6.1.0-test";
  same.version = "#1 Test";
  same.arch = "armv7l";
  check_layer(layer_of(image, same, "kernel"), LayerResult::Ok, "6.1.0-test");
  for (std::string Machine::*field : {&Machine::release, &Machine::version, &Machine::arch}) {
    Machine other = same;
    other.*field += "x";
    check_layer(
        layer_of(image, other, "kernel"), LayerResult::Bad,
        "\"Image mismatch: kernel release\" or version: " + other.release + " here, 6.1.0-test in the image");
  }
}

TEST_CASE("An image that has no record of hibernation cannot be asked about, and says what could") {
  const auto none = check_acceptance(formats(), RecordsOnly({{"machine", 1, {}}}), Machine());
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::Usage);
  CHECK(none.error().line() ==
        "image.hib: --against-running: hib, expected a hibernation image, or one made from it");
}

TEST_CASE("A record of hibernation that is damaged is an error with its field, not a verdict") {
  Record record = encode_image_record(record_of("data-33"));
  record.set("page_size", std::uint64_t{4095});
  auto judged = check_acceptance(formats(), RecordsOnly({record}), Machine());
  REQUIRE_FALSE(judged);
  CHECK(judged.error().kind == ErrorKind::Corrupt);
  CHECK(judged.error().where == "record swsusp: page_size");
  record.set("page_size", std::uint64_t{4096});
  record.set("info_page", std::vector<std::byte>(100));
  judged = check_acceptance(formats(), RecordsOnly({record}), Machine());
  REQUIRE_FALSE(judged);
  CHECK(judged.error().where == "record swsusp: info_page");
  CHECK(judged.error().found == "100 bytes");
  CHECK(judged.error().allowed == "4096 bytes");
}
