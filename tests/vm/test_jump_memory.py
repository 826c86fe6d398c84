#!/usr/bin/env python3
"""Which memory a jump saves: all that the machine has when it leaves, wherever it lies, but for the pages that must not be read.
Memory that the saver was not told of, or that a driver manages, is refused."""

import struct
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
from living import Machine, life, wait_for_writing  # noqa: E402
from support import ROOT  # noqa: E402
from test_jump import SAVE, JumpTest, pages, pages_called  # noqa: E402

ADDED = range(0x100000, 0x110000)  # page frames of the 256 MiB that are added
ROOM_FOR_MORE = ["-m", "512,slots=2,maxmem=2G"]
FAR_UP = 0x4000000000  # 256 GiB: above what one piece of memory can have a map of
OFFLINE = FAR_UP + (1 << 30)  # 128 MiB that somebody takes offline
HAS_CHANGED = "the machine's memory is not what it was when it was armed; hibtool arm again"


class MemoryTest(JumpTest):
    def living(self, machine):
        living = super().living(machine)
        program = living.folder / "arm_ram"
        subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-I", str(ROOT / "kernel-glue/include/uapi"), "-o", str(program), str(HERE / "arm_ram.c")], check=True)
        living.initramfs = living.initramfs_for(living.kernel, files={"bin/arm_ram": program})
        return living

    def memory_record(self, image):
        records = self.hibtool("inspect", "--records", "--json", image)["records"]
        return next(record["fields"] for record in records if record["type"] == "memory")


class MemoryThatIsAdded(MemoryTest):
    """To a machine that is armed."""

    machine = Machine(modules=("virtio_mem",))

    def add(self, guest):
        guest.qmp.execute("object-add", **{"qom-type": "memory-backend-ram", "id": "more", "size": 256 << 20})
        guest.qmp.execute("device_add", driver="pc-dimm", id="dimm", memdev="more")
        self.run_in(guest, "until grep -q '100000000-10fffffff : System RAM$' /proc/iomem && ! grep -q offline /sys/devices/system/memory/memory*/state; do usleep 50000; done")

    def test_it_is_refused_until_the_machine_is_armed_again_and_a_drivers_memory_always(self):
        living = self.living(self.machine)
        with living.boot(extra=[*ROOM_FOR_MORE, "-object", "memory-backend-ram,id=mem,size=256M"]) as guest:
            self.begin(guest, living.machine)
            self.assertEqual(self.run_in(guest, "arm_ram").split("\n"), ["all success", "none EINVAL", "without-the-last ERANGE", "one-too-many ERANGE", "one-page-short ERANGE"])
            self.run_in(guest, "hibtool arm -q --target /dev/vda")
            self.add(guest)
            before = life(guest)
            self.assertIn(HAS_CHANGED, self.run_in(guest, "hibtool hibernate --return", code=4))
            self.assertIn(HAS_CHANGED, self.run_in(guest, "hibtool hibernate --rehearse", code=4))
            self.assert_goes_on(guest, living.machine, before)
            guest.qmp.execute("device_add", driver="virtio-mem-pci", id="vmem", memdev="mem", **{"requested-size": 128 << 20})
            self.run_in(guest, "until grep -q 'System RAM (virtio_mem)' /proc/iomem; do usleep 50000; done")
            self.assertRegex(self.run_in(guest, "hibtool arm -q --target /dev/vda", code=4), r'128 MiB that a driver manages as "System RAM \(virtio_mem\)"')
            self.assertIn(HAS_CHANGED, self.run_in(guest, "hibtool hibernate --rehearse", code=4))
            self.run_in(guest, "hibtool disarm -q")
            self.assertIn("all EOPNOTSUPP", self.run_in(guest, "arm_ram"))
            self.assert_goes_on(guest, living.machine, before)

    def test_it_is_saved_and_comes_back_when_the_machine_is_armed_again(self):
        living = self.living(self.machine)
        with living.boot(extra=ROOM_FOR_MORE) as guest:
            self.begin(guest, living.machine)
            self.run_in(guest, "hibtool arm -q --target /dev/vda")
            self.add(guest)
            self.run_in(guest, "mount -o remount,size=500M /tmp && alive fill /tmp/more 260")
            iomem = self.run_in(guest, "cat /proc/iomem")
            before = life(guest)
            guest.send("hibtool arm -q --free-pages --target /dev/vda && hibtool hibernate --return")
            wait_for_writing(living.target)
            guest.stop()
            guest.dump(living.folder / "seen.elf")
            guest.resume()
            self.assertEqual(guest.read_until(r"^CODE \d+$", 180)[-1], "CODE 0")
            self.assert_goes_on(guest, living.machine, before)
            self.assert_holds_what_was_added(living, iomem)
            self.run_in(guest, "alive check /tmp/more")
            before = life(guest)
            guest.send(SAVE)
            guest.wait_end(180)
        with living.restore(extra=[*ROOM_FOR_MORE, "-object", "memory-backend-ram,id=more,size=256M", "-device", "pc-dimm,id=dimm,memdev=more"]) as guest:
            said = guest.read_until(r"^CODE \d+$", 180)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"], said)
            self.assert_goes_on(guest, living.machine, before)
            self.run_in(guest, "alive check /tmp/more")
            self.assert_file_system_is_clean(guest, living)

    def assert_holds_what_was_added(self, living, iomem):
        report = self.hibtool("diff", "--json", living.target, living.folder / "seen.elf", code=1)
        expected = pages_called(iomem, "System RAM") & set(ADDED)
        self.assertEqual(len(expected), len(ADDED))
        for name in ("changed", "only_b"):
            found = {pfn for start, count in pages(report["ranges"][name]) for pfn in range(start, start + count)}
            self.assertEqual(found & expected, set(), name)
        self.assertIn({"start": 4 << 30, "bytes": 256 << 20}, self.memory_record(living.target)["range"])


