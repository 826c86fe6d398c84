#!/usr/bin/env python3
"""Hibernation images of Debian's arm64 kernels, of pages of 4 and of 16 KiB: read, proven, opened by gdb, and written
back so that the kernel resumes. The guest needs nothing but busybox."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import initramfs  # noqa: E402
import kernel  # noqa: E402
from guest import Guest  # noqa: E402
from support import ROOT  # noqa: E402
from tool import tool, tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
MARKS = 400  # pages of the known file
SWAP_MIB = 256

# A boot with nothing to resume from makes the known file and hibernates; the next one goes on behind that line.
INIT = r"""
exec > /dev/ttyS0 2>&1
cat /sys/class/block/vda/dev > /sys/power/resume
echo NORESUME
mount -t tmpfs tmpfs /tmp
for number in $(seq MARKS); do printf "%-PAGEs" "mark $number of the known file"; done > /tmp/known
md5sum /tmp/known
echo "PRESENT $(awk '$1 == "present" { sum += $2 } END { print sum }' /proc/zoneinfo)"
grep -m 2 -E ' T (_cpu_resume|swsusp_arch_suspend)$' /proc/kallsyms
swapon /dev/vda
echo IMAGE_SIZE > /sys/power/image_size
echo READY
echo disk > /sys/power/state
md5sum /tmp/known
echo RESUMED
poweroff -f
"""


def only(lines, pattern):
    found = [match for match in (re.search(pattern, line) for line in lines) if match]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} lines match {pattern!r}:\n" + "\n".join(lines))
    return found[0]


class Arm64:
    """The tests; a class for each machine follows."""

    machine, processor, memory_mib = "virt", None, 256
    image_size = "1099511627776"

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.kernel = kernel.fetch(cls.series, CACHE)
        init = INIT.replace("MARKS", str(MARKS)).replace("PAGE", str(cls.page)).replace("IMAGE_SIZE", cls.image_size)
        cls.initramfs = initramfs.build(cls.folder / "initrd", cls.kernel, ["virtio_pci", "virtio_blk", "lzo", "lz4"], commands=init,
                                        busybox=kernel.fetch_busybox(cls.series, CACHE))
        cls.armed = cls.fresh_area("armed")
        with cls.boot(cls.armed) as guest:
            cls.lines = guest.read_until("^READY$", timeout=120)
            guest.wait_end(timeout=120)
            cls.console = guest.console_path.read_text(errors="replace").splitlines()
        cls.digest = tool_json("verify", cls.armed)["content_digest"]

    @classmethod
    def fresh_area(cls, name):
        path = cls.folder / name
        with open(path, "wb") as disk:
            disk.truncate(SWAP_MIB << 20)
        subprocess.run(["mkswap", "-q", "-p", str(cls.page), "-L", "hibswap", path], check=True, capture_output=True)
        return path

    @classmethod
    def boot(cls, disk):
        return Guest(cls.kernel, cls.initramfs, cls.memory_mib, machine=cls.machine, processor=cls.processor, drives=[f"file={disk},if=virtio,format=raw"])

    def test_the_image_is_what_the_kernel_says_it_is(self):
        report = tool_json("inspect", self.armed)
        self.assertEqual((report["format"], report["state"], report["codec"], report["page_size"]), ("swsusp", "armed", "lzo", self.page))
        self.assertEqual((report["kernel"]["release"], report["kernel"]["machine"]), (self.kernel.release, "aarch64"))
        copied = only(self.console, r"Image created \((\d+) pages copied(?:, (\d+) zero pages)?\)")
        data, zero = int(copied[1]), int(copied[2] or 0)
        present = int(only(self.lines, r"^PRESENT (\d+)$")[1])
        self.assertEqual((report["pages"]["data"], report["pages"]["zero"]), (data, zero))
        self.assertEqual(report["details"]["saved"], f"{data + zero:,} of {present:,} pages: {data:,} with data, {zero:,} marked as zero")

    def test_its_log_is_in_the_pages(self):
        log = [line["text"] for line in tool_json("inspect", "--dmesg", self.armed)["lines"]]
        self.assertTrue(any(text.startswith(f"Linux version {self.kernel.release} ") for text in log[:5]), log[:5])
        self.assertIn("PM: hibernation: Creating image:", log[-10:])

    def test_the_restore_record_is_shown_and_proven(self):
        record = tool_json("inspect", self.armed)["details"]["jump back"]
        match = re.fullmatch(r"arm64, reenter_kernel 0x(\w+), ttbr1_el1 0x(\w+), __hyp_stub_vectors 0x(\w+), "
                             r"sleep_cpu_mpidr 0x0, uts_version (#1 SMP Debian .*)", record)
        self.assertIsNotNone(match, record)
        self.assertEqual(match[1], self.symbol("_cpu_resume"))
        self.assertEqual(int(match[3], 16) != 0, self.has_vectors)
        self.assertEqual(int(match[2], 16) % self.page, 0)
        verdict = tool_json("verify", self.armed)
        self.assertEqual(verdict["verdict"], "good", verdict["layers"])
        layers = {layer["name"]: layer["text"] for layer in verdict["layers"]}
        self.assertTrue(layers["restore record"].endswith("; its page tables lead there"), layers)
        self.assertEqual(layers["kernel version"], f"{match[4]}, as the kernel in the pages says")

    def symbol(self, name):
        return only(self.lines, rf"^(\w+) T {name}$")[1]

    def test_elf_and_kdump_files_hold_the_same_memory(self):
        for form in ("elf", "kdump"):
            with self.subTest(form):
                output = self.folder / form
                tool("restore", self.armed, "--as", form, "-o", output, "-q")
                self.assertEqual(tool_json("verify", output)["content_digest"], self.digest)
                self.assertEqual(tool_json("inspect", output)["kernel"]["machine"], "aarch64")
                output.unlink()

    def known_pages(self):
        lime = self.folder / "lime"
        tool("restore", self.armed, "--as", "lime", "-o", lime, "-q")
        content = lime.read_bytes()
        lime.unlink()
        marks = (f"mark {number} of the known file".ljust(self.page).encode() for number in range(1, MARKS + 1))
        return sum(mark in content for mark in marks)

    def test_gdb_opens_what_it_becomes(self):
        vmcore = self.folder / "vmcore"
        tool("restore", self.armed, "--as", "elf", "-o", vmcore, "-q")
        records = tool_json("inspect", "--records", vmcore)["records"]
        text = next(r for r in records if r["type"] == "machine")["fields"]["vmcoreinfo"]
        info = dict(line.split("=", 1) for line in bytes.fromhex(text["hex"]).decode().splitlines())
        names = int(info["SYMBOL(init_uts_ns)"], 16) + int(info["OFFSET(uts_namespace.name)"])
        suspend = int(self.symbol("swsusp_arch_suspend"), 16)
        said = subprocess.run(["gdb-multiarch", "-q", "-batch", "-ex", f"core-file {vmcore}", "-ex", "show architecture", "-ex", f"x/s {names}",
                               "-ex", f"x/s {names + 2 * 65}", "-ex", f"x/s {names + 4 * 65}", "-ex", "x/i $pc-4",
                               "-ex", f"printf \"%ld into it\\n\", (long)$pc - {suspend}", "-ex", f"x/gx 0x{info['SYMBOL(mem_section)']}"],
                              capture_output=True, text=True)
        output = said.stdout + said.stderr
        for name in ("Linux", self.kernel.release, "aarch64"):
            self.assertIn(f'"{name}"', output)
        self.assertIn('(currently "aarch64")', output)
        self.assertRegex(output, r"\tbl\t")  # the call of __cpu_suspend_enter()
        self.assertTrue(0 < int(re.search(r"^(-?\d+) into it", output, re.M)[1]) < 512, output)
        self.assertNotIn("Cannot access memory", output)  # mem_section, in the direct map
        vmcore.unlink()

    def test_the_kernel_resumes_from_what_was_packed_and_written_back(self):
        packed, disk = self.folder / "image.hib", self.fresh_area("written")
        tool("create", self.armed, "-o", packed, "-q")
        self.assertEqual(tool_json("verify", packed)["content_digest"], self.digest)
        tool("restore", packed, "--as", "swsusp", "--codec", self.other_codec, *self.write_options, "-o", disk)
        self.assertEqual(tool_json("inspect", disk)["codec"], self.other_codec)
        self.assertEqual(tool_json("verify", disk)["content_digest"], self.digest)
        with self.boot(disk) as guest:
            lines = guest.read_until("^(RESUMED|NORESUME)$", timeout=120)
        self.assertEqual(lines[-1], "RESUMED")
        self.assertEqual(lines[-2], only(self.lines, "^.*/tmp/known$")[0])  # the checksum
        packed.unlink()
        disk.unlink()


class Pages4K(Arm64, unittest.TestCase):
    """Started at EL2, and without its extensions for hosts (VHE): then the kernel leaves vectors there."""

    series, page = "6.1-arm64", 4096
    machine, processor, has_vectors = "virt,virtualization=on", "cortex-a57", True
    other_codec = "none"
    write_options = ["--force"]  # into slots that may be in use: this kernel hides its account (docs/format/swsusp.md)

    def test_the_known_file_is_in_the_pages(self):
        self.assertEqual(self.known_pages(), MARKS)


class Pages16K(Arm64, unittest.TestCase):
    """Addresses of 52 bits (LPA2), which QEMU's largest processor has. The kernel makes room for a small image."""

    series, page, has_vectors = "6.12-arm64-16k", 16384, False
    memory_mib = 512  # with 256, load_compressed_image() finds no room for its buffers
    image_size = "0"
    other_codec, write_options = "lz4", []

    def test_the_known_file_was_swapped_out_and_the_slots_are_those_in_use(self):
        self.assertEqual(self.known_pages(), 0)
        swapped = tool_json("inspect", self.armed)["swapped_out"]
        self.assertTrue(swapped["exact"], swapped)
        self.assertGreaterEqual(swapped["slots"], MARKS)

    def test_the_pages_of_memory_are_those_that_the_kernels_nodes_count(self):
        layers = {layer["name"]: layer["text"] for layer in tool_json("verify", self.armed)["layers"]}
        self.assertEqual(layers["memory size"], f"{self.memory_mib * 1024 * 1024 // self.page:,} pages, as the kernel's nodes count")


if __name__ == "__main__":
    unittest.main()
