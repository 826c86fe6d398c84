#include "lib/device/device_record.h"

#include "lib/device/match/match.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::device;
using namespace hib::test;

namespace {

Field text(const std::string& name, const std::string& value) {
  Field field;
  field.name = name;
  field.value = value;
  return field;
}

Field number(const std::string& name) {
  Field field;
  field.name = name;
  field.value = std::uint64_t{7};
  return field;
}

Field fields(const std::string& name, FieldList list) {
  Field field;
  field.name = name;
  field.value = std::move(list);
  return field;
}

// A record with one device of these fields.
Record with(const std::vector<Field>& device) {
  Record record;
  record.type = std::string(kDevicesRecord);
  record.fields.push_back(fields("device", device));
  return record;
}

// The device that all damaged ones are made from.
std::vector<Field> good() { return {text("path", "block/sda"), text("kind", "disk")}; }

std::vector<Field> good_and(Field field) {
  std::vector<Field> list = good();
  list.push_back(std::move(field));
  return list;
}

std::string refused(const Record& record, ErrorKind kind = ErrorKind::Corrupt) {
  const auto set = from_record(record);
  REQUIRE_FALSE(set);
  CHECK(set.error().kind == kind);
  return set.error().line();
}

bool has(const std::string& line, const std::string& part) { return line.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Devices come back from a record as they were") {
  DeviceSet set{{function("1f.2"),
                 disk("sda", "p1", "devices/1f.2")
                     .strong("serial", "S1")
                     .unreadable("wwn")
                     .absent("eui")
                     .state("driver", "sd"),
                 Made(Kind::Raid, "block/md0", "block/sda").member("block/sda").member("elsewhere")}};
  set.devices[0].config = {std::byte{0x86}, std::byte{0x80}};
  const Record record = must(decode_record(encode_record(to_record(set)), 0));
  const DeviceSet back = must(from_record(record));
  REQUIRE(back.devices.size() == 3);
  CHECK(back.devices[0].config == set.devices[0].config);
  CHECK(back.devices[1].name == "sda");
  CHECK(back.devices[1].find_identity("serial")->text == "S1");
  CHECK(back.devices[1].find_identity("wwn") == nullptr);
  CHECK(back.devices[1].find_state("driver")->text == "sd");
  CHECK(back.devices[2].members == std::vector<std::string>{"block/sda", "elsewhere"});
  CHECK(encode_record(to_record(back)) == encode_record(to_record(set)));
  CHECK(device::match(set, back).nothing_changed());
}

TEST_CASE("Fields that this version does not know are passed over") {
  CHECK(must(from_record(with(good_and(number("colour"))))).devices.size() == 1);
  Record record = with(good());
  record.fields.push_back(number("extra"));
  CHECK(must(from_record(record)).devices.size() == 1);
}

TEST_CASE("A record of another version is unsupported") {
  Record record = with(good());
  record.version = 2;
  CHECK(has(refused(record, ErrorKind::Unsupported), "version: 2, expected 1"));
}

TEST_CASE("A device that is no list of fields, or has no path, is refused with its number") {
  Record record = with(good());
  record.fields.push_back(number("device"));
  CHECK(has(refused(record), "device 1: of another kind"));
  CHECK(has(refused(with({text("kind", "disk")})), "device 0: path: missing"));
  CHECK(has(refused(with({text("path", ""), text("kind", "disk")})), "device 0: path: missing"));
}

TEST_CASE("Kinds, strengths and presences that nobody knows are refused and named") {
  CHECK(has(refused(with({text("path", "x")})), "kind: \"\""));
  CHECK(has(refused(with({text("path", "x"), text("kind", "toaster")})), "kind: \"toaster\""));
  CHECK(has(refused(with(good_and(fields("identity", {text("name", "serial"), text("strength", "iron")})))),
            "strength: \"iron\""));
  CHECK(has(refused(with(good_and(fields("state", {text("name", "driver"), text("presence", "maybe")})))),
            "presence: \"maybe\""));
}

TEST_CASE("Text that is a number, or is there twice, is refused") {
  for (const char* name : {"path", "kind", "bus", "name", "parent"}) {
    std::vector<Field> list{number(name)};
    for (Field& field : good()) {
      if (field.name != name) list.push_back(std::move(field));
    }
    CHECK(has(refused(with(list)), std::string(name) + ": of another kind, expected text"));
  }
  CHECK(has(refused(with(good_and(text("path", "block/sdb")))), "path: twice, expected once"));
  CHECK(has(refused(with(good_and(number("member")))), "member: of another kind"));
  CHECK(has(refused(with(good_and(text("config", "00")))), "config: of another kind, expected bytes"));
}

TEST_CASE("A value without a name, or that is no list of fields, is refused") {
  CHECK(has(refused(with(good_and(text("identity", "S1")))), "identity: of another kind"));
  CHECK(has(refused(with(good_and(fields("state", {text("text", "S1")})))), "state: name: missing"));
  CHECK(has(refused(with(good_and(fields("identity", {text("name", "serial"), number("text")})))),
            "text: of another kind"));
  CHECK(has(refused(with(good_and(fields("identity", {text("name", "serial"), number("from")})))),
            "from: of another kind"));
}

TEST_CASE("More values than a device may have are refused") {
  for (const char* name : {"identity", "state"}) {
    std::vector<Field> list = good();
    for (std::size_t i = 0; i < kMaxValues; ++i) list.push_back(fields(name, {text("name", "v")}));
    CHECK(must(from_record(with(list))).devices.size() == 1);
    list.push_back(fields(name, {text("name", "v")}));
    CHECK(has(refused(with(list)), "too many values, expected up to 256"));
  }
}

TEST_CASE("Two devices of one path are refused, and both are named") {
  Record record = with(good());
  record.fields.push_back(record.fields[0]);
  CHECK(has(refused(record), "device 1: path: \"block/sda\", as device 0"));
}

TEST_CASE("Parents that are missing, in a circle, themselves, or too many above one another are refused") {
  CHECK(has(refused(with(good_and(text("parent", "nowhere")))), "device 0: parent: \"nowhere\""));
  CHECK(has(refused(with(good_and(text("parent", "block/sda")))), "a circle"));
  DeviceSet circle{{disk("a", "p1", "block/b"), disk("b", "p2", "block/c"), disk("c", "p3", "block/a")}};
  CHECK(has(refused(to_record(circle)), "a circle"));
  DeviceSet chain;
  for (unsigned i = 0; i <= kMaxParents; ++i)
    chain.devices.push_back(disk(std::to_string(i), "p", i == 0 ? "" : "block/" + std::to_string(i - 1)));
  CHECK(must(from_record(to_record(chain))).devices.size() == kMaxParents + 1);
  chain.devices.push_back(disk("last", "p", "block/" + std::to_string(kMaxParents)));
  CHECK(has(refused(to_record(chain)), "too many above one another"));
}

TEST_CASE("More than a million devices are refused, before their parents are looked at") {
  Record record;
  record.type = std::string(kDevicesRecord);
  record.fields.reserve(kMaxDevices + 1);
  for (std::size_t i = 0; i <= kMaxDevices; ++i)
    record.fields.push_back(fields("device", {text("path", std::to_string(i)), text("kind", "disk")}));
  CHECK(has(refused(record, ErrorKind::Limit), "too many devices, expected up to 1048576"));
}

TEST_CASE("What an error quotes of a record cannot reach the terminal") {
  const std::string line = refused(with({text("path", "x"), text("kind", "\x1b[2J\xff")}));
  CHECK(has(line, "\\x1b[2J\\xff"));
  CHECK(line.find('\x1b') == std::string::npos);
}
