// How a machine is set up to resume, read from trees that are made here.
#include <algorithm>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/boot/config_text.h"
#include "lib/diagnose/boot/configuration.h"
#include "lib/diagnose/boot/remedies.h"
#include "tests/support/folder.h"

using namespace hib;
using namespace hib::diagnose;
using namespace hib::diagnose::boot;
using hib::test::Folder;

namespace {

constexpr const char* kUuid = "0a1b2c3d-1111-2222-3333-444455556666";
constexpr const char* kSwaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

// A laptop with a swap partition that its files name in every place.
void write_debian(const Folder& folder) {
  folder.file("proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.1.0-44-amd64 root=UUID=aa ro quiet\n");
  folder.file("proc/sys/kernel/osrelease", "6.1.0-44-amd64\n");
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/sda2 partition 8388604 1024 -2\n");
  folder.file("etc/os-release",
              "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n");
  folder.file("usr/sbin/mkinitramfs", "");
  folder.file("usr/sbin/update-grub", "");
  folder.file("sys/class/block/sda2/dev", "8:2\n");
  folder.file("sys/class/block/sda2/size", "16777216\n");
  folder.file("hibtool/block/sda2", std::string("TYPE=swap\nUUID=") + kUuid + "\n");
}

Configuration read(const Folder& folder) { return read_configuration(folder.tree()); }

std::string utf16(const std::string& text) { return utf16_of_text(text); }

}  // namespace

// ---- command lines

TEST_CASE("The place to resume from is read from a command line") {
  const CommandLine line = parse_command_line("root=/dev/sda1 resume=UUID=0a-1B resume_offset=34816 quiet");
  CHECK(line.resume == "UUID=0a-1B");
  CHECK(line.offset_pages == 34816U);
  CHECK(line.malformed.empty());
  CHECK_FALSE(line.no_resume);
}

TEST_CASE("The last of several values counts") {
  const CommandLine line =
      parse_command_line("resume=/dev/sda1 resume_offset=x resume=/dev/sda2 resume_offset=5");
  CHECK(line.resume == "/dev/sda2");
  CHECK(line.offset_pages == 5U);
}

TEST_CASE("What stands behind two dashes is for init") {
  CHECK_FALSE(parse_command_line("quiet -- resume=/dev/sda1").resume);
}

TEST_CASE("A malformed offset is kept, with the character that does not belong there") {
  const CommandLine line = parse_command_line("resume_offset=36151296..");
  CHECK(line.resume_offset == "36151296..");
  CHECK_FALSE(line.offset_pages);
  REQUIRE(line.malformed.size() == 1);
  CHECK(line.malformed[0].at == 8);
  CHECK(line.malformed[0].text() ==
        "resume_offset=36151296..: \".\" at character 9 of the value, only decimal digits may stand there");
}

TEST_CASE("Offsets that are no numbers are malformed") {
  for (const char* text : {"resume_offset=", "resume_offset=0x10", "resume_offset=-1", "resume_offset=1 2,",
                           "resume_offset=99999999999999999999"}) {
    const CommandLine line = parse_command_line(text);
    const bool is_half = std::string(text).ends_with("1 2,");  // the space ends the value
    CHECK(line.malformed.size() == (is_half ? 0 : 1));
    CHECK(line.offset_pages.has_value() == is_half);
  }
}

TEST_CASE("Devices in a spelling that no initramfs understands are malformed") {
  for (const char* text :
       {"resume=", "resume=sda2", "resume=UUID=", "resume=UUID=0a1g", "resume=PARTUUID=a/b",
        "resume=LABEL=", "resume=/dev/", "resume=8:", "resume=:2", "resume=8:2x"})
    CHECK(parse_command_line(text).malformed.size() == 1);
  for (const char* text : {"resume=/dev/sda2", "resume=UUID=0A-b1", "resume=PARTUUID=12ab-02",
                           "resume=LABEL=swap", "resume=8:2", "resume=\"LABEL=my swap\""})
    CHECK(parse_command_line(text).malformed.empty());
}

TEST_CASE("Words that switch resuming off are told apart") {
  CHECK(parse_command_line("noresume").no_resume);
  CHECK(parse_command_line("hibernate=noresume").no_resume);
  CHECK(parse_command_line("nohibernate").no_hibernate);
  CHECK(parse_command_line("hibernate=no").no_hibernate);
  CHECK(parse_command_line("no_resume").malformed.size() == 1);
  CHECK(parse_command_line("hibernate=yes").malformed.size() == 1);
  CHECK_FALSE(parse_command_line("noresumed").no_resume);
}

// ---- files of assignments

