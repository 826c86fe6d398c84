#include "lib/device/policy/policy.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/devices.h"

using namespace hib::device;
using namespace hib::test;

namespace {

constexpr std::uint64_t kSnapshotNs = 1700000000'500000000;

Made marked(Made made, const std::string& from = "superblock", const std::string& count = "3",
            const std::string& written = "1699999990") {
  Device device = made;
  for (const auto& [name, text] : {std::pair<std::string, std::string>("MARK_MOUNT_COUNT", count),
                                   {"MARK_MOUNT_TIME", "1699999000"},
                                   {"MARK_WRITE_TIME", written}}) {
    device.state.push_back({name, text, from, Strength::Medium, Presence::Present});
  }
  Made out(device.kind, device.path);
  out.set(device);
  return out;
}

// A controller, a disk with a serial, a partition, an ext4 that is mounted.
struct Machine {
  Device ahci = function("1f.2");
  Device sda = disk("sda", "1f.2/1", "devices/1f.2").strong("serial", "S1").strong("content.ptuuid", "T1");
  Device sda1 =
      partition("sda1", "sda", "1f.2/1").strong("content.partuuid", "P1").strong("content.fs-uuid", "F1");
  Device home = marked(file_system("sda1", "F1").state("mount", "/home"));

  DeviceSet set() const { return {{ahci, sda, sda1, home}}; }
};

std::vector<Refusal> all_refusals(const DeviceSet& saved, const DeviceSet& here,
                                  const std::vector<std::string>& accepted) {
  return check(saved, here, match(saved, here), kSnapshotNs, accepted);
}

// Those that are not accepted.
std::vector<Refusal> refusals(const DeviceSet& saved, const DeviceSet& here,
                              const std::vector<std::string>& accepted = {}) {
  auto all = all_refusals(saved, here, accepted);
  std::erase_if(all, [](const Refusal& refusal) { return refusal.accepted; });
  return all;
}

bool found_says(const Refusal& refusal, const std::string& part) {
  return refusal.found.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "A mounted file system makes everything below it critical, down to the controller, and nothing else") {
  DeviceSet set = Machine().set();
  set.devices.push_back(disk("sdb", "1f.2/2", "devices/1f.2"));
  const auto uses = critical_uses(set);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(uses[i].size() == 1);
    CHECK(uses[i][0].what == "ext4 mounted at /home");
  }
  CHECK(uses[4].empty());
}

TEST_CASE(
    "Swap in use, members of a RAID and the image's own device are critical; a file system in memory is "
    "not") {
  DeviceSet set;
  set.devices = {
      disk("sda", "p1"),
      Made(Kind::Swap, "swap:block/sda", "block/sda").state("in-use", "swap"),
      disk("sdb", "p2"),
      disk("sdc", "p3"),
      Made(Kind::Raid, "block/md0", "block/sdb").member("block/sdb").member("block/sdc"),
      disk("sdd", "p4").state("image", "yes"),
      Made(Kind::FileSystem, "filesystem:tmpfs:/tmp").medium("type", "tmpfs").state("mount", "/tmp"),
      Made(Kind::Swap, "swap:block/sde")};
  const auto uses = critical_uses(set);
  CHECK(uses[0].at(0).what == "swap");
  CHECK(uses[3].at(0).what == "part of raid md0");
  CHECK(uses[5].at(0).what == "the image");
  CHECK(uses[6].empty());
  CHECK(uses[7].empty());
}

TEST_CASE("A file system that is mounted read-only is no reason for a mark, and is critical all the same") {
  Machine machine;
  machine.home = file_system("sda1", "F1").state("mount", "/home").state("super-options", "ro,relatime");
  CHECK_FALSE(critical_uses(machine.set())[1].at(0).writable);
  CHECK(refusals(machine.set(), machine.set()).empty());
  machine.home =
      file_system("sda1", "F1").state("mount", "/home").state("super-options", "rw,errors=remount-ro");
  CHECK(critical_uses(machine.set())[1].at(0).writable);
  REQUIRE(refusals(machine.set(), machine.set()).size() == 1);
  CHECK(refusals(machine.set(), machine.set())[0].override_token == "/home=unproven");
}

TEST_CASE("A machine that is as it was is not refused") {
  CHECK(refusals(Machine().set(), Machine().set()).empty());
}

