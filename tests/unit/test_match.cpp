#include "lib/device/match/match.h"

#include <ctime>
#include <iostream>

#include "tests/support/catch.h"
#include "tests/support/devices.h"

using namespace hib::device;
using namespace hib::test;

namespace {

// The verdict of device number `a` of the set before.
const Match& of(const Comparison& comparison, std::size_t a) { return comparison.matches.at(a); }

bool says(const Match& match, const std::string& part) {
  return match.reason.find(part) != std::string::npos;
}

std::size_t count(const Comparison& comparison, Verdict verdict) {
  std::size_t number = 0;
  for (const Match& match : comparison.matches) number += match.verdict == verdict ? 1 : 0;
  return number;
}

}  // namespace

TEST_CASE("A disk with the same serial in the same place is the same, and the reason names the serial") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1")}};
  const DeviceSet b{{disk("sdb", "p1").strong("serial", "S1")}};
  const Comparison comparison = match(a, b);
  REQUIRE(comparison.matches.size() == 1);
  CHECK(of(comparison, 0).verdict == Verdict::Same);
  CHECK(of(comparison, 0).b == std::size_t{0});
  CHECK(says(of(comparison, 0), "serial S1"));
  CHECK(comparison.nothing_changed());
}

TEST_CASE("A disk with the same serial in another place has moved, whatever bus it is on") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1")}};
  const DeviceSet b{{disk("sdb", "usb2").bus("usb").strong("serial", "S1")}};
  const Comparison comparison = match(a, b);
  CHECK(of(comparison, 0).verdict == Verdict::Moved);
  CHECK(says(of(comparison, 0), "was at p1, is at usb2"));
  CHECK_FALSE(comparison.nothing_changed());
}

TEST_CASE("A disk of another serial in the same place replaces it, and the reason names both serials") {
  const Comparison comparison =
      match({{disk("sda", "p1").strong("serial", "S1")}}, {{disk("sda", "p1").strong("serial", "S2")}});
  REQUIRE(comparison.matches.size() == 1);
  CHECK(of(comparison, 0).verdict == Verdict::Replaced);
  CHECK(says(of(comparison, 0), "serial expected S1, found S2"));
}

TEST_CASE(
    "A serial on one side and certainly none on the other is another device; an unreadable one proves "
    "nothing") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1")}};
  CHECK(of(match(a, {{disk("sda", "p1")}}), 0).verdict == Verdict::Replaced);
  CHECK(of(match(a, {{disk("sda", "p1").absent("serial")}}), 0).verdict == Verdict::Replaced);
  const Comparison unknown = match(a, {{disk("sda", "p1").unreadable("serial")}});
  CHECK(of(unknown, 0).verdict == Verdict::Unproven);
  CHECK(of(unknown, 0).b == std::size_t{0});
}

TEST_CASE("What lies on a disk does not decide where a hardware key could be there and was not readable") {
  const DeviceSet a{{disk("sda", "p1").unreadable("serial").strong("content.ptuuid", "T1")}};
  CHECK(of(match(a, {{disk("sda", "p1").strong("content.ptuuid", "T1")}}), 0).verdict == Verdict::Unproven);
  CHECK(of(match(a, {{disk("sda", "p1").strong("content.ptuuid", "T2")}}), 0).verdict == Verdict::Unproven);
  CHECK(of(match(a, {{disk("sda", "p2").strong("content.ptuuid", "T1")}}), 0).verdict == Verdict::Ambiguous);
}

TEST_CASE("Two keys of one device that point to two devices make it ambiguous, with both named") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1").strong("wwn", "W1")}};
  const DeviceSet b{{disk("sda", "p1").strong("serial", "S1"), disk("sdb", "p2").strong("wwn", "W1")}};
  const Comparison comparison = match(a, b);
  REQUIRE(comparison.matches.size() == 1);
  CHECK(of(comparison, 0).verdict == Verdict::Ambiguous);
  CHECK(of(comparison, 0).candidates == std::vector<std::size_t>{0, 1});
  const Comparison other_way = match(b, a);
  CHECK(count(other_way, Verdict::Ambiguous) == 2);
}