TEST_CASE("Assignments are read as a shell reads them") {
  const auto found = assignments_of(
      "# A=0\nA=\"x $y\" # c\nexport B='q\"'\nC=(one 'two three' # no\n four)\nA+=z\nif D=1\nE=a\\ b\n");
  REQUIRE(found.size() == 5);
  CHECK(found[0].value == "x $y");
  CHECK(found[0].offset == 6);
  CHECK(found[1].value == "q\"");
  CHECK(found[2].value == "one two three four");
  CHECK(found[3].appends);
  CHECK(value_of(found, "A") == "x $y z");
  CHECK(value_of(found, "E") == "a b");
  CHECK(value_of(found, "D").empty());
}

TEST_CASE("Quotes and lists that never end are read up to the end of the file") {
  CHECK(value_of(assignments_of("A=\"x"), "A") == "x");
  CHECK(value_of(assignments_of("A=(x y"), "A") == "x y");
  CHECK(value_of(assignments_of("A="), "A").empty());
  CHECK(value_of(assignments_of("A=\\"), "A") == "\\");
}

// ---- the EFI variable

TEST_CASE("HibernateLocation is decoded") {
  const auto location = parse_hibernate_location(
      "{\"uuid\":\"0A1B2C3D11112222333344445555"
      "6666\",\"offset\":34816,\"kernelVersion\":\"6.12\\u002e1\","
      "\"osReleaseId\":\"debian\",\"other\":{\"a\":[1,{\"b\":null}]},\"autoSwap\":true}");
  REQUIRE(location);
  CHECK(location->uuid == kUuid);
  CHECK(location->offset == 34816U);
  CHECK(location->kernel_version == "6.12.1");
  CHECK(location->os_id == "debian");
}

TEST_CASE("A HibernateLocation that is no object of the right fields is refused, with its place") {
  const auto kind = [](std::string_view json) {
    const auto location = parse_hibernate_location(json);
    REQUIRE_FALSE(location);
    return location.error().kind;
  };
  for (const char* json : {"", "[]", "{", "{\"uuid\"", "{\"uuid\":}", "{\"uuid\":\"x", "{\"a\":1,}",
                           "{\"a\":1} x", "{\"a\":\"\\q\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}", "{}",
                           "{\"offset\":1}", "{\"uuid\":\"short\",\"offset\":1}",
                           "{\"uuid\":\"0a1b2c3d-1111-2222-3333-444455556666\",\"offset\":-1}",
                           "{\"uuid\":\"0a1b2c3d-1111-2222-3333-444455556666\"}"})
    CHECK(kind(json) == ErrorKind::Corrupt);
  CHECK(kind(std::string(70000, ' ')) == ErrorKind::Limit);
  CHECK(kind("{\"a\":[[[[[[[[[[1]]]]]]]]]]}") == ErrorKind::Corrupt);
  std::string many = "{\"a\":1";
  for (int i = 0; i < 64; ++i) many += ",\"a\":1";
  CHECK(kind(many + "}") == ErrorKind::Corrupt);
  const auto misplaced = parse_hibernate_location("{\"a\":1;}");
  REQUIRE_FALSE(misplaced);
  CHECK(misplaced.error().offset == 6U);
}

TEST_CASE("UTF-16 becomes UTF-8, and what is no text a question mark") {
  CHECK(text_of_utf16(utf16("abc") + "x") == "abc");
  CHECK(text_of_utf16(std::string("\x3d\xd8\x00\xde", 4)) == "\xf0\x9f\x98\x80");
  CHECK(text_of_utf16(std::string("\x3d\xd8\x41\x00", 4)) ==
        "\xef\xbf\xbd"
        "A");
  CHECK(text_of_utf16(std::string("\x00\xde", 2)) == "\xef\xbf\xbd");
  CHECK(text_of_utf16(std::string("\x3d\xd8", 2)) == "\xef\xbf\xbd");
}

TEST_CASE("The EFI variable names a place, and a broken one is a problem that is said") {
  const Folder folder;
  write_debian(folder);
  const std::string path = "sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67";
  folder.file(path,
              std::string("\x07\0\0\0", 4) + utf16(std::string("{\"uuid\":\"") + kUuid + "\",\"offset\":7}"));
  auto configuration = read(folder);
  REQUIRE(configuration.settings_of(Origin::EfiVariable).size() == 1);
  CHECK(configuration.settings_of(Origin::EfiVariable)[0]->line.offset_pages == 7U);
  CHECK(configuration.kernel.has_efi == true);

  folder.file(path, std::string("\x07\0\0\0", 4) + utf16("{\"uuid\":1"));
  configuration = read(folder);
  CHECK_FALSE(configuration.resume.efi_problem.empty());
  CHECK(configuration.settings_of(Origin::EfiVariable).empty());

  folder.file(path, std::string("\x07\0\0\0", 4) + utf16("{" + std::string(100000, 'x')));
  configuration = read(folder);
  CHECK(configuration.resume.efi_evidence->text == "{" + std::string(199, 'x') + "…");
  folder.file(path, std::string("\x07\0\0\0", 4) + utf16("{\"uuid\":\"" + std::string(60000, 'x') + "\"}"));
  configuration = read(folder);
  CHECK(configuration.resume.efi_problem.size() < 300);

  folder.file(path, "\x07");  // without all of its attributes
  configuration = read(folder);
  CHECK_FALSE(configuration.resume.efi);
  CHECK_FALSE(configuration.resume.efi_evidence);
}

