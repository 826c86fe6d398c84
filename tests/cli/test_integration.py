#!/usr/bin/python3
"""The scripts of kernel-glue/integration, with stand-ins for the programs that they call: no mistake in /etc/hibtool.conf keeps a
machine from making an initramfs, from hibernating by its kernel, or from booting."""

import re
import subprocess
import unittest

from support import ROOT, CliTest

SCRIPTS = ROOT / "kernel-glue" / "integration"
GOOD = "TARGET=/dev/disk/by-partlabel/hibernation\n"
MISTAKES = {
    "blanks at the sign": "TARGET = /dev/sda3\n",
    "a name that is not quoted": "TARGET=/dev/disk/by-partlabel/my hibernation\n",
    "a quotation mark too many": "TARGET='/dev/sda3\n",
    "a condition that does not hold": GOOD + "[ -e /nonexistent ] && KERNEL=yes\n",
    "a name that nobody has set": GOOD + 'ARM_OPTIONS="$OPTIONS_OF_MINE"\n',
}
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "${{0##*/}} $*" >> {folder}/calls\n{body}\n'
# Where a script looks, and where it is to look here.
PLACES = r"/(etc/hibtool|usr/share/initramfs-tools|usr/lib/systemd|usr/libexec|var/lib/hibtool|dev/kmsg|proc/cmdline|sys/class|dev/disk)"


class Script(CliTest):
    def setUp(self):
        super().setUp()
        for folder in ("bin", "etc", "dev", "proc", "usr/share/initramfs-tools", "usr/lib/systemd", "var/lib"):
            (self.folder / folder).mkdir(parents=True)
        self.write("calls", b"")
        self.write("dev/kmsg", b"")
        self.write("proc/cmdline", b"root=/dev/sda1 ro\n")

    def stand_in(self, name, body=""):
        path = self.folder / ("bin/" + name if "/" not in name else name)
        path.write_text(STAND_IN.format(folder=self.folder, body=body))
        path.chmod(0o755)

    def run_script(self, name, *arguments, conf=GOOD):
        (self.folder / "etc/hibtool.conf").write_text(conf)
        script = self.folder / "script"
        script.write_text(re.sub(PLACES, rf"{self.folder}/\1", (SCRIPTS / name).read_text()))
        return subprocess.run(["sh", script, *arguments], capture_output=True, text=True, timeout=60, env={"PATH": f"{self.folder}/bin:/usr/bin:/bin", "version": "6.12.0"})

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()


class Hook(Script):
    def setUp(self):
        super().setUp()
        functions = "".join(f'{name}() {{ echo "{name} $*" >> {self.folder}/calls; }}\n' for name in ("copy_exec", "copy_file", "manual_add_modules"))
        (self.folder / "usr/share/initramfs-tools/hook-functions").write_text(functions)

    def test_the_initramfs_gets_what_resuming_takes(self):
        self.assertEqual(self.run_script("initramfs-tools/hooks/hibtool").returncode, 0)
        self.assertIn("copy_exec /usr/bin/hibtool", self.calls())
        self.assertIn("manual_add_modules hibjump", self.calls())

    def test_a_mistake_is_told_and_the_initramfs_is_made(self):
        for what, conf in MISTAKES.items():
            with self.subTest(what):
                self.write("calls", b"")
                done = self.run_script("initramfs-tools/hooks/hibtool", conf=conf)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stderr or self.calls(), "neither a word nor a file")

    def test_a_kernel_that_is_not_there_does_not_end_it(self):
        with open(self.folder / "usr/share/initramfs-tools/hook-functions", "a") as functions:
            functions.write('copy_file() { [ "$1" != kernel ]; }\n')
        done = self.run_script("initramfs-tools/hooks/hibtool", conf=GOOD + "KERNEL=yes\n")
        self.assertEqual(done.returncode, 0)
        self.assertIn("no /boot/vmlinuz-6.12.0", done.stderr)


