// Reports that go to others: what has to be hidden, and what has to stay.
#include "lib/diagnose/mask.h"

#include "lib/diagnose/boot/machine_secrets.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::diagnose;

namespace {

std::string masked(const std::string& text) {
  Mask mask;
  return mask(text);
}

}  // namespace

TEST_CASE("uuids are hidden however they are written") {
  CHECK(masked("root=UUID=8a1b2c3d-1111-2222-3333-444455556666 ro") == "root=UUID=uuid-1 ro");
  CHECK(masked("/dev/disk/by-partuuid/5f3a1b2c-01") == "/dev/disk/by-partuuid/uuid-1");
  CHECK(masked("resume=PARTUUID=5f3a1b2c-01") == "resume=PARTUUID=uuid-1");
  CHECK(masked("UUID=1234-5678 /boot/efi") == "UUID=uuid-1 /boot/efi");
  CHECK(masked("vfat AB12-34CD mounted") == "vfat uuid-1 mounted");
  CHECK(masked("boot 0123456789abcdef0123456789abcdef") == "boot uuid-1");
  CHECK(masked("/dev/mapper/luks-8a1b2c3d-1111-2222-3333-444455556666") == "/dev/mapper/luks-uuid-1");
  CHECK(masked(R"(dev-disk-by\x2duuid-8a1b2c3d\x2d1111\x2d2222\x2d3333\x2d444455556666.device)") ==
        R"(dev-disk-by\x2duuid-uuid-1.device)");
  CHECK(masked("md UUID 8a1b2c3d:11112222:33334444:55556666") == "md UUID uuid-1");
  CHECK(masked("PV Ab1dEf-12gh-Xy3z-Qq4r-Ss5t-Uu6v-Ww7xYz") == "PV uuid-1");
}

TEST_CASE("one secret has one pseudonym however it is written, and two have two") {
  Mask mask;
  CHECK(mask("UUID=8a1b2c3d-1111-2222-3333-444455556666") == "UUID=uuid-1");
  CHECK(mask("8A1B2C3D-1111-2222-3333-444455556666, 8a1b2c3d111122223333444455556666") == "uuid-1, uuid-1");
  CHECK(mask("UUID=9a1b2c3d-1111-2222-3333-444455556666") == "UUID=uuid-2");
  CHECK(mask("AA:BB:CC:DD:EE:0F") == "mac-1");
  CHECK(mask("enxaabbccddee0f: link is up; BOOTIF=01-aa-bb-cc-dd-ee-0f") ==
        "enxmac-1: link is up; BOOTIF=01-mac-1");
}

TEST_CASE("addresses of networks are hidden") {
  CHECK(masked("ip=192.168.178.20::192.168.178.1:255.255.255.0") == "ip=ip-1::ip-2:255.255.255.0");
  CHECK(masked("from fe80::1c2d:3eff:fe4f:5a6b, port 22") == "from ip-1, port 22");
  CHECK(masked("[2001:db8:0:0:1:2:3:4]:80") == "[ip-1]:80");
  CHECK(masked("127.0.0.1 and ::1") == "127.0.0.1 and ::1");
}

TEST_CASE("names of people and hosts are hidden") {
  CHECK(masked("/home/jane/swap.img") == "/home/user-1/swap.img");
  CHECK(masked("see /home/jane.") == "see /home/user-1.");
  CHECK(masked("Linux version 6.12.1 (jane@thinkpad) (gcc 14.2.0) #1 SMP") ==
        "Linux version 6.12.1 (user-1@host-1) (gcc 14.2.0) #1 SMP");
  CHECK(masked("Linux version 6.12.43+deb13-amd64 (debian-kernel@lists.debian.org)") ==
        "Linux version 6.12.43+deb13-amd64 (debian-kernel@lists.debian.org)");
  CHECK(masked("Nov 27 20:26:18 thinkpad kernel: PM: Image not found (code -22)") ==
        "Nov 27 20:26:18 host-1 kernel: PM: Image not found (code -22)");
  CHECK(masked("2026-11-27T20:26:18+0100 thinkpad.example.org systemd[1]: Hostname set to <thinkpad>.") ==
        "2026-11-27T20:26:18+0100 host-1 systemd[1]: Hostname set to <host-1>.");
  CHECK(masked("thinkpad login: jane") == "host-1 login: jane");
  CHECK(masked("localhost systemd[1]: started") == "localhost systemd[1]: started");
  CHECK(masked("systemd-fsck@dev-sda2.service, getty@tty1.service") ==
        "systemd-fsck@dev-sda2.service, getty@tty1.service");
}

