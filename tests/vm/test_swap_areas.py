#!/usr/bin/env python3
"""What lib/memory says of the swap areas of real kernels, with the kernel as the judge: /proc/swaps just before the machine
hibernated, and again just after it came back; and the pages of a program, which lie in the slots that it is said to use."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from hibernation import PARTITION_START, SECTOR  # noqa: E402
from support import ROOT  # noqa: E402
from swapping import hibernate_swapping, page_content, resume_swapping, swapping_machine  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
PROGRAM = os.environ.get("SHOW_SWAP_AREAS", str(ROOT / "build" / "tests" / "show_swap_areas"))
PAGE = 4096
ZRAM = """
echo 32M > /sys/block/zram0/disksize
mkswap /dev/zram0 > /dev/null
swapon /dev/zram0
"""


@dataclass
class Area:
    numbers: dict = field(default_factory=dict)
    place: dict = field(default_factory=dict)
    runs: dict = field(default_factory=dict)  # "used", "zero", "cached", "zswap" -> slots


def areas_of(image):
    """The areas that show_swap_areas tells of, by path."""
    shown = subprocess.run([PROGRAM, str(image)], capture_output=True, text=True, check=True, timeout=300).stdout
    areas = []
    for line in shown.splitlines():
        word, *rest = line.split()
        if word == "area":
            pairs = [part.split("=") for part in rest]
            areas.append(Area({name: int(value) for name, value in pairs}, {}, {k: [] for k in ("used", "zero", "cached", "zswap")}))
        elif word in ("path", "device", "disk", "kind"):
            areas[-1].place[word] = rest[0]
        elif word in ("used", "zero", "cached", "zswap"):
            areas[-1].runs[word] += range(int(rest[0]), int(rest[0]) + int(rest[1]))
    return {area.place["path"]: area for area in areas}


class SwappedAreas:
    """The tests; a class for each machine follows."""

    machine = None
    path = "/dev/vda1"
    device, disk, kind = "vda1", "vda", "device"
    start = PARTITION_START * SECTOR  # of the area on the disk; None where its slots are not one piece

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.made = hibernate_swapping(cls.machine, cls.folder, CACHE)
        cls.image = cls.made.guest.disk
        cls.areas = areas_of(cls.image)
        cls.area = cls.areas[cls.path]

    def test_the_use_is_what_proc_swaps_said(self):
        for path, used_kib in self.made.used_kib.items():
            area = self.areas[path]
            # What is swapped out between there and the snapshot is little: the kernel has made room once before.
            self.assertLess(abs(area.numbers["inuse"] * 4 - used_kib), 8192, path)
            self.assertEqual(len(area.runs["used"]), area.numbers["inuse"])
        self.assertEqual(self.areas.keys(), self.made.used_kib.keys())

    def test_the_area_is_named(self):
        place = {"path": self.path, "device": self.device, "disk": self.disk, "kind": self.kind}
        self.assertEqual(self.area.place, place)

    def test_the_pages_of_the_program_lie_in_used_slots(self):
        if self.start is None:
            self.skipTest("the slots are not one piece of the disk")
        # A cached slot may also be one that was given back, and whose old content is still there.
        says_nothing = {*self.area.runs["zero"], *self.area.runs["zswap"], *self.area.runs["cached"]}
        found, wrong = Counter(), []
        with open(self.image, "rb") as disk:
            for slot in self.area.runs["used"]:
                if slot in says_nothing:
                    continue
                disk.seek(self.start + slot * PAGE)
                content = disk.read(PAGE)
                marked = re.match(rb"HIBTOOL-SWAPPED index=(\d+) seed=1\n", content)
                if marked:
                    found[int(marked[1])] += 1
                    wrong += [slot] if content != page_content(int(marked[1]), self.made.pages) else []
        self.assertEqual(wrong, [])
        self.assertEqual([index for index, count in found.items() if count > 1], [])
        zeros = len(self.area.runs["used"]) // 10  # one page in 16 is, written or not
        self.assertGreater(len(found), len(self.area.runs["used"]) - len(says_nothing) - zeros)

    def test_the_machine_comes_back_and_says_the_same(self):
        copy = self.folder / "resumed"
        subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
        resumed = resume_swapping(self.made, copy)
        copy.unlink()
        self.assertIsNotNone(resumed)
        self.assertEqual(resumed.wrong_pages, 0)
        for path, used_kib in resumed.used_kib.items():  # a few pages are read in before anything can look
            self.assertLess(abs(self.areas[path].numbers["inuse"] * 4 - used_kib), 1024, path)


class Partition61(SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.1")


class Partition612(SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.12")

    def test_pages_of_zeros_were_not_written(self):
        self.assertGreater(len(self.area.runs["zero"]), len(self.area.runs["used"]) // 20)
        used = set(self.area.runs["used"])
        self.assertLessEqual(set(self.area.runs["zero"]), used)


class OnAFile:
    path, device, kind, start = "/mnt/swapfile", "vda", "file", None


class SwapFile61(OnAFile, SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.1", "swapfile")


class SwapFile612(OnAFile, SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.12", "swapfile")


class WithZram:
    """The first area has the higher priority and is filled first: it is in memory, and part of the image."""

    def test_the_area_in_memory_is_known_as_one(self):
        zram = self.areas["/dev/zram0"]
        self.assertEqual(zram.place, {"path": "/dev/zram0", "device": "zram0", "disk": "zram0", "kind": "zram"})
        self.assertGreater(len(zram.runs["used"]), 0)


class Zram61(WithZram, SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.1", modules=("zram",), prepare=ZRAM)


class Zram612(WithZram, SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.12", modules=("zram",), prepare=ZRAM)


class Zswap61(SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.1", append="zswap.enabled=1")

    def test_pages_that_are_compressed_in_memory_are_told(self):
        self.assertGreater(len(self.area.runs["zswap"]), 0)
        self.assertLessEqual(set(self.area.runs["zswap"]), set(self.area.runs["used"]))
        self.assertEqual(self.area.numbers["others_in_zswap"], 0)


class Zswap612(SwappedAreas, unittest.TestCase):
    machine = swapping_machine("6.12", append="zswap.enabled=1")

    def test_that_pages_are_compressed_in_memory_is_told(self):
        self.assertEqual(self.area.numbers["others_in_zswap"], 1)

    def test_the_pages_of_the_program_lie_in_used_slots(self):
        self.skipTest("which slots have their content on the disk is not told")


if __name__ == "__main__":
    unittest.main()