// ---- boot entries

TEST_CASE("The default entry of GRUB is found by number, in a submenu, by its id, and as it was saved") {
  const Folder folder;
  write_debian(folder);
  const auto config = [](const std::string& wanted) {
    return "if [ x ] ; then\n  set default=\"${next_entry}\"\nelse\n  set default=\"" + wanted +
           "\"\nfi\nfunction f {\n  set a=1\n}\n"
           "menuentry 'Debian' --class os $menuentry_id_option 'simple-1' {\n"
           "  linux /boot/vmlinuz-6.1.0-44-amd64 root=UUID=aa ro resume=UUID=11\n  initrd "
           "/boot/initrd.img-6.1.0-44-amd64\n}\n"
           "submenu 'Advanced' $menuentry_id_option 'advanced' {\n"
           "  menuentry 'Old' $menuentry_id_option 'old-1' {\n    linux /boot/vmlinuz-6.1.0-9-amd64 ro "
           "resume=UUID=22\n  }\n"
           "  menuentry 'Older' $menuentry_id_option 'old-2' {\n    linux /boot/vmlinuz-5.10.0-1-amd64 ro\n  "
           "}\n}\n";
  };
  const auto release = [&](const std::string& wanted) {
    folder.file("boot/grub/grub.cfg", config(wanted));
    return read(folder).next_release();
  };
  CHECK(release("0") == "6.1.0-44-amd64");
  CHECK(release("1>0") == "6.1.0-9-amd64");
  CHECK(release("advanced>old-2") == "5.10.0-1-amd64");
  CHECK(release("Older") == "5.10.0-1-amd64");
  folder.file("boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=old-1\n####\n");
  CHECK(release("${saved_entry}") == "6.1.0-9-amd64");

  const auto configuration = read(folder);
  REQUIRE(configuration.next_boot() != nullptr);
  CHECK(configuration.next_boot()->line.resume == "UUID=22");
  CHECK(configuration.next_boot()->evidence.source == "/boot/grub/grub.cfg");
  CHECK(configuration.settings_of(Origin::BootEntry).size() == 2);
}

TEST_CASE("A default that names no entry of GRUB is unknown") {
  const Folder folder;
  write_debian(folder);
  folder.file("boot/grub/grub.cfg", "set default=\"9\"\nmenuentry 'A' {\nlinux /vmlinuz-1.0 ro\n}\n");
  const auto configuration = read(folder);
  CHECK_FALSE(configuration.boot.default_entry);
  CHECK(configuration.next_release() == "6.1.0-44-amd64");  // the running kernel's
}

TEST_CASE("Entries of the Boot Loader Specification are read, and loader.conf chooses") {
  const Folder folder;
  write_debian(folder);
  folder.file(
      "boot/efi/loader/entries/x-6.1.9.conf",
      "title Nine\nversion 6.1.9\nlinux /x/6.1.9/linux\ninitrd /x/6.1.9/initrd\noptions root=/dev/sda1\n");
  folder.file("boot/efi/loader/entries/x-6.1.10.conf",
              "title Ten\nversion 6.1.10\nlinux /x/6.1.10/linux\noptions a\noptions resume=UUID=33\n");
  CHECK(read(folder).next_release() == "6.1.10");
  CHECK(read(folder).next_boot()->line.resume == "UUID=33");
  folder.file("boot/efi/loader/loader.conf", "timeout 3\ndefault x-6.1.9*\n");
  CHECK(read(folder).next_release() == "6.1.9");
  folder.file("sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
              std::string("\x07\0\0\0", 4) + utf16("x-6.1.10.conf"));
  CHECK(read(folder).next_release() == "6.1.10");
}

TEST_CASE("Entries that Fedora's GRUB takes from the loader's folder have the variables filled in") {
  const Folder folder;
  write_debian(folder);
  folder.file("boot/grub2/grub.cfg", "set default=\"${saved_entry}\"\nset default=1\nblscfg\n");
  folder.file("boot/grub2/grubenv", "saved_entry=m-6.8.5\nkernelopts=root=/dev/sda1 resume=UUID=44\n");
  folder.file("boot/loader/entries/m-6.8.5.conf",
              "title F\nversion 6.8.5\nlinux /vmlinuz-6.8.5\noptions $kernelopts quiet\n");
  folder.file("boot/loader/entries/m-6.9.1.conf",
              "title F\nversion 6.9.1\nlinux /vmlinuz-6.9.1\noptions ro\n");
  const auto configuration = read(folder);
  CHECK(configuration.next_release() == "6.8.5");
  REQUIRE(configuration.next_boot() != nullptr);
  CHECK(configuration.next_boot()->line.resume == "UUID=44");
}

// ---- places that name where to resume from