TEST_CASE("a host that was named once is hidden wherever it stands") {
  Mask mask;
  mask("Hostname set to <thinkpad>.");
  CHECK(mask("resume=/dev/mapper/thinkpad--vg-swap_1") == "resume=/dev/mapper/host-1--vg-swap_1");
  CHECK(mask("thinkpads are not thinkpad") == "thinkpads are not host-1");
}

TEST_CASE("a host with a dash is hidden where device-mapper doubles it, as the same host") {
  Mask mask;
  mask.learn_host("alices-laptop");
  CHECK(mask("alices-laptop /dev/mapper/alices--laptop-home") == "host-1 /dev/mapper/host-1-home");
}

TEST_CASE("serial numbers are hidden where a log or a link names them") {
  CHECK(masked("usb 1-1: SerialNumber: 4C530001230212116384") == "usb 1-1: SerialNumber: serial-1");
  CHECK(masked("/dev/disk/by-id/ata-Samsung_SSD_860_S3Z2NB0K123456A-part2 is") ==
        "/dev/disk/by-id/ata-serial-1-part2 is");
  CHECK(masked("/dev/disk/by-id/wwn-0x5002538e40a1b2c3") == "/dev/disk/by-id/wwn-serial-1");
  CHECK(masked("nvme eui.0025388b71000001") == "nvme eui.wwn-1");
  CHECK(masked("Mfr=1, Product=2, SerialNumber=3") == "Mfr=1, Product=2, SerialNumber=3");
  CHECK(masked("Serial: 8250/16550 driver, 4 ports") == "Serial: 8250/16550 driver, 4 ports");
}

TEST_CASE("serial numbers that a device is known by are hidden in any text") {
  device::DeviceSet set;
  device::Device disk;
  disk.kind = device::Kind::Disk;
  disk.identity = {
      {"serial", "S3Z2NB0K123456A", "shim", device::Strength::Strong, device::Presence::Present},
      {"usb-serial", "0781:5583:4C5300012302:0", "shim", device::Strength::Strong, device::Presence::Present},
      {"t10", "ATA Samsung SSD 860EVO S3Z2NB0K123456A", "shim", device::Strength::Strong,
       device::Presence::Present},
      {"model", "Samsung SSD 860EVO", "shim", device::Strength::Medium, device::Presence::Present}};
  set.devices.push_back(disk);
  Mask mask;
  boot::learn_devices(set, mask);
  const std::string link = mask("/dev/disk/by-id/ata-Samsung_SSD_860_S3Z2NB0K123456A");
  CHECK(link == "/dev/disk/by-id/ata-" + mask("S3Z2NB0K123456A"));
  CHECK(mask("sda: S3Z2NB0K123456A") == "sda: serial-1");
  CHECK(mask("4C5300012302") == "serial-2");
  CHECK(mask("Samsung SSD 860EVO") == "Samsung SSD 860EVO");
  boot::hide(set, mask);
  CHECK(set.devices[0].identity[0].text == "serial-1");
  CHECK(set.devices[0].identity[3].text == "Samsung SSD 860EVO");
}

TEST_CASE("the address of a host controller is no serial number although USB calls it one") {
  CHECK_FALSE(is_worth_hiding("0000:00:14.0"));
  CHECK_FALSE(is_worth_hiding("1"));
  CHECK_FALSE(is_worth_hiding("0000000000"));
  CHECK(is_worth_hiding("S3Z2NB0K"));
}

TEST_CASE("what tells of the failure stays") {
  for (const char* text :
       {"Linux version 6.12.43+deb13-amd64", "5.10.0.1-amd64", "BIOS 1.16.3-debian-1.16.3-2",
        "BIOS-e820: [mem 0x0000000000100000-0x000000007ffdbfff] usable", "0xffff888012345678",
        "0000:00:1f.2: quirk", "[mem 0x00000000-0x0009fbff]", "2026-11-27 20:26:18.123 UTC", "at 0x1f3",
        "PM: Image mismatch: memory size", "hardware signature mismatch (0123abcd now 89ef0123)",
        "resume_offset=1234-5678", "[    0.123456] ACPI: RSDP",
        "efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67",
        "sd 0:0:0:0: [sda] 1048576 512-byte logical blocks", "std::string", "host-name uuid- serial"})
    CHECK(masked(text) == text);
}

TEST_CASE("a cursor of the journal is hidden as a whole") {
  CHECK(masked(
            "s=0123456789abcdef0123456789abcdef;i=1f;b=00000000000000000000000000000001;m=1;t=2;x=3 ended") ==
        "cursor-1 ended");
}

TEST_CASE("of files that were named the last part stays, and two of one name stay two") {
  Mask mask;
  mask.learn_path("/home/jane/a/boot.log");
  mask.learn_path("/home/jane/b/boot.log");
  mask.learn_path("/dev/sda3");
  CHECK(mask("boot 1 of /home/jane/a/boot.log") == "boot 1 of boot.log");
  CHECK(mask("boot 2 of /home/jane/b/boot.log: x") == "boot 2 of boot.log#2: x");
  CHECK(mask("/home/jane/b/boot.log2 /dev/sda3") == "/home/user-1/b/boot.log2 /dev/sda3");
}

