#!/usr/bin/env python3
"""Where a jump's image may go beside a disk of its own: a swap device, which is one again afterwards, and the blocks of a
file on a file system that stays mounted. And where it may not."""

import struct
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
from living import Machine, life  # noqa: E402
from test_jump import JumpTest  # noqa: E402


def blkid(path):
    return subprocess.run(["blkid", "-p", "-o", "export", str(path)], capture_output=True, text=True).stdout


class Targets(JumpTest):
    machine = Machine(files_mib=512)

    def cycle(self, living, target, offset=0):
        with living.boot() as guest:
            self.begin(guest, self.machine)
            self.prepare(guest)
            said = json_schema.loads(self.run_in(guest, f"hibtool arm --json --target {target}"))
            self.assertEqual(self.machine.memory_mib, 512)
            before = life(guest)
            guest.send("hibtool hibernate")
            guest.wait_end(180)
        with living.boot(f"hib.restore={said['target']['device']} hib.offset={said['target']['offset']}") as guest:
            found = guest.read_until(r"^CODE \d+$", 180)
            self.assertEqual(found[-2:], ["resumed from the image", "CODE 0"])
            self.assert_goes_on(guest, self.machine, before)
            self.finish(guest)
            self.assert_file_system_is_clean(guest, living)

    def prepare(self, guest):
        pass

    def finish(self, guest):
        pass


class SwapDevice(Targets):
    def test_an_image_goes_into_a_swap_device_that_is_one_again_afterwards(self):
        living = self.living(self.machine)
        subprocess.run(["mkswap", "-q", "-L", "hibswap", str(living.target)], check=True)
        self.before = blkid(living.target)
        self.assertIn("TYPE=swap", self.before)
        self.cycle(living, "/dev/vda")
        self.assertEqual(blkid(living.target), self.before, "UUID and label")

    def prepare(self, guest):
        self.run_in(guest, "swapon /dev/vda")
        self.assertIn("in use: the machine swaps to it", self.run_in(guest, "hibtool arm --target /dev/vda", code=4))
        self.run_in(guest, "swapoff /dev/vda")
        self.run_in(guest, "hibtool arm -q --target /dev/vda && hibtool disarm && hibtool disarm")
        self.is_swap_again(guest)
        self.run_in(guest, "hibtool arm -q --target /dev/vda && hibtool arm -q")
        self.is_swap_again(guest)
        self.run_in(guest, "hibtool arm --kernel /bin/busybox --target /dev/vda", code=2)
        self.is_swap_again(guest)
        self.run_in(guest, "hibtool arm --standby --append module_blacklist=virtio_blk --target /dev/vda", code=2)
        self.is_swap_again(guest)
        self.run_in(guest, "hibtool arm -q --target /dev/vda && hibtool hibernate --return && swapon /dev/vda", code=1)  # the image is there
        self.run_in(guest, "hibtool disarm")
        self.is_swap_again(guest)

    def is_swap_again(self, guest):
        self.run_in(guest, "swapon /dev/vda && swapoff /dev/vda")

    def finish(self, guest):
        self.run_in(guest, "swapon /dev/vda && swapoff /dev/vda")


class FileOnMountedFileSystem(Targets):
    def test_an_image_goes_into_the_blocks_of_a_file(self):
        living = self.living(self.machine)
        self.cycle(living, "/mnt/image")

    def prepare(self, guest):
        for name in ("between1", "image", "between2"):
            self.run_in(guest, f"dd if=/dev/zero of=/mnt/{name} bs=1M count=1 && sync")
        self.assertIn("fallocate", self.run_in(guest, "dd if=/dev/zero of=/mnt/holes bs=1M seek=9 count=1; hibtool arm --target /mnt/holes", code=4))
        self.assertIn("something in it", self.run_in(guest, "cp /bin/busybox /mnt/full; hibtool arm --target /mnt/full", code=4))
        self.assertIn("tmp", self.run_in(guest, "hibtool arm --target /tmp/data", code=4))
        self.run_in(guest, "dd if=/dev/zero of=/mnt/swap bs=1M count=8; chmod 600 /mnt/swap; mkswap /mnt/swap && swapon /mnt/swap")
        self.assertIn("in use: the machine swaps to it, expected a swap area that is off; swapoff /mnt/swap", self.run_in(guest, "hibtool arm --force --target /mnt/swap", code=4))
        self.run_in(guest, "swapoff /mnt/swap; hibtool arm -q --force --target /mnt/swap; mkswap /mnt/swap && swapon /mnt/swap")
        self.assertIn("in use", self.run_in(guest, "hibtool hibernate", code=4))
        self.run_in(guest, "swapoff /mnt/swap; rm /mnt/swap; fallocate -l 300M /mnt/image && sync")
        self.run_in(guest, "hibtool arm -q --target /mnt/image && rm /mnt/image && fallocate -l 200M /mnt/image && sync")
        self.assertIn("changed since it was armed", self.run_in(guest, "hibtool hibernate", code=4))
        self.run_in(guest, "rm /mnt/image && fallocate -l 300M /mnt/image && sync")

    def finish(self, guest):
        self.run_in(guest, "rm /mnt/image")


class PartitionThatMoves(JumpTest):
    START, MOVED, SECTORS = 2048, 10240, 1 << 20

    def write_table(self, disk, start):
        entry = struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), start, self.SECTORS)
        with open(disk, "r+b") as file:
            file.seek(446)
            file.write(entry + bytes(48) + b"\x55\xaa")

    def content(self, disk):
        with open(disk, "rb") as file:
            file.seek(self.START * 512)
            return file.read(64 << 20)

    def test_a_saver_that_stands_by_does_not_write_where_its_target_was(self):
        living = self.living(Machine())
        self.write_table(living.target, self.START)
        with living.boot() as guest:
            self.begin(guest, living.machine)
            before = life(guest)
            self.run_in(guest, "hibtool arm -q --standby --target /dev/vda1")
            self.write_table(living.target, self.MOVED)
            there = self.content(living.target)
            self.assertIn("no device carries the id of this jump", self.run_in(guest, "hibtool hibernate", code=2))
            self.assertEqual(self.content(living.target), there)
            self.write_table(living.target, self.START)
            self.run_in(guest, "hibtool arm -q --standby --target /dev/vda1 && hibtool hibernate --return")
            self.assert_goes_on(guest, living.machine, before)


class NoTarget(JumpTest):
    def test_what_is_mounted_or_put_together_by_software_is_refused(self):
        living = self.living(Machine(modules=("loop",)))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.assertIn("ext4", self.run_in(guest, "hibtool arm --target /dev/vdb", code=4))
            self.assertIn("in use", self.run_in(guest, "hibtool arm --force --target /dev/vdb", code=4))
            self.run_in(guest, "dd if=/dev/zero of=/mnt/loop bs=1M count=8; losetup /dev/loop0 /mnt/loop")
            self.assertIn("put together", self.run_in(guest, "hibtool arm --target /dev/loop0", code=4))
            self.run_in(guest, "losetup -d /dev/loop0")
            self.assertIn("neither", self.run_in(guest, "hibtool arm --target /dev/ttyS0", code=4))
            self.assertIn("armed without one", self.run_in(guest, "hibtool arm -q && hibtool hibernate", code=64))
            self.assert_goes_on(guest, living.machine, life(guest))
            self.assert_file_system_is_clean(guest, living)


if __name__ == "__main__":
    unittest.main()