TEST_CASE("An equal serial with another WWN is another device") {
  const Comparison comparison = match({{disk("sda", "p1").strong("serial", "S1").strong("wwn", "W1")}},
                                      {{disk("sda", "p1").strong("serial", "S1").strong("wwn", "W2")}});
  CHECK(of(comparison, 0).verdict == Verdict::Replaced);
  CHECK(says(of(comparison, 0), "wwn expected W1, found W2"));
}

TEST_CASE("One of several values of a name is enough to be equal") {
  const DeviceSet a{{disk("sda", "p1").strong("wwn", "naa.1").strong("wwn", "eui.1")}};
  CHECK(of(match(a, {{disk("sda", "p1").strong("wwn", "eui.1")}}), 0).verdict == Verdict::Same);
}

TEST_CASE("A serial that two devices of a side have proves nothing on either side") {
  const DeviceSet twins{
      {disk("sda", "p1").strong("serial", "0000"), disk("sdb", "p2").strong("serial", "0000")}};
  const Comparison same = match(twins, twins);
  CHECK(count(same, Verdict::Ambiguous) == 2);
  CHECK(of(same, 0).candidates == std::vector<std::size_t>{0, 1});
  CHECK(of(same, 1).candidates == std::vector<std::size_t>{1, 0});
  CHECK(of(same, 0).looks_alike);
  CHECK(same.nothing_changed());
  const Comparison one_left = match(twins, {{disk("sda", "p1").strong("serial", "0000")}});
  CHECK(count(one_left, Verdict::Same) == 0);
  CHECK(count(one_left, Verdict::Ambiguous) == 2);
  CHECK_FALSE(one_left.nothing_changed());
}

TEST_CASE(
    "A single device of a model in its place, without any key, is unproven; elsewhere it is ambiguous") {
  const DeviceSet a{{disk("sda", "p1")}};
  CHECK(of(match(a, {{disk("sda", "p1")}}), 0).verdict == Verdict::Unproven);
  const Comparison elsewhere = match(a, {{disk("sda", "p2")}});
  REQUIRE(elsewhere.matches.size() == 1);
  CHECK(of(elsewhere, 0).verdict == Verdict::Ambiguous);
  CHECK_FALSE(of(elsewhere, 0).looks_alike);
  CHECK(of(elsewhere, 0).candidates == std::vector<std::size_t>{0});
}

TEST_CASE("Another model in the same place replaces it") {
  const Comparison comparison = match({{function("00:02.0", "e1000")}}, {{function("00:02.0", "virtio")}});
  CHECK(of(comparison, 0).verdict == Verdict::Replaced);
  CHECK(says(of(comparison, 0), "model expected e1000, found virtio"));
}

TEST_CASE("Twins of which one moved do not look alike, and one more of them is named as new or another") {
  const DeviceSet a{{disk("sda", "p1"), disk("sdb", "p2")}};
  const Comparison moved = match(a, {{disk("sda", "p1"), disk("sdb", "p3")}});
  CHECK(count(moved, Verdict::Ambiguous) == 2);
  CHECK_FALSE(of(moved, 0).looks_alike);
  const Comparison more = match(a, {{disk("sda", "p1"), disk("sdb", "p2"), disk("sdc", "p3")}});
  REQUIRE(more.matches.size() == 3);
  CHECK(of(more, 2).verdict == Verdict::Ambiguous);
  CHECK_FALSE(of(more, 2).a);
  CHECK(of(more, 2).b == std::size_t{2});
  CHECK(of(more, 2).candidates == std::vector<std::size_t>{0, 1});
}

TEST_CASE("A twin whose brother is proven is the only one of its kind that is left") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1"), disk("sdb", "p2")}};
  const Comparison comparison = match(a, a);
  CHECK(of(comparison, 0).verdict == Verdict::Same);
  CHECK(of(comparison, 1).verdict == Verdict::Unproven);
}

TEST_CASE("Content decides only where neither side has a hardware key") {
  const DeviceSet a{{disk("sda", "p1").strong("content.ptuuid", "T1")}};
  CHECK(of(match(a, {{disk("sda", "p1").strong("content.ptuuid", "T1")}}), 0).verdict == Verdict::Same);
  CHECK(of(match(a, {{disk("sdb", "p2").strong("content.ptuuid", "T1")}}), 0).verdict == Verdict::Moved);
  CHECK(of(match(a, {{disk("sda", "p1").strong("content.ptuuid", "T2")}}), 0).verdict == Verdict::Replaced);
  CHECK(
      of(match(a, {{disk("sda", "p1").strong("serial", "S9").strong("content.ptuuid", "T1")}}), 0).verdict ==
      Verdict::Replaced);
}

