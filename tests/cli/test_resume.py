"""hibtool resume up to where it would act: what it says when there is nothing to go back to, and what it refuses. That it goes back
is shown in tests/vm/test_jump.py."""

import json
import struct
import unittest
import zlib
from pathlib import Path

import xxhash

from support import PAGE, CliTest, loop_device_over, memory

CONTEXT = 32 * PAGE  # where the machine's context lies in its memory
ARMED, JUMPED, SAVING, COMMITTED, RESUME_ATTEMPTED, RESUMED, FAILED = 1, 3, 4, 6, 8, 11, 12
NOTHING = "nothing to go back to"


def paging_here():
    """5 where this processor has page tables of five levels."""
    return 5 if " la57" in Path("/proc/cpuinfo").read_text() else 4


def context_page():
    """struct hibjump_context (kernel-glue/include/uapi/linux/hibjump.h) of a machine whose page tables have another depth than those
    of this one: whatever else a resume makes of it, here it ends before it acts."""
    header = Path(__file__).resolve().parents[2] / "kernel-glue" / "include" / "uapi" / "linux" / "hibjump.h"
    defined = {}
    for line in header.read_text().splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "#define" and words[2].removesuffix("ULL").isalnum():
            defined[words[1]] = words[2].removesuffix("ULL")
    number = lambda name: int(defined[name], 0)
    low = struct.pack("<QQ", PAGE, 16 * PAGE) + bytes(16 * (number("HIBJUMP_MAX_LOW") - 1))
    region = 256 << 20
    saved = bytes(number("HIBJUMP_ID_BYTES")) + struct.pack("<QQQII", region, 64 << 20, region, 1, 1 if paging_here() == 4 else 0) + low
    saved += struct.pack("<6Q", 0xffff888000000000 + CONTEXT, CONTEXT, 0xffffffffc0001234, 0x6000, 0, 0)
    saved += bytes(8 * (1 + 4 + 4 + 3)) + bytes(2 * 8) + bytes(8 * (1 + 4 + 2))  # what is the machine's own
    saved += struct.pack("<II", 0, 2) + bytes(16 * number("HIBJUMP_MAX_MSRS")) + bytes(8 * 7) + struct.pack("<Q", 32)
    head = struct.pack("<QIIII", number("HIBJUMP_CONTEXT_MAGIC"), number("HIBJUMP_VERSION"), len(saved), zlib.crc32(saved), 0)
    return (head + saved).ljust(PAGE, b"\0")


def processor(vendor, leaf, features):
    """The record of a processor, of which only this is known; `features` are in the register that has those of the leaf."""
    ebx, edx, ecx = struct.unpack("<III", vendor)
    register = "ebx" if leaf == 7 else "eax"
    leaves = [{"leaf": 0, "subleaf": 0, "eax": leaf, "ebx": ebx, "ecx": ecx, "edx": edx},
              {"leaf": leaf, "subleaf": 0, **dict.fromkeys(("eax", "ebx", "ecx", "edx"), 0), register: features}]
    return {"name": "", "features": "", **dict.fromkeys(("microcode", "tsc_khz", "x2apic", "xcr0", "xss", "cr4", "efer", "feat_ctl"), 0), "cpuid": leaves}


def with_history(image, phases):
    """docs/format/hib.md, 7"""
    content = bytearray(image)
    for number, phase in enumerate(phases):
        entry = struct.pack("<4sHHQII96s", b"CRMB", phase, 0, 1764000000123456789 + number, number, 0, b"")
        content[PAGE + 128 * number:PAGE + 128 * (number + 1)] = entry + struct.pack("<Q", xxhash.xxh3_64_intdigest(entry))
    return bytes(content)