TEST_CASE("masking what was masked changes nothing") {
  const std::string text =
      "Nov 27 20:26:18 thinkpad systemd[1]: /home/jane UUID=8a1b2c3d-1111-2222-3333-444455556666 "
      "jane@thinkpad 192.168.1.2 aa:bb:cc:dd:ee:ff SerialNumber: 4C530001230212116384 "
      "/dev/disk/by-id/ata-Disk_4C530001-part1 eui.0025388b71000001";
  Mask mask;
  const std::string once = mask(text);
  CHECK(mask(once) == once);
  CHECK(masked(once) == once);
  for (const char* secret : {"thinkpad", "jane", "8a1b2c3d", "192.168", "aa:bb", "4C530001", "0025388b"})
    CHECK(once.find(secret) == std::string::npos);
}

TEST_CASE("ids of digits alone and escaped ones are hidden, and one id in two spellings is one") {
  Mask mask;
  CHECK(mask(R"(dev-disk-by\x2duuid-77777777\x2d6666\x2d5555\x2d4444\x2d333333333333.swap)") ==
        R"(dev-disk-by\x2duuid-uuid-1.swap)");
  CHECK(mask("UUID=77777777-6666-5555-4444-333333333333") == "UUID=uuid-1");
  CHECK(mask(R"(dev-disk-by\x2duuid-1234\x2d5678.device)") == R"(dev-disk-by\x2duuid-uuid-2.device)");
  CHECK(mask("UUID=1234-5678") == "UUID=uuid-2");
  CHECK(mask(R"(dev-disk-by\x2duuid-uuid-2.device)") == R"(dev-disk-by\x2duuid-uuid-2.device)");
}

TEST_CASE("a serial number in the name of a unit is hidden, and where it stands alone") {
  Mask mask;
  CHECK(mask(R"(dev-disk-by\x2did-ata\x2dSamsung_SSD_860_S3Z8NB0K123456X\x2dpart2.device is)") ==
        R"(dev-disk-by\x2did-ata\x2dserial-1\x2dpart2.device is)");
  CHECK(mask("smartd: S3Z8NB0K123456X is failing") == "smartd: serial-1 is failing");
  CHECK(mask("/dev/disk/by-id/ata-Samsung_SSD_860_S3Z8NB0K123456X") == "/dev/disk/by-id/ata-serial-1");
  CHECK(mask("Samsung SSD 860") == "Samsung SSD 860");
}

TEST_CASE("passwords and keys on a command line are hidden, and paths of keys stay") {
  CHECK(masked("quiet password=hunter2 luks.passwd=\"a b\" api-token=x/y ro") ==
        "quiet password=password-1 luks.passwd=password-2 api-token=password-3 ro");
  CHECK(masked("key=0badcafe password=") == "key=password-1 password=");
  CHECK(masked("rd.luks.key=/etc/swap.key monkey=1 key=(null)") ==
        "rd.luks.key=/etc/swap.key monkey=1 key=(null)");
  CHECK(masked("wifi.psk=topsecret pin=\"12 34\" spin=1") == "wifi.psk=password-1 pin=password-2 spin=1");
  const std::string once = masked("password='never ends");
  CHECK(once == "password=password-1");
  CHECK(masked(once) == once);
}

TEST_CASE("a MAC address is hidden as network switches write it") {
  Mask mask;
  CHECK(mask("0011.2233.4455 is 00:11:22:33:44:55") == "mac-1 is mac-1");
  CHECK(mask("1.0011.2233.4455 0011.2233.4455.6") == "1.0011.2233.4455 0011.2233.4455.6");
}

TEST_CASE("texts that are no text are masked without harm") {
  Mask mask;
  for (const std::string& text :
       {std::string(), std::string(1, '\0'), std::string("\\x"), std::string("\\x2"), std::string("UUID="),
        std::string("/home/"), std::string("@"), std::string("a@"), std::string(":::::::::::"),
        std::string("s="), std::string("LVM-"), std::string("\xff\xfe\x80"), std::string("1.2.3."),
        std::string("a:b:c:d:e:f:0:1:2:3")})
    CHECK(mask(text) == text);
  const std::string many(100000, ':');
  CHECK(mask(many) == many);
  std::string parts;
  for (unsigned i = 0; i < 200000; ++i) parts += i % 3 == 0 ? "a." : i % 3 == 1 ? "b-" : "0:";
  CHECK(mask(parts).size() == parts.size());
  const std::string digits(100000, 'a');
  CHECK(mask(digits) == digits);
}