TEST_CASE("Every place that says where to resume from is found, with its path and its line") {
  const Folder folder;
  write_debian(folder);
  folder.file("proc/cmdline", "ro resume=UUID=01\n");
  folder.file("etc/kernel/cmdline", "# note\nro resume=UUID=02\n");
  folder.file("etc/default/grub", "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"resume=UUID=03\"\n");
  folder.file("etc/default/grub.d/x.cfg",
              "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT resume=UUID=04\"\n");
  folder.file("etc/initramfs-tools/initramfs.conf", "MODULES=most\n# RESUME=no\n");
  folder.file("etc/initramfs-tools/conf.d/resume", "RESUME=UUID=05\n");
  folder.file("etc/dracut.conf.d/k.conf",
              "kernel_cmdline=\"resume=UUID=06\"\nomit_dracutmodules+=\" resume \"\n");
  folder.file("sys/power/resume", "8:2\n");
  folder.file("sys/power/resume_offset", "77\n");
  const auto configuration = read(folder);
  std::vector<std::string> devices;
  for (const ResumeSetting& setting : configuration.resume.settings)
    devices.push_back(setting.line.resume.value_or("-"));
  CHECK(devices ==
        std::vector<std::string>{"UUID=01", "UUID=02", "UUID=03", "UUID=04", "8:2", "UUID=05", "UUID=06"});
  const auto* grub = configuration.settings_of(Origin::CommandLineSource)[1];
  CHECK(grub->evidence.source == "/etc/default/grub");
  CHECK(grub->evidence.offset == 15U);
  CHECK(grub->evidence.text == "GRUB_CMDLINE_LINUX=\"resume=UUID=03\"");
  CHECK(configuration.settings_of(Origin::Sysfs)[0]->line.offset_pages == 77U);
  CHECK(configuration.resume.generator.dracut_omit.find("resume") != std::string::npos);
  CHECK(configuration.unread.empty());
}

TEST_CASE("RESUME=none and auto of initramfs-tools are no devices") {
  const Folder folder;
  write_debian(folder);
  folder.file("etc/initramfs-tools/conf.d/resume", "RESUME=none\n");
  CHECK(read(folder).settings_of(Origin::InitramfsSource)[0]->kind == "none");
  folder.file("etc/initramfs-tools/conf.d/resume", "RESUME=auto\n");
  CHECK(read(folder).settings_of(Origin::InitramfsSource)[0]->kind == "auto");
  folder.file("etc/initramfs-tools/conf.d/resume", "RESUME=sda2\n");
  CHECK(read(folder).settings_of(Origin::InitramfsSource)[0]->line.malformed.size() == 1);
}

TEST_CASE("A drop-in that replaces mkinitcpio's HOOKS is the one that counts") {
  const Folder folder;
  write_debian(folder);
  folder.file("etc/mkinitcpio.conf", "MODULES=(nvidia)\nHOOKS=(base udev block lvm2 resume filesystems)\n");
  folder.file("etc/mkinitcpio.conf.d/o.conf", "HOOKS=(base udev block filesystems)\n");
  const auto& generator = read(folder).resume.generator;
  CHECK(generator.mkinitcpio_hooks == std::vector<std::string>{"base", "udev", "block", "filesystems"});
  CHECK(generator.mkinitcpio_modules == std::vector<std::string>{"nvidia"});
  REQUIRE(generator.mkinitcpio_evidence);
  CHECK(generator.mkinitcpio_evidence->source == "/etc/mkinitcpio.conf.d/o.conf");
}

// ---- swap

TEST_CASE("An encrypted swap with a random key is told, through the mapper that crypttab names") {
  const Folder folder;
  write_debian(folder);
  folder.file("proc/swaps", std::string(kSwaps) + "/dev/dm-0 partition 8388604 1024 -2\n");
  folder.file("sys/class/block/dm-0/dev", "254:0\n");
  folder.file("sys/class/block/dm-0/size", "1000\n");
  folder.file("sys/class/block/dm-0/dm/name", "cryptswap\n");
  folder.file("sys/class/block/dm-0/dm/uuid", "CRYPT-PLAIN-cryptswap\n");
  folder.link("sys/class/block/dm-0/slaves/sda2", "../../sda2");
  folder.file("etc/crypttab", "# <target>\ncryptswap UUID=aa /dev/urandom swap,cipher=aes\n");
  folder.file("etc/fstab", "/dev/mapper/cryptswap none swap sw 0 0\n");
  auto setup = read(folder).swap;
  REQUIRE(setup.areas.size() == 1);
  CHECK(setup.areas[0].is_ephemeral());
  CHECK(setup.areas[0].random_key->source == "/etc/crypttab");
  CHECK(setup.areas[0].said_by.size() == 2);
  CHECK(setup.areas[0].device == "dm-0");

  folder.file("etc/crypttab", "cryptswap UUID=aa /etc/swap.key plain\n");
  CHECK_FALSE(read(folder).swap.areas[0].is_ephemeral());
  folder.file("etc/crypttab", "");
  CHECK(read(folder).swap.areas[0].is_ephemeral());  // plain dm-crypt that nothing sets up with a key of its
                                                     // own
}