class Sleep(Script):
    def setUp(self):
        super().setUp()
        self.stand_in("hibtool", "exit 1")
        self.stand_in("usr/lib/systemd/systemd-sleep")

    def test_a_mistake_leaves_it_to_the_kernel(self):
        for what, conf in MISTAKES.items():
            with self.subTest(what):
                self.write("calls", b"")
                done = self.run_script("sleep", "hibernate", conf=conf)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.calls()[-1], "systemd-sleep hibernate")


class Resume(Script):
    def setUp(self):
        super().setUp()
        self.stand_in("sleep")
        self.stand_in("modprobe")
        self.stand_in("hibtool")

    def said(self):
        return (self.folder / "dev/kmsg").read_text()

    def test_a_file_of_which_the_initramfs_was_told_nothing_is_not_waited_for(self):
        self.assertEqual(self.run_script("resume", conf="TARGET=/srv/hibernation\n").returncode, 0)
        self.assertEqual(self.calls(), [])
        self.assertIn("/srv/hibernation is a file", self.said())

    def test_a_mistake_never_ends_the_boot(self):
        for what, conf in MISTAKES.items():
            with self.subTest(what):
                self.assertEqual(self.run_script("resume", conf=conf).returncode, 0)

    def test_noresume_keeps_it_from_looking(self):
        self.write("proc/cmdline", b"ro noresume\n")
        self.assertEqual(self.run_script("resume").returncode, 0)
        self.assertEqual((self.calls(), self.said()), ([], ""))


class Arm(Script):
    def setUp(self):
        super().setUp()
        for name in ("modprobe", "update-initramfs"):
            self.stand_in(name)
        self.stand_in("hibtool", '[ "$1" != arm ] || echo \'  "offset": 4096,\'')
        self.stand_in("findmnt", 'printf "%s\\n" "$5"')

    def made(self):
        return sum(call.startswith("update-initramfs") for call in self.calls())

    def test_the_initramfs_is_made_once_for_a_target(self):
        for target in ("/srv/hibernation", r"/srv/new\name"):
            with self.subTest(target):
                self.write("calls", b"")
                for _ in range(2):
                    done = self.run_script("arm", conf=f"TARGET='{target}'\n")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(self.made(), 1)

    def disk(self, bus, name, *drivers):
        """A folder of /sys for a disk, with a driver for each folder above it."""
        path = self.folder / "sys/devices" / bus
        for number, driver in enumerate(drivers):
            path /= str(number)
            (path / "driver").mkdir(parents=True)
            (path / "driver/module").symlink_to(f"/module/{driver}")
        path = path / "block" / name
        path.mkdir(parents=True)
        (self.folder / "sys/class/block").mkdir(parents=True, exist_ok=True)
        (self.folder / "sys/class/block" / name).symlink_to(path)
        return path

    def test_the_initramfs_gets_the_drivers_of_the_disk_and_of_those_below_it(self):
        mapped = self.disk("virtual", "dm-0")
        (mapped / "slaves").mkdir()
        (mapped / "slaves/sda2").symlink_to(self.disk("pci", "sda2", "ahci", "sd_mod"))
        (mapped / "slaves/sdb").symlink_to(self.disk("usb", "sdb", "xhci_pci", "usb_storage", "sd_mod"))
        (self.folder / "dev/disk/by-uuid").mkdir(parents=True)
        self.write("dev/dm-0", b"")
        (self.folder / "dev/disk/by-uuid/1234").symlink_to(self.folder / "dev/dm-0")
        self.stand_in("findmnt", "echo 1234")
        self.assertEqual(self.run_script("arm", conf="TARGET=/srv/hibernation\n").returncode, 0)
        self.assertIn("\nDRIVERS='ahci sd_mod usb_storage xhci_pci'\n", (self.folder / "var/lib/hibtool/place").read_text())

    def test_a_condition_that_does_not_hold_is_no_failure(self):
        done = self.run_script("arm", conf="TARGET=/srv/hibernation\n[ -e /nonexistent ] && KERNEL=yes\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hibtool arm --json --target /srv/hibernation", self.calls())


if __name__ == "__main__":
    unittest.main()