TEST_CASE("A disk with a clone of another's content is not that other disk") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1").strong("content.ptuuid", "T1"),
                     partition("sda1", "sda", "p1").strong("content.partuuid", "P1")}};
  const DeviceSet b{{disk("sda", "p1").strong("serial", "S2").strong("content.ptuuid", "T1"),
                     partition("sda1", "sda", "p1").strong("content.partuuid", "P1")}};
  const Comparison comparison = match(a, b);
  CHECK(of(comparison, 0).verdict == Verdict::Replaced);
  CHECK(of(comparison, 1).verdict == Verdict::Replaced);
}

TEST_CASE("A partition of which a clone was added is the one on its own disk") {
  const Device sda = disk("sda", "p1").strong("serial", "S1").strong("content.ptuuid", "T1");
  const Device sda1 = partition("sda1", "sda", "p1").strong("content.partuuid", "P1");
  const Device on_sda1 = file_system("sda1", "F1");
  const Device sdb = disk("sdb", "p2").strong("serial", "S2").strong("content.ptuuid", "T1");
  const Device sdb1 = partition("sdb1", "sdb", "p2").strong("content.partuuid", "P1");
  const Device on_sdb1 = file_system("sdb1", "F1");
  const Comparison comparison = match({{sda, sda1, on_sda1}}, {{sdb, sdb1, on_sdb1, sda, sda1, on_sda1}});
  CHECK(of(comparison, 0).verdict == Verdict::Same);
  CHECK(of(comparison, 1).verdict == Verdict::Same);
  CHECK(of(comparison, 1).b == std::size_t{4});
  CHECK(of(comparison, 2).verdict == Verdict::Same);
  CHECK(of(comparison, 2).b == std::size_t{5});
  CHECK(count(comparison, Verdict::New) == 3);
}

TEST_CASE("A disk that was partitioned anew is the same disk with other partitions") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1").strong("content.ptuuid", "T1"),
                     partition("sda1", "sda", "p1").strong("content.partuuid", "P1"),
                     file_system("sda1", "F1")}};
  const DeviceSet b{{disk("sda", "p1").strong("serial", "S1").strong("content.ptuuid", "T2"),
                     partition("sda1", "sda", "p1").strong("content.partuuid", "P2"),
                     file_system("sda1", "F2")}};
  const Comparison comparison = match(a, b);
  CHECK(of(comparison, 0).verdict == Verdict::Same);
  CHECK(says(of(comparison, 0), "partitioned or formatted anew: content.ptuuid was T1, is T2"));
  CHECK(of(comparison, 1).verdict == Verdict::Replaced);
  CHECK(count(comparison, Verdict::Same) == 1);
}

TEST_CASE("A file system on another disk has moved; on a disk that moved it has moved with it") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1"), file_system("sda", "F1"),
                     disk("sdb", "p2").strong("serial", "S2")}};
  const Comparison other = match(a, {{disk("sda", "p1").strong("serial", "S1"),
                                      disk("sdb", "p2").strong("serial", "S2"), file_system("sdb", "F1")}});
  CHECK(of(other, 1).verdict == Verdict::Moved);
  CHECK(says(of(other, 1), "another device"));
  const Comparison same_place = match({{disk("sda", "p1").strong("serial", "S1"), file_system("sda", "F1")}},
                                      {{disk("sda", "p1").strong("serial", "S3"), file_system("sda", "F1")}});
  CHECK(of(same_place, 1).verdict == Verdict::Moved);
  CHECK(says(of(same_place, 1), "another device"));
  const Comparison with_it = match(a, {{disk("sda", "p9").strong("serial", "S1"), file_system("sda", "F1"),
                                        disk("sdb", "p2").strong("serial", "S2")}});
  CHECK(of(with_it, 1).verdict == Verdict::Moved);
  CHECK(says(of(with_it, 1), "which has moved"));
}

