#!/usr/bin/env python3
"""A machine's memory as QEMU dumps it at its last instruction and, in another QEMU process, at its first one after the power
cycle. Each page that differs must have a reason, and each reason a source that is none of hibtool's."""

import mmap
import os
import re
import struct
import subprocess
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import jump  # noqa: E402
from gdb import GdbStub  # noqa: E402
from living import Machine, life  # noqa: E402
from support import HIBTOOL  # noqa: E402
from test_jump import CACHE, THROUGH_THE_SAVER, JumpTest, pages_called  # noqa: E402

PAGE = 4096
LOW = 0xA0000 // PAGE  # first page frame of the video memory
MIB = 0x100000 // PAGE
ALL, NONE = [(0, PAGE)], []
RESTORED = 2  # enum hibjump_outcome
# kernel-glue/offsets.h: the code between the kernels writes where its segments are, and pushes two words.
TRAMPOLINE_GDTR, TRAMPOLINE_GDT = 1024, 1040
TRAMPOLINE_WRITES = [(TRAMPOLINE_GDTR + 2, TRAMPOLINE_GDTR + 10), (PAGE - 16, PAGE)]


class Dump:
    """Physical memory in an ELF file, by page frame. What is changed here stays the same in the file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._place = {}
        for kind, _, at, _, physical, in_file, _, _ in program_headers(self._bytes):
            if kind == 1:
                self._place.update({(physical + offset) // PAGE: at + offset for offset in range(0, in_file, PAGE)})

    def frames(self):
        return self._place.keys()

    def page(self, frame):
        return self._bytes[self._place[frame]:self._place[frame] + PAGE]

    def flip(self, frame, offset):
        self._bytes[self._place[frame] + offset] ^= 0x10


@dataclass
class Kind:
    name: str
    frames: set
    may_differ: list  # the bytes of such a page, as (begin, end)


@dataclass
class Found:
    name: str
    pages: int
    differ: set
    unexplained: set


def compare(before, after, kinds):
    """Each page that both have counts for the first kind that it is of."""
    left, found = before.frames() & after.frames(), []
    for kind in kinds:
        frames = left & kind.frames
        left -= frames
        differ = {frame for frame in frames if before.page(frame) != after.page(frame)}
        unexplained = {frame for frame in differ if without(before.page(frame), kind.may_differ) != without(after.page(frame), kind.may_differ)}
        found.append(Found(kind.name, len(frames), differ, unexplained))
    assert not left, "pages of no kind"
    return found


def unexplained(found):
    return {frame for kind in found for frame in kind.unexplained}


def without(page, ranges):
    for begin, end in ranges:
        page = page[:begin] + bytes(end - begin) + page[end:]
    return page


def table(title, found):
    rows = [f"{kind.name:44} {kind.pages:8} {len(kind.differ):8} {len(kind.unexplained):12}" for kind in found]
    return "\n".join([f"{title:44} {'pages':>8} {'differ':>8} {'unexplained':>12}", *rows])


class Cycles:
    machine = Machine(cpus=2, modules=("qemu_fw_cfg",))  # by which the kernel gives QEMU its VMCOREINFO
    free_pages = False
    through_saver = False

    def test_every_page_that_a_power_cycle_has_changed_is_one_that_may_change(self):
        living = self.living(self.machine)
        self.debugger = living.folder / "gdb"
        self.extra = ["-gdb", f"unix:{self.debugger},server=on,wait=off"]
        self.leave(living)
        subprocess.run([HIBTOOL, "restore", "-q", living.target, "-o", living.folder / "image.elf", "--as", "elf"], check=True)
        self.come_back(living)

    def leave(self, living):
        """Also what the machine and its processor say of where things lie: registers have the arguments of hibjump_switch()."""
        with living.boot(extra=self.extra) as guest:
            self.begin(guest, living.machine)
            self.iomem = self.run_in(guest, "cat /proc/iomem")
            symbols = self.run_in(guest, "cat /proc/kallsyms | grep '\\[hibjump\\]'")
            self.resume, switch = (int(re.search(rf"^(\w+) \w {name}\t", symbols, re.M)[1], 16) for name in ("hibjump_resume", "hibjump_switch"))
            self.life = life(guest)
            with GdbStub(self.debugger) as gdb:
                guest.send(f"hibtool arm -q --target /dev/vda {'--free-pages' if self.free_pages else ''} && hibtool hibernate")
                gdb.run_to(switch + last_instruction(jump.build_module(living.kernel, CACHE)), 120)
                self.at_jump = guest.registers()
                guest.dump(living.folder / "before.elf")
                gdb.go_on()
                guest.wait_end(180)

    def come_back(self, living):
        with living.restore(extra=self.extra, through_saver=self.through_saver) as guest:
            with GdbStub(self.debugger) as gdb:  # another kernel may have other code at this address
                gdb.run_to(self.resume, 180, lambda: guest.registers()["CR3"] == self.at_jump["RDX"])
                now = guest.registers()
                self.assertEqual((now["RIP"], now["RDI"]), (self.resume, self.at_jump["RDI"]))
                guest.dump(living.folder / "after.elf")
                self.judge(living.folder)
                gdb.go_on()
                said = "\n".join(guest.read_until(r"^CODE \d+$", 120))
            self.assertTrue(said.endswith("resumed from the image\nCODE 0"), said)
            self.assertEqual(THROUGH_THE_SAVER in said, self.through_saver, said)
            self.assert_goes_on(guest, living.machine, self.life)
            self.assert_file_system_is_clean(guest, living)

    def judge(self, folder):
        unused = pages_without_use(folder / "before.elf")
        before, after, image = (Dump(folder / f"{name}.elf") for name in ("before", "after", "image"))
        ram = pages_called(self.iomem, "System RAM") - pages_called(self.iomem, "Crash kernel")
        not_saved = ram - image.frames()
        self.assertEqual(not_saved, set() if self.free_pages else ram & unused, "what is not saved, and what the kernel does not use")
        self.assert_image_is_what_was_left(before, image)
        kinds = self.kinds(before, ram, not_saved)
        found = compare(before, after, kinds)
        print(table(f"{self.machine.series}, {'through the saver' if self.through_saver else 'straight'}", found), flush=True)
        self.assertEqual(unexplained(found), set(), [f"{frame:#x} of {kind.name!r}" for kind in found for frame in sorted(kind.unexplained)[:5]])
        self.assertEqual(before.frames(), after.frames())
        self.assertEqual(after.page(self.trampoline()), image.page(self.trampoline()))
        self.assert_differs_where_a_power_cycle_must_show(before, after, found)
        self.assert_a_changed_byte_is_found(before, after, kinds)

    def kinds(self, before, ram, not_saved):
        crash = pages_called(self.iomem, "Crash kernel")
        others = before.frames() - ram - crash
        return [
            Kind("not RAM, below 1 MiB: the firmware's", {frame for frame in others if frame < MIB}, ALL),
            Kind("not RAM, above: ACPI's tables, ROM", others, NONE),
            Kind("crash region", crash, ALL),
            Kind("not used, and not saved", not_saved, ALL),
            Kind("the module's context", {self.context(before)}, [(answer_in(before.page(self.context(before))), PAGE)]),
            Kind("the page of the code between the kernels", {self.trampoline()}, TRAMPOLINE_WRITES),
            Kind("RAM below 640 KiB", {frame for frame in ram if frame < LOW}, NONE),
            Kind("all other RAM", ram, NONE),
        ]

    def context(self, before):
        """RDI has its virtual address, by which it is found in the page."""
        name = struct.pack("<Q", self.at_jump["RDI"])
        frames = [frame for frame in before.frames() if before.page(frame)[:6] == b"HIBJXT" and name in before.page(frame)]
        self.assertEqual(len(frames), 1)
        return frames[0]

    def trampoline(self):
        return self.at_jump["RSI"] // PAGE

    def assert_image_is_what_was_left(self, before, image):
        found = compare(before, image, [Kind("code between the kernels", {self.trampoline()}, TRAMPOLINE_WRITES), Kind("all others", set(before.frames()), NONE)])
        self.assertEqual(unexplained(found), set(), "pages of the image that are not what the machine left")
        self.assertEqual(image.frames() - before.frames(), set())

    def assert_differs_where_a_power_cycle_must_show(self, before, after, found):
        differ = {kind.name: len(kind.differ) for kind in found}
        self.assertGreater(differ["crash region"], 1000)
        if not self.free_pages:
            self.assertGreater(differ["not used, and not saved"], 1000)
        self.assertGreater(found[-1].pages, 30_000)
        page = after.page(self.trampoline())
        self.assertEqual(struct.unpack_from("<Q", page, TRAMPOLINE_GDTR + 2)[0], self.at_jump["RSI"] + TRAMPOLINE_GDT)
        frame = self.context(before)
        answer = after.page(frame)[answer_in(before.page(frame)):]
        self.assertEqual(answer, struct.pack("<I", RESTORED) + bytes(len(answer) - 4))

    def assert_a_changed_byte_is_found(self, before, after, kinds):
        """The first page of each kind, at a byte that must be the same."""
        seen = set()
        for kind in kinds:
            frames = (kind.frames & before.frames()) - seen
            seen |= frames
            if kind.may_differ == ALL or not frames:
                continue
            after.flip(min(frames), 100)
            self.assertEqual(unexplained(compare(before, after, kinds)), {min(frames)}, kind.name)
            after.flip(min(frames), 100)


class Straight612(Cycles, JumpTest):
    pass


class Straight61(Cycles, JumpTest):
    machine = Machine(series="6.1", cpus=2, modules=("qemu_fw_cfg",))


class High612(Cycles, JumpTest):
    """Memory above 4 GiB, more processors, page tables of four levels."""
    machine = Machine(cpus=4, machine="q35", memory_mib=2560, append="no5lvl", modules=("qemu_fw_cfg",))


class Saver612(Cycles, JumpTest):
    """With the pages that nobody uses: then every page of RAM must be the same."""
    free_pages = True
    through_saver = True


class Saver61(Cycles, JumpTest):
    machine = Machine(series="6.1", cpus=2, modules=("qemu_fw_cfg",))
    through_saver = True


def last_instruction(module):
    """Of hibjump_switch(): the jump to the code between the kernels, as an offset."""
    said = subprocess.run(["objdump", "-d", "--disassemble=hibjump_switch", module], capture_output=True, text=True, check=True).stdout
    start = int(re.search(r"^(\w+) <hibjump_switch>:$", said, re.M)[1], 16)
    return int(re.search(r"^ *(\w+):.*jmp +\*%rsi$", said, re.M)[1], 16) - start


def answer_in(context):
    """Where in the context the part begins that is for whoever enters the machine: struct hibjump_context."""
    return 24 + struct.unpack_from("<I", context, 12)[0]


def program_headers(data):
    start, (size, count) = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<IIQQQQQQ", data, start + number * size) for number in range(count)]


def pages_without_use(elf):
    """Page frames that makedumpfile, which reads the kernel's own notes of each page, calls free."""
    put_program_headers_first(elf)
    kdump = elf.with_suffix(".kdump")
    subprocess.run(["makedumpfile", "--message-level", "0", "-d", "16", elf, kdump], check=True, env={**os.environ, "TMPDIR": str(elf.parent)})
    with open(kdump, "rb") as file:
        block, sub_header, bitmaps = struct.unpack_from("<III", file.read(PAGE), 428)
        file.seek((1 + sub_header) * block)
        present, dumped = file.read(bitmaps * block // 2), file.read(bitmaps * block // 2)
    return {8 * at + bit for at, (one, other) in enumerate(zip(present, dumped)) for bit in range(8) if (one & ~other) >> bit & 1}


def put_program_headers_first(elf):
    """makedumpfile expects them right behind the ELF header, where QEMU puts section headers."""
    with open(elf, "r+b") as file:
        head = bytearray(file.read(64))
        file.seek(struct.unpack_from("<Q", head, 32)[0])
        count = struct.unpack_from("<H", head, 56)[0]
        headers = file.read(56 * count)
        struct.pack_into("<QQ", head, 32, 64, 0)
        struct.pack_into("<HHHHHH", head, 52, 64, 56, count, 0, 0, 0)
        file.seek(0)
        file.write(head + headers)


if __name__ == "__main__":
    unittest.main()
