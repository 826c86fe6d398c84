#!/usr/bin/env python3
"""Hibernation images of real kernels, with the kernel as the judge: a guest hibernates, hibtool reads, converts and writes
the image, and a stock kernel resumes from what hibtool wrote. Three machines for each kernel, one for each place that an
image lies in."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import hibernation  # noqa: E402
import workload  # noqa: E402
from hibernation import Hibernation, Machine  # noqa: E402
from support import ROOT  # noqa: E402
from tool import tool, tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
PAGE = 4096


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}{done.stdout[-1000:]}")
    return done.stdout


def console_tail(console):
    return "\n".join(console.splitlines()[-30:])


class HibernatedMachine:
    """The tests; a class for each machine follows. Each test works on a copy of the disk as the guest left it."""

    other_codec = None  # written back with this codec too
    with_memory = False

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.guest = Hibernation(cls.machine, cls.folder, CACHE)
        cls.guest.make_disk()
        cls.empty = cls.copy("empty") if cls.machine.layout != "swapfile" else None
        cls.snapshot = cls.guest.hibernate(cls.with_memory)
        cls.armed = cls.copy("armed")
        cls.digest = tool_json("verify", cls.armed)["content_digest"]
        cls.hib = cls.folder / "image.hib"
        tool("create", cls.armed, "-o", cls.hib, "-q")

    @classmethod
    def copy(cls, name, source=None):
        target = cls.folder / name
        subprocess.run(["cp", "--sparse=always", source or cls.guest.disk, target], check=True)
        return target

    def wiped(self, name):
        """The disk with nothing of the image left on it: freshly made, or the swap file's content gone."""
        if self.empty:
            return self.copy(name, self.empty)
        disk = self.copy(name, self.armed)
        report = tool_json("inspect", "--map", disk)
        with open(disk, "r+b") as device:
            for piece in report["map"]:
                if not piece["label"].startswith("unlabelled"):
                    header = piece["label"].startswith("swap header")
                    start = int(piece["offset"], 0)
                    if header:  # the hibernation header at the page's end; what mkswap wrote stays
                        device.seek(start + PAGE - 40)
                        device.write(bytes(30) + b"SWAPSPACE2")
                    else:
                        device.seek(start)
                        device.write(bytes(piece["bytes"]))
        self.assertEqual(tool_json("inspect", disk)["state"], "none")
        return disk

    def assert_resumes(self, disk):
        came_back, console = self.guest.resume(self.snapshot, disk)
        self.assertTrue(came_back, console_tail(console))

    # ---- reading

    def test_the_image_is_found_and_proven(self):
        report = tool_json("inspect", self.armed)
        self.assertEqual((report["format"], report["state"], report["codec"]), ("swsusp", "armed", self.codec))
        self.assertEqual(report["kernel"]["release"], self.guest.kernel.release)
        self.assertTrue(report["kernel"]["version"].startswith("#1 SMP"))
        verdict = tool_json("verify", self.armed)
        self.assertEqual(verdict["verdict"], "unverifiable" if self.codec == "none" else "good", verdict["layers"])

    def test_the_log_in_the_memory_is_what_the_console_showed(self):
        line = re.compile(r"^\[ *\d+\.\d{6}\] .*\S", re.M)
        log = line.findall(tool("inspect", "-q", "--dmesg", self.armed))
        self.assertIn("PM: hibernation: Creating image", "\n".join(log[-5:]))
        shown = line.findall(self.snapshot.console.replace("\r", ""))
        known = set(log)
        count = max(i for i, text in enumerate(shown) if text in known)  # what it says while it saves is not in the snapshot
        self.assertGreater(count, 200)
        self.assertEqual([text for text in shown[:count] if text not in known], [])

    def test_the_known_pages_lie_where_the_guest_says(self):
        raw = self.folder / "memory"
        tool("restore", self.armed, "--as", "raw", "-o", raw, "-q")
        self.assertGreater(len(self.snapshot.pages), 200)
        self.assertEqual(workload.check_raw(raw, self.snapshot.pages), [])
        raw.unlink()

    def test_every_format_holds_the_same_memory(self):
        for form in ("elf", "kdump", "lime", "avml", "snapshot", "hib"):
            with self.subTest(form):
                output = self.folder / f"out.{form}"
                tool("restore", self.armed, "--as", form, "-o", output, "-q")
                self.assertEqual(tool_json("verify", output)["content_digest"], self.digest)
                output.unlink()

    def test_makedumpfile_and_gdb_open_what_it_becomes(self):
        vmcore, dump, smaller = (self.folder / name for name in ("vmcore", "dump", "smaller"))
        tool("restore", self.armed, "--as", "elf", "-o", vmcore, "-q")
        tool("restore", self.armed, "--as", "kdump", "-o", dump, "-q")
        for source in (vmcore, dump):
            run("makedumpfile", "-l", "-d", "1", source, smaller)
            self.assertEqual(tool_json("verify", smaller)["content_digest"], self.digest)
            smaller.unlink()
        machine = next(r for r in tool_json("inspect", "--records", vmcore)["records"] if r["type"] == "machine")
        uts = re.search(r"^SYMBOL\(init_uts_ns\)=(\w+)$", bytes.fromhex(machine["fields"]["vmcoreinfo"]["hex"]).decode(), re.M)[1]
        said = run("gdb", "-q", "-batch", "-ex", f"core-file {vmcore}", "-ex", f"find /b 0x{uts}, +64, 'L', 'i', 'n', 'u', 'x'", "-ex", "info registers rip")
        self.assertIn("1 pattern found", said)
        self.assertRegex(said, r"rip\s+0xffffffff")  # in the kernel's text: the return address of swsusp_arch_suspend()
        vmcore.unlink()
        dump.unlink()

    def test_the_machine_it_comes_from_would_accept_it_and_another_would_not(self):
        root = self.folder / "root"
        lines = self.snapshot.lines
        entries = [line.split(maxsplit=4)[1:] for line in lines if line.startswith("MEMMAP ")]
        for number, start, end, kind in entries:
            write(root / "sys/firmware/memmap" / number / "start", start)
            write(root / "sys/firmware/memmap" / number / "end", end)
            write(root / "sys/firmware/memmap" / number / "type", kind)
        write(root / "sys/power/state", "freeze mem disk")
        write(root / "proc/sys/kernel/osrelease", self.guest.kernel.release)
        write(root / "proc/zoneinfo", "Node 0\n        present  " + hibernation.one(lines, r"PRESENT (\d+)"))
        write(root / "proc/crypto", "name         : lzo\n\nname         : lz4\n")
        report = tool_json("verify", self.armed, "--against-running", "--root", root)
        self.assertTrue(report["acceptable"], report["acceptance"])
        results = {layer["name"]: layer["result"] for layer in report["acceptance"]}
        self.assertEqual(results["here: memory map"], "ok")
        self.assertEqual(results["here: page count"], "ok")
        write(root / "sys/firmware/memmap" / entries[-1][0] / "type", "Unusable memory")
        report = tool_json("verify", self.armed, "--against-running", "--root", root, code=1)
        self.assertIn("Hibernate inconsistent memory map detected!", str(report["acceptance"]))
        shutil.rmtree(root)

    # ---- writing

    def test_a_stock_kernel_resumes_from_what_was_packed_and_written_back(self):
        disk = self.wiped("written")
        before = area_identity(tool_json("inspect", disk))
        tool("restore", self.hib, "--as", "swsusp", "-o", disk)
        report = tool_json("inspect", disk)
        self.assertEqual((report["state"], report["codec"]), ("armed", self.codec))
        self.assertEqual(area_identity(report), before)
        self.assertEqual(tool_json("verify", disk)["content_digest"], self.digest)
        self.assert_resumes(disk)
        disk.unlink()

    def test_a_stock_kernel_resumes_from_another_codec(self):
        if not self.other_codec:
            self.skipTest("one codec is written back already")
        disk = self.wiped("recoded")
        tool("restore", self.armed, "--as", "swsusp", "--codec", self.other_codec, "-o", disk)
        self.assertEqual(tool_json("inspect", disk)["codec"], self.other_codec)
        self.assertEqual(tool_json("verify", disk)["content_digest"], self.digest)
        self.assert_resumes(disk)
        disk.unlink()

    # ---- consumed images

    def test_an_image_that_was_refused_is_read_and_armed_again_and_read_once_more_when_it_was_resumed_from(self):
        disk = self.copy("refused", self.armed)
        came_back, console = self.guest.resume(self.snapshot, disk, append="mem=200M")  # "Image mismatch: memory size"
        self.assertIsNone(came_back, console_tail(console))
        self.assert_consumed_and_whole(disk)
        self.rearm(disk)
        self.assert_resumes(disk)
        self.assert_consumed_and_whole(disk)
        disk.unlink()

    def assert_consumed_and_whole(self, disk):
        self.assertEqual(tool_json("inspect", disk)["state"], "consumed")
        self.assertEqual(tool_json("verify", disk)["content_digest"], self.digest)

    def rearm(self, disk):
        if self.codec == "none":  # whether its blocks are untouched cannot be proven
            report = tool_json("restore", "--rearm", "--yes", disk, code=4)
            self.assertFalse(report["rearm"]["possible"])
            self.assertEqual(tool_json("inspect", disk)["state"], "consumed")
            shutil.copyfile(self.armed, disk)
            return
        before = disk.read_bytes()
        self.assertTrue(tool_json("restore", "--rearm", disk)["rearm"]["possible"])
        self.assertEqual(disk.read_bytes(), before)  # a rehearsal writes nothing
        tool("restore", "--rearm", "--yes", disk)
        self.assertEqual(tool_json("inspect", disk)["state"], "armed")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def area_identity(report):
    return [report["details"].get(name) for name in ("swap UUID", "swap label")]