class MemoryThatIsNotRead(MemoryTest):
    """A page is poisoned, a balloon holds some, a module is offline, much is free, and some lies far above the rest."""

    machine = Machine(machine="q35", modules=("virtio_balloon", "hwpoison_inject"))
    extra = ["-m", "512,slots=2,maxmem=512G", "-object", "memory-backend-ram,id=far,size=128M", "-device", f"pc-dimm,memdev=far,addr={FAR_UP:#x}",
             "-object", "memory-backend-ram,id=off,size=128M", "-device", f"pc-dimm,memdev=off,addr={OFFLINE:#x}",
             "-device", "virtio-balloon-pci,id=balloon"]

    def poison(self, guest):
        """The page frame of a page that nobody can read any more."""
        self.run_in(guest, "echo a page > /tmp/victim; mount -t debugfs debugfs /sys/kernel/debug")
        frame = int(self.run_in(guest, "arm_ram pfn /tmp/victim"), 16)
        self.run_in(guest, f"echo {frame:#x} > /sys/kernel/debug/hwpoison/corrupt-pfn && grep -q 'HardwareCorrupted: *4 kB' /proc/meminfo")
        return frame

    def inflate(self, guest, mib):
        guest.qmp.execute("balloon", value=mib << 20)
        for _ in range(600):
            if guest.qmp.execute("query-balloon")["actual"] == mib << 20:
                return
            self.run_in(guest, "usleep 50000")
        self.fail("the balloon does not grow")

    def begin_without(self, guest, living):
        """A machine with a poisoned page, which is returned, memory that is offline, and a balloon."""
        self.begin(guest, living.machine)
        self.run_in(guest, f"cd /sys/devices/system/memory/memory{OFFLINE >> 27} && echo offline > state && grep -q offline state; cd /")
        frame = self.poison(guest)
        self.inflate(guest, 672)
        return frame, life(guest)

    def go_on(self, guest, living, before):
        """The kernel has said itself that memory is bad."""
        self.run_in(guest, "dmesg -c > /dev/null")
        self.assert_goes_on(guest, living.machine, before)

    def test_it_is_left_out_and_the_machine_goes_on(self):
        living = self.living(self.machine)
        with living.boot(extra=self.extra) as guest:
            frame, before = self.begin_without(guest, living)
            self.assertIn("goes on", self.run_in(guest, SAVE + " --return"))
            self.go_on(guest, living, before)
            self.assert_left_out(living, frame)

    def test_a_machine_with_such_memory_comes_back(self):
        living = self.living(self.machine)
        with living.boot(extra=self.extra) as guest:
            frame, before = self.begin_without(guest, living)
            guest.send("hibtool arm -q --free-pages --target /dev/vda && hibtool hibernate")
            guest.wait_end(180)
        self.assertFalse(is_held(self.as_elf(living), frame), "free pages are saved, this one is not")
        with living.restore(extra=self.extra) as guest:
            said = guest.read_until(r"^CODE \d+$", 180)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"], said)
            self.go_on(guest, living, before)
            self.assert_file_system_is_clean(guest, living)

    def as_elf(self, living):
        self.hibtool("restore", living.target, "-o", living.folder / "vmcore", "--as", "elf", "--force")
        return living.folder / "vmcore"

    def assert_left_out(self, living, frame):
        record, elf = self.memory_record(living.target), self.as_elf(living)
        self.assertEqual(record["poisoned_pages"], 1)
        self.assertGreaterEqual(record["offline_pages"], 32768)
        self.assertFalse(any(is_held(elf, (OFFLINE >> 12) + number) for number in range(0, 32768, 512)), "memory that is offline")
        self.assertIn({"start": FAR_UP, "bytes": 128 << 20}, record["range"])
        self.assertFalse(is_held(elf, frame), f"page frame {frame:#x}")
        self.assertTrue(any(is_held(elf, FAR_UP // 4096 + number) for number in range(32768)))
        self.assertGreater(self.hibtool("inspect", "--json", living.target)["pages"]["absent"], 20000)


def is_held(elf, frame):
    """Does a vmcore have the bytes of a page?"""
    with open(elf, "rb") as file:
        head = file.read(64)
        start, (size, count) = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<HH", head, 54)
        file.seek(start)
        segments = [struct.unpack_from("<IIQQQQQQ", file.read(size)) for _ in range(count)]
    return any(kind == 1 and physical <= frame * 4096 < physical + in_file for kind, _, _, _, physical, in_file, _, _ in segments)


if __name__ == "__main__":
    unittest.main()