TEST_CASE("Without sysfs a mapped swap has a random key only if all that could be it have one") {
  const auto has_random_key = [](const std::string& active, const std::string& fstab,
                                 const std::string& crypttab) {
    const Folder folder;
    folder.file("proc/swaps", std::string(kSwaps) + active);
    folder.file("etc/fstab", fstab);
    folder.file("etc/crypttab", crypttab);
    return read(folder).swap.areas.at(0).random_key.has_value();
  };
  const std::string dm = "/dev/dm-0 partition 524284 0 -2\n";
  const std::string fstab = "/dev/mapper/cswap none swap sw 0 0\n";
  const std::string random = "cswap /dev/vdb /dev/urandom swap,size=256\n";
  CHECK(has_random_key(dm, fstab, random));
  CHECK_FALSE(has_random_key(dm, fstab, "cswap /dev/vdb none luks\n"));
  CHECK_FALSE(has_random_key(dm, fstab + "UUID=aa none swap sw 0 0\n", random));  // it may be that one
  CHECK_FALSE(has_random_key(dm, "", random));
  CHECK_FALSE(has_random_key(dm + "/dev/dm-1 partition 524284 0 -3\n", fstab, random));
  CHECK_FALSE(has_random_key("/dev/vda2 partition 524284 0 -2\n", fstab, random));
}

TEST_CASE("Zram, thin volumes and disks that can be pulled are told") {
  const Folder folder;
  write_debian(folder);
  folder.file(
      "proc/swaps",
      std::string(kSwaps) +
          "/dev/zram0 partition 1000 0 100\n/dev/dm-1 partition 1000 0 -3\n/dev/sdb1 partition 1000 0 -4\n");
  folder.file("sys/class/block/dm-1/dev", "254:1\n");
  folder.file("sys/class/block/dm-1/dm/uuid", "LVM-abc\n");
  folder.file("sys/class/block/dm-2/dev", "254:2\n");
  folder.file("sys/class/block/dm-2/dm/uuid", "LVM-abc-tpool\n");
  folder.link("sys/class/block/dm-1/slaves/dm-2", "../../dm-2");
  folder.file("sys/devices/usb1/block/sdb/removable", "1\n");
  folder.file("sys/devices/usb1/block/sdb/sdb1/partition", "1\n");
  folder.file("sys/devices/usb1/block/sdb/sdb1/dev", "8:17\n");
  folder.link("sys/class/block/sdb", "../../devices/usb1/block/sdb");
  folder.link("sys/class/block/sdb1", "../../devices/usb1/block/sdb/sdb1");
  folder.file("etc/systemd/zram-generator.conf", "[zram0]\nzram-size = ram / 2\n");
  const auto setup = read(folder).swap;
  REQUIRE(setup.areas.size() == 3);
  CHECK(setup.areas[0].is_zram);
  CHECK(setup.areas[1].is_thin);
  CHECK_FALSE(setup.areas[1].is_zram);
  CHECK(setup.areas[2].is_removable);
  CHECK_FALSE(setup.areas[1].is_removable);
  CHECK(setup.zram_generator.size() == 1);
}

TEST_CASE("A swap file is placed on the device of its file system") {
  const Folder folder;
  write_debian(folder);
  folder.file("proc/swaps",
              std::string(kSwaps) + "/swap\\040file file 1000 0 -2\n/gone\\040(deleted) file 10 0 -3\n");
  folder.file("proc/self/mountinfo", "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n");
  const auto setup = read(folder).swap;
  REQUIRE(setup.areas.size() == 2);
  CHECK(setup.areas[0].name == "/swap file");
  CHECK(setup.areas[0].device == "sda2");
  CHECK(setup.areas[0].file_system == "ext4");
  CHECK(setup.areas[1].is_deleted);
}

TEST_CASE("Without /proc/swaps it is not known which swap is in use") {
  const Folder folder;
  folder.file("etc/fstab", "UUID=aa none swap sw 0 0\n/dev/sda1 / ext4 defaults 0 1\n");
  const auto setup = read(folder).swap;
  CHECK_FALSE(setup.is_known);
  REQUIRE(setup.areas.size() == 1);
  CHECK_FALSE(setup.areas[0].is_active);
}

// ---- names of devices