class WithMemory:
    """Beside the image: physical memory, dumped by QEMU at the first instruction of swsusp_save()."""

    with_memory = True

    def test_memory_at_the_moment_of_the_snapshot_agrees(self):
        report = tool_json("diff", "-f", "auto,raw", self.armed, self.snapshot.memory, code=1)
        pages = report["pages"]
        self.assertEqual((pages["only_a"], pages["unknown"]), (0, 0))
        # Between there and the copy the kernel goes on working: its stack, per-CPU data, the list of pages to copy.
        self.assertLess(pages["changed"], 300)
        changed = {pfn for first, count in report["ranges"]["changed"] for pfn in range(int(first, 0), int(first, 0) + count)}
        self.assertEqual(changed & {page.pfn for page in self.snapshot.pages}, set())


class WithMutants:
    def test_mutants_of_this_image_are_read_or_refused(self):
        program = os.environ.get("SWSUSP_MUTANTS")
        if not program:
            self.skipTest("SWSUSP_MUTANTS names the program that makes them")
        done = subprocess.run([program, "Mutants of an image that a kernel wrote*"], env={**os.environ, "HIB_REAL_IMAGE": str(self.armed)},
                              capture_output=True, text=True, timeout=1000)
        self.assertEqual(done.returncode, 0, done.stdout)