TEST_CASE("A volume of two disks is where its members are") {
  const Device sda = disk("sda", "p1").strong("serial", "S1");
  const Device sdb = disk("sdb", "p2").strong("serial", "S2");
  const Device sdc = disk("sdc", "p3").strong("serial", "S3");
  const Device md =
      Made(Kind::Raid, "block/md0", "block/sda").strong("uuid", "M1").member("block/sda").member("block/sdb");
  const Device other =
      Made(Kind::Raid, "block/md0", "block/sda").strong("uuid", "M1").member("block/sda").member("block/sdc");
  CHECK(of(match({{sda, sdb, md}}, {{sdb, sda, md}}), 2).verdict == Verdict::Same);
  CHECK(of(match({{sda, sdb, md}}, {{sda, sdb, sdc, other}}), 2).verdict == Verdict::Moved);
}

TEST_CASE("Bridges in their places are no twins, and a controller is proven by the disk on it") {
  const auto bridge = [](const std::string& address) {
    return Made(Kind::Pci, "devices/" + address)
        .at(address)
        .medium("model", "bridge")
        .medium("class", "0x060400");
  };
  const DeviceSet a{{bridge("1c.0"), bridge("1c.1"), function("1f.1"), function("1f.2"),
                     disk("sda", "1f.1/1", "devices/1f.1").strong("serial", "S1")}};
  const Comparison comparison = match(a, a);
  CHECK(of(comparison, 0).verdict == Verdict::Unproven);
  CHECK(of(comparison, 1).verdict == Verdict::Unproven);
  CHECK(of(comparison, 2).verdict == Verdict::Same);
  CHECK(says(of(comparison, 2), "what hangs on it"));
  CHECK(of(comparison, 3).verdict == Verdict::Unproven);
  CHECK(comparison.nothing_changed());
}

TEST_CASE(
    "File systems without a device are no twins of each other, and a loop device is where its file is") {
  const auto mounted = [](const std::string& at) {
    return Made(Kind::FileSystem, "filesystem:tmpfs:" + at).medium("type", "tmpfs");
  };
  const DeviceSet tmpfs{{mounted("/run"), mounted("/tmp")}};
  CHECK(count(match(tmpfs, tmpfs), Verdict::Unproven) == 2);
  const DeviceSet loops{
      {Made(Kind::Loop, "block/loop0").medium("backing-file", "/a"),
       Made(Kind::FileSystem, "filesystem:block/loop0", "block/loop0").medium("type", "squashfs")}};
  CHECK(count(match(loops, loops), Verdict::Unproven) == 2);
}

TEST_CASE(
    "A network card in another slot is known by the address of its interface; a controller is not by a disk "
    "on it") {
  const auto card = [](const std::string& address) { return function(address, "e1000").medium("x", "y"); };
  const auto interface = [](const std::string& address) {
    return Made(Kind::Net, "net/" + address, "devices/" + address)
        .at(address)
        .strong("mac", "52:54:00:00:00:01");
  };
  CHECK(of(match({{card("02.0"), interface("02.0")}}, {{card("05.0"), interface("05.0")}}), 0).verdict ==
        Verdict::Moved);
  const auto with_disk = [](const std::string& address) {
    return DeviceSet{
        {function(address), disk("sda", address + "/1", "devices/" + address).strong("serial", "S1")}};
  };
  CHECK(of(match(with_disk("1f.1"), with_disk("1f.2")), 0).verdict == Verdict::Ambiguous);
}

TEST_CASE(
    "A disk behind a function without a driver is not absent but unreachable, and the missing driver is "
    "named") {
  const Device ahci = function("1f.2");
  const Device sda = disk("sda", "1f.2/1", "devices/1f.2").strong("serial", "S1");
  const Device on_it = file_system("sda", "F1");
  const Device without = Made(Kind::Pci, "devices/1f.2")
                             .at("1f.2")
                             .medium("model", "ahci")
                             .medium("class", "0x010601")
                             .state("modules", "ahci-mod");
  const Comparison comparison = match({{ahci, sda, on_it}}, {{without}});
  CHECK(of(comparison, 0).verdict == Verdict::Unproven);
  CHECK(of(comparison, 1).verdict == Verdict::UnknownDriver);
  CHECK(says(of(comparison, 1), "pci 1f.2 is there and has no driver; missing: ahci-mod"));
  CHECK(of(comparison, 2).verdict == Verdict::UnknownDriver);
  CHECK(of(match({{ahci, sda}}, {{ahci}}), 1).verdict == Verdict::Absent);
}