TEST_CASE("A disk that is absent refuses once, names what lies on it, and is accepted by its token") {
  const Machine machine;
  const DeviceSet here{{machine.ahci}};
  const auto all = refusals(machine.set(), here);
  REQUIRE(all.size() == 1);
  CHECK(all[0].device == 1);
  CHECK(all[0].name == "sda");
  CHECK(all[0].uses == "ext4 mounted at /home");
  CHECK(all[0].expected.find("serial S1") != std::string::npos);
  CHECK(all[0].verdict == "absent");
  CHECK(all[0].override_token == "sda=absent");
  CHECK(refusals(machine.set(), here, {"sda=absent"}).empty());
  const auto accepted = all_refusals(machine.set(), here, {"sda=absent"});
  REQUIRE(accepted.size() == 1);  // said, so that it can be recorded
  CHECK(accepted[0].accepted);
  CHECK(refusals(machine.set(), here, {"sda=moved"}).size() == 1);
}

TEST_CASE("A disk that was replaced by one of the same model refuses with both serials") {
  const Machine saved;
  Machine here;
  here.sda = disk("sda", "1f.2/1", "devices/1f.2").strong("serial", "S2").strong("content.ptuuid", "T1");
  const auto all = refusals(saved.set(), here.set());
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "sda=replaced");
  CHECK(found_says(all[0], "serial S2"));
}

TEST_CASE(
    "A disk in another place refuses, unless it hangs on a bus where the kernel knows devices by identity") {
  const Machine saved;
  Machine here;
  here.sda = disk("sda", "1f.2/2", "devices/1f.2").strong("serial", "S1").strong("content.ptuuid", "T1");
  here.sda1 =
      partition("sda1", "sda", "1f.2/2").strong("content.partuuid", "P1").strong("content.fs-uuid", "F1");
  const auto all = refusals(saved.set(), here.set());
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "sda=moved");
  const auto node = [](const std::string& place) {
    return Made(Kind::FireWire, "devices/fw1").at(place).strong("guid", "G1");
  };
  const auto firewire = [&](const std::string& place) {
    return DeviceSet{{node(place), disk("sda", place + "/0", "devices/fw1").strong("serial", "S1"),
                      marked(file_system("sda", "F1").state("mount", "/mnt"))}};
  };
  CHECK(refusals(firewire("node1"), firewire("node2")).empty());
}

TEST_CASE(
    "A disk that was accepted in another place is still refused when its file system was written since") {
  const Machine saved;
  Machine here;
  here.sda = disk("sda", "1f.2/2", "devices/1f.2").strong("serial", "S1").strong("content.ptuuid", "T1");
  here.sda1 =
      partition("sda1", "sda", "1f.2/2").strong("content.partuuid", "P1").strong("content.fs-uuid", "F1");
  CHECK(refusals(saved.set(), here.set(), {"sda=moved"}).empty());
  here.home = marked(file_system("sda1", "F1"), "superblock", "4");
  const auto all = refusals(saved.set(), here.set(), {"sda=moved"});
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "/home=written");
}

TEST_CASE("A file system that lies on another disk now is refused, though both disks are there") {
  const Device sda = disk("sda", "p1").strong("serial", "S1");
  const Device sdb = disk("sdb", "p2").strong("serial", "S2");
  const auto all = refusals({{sda, sdb, marked(file_system("sda", "F1").state("mount", "/home"))}},
                            {{sda, sdb, marked(file_system("sdb", "F1"))}});
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "/home=moved");
}

TEST_CASE(
    "A disk without a serial is accepted when its content proves it, and refused as unproven when nothing "
    "does") {
  const auto machine = [](const std::string& content) {
    const Made with = disk("sda", "p1").unreadable("serial");
    Device made = content.empty() ? Device(with) : Device(Made(with).strong("content.fs-uuid", content));
    return DeviceSet{{made, marked(file_system("sda", "F1").state("mount", "/home"))}};
  };
  CHECK(refusals(machine("F1"), machine("F1")).empty());
  const auto all = refusals(machine(""), machine(""));
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "sda=unproven");
}

TEST_CASE("Twins without serials are refused as ambiguous, also when nothing has visibly changed") {
  const DeviceSet twins{
      {disk("sda", "p1"), disk("sdb", "p2"), marked(file_system("sda", "F1").state("mount", "/home"))}};
  const auto all = refusals(twins, twins);
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "sda=ambiguous");
}

