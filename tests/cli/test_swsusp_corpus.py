"""The conformance images of samples/swsusp: each is read as its description says, fault by fault."""

import json
import re
import resource
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import HIBTOOL, ROOT

GENERATOR = ROOT / "samples" / "swsusp" / "generate"
CODES = {"good": 0, "unverifiable": 0, "damaged": 1}
MEMORY_LIMIT = 1 << 30  # address space, most of it libraries and the threads' stacks
TIME_LIMIT = 10


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hibcorpus-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        subprocess.run([sys.executable, GENERATOR, cls.folder], check=True)
        cls.cases = {path.stem: json.loads(path.read_text()) for path in sorted(cls.folder.glob("*.json"))}

    def tool(self, verb, name, *more):
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))  # noqa: E731
        expected = self.cases[name]
        offset = ["--offset", str(expected["offset_pages"])] if expected["offset_pages"] else []
        if expected["passphrase"]:
            (self.folder / "passphrase").write_text(expected["passphrase"] + "\n")
            offset = ["--passphrase-file", self.folder / "passphrase"]
        done = subprocess.run([HIBTOOL, verb, self.folder / f"{name}.img", "--json", "--threads", "2", *offset, *more], capture_output=True,
                              timeout=TIME_LIMIT, preexec_fn=limit)
        return done.returncode, json.loads(done.stdout), done.stderr.decode()

    def readable(self):
        return ((name, case) for name, case in self.cases.items() if not case["error"] and case["verdict"] != "none")

    def test_every_case_has_a_reading(self):
        self.assertGreater(len(self.cases), 70)

    def test_inspect_says_what_each_image_is(self):
        for name, case in self.cases.items():
            if case["error"]:
                continue
            with self.subTest(name, about=case["about"]):
                code, document, _ = self.tool("inspect", name)
                self.assertEqual(code, 0)
                for key in ("format", "state", "codec", "page_size"):
                    self.assertEqual(document[key], case[key], key)

    def test_verify_reaches_the_verdict(self):
        for name, case in self.readable():
            with self.subTest(name, about=case["about"]):
                code, document, _ = self.tool("verify", name)
                self.assertEqual((document["verdict"], code), (case["verdict"], CODES[case["verdict"]]))
                pages = document["pages"]
                self.assertEqual((pages["data"], pages["zero"], pages["unreadable"]), (case["data"], case["zero"], case["unreadable"]))
                if case["content_digest"]:
                    self.assertEqual(document["content_digest"], case["content_digest"])

    def test_damage_is_found_where_it_is(self):
        for name, case in self.readable():
            with self.subTest(name, about=case["about"]):
                damage = self.tool("verify", name)[1]["damage"]
                places = [": ".join(part for part in (d["structure"], d["field"]) if part) for d in damage]
                for structure in case["structures"]:
                    self.assertTrue(any(structure in place.replace('_', ' ') for place in places), f"{structure!r} not in {places}")
                lost = sorted([int(first, 0), count] for d in damage for first, count in d["lost_pfns"])
                self.assertEqual(join(lost), case["lost_pfns"])
                for d in damage:
                    # A checksum of everything says that something changed, and not where.
                    self.assertEqual(d["offset"] is None, d["anywhere"], d)

    def test_the_map_numbers_blocks_from_the_start_of_the_device_as_damage_does(self):
        for name, device_start in (("mbr-partition", 4096), ("fault-entry-twice", 0), ("uswsusp", 0)):
            with self.subTest(name):
                document = self.tool("inspect", name, "--map")[1]
                numbered = [(part, re.search(r", blocks? (\d+)(?: to (\d+))?$", part["label"])) for part in document["map"]]
                numbered = [(part, int(found[1]), int(found[2] or found[1])) for part, found in numbered if found]
                self.assertGreater(len(numbered), 2)
                for part, first, last in numbered:
                    self.assertEqual(device_start + first * document["page_size"], int(part["offset"], 16))
                    self.assertEqual((last - first + 1) * document["page_size"], part["bytes"])
        damage = self.tool("verify", "fault-entry-twice")[1]["damage"]
        named = next(d for d in damage if d["structure"] == "block 5")
        shown = self.tool("inspect", "fault-entry-twice", "--map")[1]["map"]
        self.assertIn("data pages, blocks 4 to", next(p for p in shown if int(p["offset"], 16) <= int(named["offset"], 16) < int(p["offset"], 16) + p["bytes"])["label"])

    def test_without_salvage_a_damaged_info_page_is_refused_with_its_place_and_advice(self):
        for name, where in (("fault-image-pages-more", "offset 0x21a0: info page: image_pages: 90, expected 40"),
                            ("fault-info-pages-zero", "offset 0x21a8: info page: pages: 0, expected 42"),
                            ("fault-info-size", "offset 0x21b0: info page: size: 4097, expected 172032"),
                            ("fault-magic", "offset 0x2018: restore record: magic: 0x23456789abcdef06, expected 0x23456789abcdef02 (bit 2 flipped)"),
                            ("fault-cr3", "offset 0x2010: restore record: cr3: 0x22000000, expected 0x2000000"),
                            ("fault-jump-address-phys", "offset 0x2008: restore record: jump_address_phys: 0x0, expected 0x1000000"),
                            ("fault-arm64-ttbr1", "offset 0x2048: restore record: ttbr1_el1: 0x3000000, expected 0x2000000, by the page tables"),
                            ("fault-arm64-reenter-inside", "offset 0x2050: restore record: reenter_kernel: 0xffff800081000004, "
                                                           "expected 0xffff800081000000, by the page tables of the image (bit 2 flipped)"),
                            ("fault-arm64-vectors", "offset 0x2058: restore record: __hyp_stub_vectors: 0x100000000, expected 0, or"),
                            ("fault-arm64-phys", "offset 0x2058: restore record: phys_reenter_kernel: 0x101000038, expected an address in"),
                            ("fault-arm64-phys-mpidr", "offset 0x2068: restore record: sleep_cpu_mpidr: 0x80000001, expected bits of"),
                            ("fault-arm64-mpidr", "offset 0x2060: restore record: sleep_cpu_mpidr: 0x80000001, expected bits of"),
                            ("fault-arm64-version-first", "offset 0x2000: restore record: uts_version: 31 SMP Conformance (2026-01-01), expected"),
                            ("fault-arm64-version", "expected #1 SMP Conformance (2026-01-01), as the kernel in the pages says"),
                            ("fault-digest", "offset 0x2020: restore record: digest: ba571f52, expected ba571fd2"),
                            ("fault-physpages-nodes", "offset 0x2190: info page: num_physpages: 65402, expected 65403")):
            with self.subTest(name):
                code, _, message = self.tool("create", name, "-o", self.folder / "refused.hib")
                self.assertEqual(code, 2)
                self.assertIn(where, message)
                if name not in ("fault-digest", "fault-physpages-nodes", "fault-arm64-version"):  # told by the pages, when all have been read
                    self.assertIn("--salvage goes on", message)
                self.assertFalse((self.folder / "refused.hib").exists())

    def test_inspect_says_what_the_counts_are(self):
        for name in self.cases:
            if name.startswith(("fault-image-pages", "fault-info-")) and name != "fault-info-physpages":
                with self.subTest(name):
                    findings = self.tool("inspect", name)[1]["findings"]
                    inferred = [f for f in findings if f["code"] == "counts-inferred"]
                    self.assertEqual(len(inferred), 1)
                    stored = self.cases[name]["data"]
                    self.assertIn(f"of PFNs + {stored} of data", inferred[0]["text"])

    def test_the_kernels_pages_say_its_release(self):
        release, version = "6.1.0-conformance", "#1 SMP Conformance (2026-01-01)"
        for name, machine, says_version in (("kernel", "x86_64", False), ("kernel-32", "i686", True), ("kernel-32-note", "i686", True),
                                            ("kernel-record-unknown", None, True), ("kernel-arm64", "aarch64", True),
                                            ("fault-arm64-version", "aarch64", True), ("fault-cr3", "x86_64", False),
                                            ("fault-jump-address-phys", "x86_64", False), ("fault-kernel-magic", "x86_64", False)):
            with self.subTest(name):
                kernel = self.tool("inspect", name)[1]["kernel"]
                self.assertEqual((kernel["release"], kernel["machine"]), (release, machine))
                self.assertEqual(kernel["version"], version if says_version else None)

    def test_the_restore_record_of_arm64_is_shown_field_by_field(self):
        details = self.tool("inspect", "record-arm64")[1]["details"]
        self.assertEqual(details["jump back"], "arm64, reenter_kernel 0xffff800081000000, ttbr1_el1 0x2000000, __hyp_stub_vectors 0x0, "
                                               "sleep_cpu_mpidr 0x1, uts_version #1 SMP Conformance (2026-01-01)")
        self.assertIn("phys_reenter_kernel 0x1000038, ttbr1_el1 0x2000000,", self.tool("inspect", "kernel-arm64-phys")[1]["details"]["jump back"])

    def test_the_code_of_an_arm64_kernel_leads_to_its_registers(self):
        output = self.folder / "arm64.elf"
        self.assertEqual(self.tool("restore", "kernel-arm64", "--as", "elf", "-o", output)[0], 0)
        records = json.loads(subprocess.run([HIBTOOL, "inspect", "--records", "--json", output], capture_output=True, check=True).stdout)["records"]
        note = next(record for record in records if record["type"] == "processors")["fields"]["note"]
        x = struct.unpack_from("<34Q", bytes.fromhex(note["desc"]["hex"]), 112)
        self.assertEqual(x[19:29], tuple(range(19, 29)))
        self.assertEqual(x[29:33], (0x29, 0xFFFF800081000ABC, 0xFFFF80000800B7B0, 0xFFFF800081000ABC))  # fp, lr, sp, pc

    def test_an_elf_file_of_a_32_bit_image_has_vmcoreinfo(self):
        for name in ("kernel-32", "kernel-32-note", "kernel"):
            with self.subTest(name):
                output = self.folder / f"{name}.elf"
                self.assertEqual(self.tool("restore", name, "--as", "elf", "-o", output)[0], 0)
                self.assertIn(b"VMCOREINFO\0\0OSRELEASE=6.1.0-conformance\n", output.read_bytes())

    def test_a_copy_of_an_image_with_a_damaged_info_page_is_whole_and_is_not_written_for_a_kernel(self):
        for name in ("fault-info-consistent", "fault-info-zeros", "fault-magic", "fault-kernel-magic", "fault-cr3", "fault-sysname", "fault-arm64-ttbr1"):
            with self.subTest(name):
                container, stream = self.folder / "damaged.hib", self.folder / "stream"
                code, created, _ = self.tool("create", name, "--salvage", "--force", "-o", container)
                self.assertEqual((code, created["pages"]["unreadable"]), (3, 0))
                self.assertEqual(created["content_digest"], self.cases[name]["content_digest"])
                done = subprocess.run([HIBTOOL, "restore", container, "--as", "snapshot", "-o", stream], capture_output=True, text=True)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn("saved from a damaged image", done.stderr)
                self.assertFalse(stream.exists())

    def test_what_cannot_be_read_is_refused_with_a_place(self):
        for name, case in self.cases.items():
            if not case["error"]:
                continue
            with self.subTest(name, about=case["about"]):
                code, _, message = self.tool("verify", name)
                self.assertEqual(code, 2)
                self.assertIn("offset 0x", message)
                self.assertIn(case["error"].replace("_", " ").replace("next swap", "next_swap"), message)

    def occupant(self, name, head, size=1 << 20):
        path = self.folder / name
        with open(path, "wb") as file:
            file.write(head)
            file.truncate(size)
        return path

    def test_tuxonice_is_recognised_and_described_but_not_read(self):
        path = self.occupant("tuxonice", bytes.fromhex("edc302e99856e50c") + struct.pack("<IIQii", 8 << 20 | 3, 0, 4096, 1, 0))
        done = subprocess.run([HIBTOOL, "inspect", "--json", path], capture_output=True, check=True)
        report = json.loads(done.stdout)
        self.assertEqual((report["format"], report["pages"]["total"]), ("tuxonice", 0))
        self.assertEqual(report["details"], {"header": "device 8:3, sector 4096", "attempted": "a resume was attempted"})
        for verb in (["verify", path], ["create", path, "-o", self.folder / "x.hib"]):
            done = subprocess.run([HIBTOOL, *verb], capture_output=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"TuxOnIce", done.stderr)

    def test_a_plain_swap_area_is_none_and_cannot_be_verified(self):
        code, report, _ = self.tool("inspect", "plain")
        self.assertEqual((code, report["state"], report["format"]), (0, "none", "swsusp"))
        code, _, message = self.tool("verify", "plain")
        self.assertEqual(code, 2)
        self.assertIn("a swap area without an image", message)

    def test_what_else_lies_there_is_said_in_words(self):
        ext = self.occupant("ext", b"")
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", ext], check=True, capture_output=True)
        disk = bytearray(512)
        disk[446:462] = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x83, b"\0\0\0", 8, 1000)
        disk[510:] = b"\x55\xaa"
        for path, words in ((self.occupant("luks", b"LUKS\xba\xbe\0\2"), "encrypted LUKS volume"), (ext, "an ext file system without a swap file"),
                            (self.occupant("disk", bytes(disk)), "a disk with 1 partitions"), (self.occupant("zeros", b""), "nothing that a reader knows")):
            with self.subTest(path.name):
                done = subprocess.run([HIBTOOL, "inspect", path], capture_output=True, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)

    def test_a_wrong_or_missing_passphrase_fails_the_authentication(self):
        (self.folder / "wrong").write_text("wrong\n")
        for name, case in self.cases.items():
            if case["passphrase"]:
                for more in ([], ["--passphrase-file", self.folder / "wrong"]):
                    done = subprocess.run([HIBTOOL, "verify", self.folder / f"{name}.img", *more], capture_output=True)
                    self.assertEqual(done.returncode, 5, done.stderr)
                    self.assertNotIn(b"wrong", done.stderr)

    def test_inspect_says_of_an_encrypted_image_what_can_be_known_without_its_passphrase(self):
        for name, codec in (("uswsusp-encrypted", "lzo"), ("uswsusp-encrypted-plain", "none")):
            with self.subTest(name):
                image = self.folder / f"{name}.img"
                done = subprocess.run([HIBTOOL, "inspect", image], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (5, ""))
                self.assertRegex(done.stdout, r"uswsusp hibernation image, swap area, encrypted \(Blowfish\), armed\n")
                self.assertRegex(done.stdout, r"  pages +not known\n")
                self.assertRegex(done.stdout, r"  stream +33 pages, the info page and the PFN list among them\n")
                document = json.loads(subprocess.run([HIBTOOL, "inspect", "--json", "--map", image], capture_output=True).stdout)
                opened = self.tool("inspect", name, "--map")[1]
                for key in ("format", "state", "variant", "codec", "page_size", "integrity", "map"):
                    self.assertEqual(document[key], opened[key], key)
                self.assertEqual(document["codec"], codec)
                self.assertEqual([f["code"] for f in document["findings"]], ["encrypted"])
                self.assertEqual(document["pages"]["total"], 0)
                for needs_pages in (["inspect", "--pages"], ["inspect", "--page", "1"], ["verify"], ["rearm"], ["create", "-o", self.folder / "x.hib"],
                                    ["restore", "--as", "raw", "-o", self.folder / "x.raw"], ["diff", image]):
                    done = subprocess.run([HIBTOOL, needs_pages[0], image, *needs_pages[1:]], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 5, needs_pages)
                    self.assertIn("--passphrase-file FILE", done.stderr)
                self.assertFalse(list(self.folder.glob("x.*")))

    def test_damaged_images_are_restored_only_with_salvage(self):
        for name, case in self.readable():
            if case["verdict"] != "damaged":
                continue
            with self.subTest(name, about=case["about"]):
                output = self.folder / f"{name}.hib"
                code, _, _ = self.tool("restore", name, "--as", "hib", "-o", output)
                self.assertEqual(code, 2)
                self.assertFalse(output.exists())
                code, document, _ = self.tool("restore", name, "--as", "hib", "-o", output, "--salvage")
                self.assertEqual(code, 3)
                self.assertEqual(document["pages"]["data"], case["data"])
                output.unlink()


def join(ranges):
    """Adjacent ranges as one."""
    out = []
    for first, count in ranges:
        if out and out[-1][0] + out[-1][1] == first:
            out[-1][1] += count
        else:
            out.append([first, count])
    return out


if __name__ == "__main__":
    unittest.main()