class Disk61(WithMutants, WithMemory, HibernatedMachine, unittest.TestCase):
    machine = Machine("6.1", "disk")
    codec, other_codec = "lzo", "none"


class Partition61(HibernatedMachine, unittest.TestCase):
    machine = Machine("6.1", "gpt", "hibernate=nocompress")
    codec, other_codec = "none", "lzo"


class SwapFile61(HibernatedMachine, unittest.TestCase):
    machine = Machine("6.1", "swapfile")
    codec = "lzo"

    def test_a_file_system_that_was_mounted_since_forbids_arming(self):
        disk = self.copy("mounted", self.armed)
        came_back, console = self.guest.resume(self.snapshot, disk, append="mem=200M", go_on=True)
        self.assertIsNone(came_back, console_tail(console))
        report = tool_json("restore", "--rearm", "--yes", disk, code=4)
        reasons = [check["text"] for check in report["checks"] if not check["ok"]]
        self.assertIn("it was mounted or checked since", reasons)
        self.assertEqual(tool_json("inspect", disk)["state"], "consumed")
        disk.unlink()


class Disk612(WithMemory, HibernatedMachine, unittest.TestCase):
    machine = Machine("6.12", "disk")
    codec, other_codec = "lzo", "lz4"


class Partition612(HibernatedMachine, unittest.TestCase):
    machine = Machine("6.12", "gpt", "hibernate.compressor=lz4")
    codec, other_codec = "lz4", "none"