class Resume(CliTest):
    def device(self, content=b"", pages=1024):
        """A loop device that begins with `content`."""
        return loop_device_over(self, self.write(f"disk{len(self.names())}", content.ljust(pages * PAGE, b"\0")))

    def image(self, *phases, records=()):
        """Of a machine that hibernated, with this history."""
        content = bytearray(memory(64))
        content[CONTEXT:CONTEXT + PAGE] = context_page()
        fields = {"id": "00" * 16, "context": CONTEXT, "region_start": 256 << 20, "region_bytes": 64 << 20, "untested_series": 0}
        probe = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "jump", "version": 1, "fields": fields}, *records]}
        self.run_tool("create", "-f", "raw", self.write("m.raw", bytes(content)), "-o", self.path("m.hib"), "--force",
                      "--records", self.write("records.json", json.dumps(probe).encode()))
        return with_history(Path(self.path("m.hib")).read_bytes(), phases)

    def assert_nothing_there(self, device, *options, why=""):
        nothing = NOTHING + (": " + why if why else "")
        found = self.json("resume", device, *options, code=1)
        self.assertEqual((found["schema"], found["nothing_there"], found["refusals"]), ("hibtool.resume", True, []))
        self.assertEqual((found["kind"], found["where"], found["found"], found["file"]), ("not-recognised", "", nothing, device))
        said = self.run_tool("resume", device, *options, code=1)
        self.assertEqual((said.stdout, said.stderr.decode()), (b"", f"hibtool: {device}: {nothing}\n"))
        quiet = self.run_tool("resume", "-q", device, *options, code=1)
        self.assertEqual((quiet.stdout, quiet.stderr), (b"", b""), "an ordinary boot is no message on the console")

    def refusal(self, device, *options, code=4):
        found = self.json("resume", device, *options, code=code)
        self.assertEqual((found["schema"], found["nothing_there"], found["file"]), ("hibtool.resume", False, device))
        return found

    def assert_stays(self, device):
        """From here on nothing is written to the device."""
        before = Path(device).read_bytes()
        self.addCleanup(lambda: self.assertTrue(Path(device).read_bytes() == before, f"{device} was written to"))

    def assert_would_go_on(self, device, *options):
        """Nothing is wrong with the image; only the processor is another one."""
        here, there = ("4", "5") if paging_here() == 4 else ("5", "4")
        found = self.refusal(device, *options)
        self.assertEqual((found["where"], found["found"], found["allowed"]),
                         ("page tables", f"{here} levels here", f"{there} levels, as in the image"))

    def test_another_processor_is_refused_with_everything_that_differs(self):
        record = {"type": "processor", "version": 1, "fields": processor(b"AnotherMaker", 0x80000021, 1 << 31)}
        device = self.device(self.image(ARMED, COMMITTED, records=[record]))
        self.assert_stays(device)
        found = self.refusal(device)
        self.assertEqual([one["what"] for one in found["processor"]], ["model", "features"])
        self.assertEqual((found["kind"], found["where"]), ("refused", "processor: model"))
        self.assertTrue(found["allowed"].startswith("AnotherMaker 0/0"))
        self.assertIn("--accept processor=other", found["advice"])
        said = self.run_tool("resume", device, code=4).stderr.decode().splitlines()
        self.assertEqual(len(said), 3)
        self.assertIn("does not say which memory", said[0])
        self.assertIn("features: without leaf 0x80000021 eax bit 31, expected", said[2])
        self.assert_would_go_on(device, "--accept", "processor=other")

    def test_a_damaged_record_of_the_processor_is_said(self):
        record = {"type": "processor", "version": 1, "fields": {**processor(b"AnotherMaker", 7, 0), "x2apic": 2}}
        device = self.device(self.image(ARMED, COMMITTED, records=[record]))
        self.assert_stays(device)
        found = self.refusal(device, code=2)
        self.assertEqual((found["kind"], found["where"], found["found"]), ("corrupt", "record processor: x2apic", "2"))

    def test_an_image_that_does_not_say_which_processor_and_memory_it_was_goes_on_with_notes(self):
        device = self.device(self.image(ARMED, COMMITTED))
        said = self.run_tool("resume", device, code=4).stderr.decode()
        self.assertIn("which processor its machine had; it is not compared", said)
        self.assertIn("which memory its machine had; whether it has all of it is not known", said)

    def test_diff_says_what_the_other_processor_lacks(self):
        paths = []
        for name, fields in (("a", processor(b"AnotherMaker", 7, 1 << 20 | 1 << 7)), ("b", processor(b"AnotherMaker", 7, 0))):
            self.image(ARMED, records=[{"type": "processor", "version": 1, "fields": fields}])
            paths.append(self.write(f"{name}.hib", Path(self.path("m.hib")).read_bytes()))
        found = self.json("diff", *paths)
        self.assertTrue(found["processor_compared"] and found["identical"])
        self.assertEqual(found["processor"], [{"what": "features", "expected": "all that the machine had", "found": "without smep, smap"}])
        self.assertIn("features: without smep, smap", self.run_tool("diff", *paths).stdout.decode())
        self.assertEqual(self.json("diff", *reversed(paths))["processor"], [])

    def test_an_empty_device_is_an_ordinary_boot(self):
        device = self.device()
        self.assert_stays(device)
        self.assert_nothing_there(device)
        self.assert_nothing_there(device, "--offset", "5")
        self.assert_nothing_there(device, "--force")

    def test_a_device_that_holds_something_else_is_an_ordinary_boot(self):
        for content in (b"somebody's data", memory(64), bytes(PAGE - 10) + b"SWAPSPACE2"):
            device = self.device(content)
            self.assert_stays(device)
            self.assert_nothing_there(device)

    def test_a_target_that_was_armed_and_never_written_is_an_ordinary_boot(self):
        device = self.device(self.image(ARMED))
        self.assert_stays(device)
        self.assert_nothing_there(device, why="armed, and nothing was saved")

    def test_a_saver_that_could_not_save_leaves_an_ordinary_boot(self):
        device = self.device(self.image(ARMED, JUMPED, SAVING, FAILED))
        self.assert_stays(device)
        self.assert_nothing_there(device, why="saving failed, and the machine went on: ")

    def test_a_machine_that_was_lost_while_it_was_saved_is_a_fault(self):
        whole = self.image(ARMED, JUMPED, SAVING)
        for left in (whole, whole[:len(whole) // 2] + bytes(len(whole))):
            device = self.device(left)
            self.assert_stays(device)
            found = self.refusal(device, code=2)
            self.assertEqual((found["kind"], found["where"], found["found"]), ("corrupt", "history", "saving was not finished: that machine is lost"))

    def test_an_image_that_hibernate_did_not_make_is_said(self):
        self.run_tool("create", "-f", "raw", self.write("m.raw", memory(64)), "-o", self.path("m.hib"))
        device = self.device(Path(self.path("m.hib")).read_bytes())
        self.assert_stays(device)
        found = self.refusal(device, code=2)
        self.assertEqual((found["kind"], found["where"], found["found"]), ("not-recognised", 'record "jump"', "none"))
        self.assertEqual(found["allowed"], "an image that hibtool hibernate has made")

    def test_a_file_is_refused_with_the_way_to_name_its_device(self):
        path = self.write("image", self.image(ARMED, COMMITTED))
        found = self.refusal(path)
        self.assertEqual((found["kind"], found["where"], found["found"]), ("refused", "image", "not a block device"))
        self.assertIn("--offset", found["advice"])

    def test_an_image_at_an_offset_is_found_by_it_only(self):
        device = self.device(bytes(16 * PAGE) + self.image(ARMED, COMMITTED))
        self.assert_stays(device)
        self.assert_nothing_there(device)
        self.assert_nothing_there(device, "--offset", "15")
        self.assert_would_go_on(device, "--offset", "16")
        self.assert_would_go_on(device, "--offset", "0x10")

    def test_an_image_whose_machine_went_on_is_an_ordinary_boot_and_resumed_by_force_only(self):
        device = self.device(self.image(ARMED, COMMITTED, RESUME_ATTEMPTED, RESUMED))
        self.assert_stays(device)
        self.assert_nothing_there(device, why="the machine has gone on from here")
        self.assert_would_go_on(device, "--force")

    def test_an_image_that_failed_twice_is_tried_again_by_force_only(self):
        once = [ARMED, COMMITTED, RESUME_ATTEMPTED, FAILED]
        self.assert_would_go_on(self.device(self.image(*once)))
        device = self.device(self.image(*once, RESUME_ATTEMPTED, FAILED))
        self.assert_stays(device)
        found = self.refusal(device)
        self.assertEqual((found["kind"], found["where"], found["found"], found["allowed"]),
                         ("refused", "history", "2 attempts to resume that failed", "up to 2"))
        self.assert_would_go_on(device, "--force")


if __name__ == "__main__":
    unittest.main()