TEST_CASE("A name of a device means one device, none, several, or cannot be told") {
  const Folder folder;
  write_debian(folder);
  folder.file("sys/class/block/sdb1/dev", "8:17\n");
  folder.file("sys/class/block/sdb1/size", "100\n");
  folder.file("hibtool/block/sdb1", "TYPE=btrfs\nUUID=BEEF-0001\nPART_ENTRY_UUID=12ab-02\n");
  folder.file("sys/class/block/sdc1/dev", "8:33\n");
  folder.file("sys/class/block/sdc1/size", "100\n");
  folder.file("hibtool/block/sdc1", "TYPE=btrfs\nUUID=beef-0001\nLABEL=my swap\n");
  folder.file("sys/class/block/dm-3/dev", "254:3\n");
  folder.file("sys/class/block/dm-3/dm/name", "my--vg-swap\n");
  folder.link("dev/mapper/named", "../dm-3");
  const auto devices = read(folder).devices;
  const auto match = [&](const char* spec) { return devices.resolve(spec).match; };
  CHECK(match("UUID=0A1B2C3D-1111-2222-3333-444455556666") == Match::One);
  CHECK(match("PARTUUID=12ab-02") == Match::One);
  CHECK(match("LABEL=my swap") == Match::One);
  CHECK(match("UUID=beef-0001") == Match::Several);
  CHECK(match("UUID=dead") == Match::None);
  CHECK(match("/dev/sda2") == Match::One);
  CHECK(match("/dev/mapper/my--vg-swap") == Match::One);
  CHECK(match("/dev/my-vg/swap") == Match::One);
  CHECK(match("/dev/mapper/named") == Match::One);
  CHECK(match("/dev/root") == Match::None);
  CHECK(match("254:3") == Match::One);
  CHECK(match("ID=x") == Match::Unknown);
  CHECK(devices.resolve("/dev/sda2").is_unstable);
  CHECK(devices.resolve("8:2").is_unstable);
  CHECK_FALSE(devices.resolve("/dev/mapper/named").is_unstable);
  folder.file("hibtool/block/sdc1", "UNREADABLE=Permission denied\n");
  CHECK(read(folder).devices.resolve("UUID=dead").match == Match::Unknown);
  const Folder empty;
  CHECK(read(empty).devices.resolve("UUID=dead").match == Match::Unknown);
}

// ---- the kernel's state

TEST_CASE("Who forbids hibernation is named") {
  const Folder folder;
  write_debian(folder);
  folder.file("sys/power/state", "freeze mem\n");
  folder.file("sys/power/disk", "[disabled]\n");
  folder.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  folder.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
              std::string("\x06\0\0\0\x01", 5));
  folder.file("proc/77/maps", "7f2c-7f2d rw-s 00000000 00:0e 3070804    /secretmem (deleted)\n");
  folder.file("proc/77/comm", "vault\n");
  folder.file("proc/78/maps", "7f2c-7f2d rw-s 00000000 00:0e 307    /home/secretmem\n");
  folder.link("proc/79/fd/3", "/secretmem (deleted)");
  folder.file("proc/79/comm", "agent\n");
  folder.link("sys/bus/cxl/devices/mem0/driver", "../x");
  folder.file("sys/bus/cxl/devices/mem0/driver_dir", "");
  folder.file("proc/meminfo", "MemTotal: 1000 kB\nActive(anon): 10 kB\nHugePages_Total: 3\nBad: x kB\n");
  const auto kernel = read(folder).kernel;
  CHECK(kernel.can_hibernate() == false);
  CHECK(KernelState::chosen(*kernel.disk) == "disabled");
  CHECK(kernel.lockdown == "integrity");
  CHECK(kernel.secure_boot == true);
  REQUIRE(kernel.secret_memory.size() == 2);
  CHECK(kernel.secret_memory[0].name == "vault");
  CHECK(kernel.secret_memory[1].pid == "79");
  CHECK(kernel.memory_of("Active(anon)") == 10240);
  CHECK(kernel.memory_of("HugePages_Total") == 3);
  CHECK(kernel.memory_of("Bad") == 0);
}

TEST_CASE("What the tree does not have is not known, rather than no") {
  const Folder folder;
  const auto configuration = read(folder);
  CHECK_FALSE(configuration.kernel.can_hibernate());
  CHECK_FALSE(configuration.kernel.lockdown);
  CHECK_FALSE(configuration.kernel.secure_boot);
  CHECK(configuration.distribution.generator == Generator::Unknown);
}

// ---- what is to be typed

TEST_CASE("The command that makes the initramfs anew is the distribution's own") {
  const auto command = [](const std::vector<std::string>& tools, const std::string& os) {
    const Folder folder;
    for (const std::string& tool : tools) folder.file(tool, "");
    folder.file("etc/os-release", os);
    const auto tree = folder.tree();
    std::vector<Unread> unread;
    const TreeReader reader(tree, unread);
    return Remedies(reader, read_distribution(reader), read_boot_entries(reader), "6.1").rebuild().command;
  };
  CHECK(command({"usr/sbin/mkinitramfs"}, "ID=debian\n") == "update-initramfs -u -k 6.1");
  CHECK(command({"usr/bin/dracut"}, "ID=debian\n") == "dracut --force /boot/initrd.img-6.1 6.1");
  CHECK(command({"usr/bin/dracut"}, "ID=fedora\n") == "dracut --force --regenerate-all");
  CHECK(command({"usr/bin/dracut", "usr/bin/dracut-rebuild"}, "ID=endeavouros\n") == "dracut-rebuild");
  CHECK(command({"usr/bin/dracut", "usr/bin/kernel-install", "etc/kernel/install.conf"}, "ID=fedora\n") ==
        "kernel-install add 6.1 /boot/vmlinuz-6.1");
  CHECK(command({"usr/bin/mkinitcpio"}, "ID=arch\n") == "mkinitcpio -P");
  CHECK(command({"usr/bin/booster"}, "ID=arch\n") == "/usr/lib/booster/regenerate_images");
  CHECK(command({"usr/bin/dracut", "ostree/repo/config"}, "ID=fedora\n") == "rpm-ostree initramfs --enable");
  CHECK(command({}, "ID=x\n").empty());
}