TEST_CASE("A disk whose driver this kernel lacks refuses naming the driver") {
  const Machine saved;
  const Device without = Made(Kind::Pci, "devices/1f.2")
                             .at("1f.2")
                             .medium("model", "ahci")
                             .medium("class", "0x010601")
                             .state("modules", "ahci-mod");
  const auto all = refusals(saved.set(), {{without}});
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "sda=unknown-driver");
  CHECK(found_says(all[0], "ahci-mod"));
}

TEST_CASE(
    "A volume that this kernel has not set up is all right, and what lies on it cannot be told to be "
    "untouched") {
  const Device sda = disk("sda", "p1").strong("serial", "S1");
  const Device luks = Made(Kind::Mapped, "block/dm-0", "block/sda").strong("dm-uuid", "CRYPT-1");
  const Device root = marked(file_system("dm-0", "F1").state("mount", "/"));
  const auto all = refusals({{sda, luks, root}}, {{sda}});
  REQUIRE(all.size() == 1);
  CHECK(all[0].override_token == "/=unproven");
  CHECK(found_says(all[0], "not set up here"));
}

namespace {

// A unit behind as many controllers as there are letters: sda behind "A", sdb behind "B"; a volume, and /data
// on it.
DeviceSet multipath(const std::string& letters, const std::string& wwn = "W1",
                    const std::string& volume = "mpath-W1") {
  DeviceSet set;
  Made dm(Kind::Mapped, "block/dm-0");
  for (const char letter : letters) {
    const std::string hba = std::string("devices/hba") + letter;
    const std::string name = std::string("sd") + static_cast<char>(letter - 'A' + 'a');
    if (dm.operator Device().parent.empty())
      dm = Made(Kind::Mapped, "block/dm-0", "block/" + name).strong("dm-uuid", volume);
    set.devices.push_back(function(std::string("hba") + letter, "qla2xxx"));
    set.devices.push_back(disk(name, std::string("hba") + letter + "/0:0:1", hba)
                              .strong("wwn", wwn)
                              .strong("serial", "S-" + wwn));
    dm.member("block/" + name);
  }
  set.devices.push_back(dm);
  set.devices.push_back(marked(file_system("dm-0", "F1").state("mount", "/data")));
  return set;
}

std::vector<std::string> tokens(const DeviceSet& saved, const DeviceSet& here) {
  std::vector<std::string> all;
  for (const Refusal& refusal : refusals(saved, here)) all.push_back(refusal.override_token);
  return all;
}

}  // namespace

TEST_CASE("The paths of a multipath volume are one disk, though no key tells them apart") {
  const DeviceSet machine = multipath("ABCD");
  CHECK(tokens(machine, machine).empty());
  for (const Match& match : match(machine, machine).matches) CHECK(match.verdict == Verdict::Same);
}

TEST_CASE(
    "A path that is gone, with its controller or without, or that is new, is no reason to refuse while "
    "another one is there") {
  CHECK(tokens(multipath("AB"), multipath("A")).empty());
  CHECK(tokens(multipath("AB"), multipath("B")).empty());
  CHECK(tokens(multipath("A"), multipath("AB")).empty());
  CHECK(tokens(multipath("AB"), multipath("BC")).empty());
  DeviceSet only_disk_gone = multipath("AB");
  std::erase_if(only_disk_gone.devices, [](const Device& device) { return device.name == "sdb"; });
  CHECK(tokens(multipath("AB"), only_disk_gone).empty());
}

TEST_CASE("A volume of which no path is where it was is refused") {
  CHECK_FALSE(tokens(multipath("AB"), multipath("CD")).empty());
  CHECK_FALSE(tokens(multipath("A"), multipath("C")).empty());
  CHECK_FALSE(tokens(multipath("AB"), {}).empty());
}

TEST_CASE("A path that leads to another unit now is refused, though another path is as it was") {
  const DeviceSet saved = multipath("AB");
  DeviceSet here = multipath("AB");
  for (Device& device : here.devices) {
    if (device.name == "sdb")
      device = disk("sdb", "hbaB/0:0:1", "devices/hbaB").strong("wwn", "W2").strong("serial", "S-W2");
  }
  CHECK(tokens(saved, here) == std::vector<std::string>{"sdb=replaced"});
  // The same when the volume does without it.
  for (Device& device : here.devices) {
    if (device.kind == Kind::Mapped) device.members = {"block/sda"};
  }
  CHECK(tokens(saved, here) == std::vector<std::string>{"sdb=replaced"});
}