TEST_CASE("Two functions of one model without a driver still explain why their disks are not there") {
  const auto without = [](const std::string& address) {
    return Made(Kind::Pci, "devices/" + address)
        .at(address)
        .medium("model", "ahci")
        .medium("class", "0x010601");
  };
  const DeviceSet a{
      {function("1f.1"), function("1f.2"), disk("sda", "1f.2/1", "devices/1f.2").strong("serial", "S1")}};
  const Comparison comparison = match(a, {{without("1f.1"), without("1f.2")}});
  CHECK(of(comparison, 1).verdict == Verdict::Ambiguous);
  CHECK(of(comparison, 2).verdict == Verdict::UnknownDriver);
}

TEST_CASE("What is gone is absent and what came is new, in the order of the sets") {
  const Comparison comparison =
      match({{disk("sda", "p1").strong("serial", "S1")}},
            {{disk("sdb", "p2").strong("serial", "S2"), disk("sdc", "p3").strong("serial", "S3")}});
  REQUIRE(comparison.matches.size() == 3);
  CHECK(of(comparison, 0).verdict == Verdict::Absent);
  CHECK(says(of(comparison, 0), "no device has serial S1"));
  CHECK(of(comparison, 1).verdict == Verdict::New);
  CHECK(of(comparison, 1).b == std::size_t{0});
  CHECK(of(comparison, 2).b == std::size_t{1});
}

TEST_CASE("A device whose place is taken by another one that moved is not replaced by that") {
  const DeviceSet a{{disk("sda", "p1").strong("serial", "S1"), disk("sdb", "p2").strong("serial", "S2")}};
  const Comparison comparison = match(a, {{disk("sda", "p1").strong("serial", "S2")}});
  CHECK(of(comparison, 0).verdict == Verdict::Absent);
  CHECK(of(comparison, 1).verdict == Verdict::Moved);
}

TEST_CASE("Devices are compared with their own kind only, and a serial of another kind is another serial") {
  const Comparison comparison = match({{disk("sda", "p1").strong("serial", "S1")}},
                                      {{Made(Kind::Usb, "usb/1", "").at("p1").strong("serial", "S1")}});
  CHECK(of(comparison, 0).verdict == Verdict::Absent);
  CHECK(of(comparison, 1).verdict == Verdict::New);
}

TEST_CASE("Unreadable values of a model are unknown, not different") {
  const DeviceSet a{{disk("sda", "p1").medium("firmware", "1.0")}};
  CHECK(of(match(a, {{disk("sda", "p1").unreadable("firmware", Strength::Medium)}}), 0).verdict ==
        Verdict::Unproven);
  CHECK(of(match(a, {{disk("sda", "p1").medium("firmware", "2.0")}}), 0).verdict == Verdict::Replaced);
}

TEST_CASE("Parents in a circle and parents that are missing do no harm") {
  const DeviceSet a{{disk("sda", "p1", "block/sdb"), disk("sdb", "p2", "block/sda"),
                     disk("sdc", "p3", "nowhere"), disk("sdd", "p4", "block/sdd")}};
  CHECK(match(a, a).matches.size() == 4);
}

TEST_CASE("A set without devices has nothing that is the same") {
  CHECK(match({}, {}).matches.empty());
  CHECK(match({}, {}).nothing_changed());
  CHECK(of(match({}, {{disk("sda", "p1")}}), 0).verdict == Verdict::New);
}

TEST_CASE("4,096 devices, half of them twins, are compared, and the time is printed") {
  DeviceSet a;
  for (int i = 0; i < 4096; ++i) {
    Made made = disk("sd" + std::to_string(i), "p" + std::to_string(i))
                    .medium("firmware", "F1")
                    .medium("vendor", "ATA");
    if (i % 2 == 0) made.strong("serial", "S" + std::to_string(i)).strong("wwn", "W" + std::to_string(i));
    a.devices.push_back(made);
  }
  DeviceSet b = a;
  std::reverse(b.devices.begin(), b.devices.end());
  const std::clock_t start = std::clock();  // of this process: others do not count
  const Comparison comparison = match(a, b);
  const double spent_ms = 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::cout << "match: 4,096 devices in " << spent_ms << " ms\n";
  CHECK(count(comparison, Verdict::Same) == 2048);
  CHECK(count(comparison, Verdict::Ambiguous) == 2048);
  CHECK(comparison.nothing_changed());
}