namespace {
// Of a system that has these files, all of them empty.
Remedies remedies_with(const std::vector<std::string>& files) {
  const Folder folder;
  for (const std::string& file : files) folder.file(file, "");
  const auto tree = folder.tree();
  std::vector<Unread> unread;
  const TreeReader reader(tree, unread);
  return {reader, read_distribution(reader), read_boot_entries(reader), "6.1"};
}
}  // namespace

TEST_CASE("The file and the command that change the command line are the boot loader's own") {
  const auto advice = [](const std::vector<std::string>& files) {
    return remedies_with(files).put("resume=UUID=1");
  };
  CHECK(advice({"boot/grub/grub.cfg", "usr/sbin/update-grub"}).command == "update-grub");
  CHECK(advice({"boot/grub/grub.cfg", "usr/sbin/update-grub"}).file == "/etc/default/grub");
  CHECK(advice({"boot/grub/grub.cfg"}).command == "grub-mkconfig -o /boot/grub/grub.cfg");
  CHECK(advice({"boot/grub2/grub.cfg", "usr/sbin/grub2-mkconfig"}).command ==
        "grub2-mkconfig -o /boot/grub2/grub.cfg");
  CHECK(advice({"boot/grub2/grub.cfg", "usr/sbin/grubby"}).command ==
        "grubby --update-kernel=ALL --args=\"resume=UUID=1\"");
  for (const char* mark : {"run/ostree-booted", "ostree/repo/config"}) {
    const auto found = advice({"boot/grub2/grub.cfg", "usr/sbin/grub2-mkconfig", "usr/sbin/grubby", mark});
    CHECK(found.command == "rpm-ostree kargs --append=resume=UUID=1");
    CHECK(found.file.empty());
  }
  CHECK(advice({"boot/loader/entries/a.conf"}).file == "/boot/loader/entries/a.conf");
  CHECK(advice({"boot/loader/entries/a.conf", "etc/kernel/cmdline", "usr/bin/kernel-install"}).file ==
        "/etc/kernel/cmdline");
  CHECK(advice({"usr/bin/kernel-install"}).file == "/etc/kernel/cmdline");  // of unified kernel images
  CHECK(advice({}).file.empty());
  // Captured without /boot, and without programs.
  CHECK(advice({"etc/default/grub", "etc/mkinitcpio.conf"}).file == "/etc/default/grub");
  CHECK(advice({"etc/default/grub", "etc/mkinitcpio.conf"}).command ==
        "grub-mkconfig -o /boot/grub/grub.cfg");
  CHECK(advice({"boot/limine.conf", "etc/default/limine"}).command == "limine-update");
}

TEST_CASE("A parameter is taken off the command line where it was put") {
  const auto advice = [](const std::vector<std::string>& files) {
    return remedies_with(files).take_off("nohibernate");
  };
  CHECK(advice({"boot/grub/grub.cfg", "usr/sbin/update-grub"}).file == "/etc/default/grub");
  CHECK(advice({"boot/grub/grub.cfg", "usr/sbin/update-grub"}).command == "update-grub");
  CHECK(advice({"boot/grub2/grub.cfg", "usr/sbin/grubby"}).command ==
        "grubby --update-kernel=ALL --remove-args=\"nohibernate\"");
  CHECK(advice({"run/ostree-booted"}).command == "rpm-ostree kargs --delete=nohibernate");
  CHECK(advice({"run/current-system/sw/bin/nixos-rebuild"}).file == "/etc/nixos/configuration.nix");
  CHECK(Remedies().take_off("nohibernate").text == "take nohibernate out of the kernel's command line");
}