TEST_CASE("A path that is gone counts when a disk that was elsewhere is in its place") {
  DeviceSet saved = multipath("AB");
  saved.devices.push_back(disk("sdx", "elsewhere").strong("wwn", "W9"));
  DeviceSet here = multipath("A");
  here.devices.push_back(function("hbaB", "qla2xxx"));
  here.devices.push_back(disk("sdx", "hbaB/0:0:1", "devices/hbaB").strong("wwn", "W9"));
  const auto all = tokens(saved, here);
  REQUIRE(all.size() == 1);
  CHECK(all[0].substr(0, 4) == "sdb=");
}

TEST_CASE("A path whose keys cannot be read is not taken for one") {
  const DeviceSet saved = multipath("AB");
  DeviceSet here = multipath("AB");
  for (Device& device : here.devices) {
    if (device.name == "sdb")
      device = disk("sdb", "hbaB/0:0:1", "devices/hbaB").unreadable("wwn").unreadable("serial");
  }
  const auto all = tokens(saved, here);
  REQUIRE(all.size() == 1);
  CHECK(all[0].substr(0, 4) == "sdb=");
}

TEST_CASE(
    "Disks with one key that are no multipath volume, or that a disk outside of it has too, stay ambiguous") {
  const DeviceSet other = multipath("AB", "W1", "LVM-1");
  CHECK(tokens(other, other) == std::vector<std::string>{"sda=ambiguous", "sdb=ambiguous"});
  DeviceSet cloned = multipath("AB");
  cloned.devices.push_back(disk("sdz", "elsewhere").strong("wwn", "W1").strong("serial", "S-W1"));
  CHECK(tokens(cloned, cloned) == std::vector<std::string>{"sda=ambiguous", "sdb=ambiguous"});
  CHECK_FALSE(tokens(multipath("AB"), multipath("AB", "W1", "mpath-other")).empty());
}

TEST_CASE("Verdicts of paths say which volume they lead to") {
  const auto verdict = [](const DeviceSet& a, const DeviceSet& b, const std::string& name) {
    for (const Match& match : match(a, b).matches) {
      if ((match.a ? a.devices[*match.a] : b.devices[*match.b]).name == name) return match;
    }
    return Match{};
  };
  const DeviceSet two = multipath("AB");
  const DeviceSet one = multipath("A");
  CHECK(verdict(two, one, "sda").reason == "a path to wwn W1, same place");
  CHECK(verdict(two, one, "sdb").verdict == Verdict::Absent);
  CHECK(verdict(two, one, "sdb").reason.find("path to mapped dm-0 is gone") != std::string::npos);
  CHECK(verdict(two, one, "dm-0").verdict == Verdict::Same);
  CHECK(verdict(one, two, "sdb").verdict == Verdict::New);
  CHECK(verdict(one, two, "sdb").reason == "another path to mapped dm-0");
}

TEST_CASE(
    "Marks from before the snapshot: another mount, or a write after it, is a write; the machine's own last "
    "write is none") {
  const Device saved = marked(file_system("sda", "F1"));
  const auto since = [&](const Device& here) { return compare_marks(saved, here, kSnapshotNs).since; };
  CHECK(since(saved) == hib::fs::Since::Untouched);
  CHECK(since(marked(file_system("sda", "F1"), "superblock", "4")) == hib::fs::Since::Written);
  CHECK(since(marked(file_system("sda", "F1"), "superblock", "3", "1700000001")) ==
        hib::fs::Since::Untouched);
  CHECK(since(marked(file_system("sda", "F1"), "superblock", "3", "1700000002")) == hib::fs::Since::Written);
  CHECK(since(marked(file_system("sda", "F1"), "superblock", "3", "1600000000")) == hib::fs::Since::Unproven);
  CHECK(since(file_system("sda", "F1")) == hib::fs::Since::Unproven);
}

TEST_CASE("Marks that the saver has read allow no difference at all") {
  const Device saved = marked(file_system("sda", "F1"), "saver");
  CHECK(compare_marks(saved, marked(file_system("sda", "F1")), kSnapshotNs).since ==
        hib::fs::Since::Untouched);
  const auto verdict =
      compare_marks(saved, marked(file_system("sda", "F1"), "superblock", "3", "1699999991"), kSnapshotNs);
  CHECK(verdict.since == hib::fs::Since::Written);
  CHECK(verdict.expected == "MARK_WRITE_TIME 1699999990");
  CHECK(verdict.found == "MARK_WRITE_TIME 1699999991");
}

