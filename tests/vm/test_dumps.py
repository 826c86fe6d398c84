#!/usr/bin/env python3
"""The main path on real memory: Debian's kernels boot, their memory is dumped while they run, and hibtool packs, proves,
compares it and converts it back. Each dump is made once; HIBTOOL_VM_DUMPS names a folder with dumps to use instead."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import workload  # noqa: E402
from support import HIBTOOL  # noqa: E402
from tool import tool, tool_json  # noqa: E402

# kernel, machine, CPUs, MiB: small enough to boot in seconds, different enough to matter
GUESTS = {"6.1": ("pc", 1, 256), "6.12": ("q35", 2, 256)}


class RealMemory:
    """The tests; a class for each kernel follows."""

    @classmethod
    def setUpClass(cls):
        machine, cpus, memory = GUESTS[cls.series]
        given = os.environ.get("HIBTOOL_VM_DUMPS")
        cls.folder = Path(given) / cls.series if given else Path(tempfile.mkdtemp(prefix="hibvm-dumps-"))
        if not (cls.folder / "report.json").exists():
            subprocess.run([sys.executable, str(HERE / "boot_and_dump"), "--kernel", cls.series, "--machine", machine, "--cpus", str(cpus),
                            "--memory", str(memory), "--out", str(cls.folder)], check=True, timeout=900)
        if not given:
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.report = json.loads((cls.folder / "report.json").read_text())
        for name in ("first", "second"):
            tool("create", cls.folder / f"{name}.elf", "--records", cls.folder / "records.json", "-o", cls.folder / f"{name}.hib", "--force", "-q")

    def known(self, name):
        return [workload.KnownPage(**page) for page in self.report[name]]

    def test_qemu_itself_has_the_known_pages_where_the_guest_says(self):
        for name in ("first", "second"):
            self.assertEqual(workload.check_raw(self.folder / f"{name}.raw", self.known(name)), [])

    def test_the_hib_image_has_them_there_too(self):
        for name in ("first", "second"):
            raw = self.folder / f"{name}.restored"
            tool("restore", self.folder / f"{name}.hib", "--as", "raw", "-o", raw, "--force", "-q")
            self.assertEqual(workload.check_raw(raw, self.known(name)), [])
            raw.unlink()

    def test_the_three_dumps_of_one_moment_hold_the_same_memory(self):
        digest = tool_json("verify", self.folder / "first.hib")["content_digest"]
        for file in ("first.elf", "first.kdump"):
            self.assertEqual(tool_json("verify", self.folder / file)["content_digest"], digest)
        # The raw dump is RAM alone, without the firmware's ROM below 4 GiB.
        diff = tool_json("diff", self.folder / "first.hib", self.folder / "first.raw", code=1)
        self.assertEqual((diff["pages"]["changed"], diff["pages"]["only_b"]), (0, 0))
        self.assertTrue(all(int(first, 16) >= 0xC0000 for first, _ in diff["ranges"]["only_a"]))

    def test_diff_finds_the_changed_pages_and_no_other_known_one(self):
        ranges = tool_json("diff", self.folder / "first.hib", self.folder / "second.hib", code=1)["ranges"]["changed"]
        changed = {pfn for first, count in ranges for pfn in range(int(first, 16), int(first, 16) + count)}
        expected = set(self.report["changed_pfns"])
        self.assertEqual(len(expected), 16)
        self.assertTrue(expected <= changed)
        self.assertFalse({page.pfn for page in self.known("first")} - expected & changed - expected)

    def test_inspect_names_the_kernel_of_every_dump(self):
        for file in ("first.hib", "first.elf", "first.kdump"):
            kernel = tool_json("inspect", self.folder / file)["kernel"]
            self.assertEqual(kernel["release"], self.report["kernel"])
            self.assertRegex(kernel["version"], "Debian")

    def test_memory_without_notes_says_which_kernel_runs_it(self):
        raw, elf, out = (self.folder / name for name in ("first.raw", "found.elf", "found.out"))
        known = tool_json("inspect", self.folder / "first.elf")["kernel"]
        sources = {"raw": raw}
        for form in ("lime", "avml"):
            sources[form] = self.folder / f"first.{form}"
            tool("restore", raw, "--as", form, "-o", sources[form], "--force", "-q")
        for form, source in sources.items():
            self.assertIsNone(tool_json("inspect", source)["kernel"]["release"], form)
            self.assertEqual(tool_json("inspect", "--search", source)["kernel"], known, form)
            tool("create", source, "-o", out, "--force", "-q")
            self.assertEqual(tool_json("inspect", out)["kernel"], known, form)
            tool("restore", source, "--as", "elf", "-o", elf, "--force", "-q")
            self.assertIn("VMCOREINFO", subprocess.run(["readelf", "-n", elf], capture_output=True, text=True, check=True).stdout)
            # makedumpfile takes the layout of memory from VMCOREINFO, and walks the kernel's structures.
            self.dump_with(elf, "-l", "-d", "31")
        for path in (elf, out, sources["lime"], sources["avml"]):
            path.unlink()

    def test_the_machine_record_has_command_line_memory_map_and_vmcoreinfo(self):
        records = {r["type"]: r["fields"] for r in tool_json("inspect", "--records", self.folder / "first.hib")["records"]}
        self.assertIn("console=ttyS0", records["machine"]["command_line"])
        self.assertGreater(len(records["machine"]["memory_map"]["region"]), 3)
        self.assertIsNotNone(records["machine"]["vmcoreinfo"])
        self.assertIn("note", records["processors"])

    def test_peers_open_what_is_restored(self):
        elf, again, kdump = (self.folder / name for name in ("peer.elf", "peer.again", "peer.kdump"))
        for path in (elf, again, kdump):
            path.unlink(missing_ok=True)
        tool("restore", self.folder / "first.hib", "--as", "elf", "-o", elf, "-q")
        self.assertIn("CORE", subprocess.run(["readelf", "-h", elf], capture_output=True, text=True, check=True).stdout)
        gdb = subprocess.run(["gdb", "-batch", "-nx", "-ex", "info registers rip", "-c", elf], capture_output=True, text=True)
        self.assertRegex(gdb.stdout, r"rip\s+0x")
        # makedumpfile 1.7 leaves the firmware's ROM out; what it keeps, we read, and it reads what we make of that.
        subprocess.run(["makedumpfile", "-l", "-d", "0", elf, again], check=True, capture_output=True)
        self.assertEqual(tool_json("diff", self.folder / "first.raw", again)["identical"], True)
        tool("restore", again, "--as", "kdump", "-o", kdump, "-q")
        for level in ("1", "31"):
            out = self.folder / f"peer.d{level}"
            out.unlink(missing_ok=True)
            subprocess.run(["makedumpfile", "-d", level, kdump, out], check=True, capture_output=True)
            kept = tool_json("inspect", out)["pages"]
            if level == "31":  # at level 1 all zero pages share one descriptor instead of being left out
                self.assertGreater(kept["absent"], 0)
            out.unlink()
        for path in (elf, again, kdump):
            path.unlink()

    def test_what_makedumpfile_sends_flattened_is_what_it_writes_into_a_file(self):
        elf, plain, flat, out = (self.folder / name for name in ("flat.elf", "flat.plain", "flat.flat", "flat.hib"))
        tool("restore", self.folder / "first.hib", "--as", "elf", "-o", elf, "--force", "-q")
        for options in ("-l", "-c", "-p", "-z", "-c -d 1", "-l -d 31", "-E", "-E -d 31"):
            plain.unlink(missing_ok=True)
            subprocess.run(["makedumpfile", *options.split(), elf, plain], check=True, capture_output=True)
            with open(flat, "wb") as file:
                subprocess.run(["makedumpfile", "-F", *options.split(), elf], check=True, stdout=file, stderr=subprocess.DEVNULL)
            inspected = tool_json("inspect", flat)
            self.assertEqual((inspected["state"], inspected["pages"]["unreadable"]), ("complete", 0), options)
            self.assertEqual(tool_json("verify", flat)["content_digest"], tool_json("verify", plain)["content_digest"], options)
        # Memory that ends in the middle of a word of the bitmap, whose end then is in no record.
        core = bytearray(elf.read_bytes())
        table, count = struct.unpack_from("<Q", core, 32)[0], struct.unpack_from("<H", core, 56)[0]
        for at in range(table, table + 56 * count, 56):
            start, size = struct.unpack_from("<QQ", core, at + 24)[0], struct.unpack_from("<Q", core, at + 32)[0]
            if struct.unpack_from("<I", core, at)[0] == 1 and start + size >= self.report["memory_mib"] << 20:
                size = max((self.report["memory_mib"] << 20) - 32 * 4096 - start, 0)
                struct.pack_into("<I", core, at, 1 if size else 0)
                struct.pack_into("<QQ", core, at + 32, size, size)
        odd = self.folder / "flat.odd"
        odd.write_bytes(core)
        with open(flat, "wb") as file:
            subprocess.run(["makedumpfile", "-F", "--cyclic-buffer", "1", "-l", "-d", "31", odd], check=True, stdout=file, stderr=subprocess.DEVNULL)
        self.assertTrue(tool_json("diff", flat, self.dump_with(odd, "-l", "-d", "31"))["identical"])
        odd.unlink()
        sender = subprocess.Popen(["makedumpfile", "-F", "-l", "-d", "31", elf], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        subprocess.run([HIBTOOL, "create", "-", "-o", out, "--force", "-q"], stdin=sender.stdout, check=True)
        sender.stdout.close()
        self.assertEqual(sender.wait(), 0)
        self.assertTrue(tool_json("diff", out, self.dump_with(elf, "-l", "-d", "31"))["identical"])
        for path in (elf, plain, flat, out):
            path.unlink()

    def test_what_makedumpfile_leaves_out_at_any_level_is_absent_and_the_rest_the_same(self):
        elf = self.folder / "level.elf"
        tool("restore", self.folder / "first.hib", "--as", "elf", "-o", elf, "--force", "-q")
        kept = {}
        for level in self.levels:
            dump = self.dump_with(elf, "-l", "-d", str(level))
            pages = tool_json("diff", elf, dump, code=None)["pages"]
            self.assertEqual((pages["changed"], pages["only_b"], pages["unknown"]), (0, 0, 0), level)
            self.assertEqual(tool_json("verify", dump)["verdict"], "unverifiable", level)
            kept[level] = pages["same"]
        self.assertTrue(all(kept[a] >= kept[b] for a in kept for b in kept if a & b == a), kept)  # what more is left out for
        self.assertLess(min(kept.values()), max(kept.values()))
        elf.unlink()

    def dump_with(self, source, *options):
        dump = self.folder / "made.dump"
        dump.unlink(missing_ok=True)
        subprocess.run(["makedumpfile", *options, source, dump], check=True, capture_output=True)
        return dump

    def test_a_dump_that_makedumpfile_has_split_is_opened_as_one(self):
        elf = self.folder / "split.elf"
        tool("restore", self.folder / "first.hib", "--as", "elf", "-o", elf, "--force", "-q")
        whole = self.dump_with(elf, "-l", "-d", "31")
        parts = [self.folder / f"split.{i}" for i in range(3)]
        for part in parts:
            part.unlink(missing_ok=True)
        subprocess.run(["makedumpfile", "--split", "--splitblock-size", "16", "-l", "-d", "31", elf, *parts], check=True, capture_output=True)
        for part in parts:
            self.assertEqual(tool_json("inspect", part)["state"], "complete")
            self.assertTrue(tool_json("diff", part, whole)["identical"])
        parts[1].unlink()
        self.assertEqual(tool_json("inspect", parts[0])["state"], "incomplete")
        for path in (elf, whole, parts[0], parts[2]):
            path.unlink()

    def test_libkdumpfile_reads_the_same_pages_from_what_is_restored(self):
        judge, dump = self.folder / "kdump_pages", self.folder / "judged"
        subprocess.run(["gcc", "-o", judge, HERE / "kdump_pages.c", "-lkdumpfile"], check=True)
        for arguments in (["kdump", "--codec", "lzo"], ["kdump", "--codec", "zlib"], ["elf"]):
            tool("restore", self.folder / "first.hib", "--as", *arguments, "-o", dump, "--force", "-q")
            done = subprocess.run([judge, dump, self.folder / "first.raw"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        dump.unlink()

    def test_an_incremental_image_is_small_and_complete(self):
        delta = self.folder / "delta.hib"
        made = tool_json("create", self.folder / "second.elf", "--base", self.folder / "first.hib", "-o", delta, "--force")
        self.assertLess(made["stored_pages"], 2000)
        self.assertTrue(tool_json("diff", delta, self.folder / "second.elf")["identical"])


class Kernel61(RealMemory, unittest.TestCase):
    series = "6.1"
    levels = range(0, 32, 2)


class Kernel612(RealMemory, unittest.TestCase):
    series = "6.12"
    levels = range(1, 32, 2)


if __name__ == "__main__":
    unittest.main()