class SwapFile612(HibernatedMachine, unittest.TestCase):
    machine = Machine("6.12", "swapfile", "hibernate=nocompress")
    codec = "none"


class WithXfs:
    """XFS keeps no time of its last write: the end of its log tells, on the disk and in the memory of the image."""

    machine_series = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.xfs = cls.folder / "xfs"
        with open(cls.xfs, "wb") as disk:
            disk.truncate(512 << 20)
        run("mkfs.xfs", "-q", cls.xfs)
        # Some records in the log: the kernel keeps the last ones in memory, and three of them tell where it ends.
        prepare = ("mkdir -p /mnt && mount -t xfs /dev/vdb /mnt || echo NOMOUNT > /dev/ttyS1\n"
                   "for number in 1 2 3 4 5 6; do date > /mnt/$number; sync; done\n")
        cls.guest = Hibernation(Machine(cls.machine_series, "disk", modules=("crc32c_generic", "xfs"), prepare=prepare,
                                        drives=(f"file={cls.xfs},if=virtio,format=raw",)), cls.folder, CACHE)
        cls.guest.make_disk()
        cls.snapshot = cls.guest.hibernate()
        cls.as_left = cls.folder / "xfs-as-left"
        run("cp", "--sparse=always", cls.xfs, cls.as_left)
        # Refused ("Image mismatch: memory size"), and the boot goes on: it mounts the file system and writes to it.
        came_back, console = cls.guest.resume(cls.snapshot, append="mem=200M", go_on=True)
        if came_back is not None or "NOMOUNT" in "\n".join(cls.snapshot.lines):
            raise AssertionError(console_tail(console))

    def checks(self, *arguments, code):
        report = tool_json("rearm", *arguments, self.guest.disk, code=code)
        return [check["text"] for check in report["checks"] if check["name"].startswith("file system")]

    def test_a_log_that_ends_where_it_did_allows_arming_and_the_kernel_resumes(self):
        self.assertEqual(self.checks("--device", self.as_left, code=0), ["xfs, as the machine left it"])
        disk = self.folder / "again"
        run("cp", "--sparse=always", self.guest.disk, disk)
        tool("rearm", "--yes", "--device", self.as_left, disk)
        written = self.folder / "xfs-written"
        shutil.move(self.xfs, written)
        run("cp", "--sparse=always", self.as_left, self.xfs)
        came_back, console = self.guest.resume(self.snapshot, disk)
        self.assertTrue(came_back, console_tail(console))
        self.assertNotIn("XFS (vdb): Corruption", console)
        shutil.move(written, self.xfs)

    def test_a_log_that_went_on_forbids_arming(self):
        texts = self.checks("--device", self.xfs, "--yes", code=4)
        self.assertEqual(len(texts), 1)
        self.assertRegex(texts[0], "it was written since: expected MARK_LOG_HEAD up to .*, found MARK_LOG_HEAD ")

    def test_a_file_system_that_is_not_there_has_to_be_named(self):
        self.assertRegex(self.checks(code=4)[0], "the machine used this xfs file system, and it is not on .*--device")


class Xfs61(WithXfs, unittest.TestCase):
    machine_series = "6.1"


class Xfs612(WithXfs, unittest.TestCase):
    machine_series = "6.12"


if __name__ == "__main__":
    unittest.main()