TEST_CASE(
    "A generation that went on cannot be told from the machine's own last writes; one that went back was put "
    "there") {
  const auto with = [](const std::string& name, const std::string& text) {
    return Device(file_system("sda", "F1").state(name, text));
  };
  CHECK(compare_marks(with("MARK_GENERATION", "10"), with("MARK_GENERATION", "10"), kSnapshotNs).since ==
        hib::fs::Since::Untouched);
  CHECK(compare_marks(with("MARK_GENERATION", "10"), with("MARK_GENERATION", "11"), kSnapshotNs).since ==
        hib::fs::Since::Unproven);
  CHECK(compare_marks(with("MARK_GENERATION", "10"), with("MARK_GENERATION", "9"), kSnapshotNs).since ==
        hib::fs::Since::Written);
  CHECK(compare_marks(with("MARK_LOG_HEAD", "3:17"), with("MARK_LOG_HEAD", "3:18"), kSnapshotNs).since ==
        hib::fs::Since::Unproven);
  CHECK(compare_marks(with("MARK", "none"), with("MARK", "none"), kSnapshotNs).since ==
        hib::fs::Since::Unproven);
}

TEST_CASE(
    "Directories that have changed are a write when the saver saw them, and cannot be told from the "
    "machine's own before; in words") {
  const auto with = [](const std::string& hash, const std::string& from) {
    Device device = file_system("sda", "F1");
    device.state.push_back({"MARK_DIRECTORIES", hash, from, Strength::Medium, Presence::Present});
    return device;
  };
  const Device here = with("22", "superblock");
  CHECK(compare_marks(with("22", "saver"), here, kSnapshotNs).since == hib::fs::Since::Untouched);
  CHECK(compare_marks(with("22", "superblock"), here, kSnapshotNs).since == hib::fs::Since::Untouched);
  const auto written = compare_marks(with("11", "saver"), here, kSnapshotNs);
  CHECK(written.since == hib::fs::Since::Written);
  CHECK(written.expected == "its directories as they were");
  CHECK(written.found == "its directories have changed");
  const auto unproven = compare_marks(with("11", "superblock"), here, kSnapshotNs);
  CHECK(unproven.since == hib::fs::Since::Unproven);
  CHECK(unproven.found == "its directories have changed, which the machine itself may have done last");
}

TEST_CASE("A mark that could not be read, on either side, leaves it unproven and says why") {
  const auto unreadable = [] {
    Device device = file_system("sda", "F1");
    device.state.push_back({"MARK", "offset 0xd: sectors in a cluster: 7", "superblock", Strength::Medium,
                            Presence::Unreadable});
    return device;
  };
  for (const char* name : {"MARK_DIRECTORIES", "MARK_GENERATION"}) {
    const Device readable = file_system("sda", "F1").state(name, "11");
    for (const auto& verdict : {compare_marks(readable, unreadable(), kSnapshotNs),
                                compare_marks(unreadable(), readable, kSnapshotNs)}) {
      CHECK(verdict.since == hib::fs::Since::Unproven);
      CHECK(verdict.found.find("not readable: offset 0xd: sectors in a cluster: 7") != std::string::npos);
    }
  }
}

TEST_CASE("Names in tokens have no spaces, signs or escapes") {
  CHECK(token_name("/mnt/my disk=\x1b") == "/mnt/my%20disk%3D%1B");
  CHECK(token_name("0000:00:1f.2") == "0000:00:1f.2");
}

TEST_CASE("Members in a circle and a thousand uses of one disk end") {
  DeviceSet set{
      {Made(Kind::Raid, "a", "b").member("b"), Made(Kind::Raid, "b", "").member("a"), disk("sda", "p1")}};
  for (int i = 0; i < 1000; ++i)
    set.devices.push_back(Made(Kind::FileSystem, "filesystem:" + std::to_string(i), "block/sda")
                              .state("mount", "/" + std::to_string(i)));
  CHECK(critical_uses(set)[2].size() == kMaxUses);
  CHECK(check(set, set, match(set, set), 0, {}).size() >= 1);
  CHECK(check(set, set, {}, 0, {}).size() >= 1);
}
