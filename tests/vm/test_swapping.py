#!/usr/bin/env python3
"""Machines that had pages swapped out when they hibernated, with the kernel as the judge: packed, the disk wiped, written
back, resumed by the stock kernel, and every page of a program that was larger than memory read."""

import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import hibernation  # noqa: E402
import swapping  # noqa: E402
from support import ROOT  # noqa: E402
from test_hibernation import run  # noqa: E402
from tool import tool, tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
PARTITION = hibernation.PARTITION_START * hibernation.SECTOR
JUNK = os.urandom(1 << 20)
BATCH_KIB = 64 * 4  # a processor takes slots, and gives them back, in batches (SWAP_SLOTS_CACHE_SIZE): also between two looks


class SwappedMachine:
    """The tests; a class for each machine follows."""

    def setUp(self):
        self.machine = self.make()

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.made = swapping.hibernate_swapping(cls.make_machine(), cls.folder, CACHE)
        cls.used_kib = cls.what_the_kernel_counts()
        cls.packed = cls.folder / "packed.hib"
        cls.pack()

    @classmethod
    def what_the_kernel_counts(cls):
        """path -> Used, as /proc/swaps says when the untouched disk has been resumed: its swap map is that of the image. What it
        said before is no judge: the hibernation itself swaps out what it needs room for."""
        resumed = swapping.resume_swapping(cls.made)
        assert resumed is not None and resumed.wrong_pages == 0, resumed
        return resumed.used_kib

    @classmethod
    def pack(cls):
        tool("create", cls.made.guest.disk, "-o", cls.packed)

    @classmethod
    def make_machine(cls):
        return swapping.swapping_machine(cls.series)

    def make(self):
        return self.made.guest.machine

    def copy(self, name):
        disk = self.folder / name
        run("cp", "--sparse=always", self.made.guest.disk, disk)
        self.addCleanup(disk.unlink)
        return disk

    @classmethod
    def fresh_header(cls):
        """What mkswap writes."""
        with tempfile.NamedTemporaryFile() as area:
            area.truncate(cls.made.guest.machine.swap_mib << 20)
            run("mkswap", "-q", "-L", "fresh", area.name)
            return area.read(4096)

    def wiped(self, name):
        """The disk with junk for the partition's content, and a fresh swap area over it."""
        disk = self.copy(name)
        with open(disk, "r+b") as file:
            file.seek(PARTITION)
            for _ in range(self.machine.swap_mib):
                file.write(JUNK)
            file.seek(PARTITION)
            file.write(self.fresh_header())
        return disk

    def check_comes_back(self, disk):
        resumed = swapping.resume_swapping(self.made, disk)
        self.assertIsNotNone(resumed, "the machine did not come back")
        self.assertEqual(resumed.wrong_pages, 0)
        self.check_counts(resumed.used_kib)

    def check_counts(self, used_kib):
        self.assertEqual(used_kib.keys(), self.used_kib.keys())
        for path, used in self.used_kib.items():
            self.assertLessEqual(abs(used_kib[path] - used), BATCH_KIB, path)

    def test_the_slots_are_those_that_the_kernel_counted(self):
        for image in (self.made.guest.disk, self.packed):
            said = tool_json("inspect", image)["swapped_out"]
            used = {area["path"]: 4 * area["slots"] for area in said["areas"]}
            self.check_counts(used)
            self.assertTrue(said["exact"])
            here, = (area for area in said["areas"] if area["holds_image"])
            self.assertEqual(here["slots"], said["slots"])
            self.assertGreater(said["slots"], 10000)
        said = tool_json("verify", self.packed)
        self.assertEqual(said["verdict"], "good")
        self.assertEqual(said["swapped_pages"]["unreadable"], 0)
        self.assertIn("identical swapped-out pages", tool("diff", self.made.guest.disk, self.packed))

    def test_a_packed_machine_comes_back_on_a_wiped_disk(self):
        disk = self.wiped("wiped")
        said = tool_json("restore", self.packed, "-o", disk, "--as", "swsusp", "--codec", self.other_codec)
        self.assertGreater(said["swapped_slots_written"], 10000)
        self.check_comes_back(disk)

    def test_written_back_to_its_own_disk_it_leaves_the_slots_alone(self):
        disk = self.copy("same")
        said = tool_json("restore", self.packed, "-o", disk, "--as", "swsusp", "--codec", "none")
        self.assertEqual(said["swapped_slots_written"], 0)
        self.check_comes_back(disk)

    def test_without_the_slots_it_is_not_written_back(self):
        without = self.folder / "without.hib"
        tool("create", self.made.guest.disk, "-o", without, "--without-swapped-pages")
        disk = self.wiped("refused")
        tool("restore", without, "-o", disk, "--as", "swsusp", code=4)
        self.assertIn("swapped-out pages", json.loads(tool("restore", without, "-o", disk, "--as", "swsusp", "--json", code=4))["message"])
        tool("restore", without, "-o", disk, "--as", "swsusp", "--without-swapped-pages")


class Swapped61(SwappedMachine, unittest.TestCase):
    series = "6.1"
    other_codec = "none"


class Swapped612(SwappedMachine, unittest.TestCase):
    """Packed after mkswap has overwritten the swap header, and with it what led to the image."""

    series = "6.12"
    other_codec = "lz4"

    @classmethod
    def pack(cls):
        disk = cls.folder / "overwritten"
        run("cp", "--sparse=always", cls.made.guest.disk, disk)
        with open(disk, "r+b") as file:
            file.seek(PARTITION)
            file.write(cls.fresh_header())
        found, = tool_json("inspect", "--carve", disk)["images"]
        assert (found["confidence"], [one["code"] for one in found["missing"]]) == ("certain", ["header"]), found
        tool("create", disk, "--at", found["at"], "-o", cls.packed)
        disk.unlink()


class TwoAreas612(SwappedMachine, unittest.TestCase):
    """The first area, on a disk of its own, is full; the second has the rest, and the image."""

    series = "6.12"
    other_codec = "none"

    @classmethod
    def make_machine(cls):
        second = cls.folder / "second"
        with open(second, "wb") as disk:
            disk.truncate(64 << 20)
        run("mkswap", "-q", second)
        return swapping.swapping_machine(cls.series, prepare="swapon /dev/vdb\n", drives=(f"file={second},if=virtio,format=raw",))

    def test_both_areas_are_named(self):
        said = tool("inspect", self.packed)
        self.assertIn("of /dev/vda1, where the image lies", said)
        self.assertIn("of /dev/vdb\n", said)


if __name__ == "__main__":
    unittest.main()