TEST_CASE("A module is put into the initramfs, and left out of it, in the generator's own file") {
  struct Case {
    const char* tool;
    const char* add;
    const char* file;
    const char* leave_out;
  };
  for (const Case& one :
       {Case{"usr/sbin/mkinitramfs", "add a line: lz4", "/etc/initramfs-tools/modules",
             "write this hook, behind a first line #!/bin/sh, with mode 0755: [ \"$1\" = prereqs ] || find "
             "\"$DESTDIR\" \\( -name 'lz4.ko*' \\) -delete"},
        Case{"usr/bin/dracut", "write the line: add_drivers+=\" lz4 \"", "/etc/dracut.conf.d/resume.conf",
             "write the line: omit_drivers+=\" lz4 \""},
        Case{"usr/bin/mkinitcpio", "put lz4 into MODULES", "/etc/mkinitcpio.conf",
             "take lz4 out of MODULES, and what brings it in out of HOOKS"}}) {
    const Remedies remedies = remedies_with({one.tool});
    const auto add = remedies.add_module("lz4");
    REQUIRE(add.size() == 2);
    CHECK(add[0].text == one.add);
    CHECK(add[0].file == one.file);
    CHECK(add[1].command == remedies.rebuild().command);
    CHECK(remedies.leave_out_module("lz4").at(0).text == one.leave_out);
  }
  CHECK(Remedies().add_module("lz4").at(0).file.empty());
}

TEST_CASE("The kernel of an image is chosen for one boot by the loader's own command") {
  const auto once = [](const std::vector<std::pair<std::string, std::string>>& files) {
    const Folder folder;
    for (const auto& [name, text] : files) folder.file(name, text);
    const auto tree = folder.tree();
    std::vector<Unread> unread;
    const TreeReader reader(tree, unread);
    return Remedies(reader, read_distribution(reader), read_boot_entries(reader), "6.1")
        .boot_once("6.1.0-44");
  };
  const std::string grub =
      "menuentry 'Old' --id 'old it' {\n linux /boot/vmlinuz-6.1.0-44 ro\n}\n"
      "menuentry 'New' {\n linux /boot/vmlinuz-6.1.0-45 ro\n}\n";
  CHECK(once({{"boot/grub/grub.cfg", grub}, {"usr/sbin/grub-reboot", ""}}).command == "grub-reboot 'old it'");
  CHECK(once({{"boot/grub/grub.cfg", grub}}).command.empty());
  CHECK(once({{"boot/grub/grub.cfg", grub}}).text == "choose \"Old\" in the boot menu");
  CHECK(once({{"boot/loader/loader.conf", "default x\n"},
              {"boot/loader/entries/old.conf", "version 6.1.0-44\nlinux /l\n"}})
            .command == "bootctl set-oneshot old.conf");
  CHECK(Remedies().boot_once("6.1").text == "choose Linux 6.1 in the boot menu");
}

TEST_CASE("Sleep settings and masked units are read") {
  const Folder folder;
  write_debian(folder);
  folder.file("usr/lib/systemd/sleep.conf", "[Sleep]\nAllowHibernation=yes\n");
  folder.file(
      "etc/systemd/sleep.conf.d/a.conf",
      "# x\n[Other]\nAllowHibernation=yes\n[Sleep]\n AllowHibernation = no\nHibernateMode=shutdown\n");
  folder.link("etc/systemd/system/hibernate.target", "/dev/null");
  const auto sleep = read(folder).sleep;
  CHECK(sleep.allow_hibernation == false);
  CHECK(sleep.mode == "shutdown");
  REQUIRE(sleep.masked_units.size() == 1);
  CHECK(sleep.masked_units[0].source == "/etc/systemd/system/hibernate.target");
}

TEST_CASE(
    "The initramfs of the next boot is found by its entry, by its name, and in a unified kernel image") {
  const auto found = [](const std::vector<std::pair<std::string, std::string>>& files) {
    const Folder folder;
    for (const auto& [name, text] : files) folder.file(name, text);
    const auto tree = folder.tree();
    return find_initramfs(tree, read_configuration(tree)).value_or("none");
  };
  CHECK(found({}) == "none");
  CHECK(
      found({{"boot/loader/entries/a.conf", "linux /x/linux\ninitrd /x/ucode\ninitrd /x/initrd\noptions a\n"},
             {"boot/x/ucode", ""},
             {"boot/x/initrd", ""}}) == "/boot/x/initrd");
  CHECK(found({{"proc/sys/kernel/osrelease", "6.1\n"}, {"boot/initramfs-6.1.img", ""}}) ==
        "/boot/initramfs-6.1.img");
  CHECK(found({{"lib/modules/6.1.9/x", ""}, {"lib/modules/6.1.10/x", ""}, {"boot/initrd.img-6.1.10", ""}}) ==
        "/boot/initrd.img-6.1.10");  // a disk that is not running: its newest kernel
  CHECK(found({{"efi/EFI/Linux/m-6.9.1.efi", ""}, {"efi/EFI/Linux/m-6.10.1.efi", ""}}) ==
        "/efi/EFI/Linux/m-6.10.1.efi");
  CHECK(found({{"proc/sys/kernel/osrelease", "6.9.1\n"},
               {"efi/EFI/Linux/m-6.9.1.efi", ""},
               {"efi/EFI/Linux/m-6.10.1.efi", ""}}) == "/efi/EFI/Linux/m-6.9.1.efi");
}
