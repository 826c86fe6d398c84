"""The command line as scripts see it: exit codes, JSON, files. Each test is one promise."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, CliTest, loop_device, loop_device_over, memory

sys.path.insert(0, str(ROOT / "tests" / "decoder"))
import hib_decoder  # noqa: E402


class Verbs(CliTest):
    def setUp(self):
        super().setUp()
        self.memory = memory(400)
        self.raw = self.write("m.raw", self.memory)
        self.hib = self.path("m.hib")
        self.created = self.json("create", "-f", "raw", self.raw, "-o", self.hib)

    def test_create_reports_what_inspect_and_verify_then_find(self):
        self.assertEqual(self.created["schema"], "hibtool.create")
        inspect = self.json("inspect", self.hib)
        self.assertEqual(inspect["schema"], "hibtool.inspect")
        self.assertEqual(inspect["schema_version"], 1)
        self.assertEqual((inspect["format"], inspect["state"], inspect["codec"]), ("hib", "complete", "zstd"))
        self.assertEqual(inspect["file_bytes"], os.path.getsize(self.hib))
        self.assertEqual(inspect["pages"]["total"], 400)
        self.assertEqual(inspect["integrity"]["value"], self.created["root_hash"])
        verify = self.json("verify", self.hib)
        self.assertEqual(verify["verdict"], "good")
        self.assertEqual({layer["result"] for layer in verify["layers"]}, {"ok"})
        self.assertEqual(verify["content_digest"], self.created["content_digest"])
        self.assertEqual(verify["pages"], inspect["pages"])

    def test_memory_survives_every_format_and_back(self):
        for kind in ("raw", "elf", "kdump", "lime", "avml", "hib"):
            out = self.path(f"out.{kind}")
            done = self.json("restore", self.hib, "--as", kind, "-o", out)
            self.assertEqual(done["content_digest"], self.created["content_digest"])
            self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), 0o600)
            forced = ["-f", "raw"] if kind == "raw" else []
            self.assertEqual(self.json("verify", out, *forced)["content_digest"], self.created["content_digest"], kind)
            diff = self.json("diff", self.hib, out, "-f", f"auto,{kind}")
            self.assertTrue(diff["identical"])
        self.assertEqual((self.folder / "out.raw").read_bytes(), self.memory)
        self.assertEqual((self.folder / "out.hib").read_bytes(), (self.folder / "m.hib").read_bytes())

    def test_the_independent_decoder_reads_the_same_memory(self):
        image = hib_decoder.Image(self.hib)
        self.assertEqual("xxh3-128:" + hib_decoder.content_digests(image)[0].hex(), self.created["content_digest"])
        second = self.json("restore", self.hib, "--as", "hib", "-o", self.path("small.hib"), "--chunk-size", "16")
        padded = Path(self.hib).read_bytes()
        padded = self.write("padded.hib", padded + bytes(-len(padded) % 512))
        self.assertEqual(hib_decoder.content_digests(hib_decoder.Image(padded)), hib_decoder.content_digests(image))
        image = hib_decoder.Image(self.path("small.hib"))
        self.assertEqual("xxh3-128:" + hib_decoder.content_digests(image)[0].hex(), second["content_digest"])

    def test_an_incremental_image_is_decoded_with_its_base(self):
        elf = self.path("m.elf")
        changed = bytearray(self.memory)
        changed[5 * PAGE:5 * PAGE + 3] = b"new"
        self.run_tool("restore", "-f", "raw", self.write("n.raw", changed), "--as", "elf", "-o", elf)
        created = self.json("create", elf, "-o", self.path("n.hib"), "--base", self.hib)
        self.assertLessEqual(created["stored_pages"], 2)
        image = hib_decoder.Image(self.path("n.hib"))
        self.assertEqual("xxh3-128:" + hib_decoder.content_digests(image)[0].hex(), created["content_digest"])
        self.assertEqual(self.json("verify", self.path("n.hib"))["verdict"], "good")
        diff = self.json("diff", self.hib, self.path("n.hib"), code=1)
        self.assertIn(["0x5", 1], diff["ranges"]["changed"])
        os.rename(self.hib, self.path("elsewhere.hib"))
        refused = self.run_tool("verify", self.path("n.hib"), code=4)
        self.assertIn(b'"m.hib" with root hash', refused.stderr)
        self.run_tool("verify", self.path("n.hib"), "--base-image", self.path("elsewhere.hib"))

    def test_an_incremental_image_without_its_base_is_inspected_and_names_what_is_missing(self):
        changed = bytearray(self.memory)
        changed[5 * PAGE:5 * PAGE + 3] = b"new"
        changed[6 * PAGE:6 * PAGE + 3] = b"new"
        for data, base, out in ((changed, "m.hib", "n.hib"), (changed[:-PAGE], "n.hib", "o.hib")):
            self.run_tool("restore", "-f", "raw", self.write("n.raw", data), "--as", "elf", "-o", self.path("n.elf"), "--force")
            created = self.json("create", self.path("n.elf"), "-o", self.path(out), "--base", self.path(base))
        for image in ("n.hib", "o.hib"):  # the second one's base is there, and has none
            whole = self.json("inspect", "--pages", "--map", "--records", self.path(image))
            os.rename(self.hib, self.path("elsewhere.hib"))
            missing = self.json("inspect", "--pages", "--map", "--records", self.path(image))
            self.assertEqual([finding["code"] for finding in missing.pop("findings")], ["missing-base"])
            self.assertEqual({**missing, "findings": []}, whole)
            said = self.run_tool("inspect", self.path(image)).stdout.decode()
            self.assertIn(f'm.hib is not there, expected "m.hib" with root hash {self.created["root_hash"]}; --base-image FILE says where it is', said)
            os.rename(self.path("elsewhere.hib"), self.hib)
        self.assertEqual(whole["integrity"]["value"], created["root_hash"])
        self.run_tool("create", "-f", "raw", self.write("n.raw", changed), "-o", self.hib, "--force")
        self.assertIn("m.hib has root hash", self.json("inspect", self.path("n.hib"))["findings"][0]["text"])
        self.assertEqual(self.run_tool("inspect", "--page", "5", "--raw", self.path("n.hib")).stdout, bytes(changed[5 * PAGE:6 * PAGE]))
        here = next(n for n in range(7, 400) if len(set(self.memory[n * PAGE:(n + 1) * PAGE])) > 1)
        for command in (("restore", "--as", "raw", "-o", self.path("out")), ("inspect", "--page", str(here))):
            self.assertIn(b'"m.hib" with root hash', self.run_tool(*command, self.path("n.hib"), code=4).stderr)

    def test_diff_says_which_pages_changed(self):
        changed = bytearray(self.memory)
        for page in (7, 8, 300):
            changed[page * PAGE + 9] ^= 0xFF
        other = self.write("n.raw", changed)
        diff = self.json("diff", self.hib, other, "-f", "auto,raw", code=1)
        self.assertFalse(diff["identical"])
        self.assertEqual(diff["pages"]["changed"], 3)
        self.assertEqual(diff["ranges"]["changed"], [["0x7", 2], ["0x12c", 1]])
        self.assertFalse(diff["devices_compared"])  # neither has records of them
        self.assertEqual(diff["devices"], dict.fromkeys(("same", "moved", "replaced", "absent", "new", "ambiguous", "unproven", "unknown_driver"), []))

    def test_diff_of_memories_of_different_size_names_what_only_one_has(self):
        shorter = self.write("short.raw", self.memory[:-5 * PAGE])
        diff = self.json("diff", self.hib, shorter, "-f", "auto,raw", code=1)
        self.assertEqual(diff["pages"]["only_a"], 5)
        self.assertEqual(diff["ranges"]["only_a"], [["0x18b", 5]])

    def test_pipes_work_on_both_sides(self):
        out = self.run_tool("create", "-f", "raw", "-", "-o", "-", "-q", stdin=self.memory)
        self.assertEqual(out.stdout, self.run_tool("create", "-f", "raw", self.raw, "-o", "-", "-q").stdout)
        self.assertEqual(self.json("verify", "-", stdin=out.stdout)["verdict"], "good")
        for kind in ("raw", "elf", "lime", "avml", "kdump"):
            stream = self.run_tool("restore", self.hib, "-o", "-", "--as", kind, "-q").stdout
            forced = ["-f", "raw"] if kind == "raw" else []
            self.assertEqual(self.json("verify", "-", *forced, stdin=stream)["content_digest"], self.created["content_digest"], kind)

    def test_a_copy_in_any_format_has_the_digest_of_the_pages_whatever_their_size(self):
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder, "page-size-64k"], check=True)
        image = self.path("page-size-64k.img")
        digest = self.json("verify", image)["content_digest"]
        for kind in ("hib", "elf", "kdump", "lime", "avml"):
            copy = self.path(f"copy.{kind}")
            said = self.run_tool("restore", image, "--as", kind, "-o", copy).stderr.decode()
            is_told = kind in ("lime", "avml")
            self.assertEqual("read it with --page-size 65536" in said, is_told, kind)
            found = self.json("verify", copy, *(["--page-size", "65536"] if is_told else []))
            self.assertEqual((found["content_digest"], found["pages"]["data"]), (digest, 40), kind)
        for wrong in ("0", "4095", "2048", "131072", "many"):
            self.assertIn(b"--page-size: ", self.run_tool("verify", copy, "--page-size", wrong, code=64).stderr)

    def test_a_raw_copy_notes_the_pages_that_read_as_zeros(self):
        holes = memory(4) + bytes(2 * PAGE)
        self.run_tool("restore", "-f", "raw", "--base-address", "0x3000", self.write("m", holes), "--as", "elf", "-o", self.path("m.elf"))
        note = self.run_tool("restore", self.path("m.elf"), "--as", "raw", "-o", self.path("copy.raw")).stderr
        self.assertIn(b"copy.raw: 3 pages that the source does not hold: zeros in a raw image, whose content digest is another\n", note)
        self.assertEqual(self.run_tool("restore", self.hib, "--as", "raw", "-o", self.path("whole.raw")).stderr, b"")

    def test_a_page_is_shown_as_a_dump_or_raw_and_an_absent_one_is_no(self):
        self.assertEqual(self.run_tool("inspect", "--page", "0x6", "--raw", self.hib).stdout, self.memory[6 * PAGE:7 * PAGE])
        text = self.run_tool("inspect", "--page", "6", self.hib).stdout.decode()
        self.assertEqual(len(text.splitlines()), PAGE // 16)
        self.run_tool("inspect", "--page", "4000", self.hib, code=1)

    def test_map_labels_every_byte(self):
        for kind in ("hib", "elf", "kdump", "lime", "avml"):
            out = self.path(f"x.{kind}")
            self.run_tool("restore", self.hib, "--as", kind, "-o", out)
            document = self.json("inspect", "--map", out)
            end = 0
            for part in document["map"]:
                self.assertEqual(int(part["offset"], 16), end, part)
                end += part["bytes"]
            self.assertEqual(end, os.path.getsize(out))

    def test_damage_names_a_block_as_the_map_does(self):
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.path("small.hib"), "--chunk-size", "64")
        data = Path(self.path("small.hib")).read_bytes()
        blocks = [e for e in self.json("inspect", "--map", self.path("small.hib"))["map"] if " block " in e["label"]]
        self.assertGreater(len(blocks), 6)
        for salvage in ([], ["--salvage"]):
            for number, block in enumerate(blocks):
                self.assertIn(f" block {number}: ", block["label"])
                at = int(block["offset"], 16) + 80
                bad = self.write("bad.hib", data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
                damage = self.json("verify", bad, code=1)["damage"]
                name = block["label"].split(":")[0]
                self.assertIn(name, [place["structure"] for place in damage])
                if not name.startswith("INDEX"):
                    shown = self.json("inspect", "--map", *salvage, bad, code=None)["map"]
                    self.assertEqual([e["label"].split(":")[0] for e in shown if e["offset"] == block["offset"]], [name])

    def test_records_are_added_kept_and_shown(self):
        records = [{"type": "machine", "version": 1, "fields": {"command_line": "root=/dev/vda \x1b[31m", "memory_map": {"region": [{"first": 0}, {"first": 4096}]}}},
                   {"type": "odd", "version": 3, "fields": {"blob": {"hex": "00ff"}}}]
        path = self.write("records.json", json.dumps(records).encode())
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.path("r.hib"), "--records", path)
        self.run_tool("restore", self.path("r.hib"), "--as", "hib", "-o", self.path("r2.hib"))
        shown = {r["type"]: r for r in self.json("inspect", "--records", self.path("r2.hib"))["records"]}
        self.assertEqual(shown["odd"]["version"], 3)
        self.assertEqual(shown["odd"]["fields"]["blob"], {"hex": "00ff"})
        self.assertEqual(shown["machine"]["fields"]["memory_map"]["region"], [{"first": 0}, {"first": 4096}])
        self.assertNotIn(b"\x1b", self.run_tool("inspect", "--records", self.path("r2.hib")).stdout)


class AddedRecords(CliTest):
    """Records of a machine, put into an image of a memory that names its own kernel."""

    def setUp(self):
        super().setUp()
        self.elf = self.path("vmcore")
        self.run_tool("restore", str(ROOT / "samples" / "debian-6.1-cloud.hib"), "--as", "elf", "-o", self.elf, "-q")
        kernel = self.json("inspect", self.elf)["kernel"]
        self.kernel = {name: kernel[name] for name in ("release", "version", "machine")}

    def create(self, *options):
        """What is said on stderr, and the record of the machine."""
        said = self.run_tool("create", self.elf, "-o", self.path("out.hib"), "--force", *options).stderr.decode()
        records = self.json("inspect", "--records", self.path("out.hib"))["records"]
        return said, next(r["fields"] for r in records if r["type"] == "machine")

    def with_record(self, **fields):
        machine = {"type": "machine", "version": 1, "fields": {"command_line": "quiet", "module": ["ext4", "virtio"], "memory_map": {"region": {"first": 0}}, **fields}}
        return self.create("--records", self.write("records.json", json.dumps([machine]).encode()))

    def test_those_of_the_same_kernel_are_added_with_every_item_of_a_list(self):
        for fields in ({}, {"release": self.kernel["release"]}, self.kernel):
            said, machine = self.with_record(**fields)
            self.assertEqual(said, "")
            self.assertEqual((machine["command_line"], machine["module"]), ("quiet", ["ext4", "virtio"]))
            self.assertEqual({name: machine[name] for name in self.kernel}, self.kernel)

    def test_of_another_kernel_nothing_is_added_and_a_note_names_both(self):
        for fields in ({"release": "9.9.9-other"}, {"release": self.kernel["release"], "version": "#1 another build"}):
            said, machine = self.with_record(**fields, machine="riscv64", page_size=1, kaslr_slide=4096, vmcoreinfo="OSRELEASE=9\n")
            name, other = list(fields.items())[-1]
            self.assertIn(f"the memory is of Linux {self.kernel[name]}, the added records are of Linux {other}: ", said)
            self.assertEqual({name: machine[name] for name in self.kernel}, self.kernel)
            self.assertEqual((machine["page_size"], machine["memory_map"]), (PAGE, {"region": {"first": 0}}))
            self.assertEqual({"command_line", "module", "kaslr_slide"} & set(machine), set())
            self.assertIn(f"OSRELEASE={self.kernel['release']}\n", bytes.fromhex(machine["vmcoreinfo"]["hex"]).decode())

    def test_a_probe_of_this_machine_leaves_the_kernel_of_the_memory_as_it_is(self):
        said, machine = self.create("--probe")
        self.assertEqual({name: machine[name] for name in self.kernel}, self.kernel)
        self.assertIn(f"the memory is of Linux {self.kernel['release']}, the added records are of Linux {os.uname().release}: ", said)
        self.assertIsNotNone(self.json("inspect", "--devices", self.path("out.hib"))["devices"])

    def test_a_list_of_devices_takes_the_place_of_an_older_one(self):
        sample = ROOT / "samples" / "machines"
        self.run_tool("create", "-f", "raw", self.write("m.raw", memory(4)), "--records", str(sample / "usb-twins.json"), "-o", self.path("first.hib"))
        self.run_tool("create", self.path("first.hib"), "--records", str(sample / "old-pc.json"), "-o", self.path("out.hib"))
        wanted = json.loads((sample / "old-pc.json").read_text())["records"][1]
        self.assertEqual(next(r for r in self.json("inspect", "--records", self.path("out.hib"))["records"] if r["type"] == "devices"), wanted)

    def test_a_file_of_a_later_schema_is_refused(self):
        machine = {"type": "machine", "version": 1, "fields": {}}
        document = {"schema": "hibtool.probe", "schema_version": 1, "records": [machine]}
        for where, wrong in (("schema_version", {**document, "schema_version": 9}), ("schema_version", {**document, "schema_version": "1"}),
                             ("records[0].version", [{**machine, "version": 65536}]), ("records[0].version", [{**machine, "version": "2"}])):
            path = self.write("later.json", json.dumps(wrong).encode())
            refused = self.run_tool("create", self.elf, "--records", path, "-o", self.path("out.hib"), code=2)
            self.assertIn(f"later.json: {where}: ".encode(), refused.stderr)


class BlockDevice(CliTest):
    def device(self, name, size, content=b""):
        """A loop device over a file of this size that begins with `content`."""
        with open(self.path(name), "wb") as disk:
            disk.write(content)
            disk.truncate(size)
        return loop_device_over(self, self.path(name))

    def image(self):
        image = self.path("m.hib")
        self.run_tool("create", "-f", "raw", self.write("m.raw", memory(600)), "-o", image)
        return image

    def writers(self, image, device):
        yield "create", image, "-o", device
        for kind in ("raw", "elf", "lime", "kdump", "hib"):
            yield "restore", image, "--as", kind, "-o", device
        yield "probe", "-o", device

    def test_a_device_with_something_on_it_is_overwritten_by_force_only(self):
        image = self.image()
        cases = {"file system": lambda path: subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True),
                 "data at 0x200": lambda path: Path(path).write_bytes(bytes(512) + b"x" + bytes((8 << 20) - 513)),
                 "data at 0x7fffff": lambda path: Path(path).write_bytes(bytes((8 << 20) - 1) + b"x"),
                 "swsuspend": lambda path: self.arm(path)}
        for what, fill in cases.items():
            if what == "file system" and shutil.which("mkfs.ext4") is None:
                continue
            device = self.device("disk", 8 << 20)
            fill(self.path("disk"))
            subprocess.run(["blockdev", "--flushbufs", device], check=True)
            before = Path(self.path("disk")).read_bytes()
            for command in self.writers(image, device):
                with self.subTest(what, command=command):
                    refused = self.run_tool(*command, code=4).stderr.decode()
                    self.assertIn("ext4" if what == "file system" else what, refused)
                    self.assertIn("--force overwrites it", refused)
                    self.assertEqual(Path(self.path("disk")).read_bytes(), before)
            self.run_tool("restore", image, "--as", "raw", "-o", device, "--force")
            self.assertTrue(Path(device).read_bytes().startswith(memory(600)))

    def test_a_device_that_somebody_uses_is_never_an_output(self):
        image = self.image()
        device = self.device("disk", 8 << 20)
        mkswap = subprocess.run(["mkswap", "-q", device], capture_output=True)
        self.assertEqual(mkswap.returncode, 0, mkswap.stderr)
        before = Path(device).read_bytes()
        user = os.open(device, os.O_RDONLY | os.O_EXCL)  # as mount and swapon do
        self.addCleanup(os.close, user)
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder, "lz4"], check=True, stdout=subprocess.DEVNULL)
        for command in (*self.writers(image, device), ["restore", self.path("lz4.img"), "--as", "swsusp", "-o", device]):
            for force in ([], ["--force"]):
                with self.subTest(command=command, force=force):
                    refused = self.run_tool(*command, *force, code=4).stderr.decode()
                    self.assertEqual(refused, f"hibtool: {device}: output: the device is in use (mounted, swap, or part of another), "
                                              "expected a device that nothing uses\n")
        self.assertEqual(Path(device).read_bytes(), before)

    def arm(self, path):
        with open(path, "r+b") as disk:
            disk.seek(PAGE - 10)
            disk.write(b"S1SUSPEND\0")

    def test_an_input_is_not_written_through_a_loop_device_or_its_disk(self):
        device = self.device("input", 8 << 20, memory(64))
        backing = self.path("input")
        before = Path(backing).read_bytes()
        again = loop_device(backing)
        self.addCleanup(subprocess.run, ["losetup", "-d", again])
        for source, output in ((backing, device), (device, backing), (device, again)):
            with self.subTest(source=source, output=output):
                refused = self.run_tool("create", "-f", "raw", source, "-o", output, "--force", code=4)
                self.assertIn(b"an input of this command", refused.stderr)
                self.assertEqual(Path(backing).read_bytes(), before)

    def test_an_input_on_standard_input_is_no_output(self):
        source = self.write("m.raw", memory(64))
        with open(source, "rb") as stdin:
            done = subprocess.run([HIBTOOL, "create", "-f", "raw", "-", "-o", source, "--force"], stdin=stdin, capture_output=True)
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_a_partition_and_its_disk_are_the_same_bytes(self):
        disk = self.device("disk", 8 << 20)
        subprocess.run(["sfdisk", "-q", disk], input=b"2048,4096\n6144,4096\n", check=True, capture_output=True)
        subprocess.run(["partx", "-u", disk], capture_output=True)
        first, second = f"{disk}p1", f"{disk}p2"
        if not os.path.exists(first) or not os.path.exists(second):
            self.skipTest("no partitions on loop devices")
        with open(first, "r+b") as part:
            part.write(memory(64))
        for source, output in ((first, disk), (disk, first), (first, self.path("disk"))):
            with self.subTest(source=source, output=output):
                self.run_tool("create", "-f", "raw", source, "-o", output, "--force", code=4)
        self.run_tool("create", "-f", "raw", first, "-o", second)

    def test_a_device_that_is_too_small_for_a_known_size_is_left_as_it_was(self):
        image = self.image()
        device = self.device("disk", 1 << 20, b"precious")
        before = Path(self.path("disk")).read_bytes()
        for kind in ("raw", "elf", "lime"):
            refused = self.run_tool("restore", image, "--as", kind, "-o", device, "--force", code=2).stderr.decode()
            self.assertIn("no room: the device has 1048576 bytes, expected at least ", refused)
            subprocess.run(["blockdev", "--flushbufs", device], check=True)
            self.assertEqual(Path(self.path("disk")).read_bytes(), before)

    def test_an_image_on_a_device_is_found_whole_and_an_old_one_does_not_vouch_for_a_new_one(self):
        device = self.device("disk", 16 << 20)
        big, small = self.write("big.raw", memory(6000, 1)), self.write("small.raw", memory(50, 2))
        for source in (big, small):
            created = self.json("create", "-f", "raw", source, "-o", device, "--force")
            verify = self.json("verify", device)
            self.assertEqual((verify["verdict"], verify["content_digest"]), ("good", created["content_digest"]))
            if source == big:
                self.assertGreater(created["file_bytes"], 5 << 20, "several of the pieces in which a device is written")
        with open(device, "r+b") as disk:  # interrupted: no commit record at the end, nor behind the image
            disk.seek(-128, os.SEEK_END)
            disk.write(bytes(128))
            disk.seek(created["file_bytes"] - 128)
            disk.write(bytes(128))
        self.assertEqual(self.json("inspect", device)["state"], "incomplete")


class ExitCodes(CliTest):
    def setUp(self):
        super().setUp()
        self.raw = self.write("m.raw", memory(64))
        self.hib = self.path("m.hib")
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.hib)

    def test_usage_is_64(self):
        for arguments in ([], ["frobnicate"], ["create"], ["create", self.raw], ["inspect", self.hib, "--page", "x"], ["verify"]):
            self.run_tool(*arguments, code=64)
        self.run_tool("create", "-f", "raw", self.raw, "-o", "-", "--json", code=64)

    def test_help_and_version_are_0_and_help_has_examples(self):
        self.assertIn(b"hibtool", self.run_tool("--version").stdout)
        for verb in ("create", "inspect", "verify", "restore", "diff"):
            self.assertIn(b"Examples:", self.run_tool(verb, "--help").stdout)

    def test_a_format_that_cannot_be_meant_is_a_usage_error_before_anything_is_opened(self):
        missing, other = self.path("missing"), self.path("other")
        cases = {("inspect", "-f", "vmdk", missing): 'unknown format "vmdk"; the formats are hib, kdump, elf, lime, avml, swsusp, uswsusp, tuxonice, snapshot, raw, and auto',
                 ("inspect", "-f", "ELF", missing): 'unknown format "ELF"; did you mean "elf"?',
                 ("inspect", "-f", "", missing): 'unknown format "";',
                 ("inspect", "-f", "raw,", missing): 'unknown format "";',
                 ("create", "-f", "elf,raw", missing, "-o", other): "2 formats for 1 image",
                 ("diff", "-f", "auto,raw,elf", missing, other): "3 formats for 2 images",
                 ("verify", "-f", "auto,raw,elf", missing, other): "3 formats for 2 images"}
        for arguments, said in cases.items():
            with self.subTest(arguments):
                lines = self.run_tool(*arguments, code=64).stderr.decode().splitlines()
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"--format: {said}", lines[0])
        self.run_tool("verify", "-f", "raw", self.raw, self.raw)
        self.assertEqual(self.json("inspect", "-f", "auto", self.hib)["format"], "hib")

    def test_dmesg_of_memory_that_does_not_say_its_kernel_names_the_search(self):
        advice = b"inspect --search looks for it in the pages"
        self.assertIn(advice, self.run_tool("inspect", "--dmesg", "-f", "raw", self.raw, code=2).stderr)
        self.assertNotIn(advice, self.run_tool("inspect", "--dmesg", "--search", "-f", "raw", self.raw, code=2).stderr)

    def test_no_option_of_diagnose_is_explained_in_longer_lines_than_a_terminal_has(self):
        lines = self.run_tool("diagnose", "--help").stdout.decode().splitlines()
        self.assertEqual([line for line in lines if len(line) > 80], [])

    def test_help_without_a_verb_is_the_option(self):
        self.assertEqual(self.run_tool("help").stdout, self.run_tool("--help").stdout)
        self.assertIn(b"unknown verb \"frobnicate\"; the verbs are inspect, verify,", self.run_tool("help", "frobnicate", code=64).stderr)

    def test_a_wrong_command_line_is_told_in_one_line_what_to_do(self):
        cases = {(): "no verb; the verbs are inspect,",
                 ("inspekt",): 'unknown verb "inspekt"; did you mean "inspect"?',
                 ("--json", "inspect", self.hib): 'option "--json" in front of the verb; options come after it, and the verbs are inspect,',
                 ("inspect", "--maps", self.hib): 'unknown option "--maps" of inspect; did you mean "--map"?',
                 ("inspect", "--frobnicate=1", self.hib): 'unknown option "--frobnicate" of inspect; "hibtool inspect --help" lists what there is',
                 ("inspect", "-x", self.hib): 'unknown option "-x" of inspect; "hibtool inspect --help" lists what there is',
                 ("probe", "more"): 'one argument too many for probe: "more"',
                 ("hel",): 'unknown verb "hel"; did you mean "help"?',
                 ("--vesrion",): 'option "--vesrion" in front of the verb; did you mean "--version"?',
                 ("--hlep",): 'option "--hlep" in front of the verb; did you mean "--help"?',
                 ("verify", "--agaisnt=1", self.hib): 'unknown option "--agaisnt" of verify; did you mean "--against-running"?',
                 ("restore", self.hib, "-o", "x", "--as", "elff"): '--as: "elff", expected hib, kdump, elf,',
                 ("inspect",): 'IMAGE is required; "hibtool inspect --help" lists what there is'}
        for arguments, said in cases.items():
            with self.subTest(arguments):
                lines = self.run_tool(*arguments, code=64).stderr.decode().splitlines()
                self.assertEqual(len(lines), 1, lines)
                self.assertTrue(lines[0].startswith("hibtool: " + said), lines)

    def test_a_file_with_an_empty_name_is_said_to_have_one(self):
        self.assertEqual(self.run_tool("inspect", "", code=2).stderr, b"hibtool: input: an empty name, expected a file or device\n")

    def test_a_value_of_a_list_is_told_which_values_there_are_and_the_nearest(self):
        said = self.run_tool("restore", self.hib, "-o", self.path("x"), "--as", "elff", code=64).stderr.decode()
        self.assertTrue(said.endswith('snapshot, raw; did you mean "elf"?\n'), said)
        said = self.run_tool("restore", self.hib, "-o", self.path("x"), "--as", "kdump", "--codec", "?", code=64).stderr.decode()
        self.assertIn('--codec: "?", expected none, zlib,', said)

    def test_a_wrong_command_line_with_json_has_a_document_too(self):
        for arguments in (("inspekt", "--json"), ("inspect", "--json"), ("inspect", "--json", "--maps", self.hib),
                          ("verify", self.hib, "--json", "--threads", "0"), ("--json",)):
            with self.subTest(arguments):
                end = self.run_tool(*arguments, code=64)
                document = json.loads(end.stdout)
                self.assertEqual((document["schema"], document["kind"]), ("hibtool.error", "usage"))
                self.assertEqual(end.stderr.decode(), f"hibtool: {document['message']}\n")

    def test_what_cannot_be_done_is_2_with_one_line(self):
        cases = [self.path("none"), str(self.folder), self.write("text", b"text\n"), self.write("empty", b""), self.write("cut", Path(self.hib).read_bytes()[:2000])]
        for path in cases:
            done = self.run_tool("inspect" if path != str(self.folder) else "verify", path, code=2)  # inspect looks at what is in a folder
            self.assertEqual(done.stdout, b"")
            lines = done.stderr.decode().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertTrue(lines[0].startswith("hibtool: "), lines)
            self.assertIn(path, lines[0])

    def test_an_error_is_a_json_document_too(self):
        document = self.json("inspect", self.write("cut", Path(self.hib).read_bytes()[:2000]), code=2)
        self.assertEqual(document["schema"], "hibtool.error")
        self.assertEqual(document["kind"], "truncated")
        self.assertEqual(document["offset"], "0x0")

    def test_damage_is_1_for_verify_2_for_restore_and_3_with_salvage(self):
        data = bytearray(Path(self.hib).read_bytes())
        entry = next(e for e in self.json("inspect", "--map", self.hib)["map"] if e["label"].startswith("PAGES"))
        data[int(entry["offset"], 16) + 64 + 200] ^= 1
        bad = self.write("bad.hib", data)
        verify = self.json("verify", bad, code=1)
        self.assertEqual(verify["verdict"], "damaged")
        damage = verify["damage"][0]
        self.assertLessEqual({"offset", "structure", "record", "field", "found", "allowed", "lost_pfns"}, set(damage))
        self.assertTrue(damage["lost_pfns"])
        refused = self.run_tool("restore", bad, "--as", "raw", "-o", self.path("out"), code=2)
        self.assertIn(b"offset 0x", refused.stderr)
        self.assertNotIn("out", self.names())
        saved = self.json("restore", bad, "--as", "hib", "-o", self.path("out"), "--salvage", code=3)
        self.assertGreater(saved["pages"]["unreadable"], 0)
        self.assertEqual(self.json("inspect", self.path("out"))["pages"]["unreadable"], saved["pages"]["unreadable"])
        said = self.run_tool("verify", self.path("out")).stdout.decode().splitlines()[0]
        self.assertEqual(said, f"{self.path('out')}: whole as it was saved, {saved['pages']['unreadable']} pages of its source lost")

    def test_an_unfinished_image_is_said_to_be_incomplete_and_salvage_gets_its_blocks(self):
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.path("small.hib"), "--chunk-size", "16")
        data = Path(self.path("small.hib")).read_bytes()
        cut = self.write("cut.hib", data[:len(data) * 2 // 3])
        self.assertEqual(self.json("inspect", cut)["state"], "incomplete")
        self.run_tool("restore", cut, "--as", "raw", "-o", self.path("x"), code=2)
        saved = self.json("restore", cut, "--as", "hib", "-o", self.path("saved.hib"), "--salvage", code=3)
        self.assertGreater(saved["pages"]["data"], 10)
        self.assertEqual(self.json("verify", cut, code=1)["verdict"], "damaged")

    def test_outputs_in_the_way_and_inputs_as_outputs_are_4(self):
        before = Path(self.hib).read_bytes()
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.hib, code=4)
        self.run_tool("restore", self.hib, "--as", "hib", "-o", self.hib, "--force", code=4)
        os.link(self.hib, self.path("other-name"))
        self.run_tool("restore", self.hib, "--as", "raw", "-o", self.path("other-name"), "--force", code=4)
        self.run_tool("restore", self.hib, "--as", "raw", "-o", str(self.folder), code=4)
        os.mkfifo(self.path("fifo"))
        self.run_tool("restore", self.hib, "--as", "raw", "-o", self.path("fifo"), code=4)
        self.assertEqual(Path(self.hib).read_bytes(), before)

    def test_force_replaces_and_a_symlink_is_replaced_not_followed(self):
        target = self.write("target", b"precious")
        os.symlink(target, self.path("link"))
        self.run_tool("restore", self.hib, "--as", "raw", "-o", self.path("link"), code=4)
        self.run_tool("restore", self.hib, "--as", "raw", "-o", self.path("link"), "--force")
        self.assertEqual(Path(target).read_bytes(), b"precious")
        self.assertFalse(os.path.islink(self.path("link")))

    def test_several_images_give_the_worst_answer(self):
        bad = self.write("bad.hib", Path(self.hib).read_bytes() + b"x")
        self.run_tool("verify", self.hib, self.hib)
        self.run_tool("verify", self.hib, bad, code=1)
        self.run_tool("verify", self.hib, bad, self.path("none"), code=2)

    def test_bytes_behind_an_image_have_a_layer_of_their_own(self):
        long = self.write("long.hib", Path(self.hib).read_bytes() + bytes(5))
        layers = {layer["name"]: layer for layer in self.json("verify", long, code=1)["layers"]}
        self.assertEqual(layers["end of the file"]["text"], "5 bytes of something else behind the image")
        self.assertEqual([name for name, layer in layers.items() if layer["result"] == "bad"], ["end of the file"])
        self.assertIn(b"end of the image: 5 bytes after it, expected none", self.run_tool("inspect", long).stdout)

    def test_an_error_of_damage_names_salvage_where_it_helps(self):
        data = Path(self.hib).read_bytes()
        labels = self.json("inspect", "--map", self.hib)["map"]
        for label, said in (("PAGES", b"; --salvage goes on with what is whole\n"), ("INDEX", b"; --salvage reads what is there\n")):
            at = next(int(e["offset"], 16) for e in labels if e["label"].startswith(label)) + 264
            bad = self.write("bad.hib", data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            commands = [("restore", bad, "--as", "raw", "-o", self.path("out")), ("create", bad, "-o", self.path("out"))]
            if label == "INDEX":  # diff reads no page of a .hib
                commands.append(("diff", bad, self.hib))
            for command in commands:
                with self.subTest(label=label, verb=command[0]):
                    self.assertTrue(self.run_tool(*command, code=2).stderr.endswith(said))

    def test_inspect_with_salvage_of_what_is_damaged_is_3_and_says_what_is(self):
        self.run_tool("inspect", "--salvage", self.hib)
        data = Path(self.hib).read_bytes()
        index = next(e for e in self.json("inspect", "--map", self.hib)["map"] if e["label"].startswith("INDEX"))
        at = int(index["offset"], 16)
        for damaged, said in ((data[:-200], "COMMIT"), (data[:at + 100] + b"\xff" + data[at + 101:], "INDEX")):
            bad = self.write("bad.hib", damaged)
            self.run_tool("inspect", bad)
            document = self.json("inspect", "--salvage", bad, code=3)
            errors = [finding for finding in document["findings"] if finding["severity"] == "error"]
            self.assertIn(said, errors[0]["text"])
            self.assertEqual(len(errors), len({finding["text"] for finding in errors}))
            self.assertIn(b"error: ", self.run_tool("inspect", "--salvage", "--pages", bad, code=3).stdout)

    def test_formats_without_checksums_are_unverifiable_never_good(self):
        self.run_tool("restore", self.hib, "--as", "elf", "-o", self.path("e"))
        document = self.json("verify", self.path("e"))
        self.assertEqual(document["verdict"], "unverifiable")
        self.assertIn("not-provable", {layer["result"] for layer in document["layers"]})

    def test_a_signal_ends_with_128_plus_its_number_and_leaves_nothing(self):
        reader, writer = os.pipe()
        process = subprocess.Popen([HIBTOOL, "create", "-f", "raw", "-", "-o", self.path("out.hib"), "-q"], stdin=reader, stderr=subprocess.PIPE)
        os.close(reader)
        os.write(writer, b"x" * PAGE)
        waiting = b"\1\0\0\0"
        limit = time.monotonic() + 60
        while waiting != bytes(4) and time.monotonic() < limit:  # until it has read that page and wants more
            waiting = fcntl.ioctl(writer, termios.FIONREAD, bytes(4))
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(BrokenPipeError):  # it may have ended already
            os.write(writer, b"x" * PAGE)
        os.close(writer)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, stderr)
        self.assertNotIn("out.hib", self.names())

    def until(self, condition):
        limit = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.01)

    def test_a_signal_ends_a_write_that_nobody_reads_whichever_thread_waits(self):
        self.run_tool("create", "-f", "raw", self.write("large.raw", memory(1500)), "-o", self.path("large.hib"))
        os.mkfifo(self.path("fifo"))
        before = self.names()
        for number in (signal.SIGTERM, signal.SIGINT) * 4:
            for output, *more in (["-"], [self.path("fifo"), "--force"]):
                reader = os.open(self.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
                writer = os.open(self.path("fifo"), os.O_WRONLY)
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PAGE)
                poll = select.poll()
                poll.register(writer, select.POLLOUT)
                command = [HIBTOOL, "create", self.path("large.hib"), "-o", output, *more, "-q", "--threads", "4"]
                process = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE)
                self.until(lambda: not poll.poll(0))  # the pipe is full
                process.send_signal(number)
                _, stderr = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 128 + number, stderr)
                self.assertEqual(len(stderr.splitlines()), 1, stderr)
                os.close(reader)
                os.close(writer)
                self.assertEqual(self.names(), before)

    def test_a_signal_ends_the_wait_for_a_reader(self):
        os.mkfifo(self.path("fifo"))
        process = subprocess.Popen([HIBTOOL, "create", self.hib, "-o", self.path("fifo"), "--force"], stderr=subprocess.PIPE)
        self.until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ")[1].startswith("S"))
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, stderr)

    def test_an_image_that_nobody_reads_any_more_ends_with_the_signal_of_a_broken_pipe(self):
        for kind in ("raw", "elf", "kdump", "hib"):
            with self.subTest(kind):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run([HIBTOOL, "restore", self.hib, "--as", kind, "-o", "-"], stdout=writer, stderr=subprocess.PIPE, text=True)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (128 + signal.SIGPIPE, "hibtool: standard output: write: Broken pipe\n"))

    def test_text_that_does_not_arrive_is_2_with_one_line_whatever_the_verb(self):
        page = ("inspect", "--page", "1", "--raw", self.hib)
        other = self.path("other.hib")
        printers = [("--help",), ("--version",), ("inspect", self.hib), ("inspect", "--json", self.hib), page,
                    ("verify", self.hib), ("verify", "--json", self.hib), ("diff", self.hib, self.hib), ("probe",), ("probe", "--json"),
                    ("create", self.hib, "-o", other, "--force"), ("restore", self.hib, "--as", "elf", "-o", self.path("e"), "--force")]
        for arguments in printers:
            for redirection, said in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
                with self.subTest(arguments=arguments, redirection=redirection):
                    done = subprocess.run(["sh", "-c", f'"$0" "$@" {redirection}', HIBTOOL, *arguments], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertEqual(done.stderr.splitlines()[-1], f"hibtool: standard output: write: {said}")
        self.assertEqual(self.json("verify", other)["verdict"], "good", "no text went into an output that had taken number 1")

    def test_a_refusal_stays_one_and_what_is_quiet_needs_no_output(self):
        shell = lambda text: subprocess.run(["sh", "-c", text, HIBTOOL, self.hib, self.raw], capture_output=True, text=True)
        self.assertEqual(shell('"$0" verify -q "$1" >&-').returncode, 0)
        self.assertEqual(shell('"$0" create --json -f raw "$2" -o "$1" >/dev/full').returncode, 4)

    def test_a_reader_that_has_seen_enough_is_no_error_to_tell_of(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([HIBTOOL, "inspect", self.hib], stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (128 + signal.SIGPIPE, b""))

    def test_nothing_but_the_image_is_left_in_the_folder(self):
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.path("again.hib"))
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.path("again.hib"), "--force")
        self.assertEqual(self.names(), ["again.hib", "m.hib", "m.raw"])


class Options(CliTest):
    """An option takes effect, or it is refused: none is passed over in silence."""

    def setUp(self):
        super().setUp()
        self.raw = self.write("m.raw", memory(64))
        self.hib = self.path("m.hib")
        self.run_tool("create", "-f", "raw", self.raw, "-o", self.hib)
        self.elf = self.path("m.elf")
        self.run_tool("restore", self.hib, "--as", "elf", "-o", self.elf)

    def refused(self, *arguments, said, after_other_images=False):
        before = self.names()
        done = self.run_tool(*arguments, code=64)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        if "--json" in arguments:
            self.assertEqual(json.loads(done.stdout)["kind"], "usage")
        elif not after_other_images:
            self.assertEqual(done.stdout, b"")
        self.assertIn(said, lines[0])
        self.assertEqual(self.names(), before)

    def test_an_input_option_that_the_image_does_not_use_is_a_usage_error(self):
        passphrase = self.write("passphrase", b"secret\n")
        out = self.path("out")
        for verb in (["inspect"], ["verify"], ["create", "-o", out], ["restore", "--as", "raw", "-o", out], ["diff", self.hib]):
            for option, used_by in ((["-f", "hib", "--base-address", "0x1000"], "--base-address: of no use for this .hib image, expected raw memory"),
                                    (["--passphrase-file", passphrase], "--passphrase-file: of no use for this .hib image, expected an encrypted image"),
                                    (["--base-image", self.elf], "--base-image: of no use for this .hib image, expected an incremental image")):
                with self.subTest(verb=verb[0], option=option):
                    said = used_by.replace("for this .hib image", "for any image of this command") if verb[0] == "diff" else used_by
                    self.refused(*verb, self.hib, *option, said=said)
        self.refused("inspect", "-f", "elf", self.elf, "--offset", "3", said="--offset: of no use for this ELF vmcore, expected .hib image, hibernation image")
        self.refused("verify", self.hib, "--page-size", "8192", said="--page-size: of no use for this .hib image, expected LiME dump, AVML dump, raw memory")
        self.refused("inspect", "-f", "auto", self.elf, "--base-address", "0", said="--base-address: of no use for this ELF vmcore, expected raw memory")
        self.refused("verify", self.hib, self.elf, "--passphrase-file", passphrase, said="--passphrase-file: of no use for any image of this command",
                     after_other_images=True)

    def test_an_input_option_that_one_of_the_images_uses_is_none(self):
        self.assertTrue(self.json("diff", self.hib, self.raw, "-f", "auto,raw", "--base-address", "0")["identical"])
        shifted = self.json("diff", self.hib, self.raw, "-f", "auto,raw", "--base-address", "0x1000", code=1)
        self.assertEqual((shifted["a"]["format"], shifted["b"]["format"]), ("hib", "raw"))
        self.assertEqual(shifted["ranges"]["only_b"][-1], ["0x40", 1])

    def test_options_of_inspect_that_need_or_exclude_others_say_so(self):
        parts = ("--pages", "--map", "--records", "--devices")
        for option, needed in (("--raw", "--page"), ("--config", "--device"), ("--numeric", "--devices")):
            self.refused("inspect", self.hib, option, said=f"{option}: without {needed}, expected {needed} too")
        for part in parts:
            self.refused("inspect", self.hib, "--page", "1", part, said=f"--page: together with {part}, expected one of the two")
            self.refused("inspect", self.hib, "--device", "sda", part, said=f"--device: together with {part}, expected one of the two")
        self.refused("inspect", self.hib, "--page", "1", "--device", "sda", said="--page: together with --device, expected one of the two")
        self.refused("inspect", self.hib, "--page", "1", "--raw", "--json", said="--raw: together with --json, expected one of the two")

    def test_a_quiet_inspect_prints_only_what_was_asked_for(self):
        self.assertEqual(self.run_tool("inspect", "-q", self.hib).stdout, b"")
        whole = self.run_tool("inspect", "--map", self.hib).stdout.decode()
        table = self.run_tool("inspect", "-q", "--map", self.hib).stdout.decode()
        self.assertTrue(table.lstrip().startswith("offset "), table)
        self.assertTrue(whole.endswith(table))
        self.assertEqual(self.json("inspect", "-q", self.hib), self.json("inspect", self.hib))

    def test_an_option_of_writing_that_the_format_does_not_use_is_a_usage_error(self):
        for kind, option, said in (("elf", ["--codec", "lzo"], "--codec: of no use with --as elf, expected --as kdump, swsusp"),
                                   ("hib", ["--codec", "lzo"], "--codec: of no use with --as hib"),
                                   ("kdump", ["--codec", "lz4"], "--codec: lz4 with --as kdump, expected none, zlib, lzo, snappy, zstd"),
                                   ("swsusp", ["--codec", "zlib"], "--codec: zlib with --as swsusp, expected lzo, lz4, none"),
                                   ("raw", ["--level", "5"], "--level: of no use with --as raw, expected --as hib"),
                                   ("lime", ["--chunk-size", "32"], "--chunk-size: of no use with --as lime, expected --as hib"),
                                   ("raw", ["--by-extents"], "--by-extents: of no use with --as raw, expected --as swsusp"),
                                   ("elf", ["--target-offset", "5"], "--target-offset: of no use with --as elf, expected --as swsusp"),
                                   ("raw", ["--without-swapped-pages"], "--without-swapped-pages: of no use with --as raw, expected --as hib, swsusp")):
            with self.subTest(kind, option=option):
                self.refused("restore", self.hib, "--as", kind, "-o", self.path("out"), *option, said=said)

    def test_options_of_the_verbs_that_were_options_of_restore_go_with_them_only(self):
        out = ["--as", "raw", "-o", self.path("out")]
        for option in (["--yes"], ["--against", self.hib], ["--trust-swapped-pages"], ["--device", self.raw]):
            self.refused("restore", self.hib, *out, *option, said=f"{option[0]}: without --rearm, expected --rearm too")
        for option in (["--kernel", "x"], ["--accept", "sda=moved"], ["--wait", "3"]):
            self.refused("restore", self.hib, *out, *option, said=f"{option[0]}: without --jump, expected --jump too")
        for spelling in ("--rearm", "--jump"):
            for option in (["--as", "raw"], ["--salvage"], ["--level", "3"]):
                self.refused("restore", self.hib, spelling, *option, said=f"{spelling}: together with {option[0]}, expected one of the two")

    def test_options_of_the_other_verbs_that_would_do_nothing_say_so(self):
        self.refused("probe", "--force", said="--force: without --output, expected --output too")
        self.refused("probe", "--numeric", "-o", self.path("out"), said="--numeric: together with --output, expected one of the two")
        self.refused("rearm", self.hib, "--against", self.hib, "--trust-swapped-pages", said="--against: together with --trust-swapped-pages, expected one of the two")
        for option in (["--force"], ["--verify"], ["--free-pages"], ["--level", "1"], ["--only-target-drivers"]):
            self.refused("arm", *option, said=f"{option[0]}: without --target, expected --target too")


if __name__ == "__main__":
    unittest.main()
