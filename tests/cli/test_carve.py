#!/usr/bin/python3
"""Hibernation images whose header is gone: inspect --carve finds them, and --at opens them."""

import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, CliTest, json_schema

GENERATOR = ROOT / "samples" / "swsusp" / "generate"
sys.path.append(str(GENERATOR.parent))
sys.dont_write_bytecode = True
spec = spec_from_loader("generate", SourceFileLoader("generate", str(GENERATOR)))
generate = module_from_spec(spec)
spec.loader.exec_module(generate)

ENTRIES = PAGE // 8 - 1  # of a map page
MANY_PAGES = 1300  # of data: three map pages
MEMORY_LIMIT = 1 << 30  # address space, most of it libraries and the threads' stacks
AREA_END_LOST = ["header", "swapped-pages"]  # these images have no kernel whose account leads to swapped-out pages
TOOLS = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


class Made:
    """An image made from a description: its device, and which block holds what."""

    def __init__(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.txt"
            path.write_text(text)
            self.case = generate.Case(path)
        image = generate.Image(self.case)
        self.file = image.file_bytes()
        self.maps, self.blocks = image.numbers  # of map pages; of info page, PFN pages and data
        self.chunks = image.chunk_blocks
        self.pfn_pages = len(image.pfn_pages) // self.case.page_size
        self.digest = generate.content_digest(self.case)

    def digest_without(self, lost):
        """Of the pages that are no part of these."""
        self.case.pages, whole = [page for page in self.case.pages if page[0] not in lost], self.case.pages
        digest = generate.content_digest(self.case)
        self.case.pages = whole
        return digest

    def pfns_of_chunk(self, number):
        """The data pages of a chunk."""
        first = max(32 * number - self.pfn_pages, 0)
        return {page[0] for page in self.case.pages[first:32 * (number + 1) - self.pfn_pages]}


def image(*lines, pages=MANY_PAGES, content="random", first=0x100):
    return Made("\n".join((f"data {first:#x}+{pages} {content}", *lines)))


def overwritten(file, blocks, content=b""):
    """The file with other content in these blocks."""
    out = bytearray(file)
    for block in blocks:
        out[block * PAGE:(block + 1) * PAGE] = content.ljust(PAGE, b"\0")
    return bytes(out)


class Carve(CliTest):
    def carve(self, path, *more):
        return self.json("inspect", "--carve", path, *more)

    def found(self, path):
        """What is listed: (at, kind, confidence, codes of what is missing)."""
        return [(one["at"], one["kind"], one["confidence"], [fact["code"] for fact in one["missing"]]) for one in self.carve(path)["images"]]

    def assert_comes_back(self, path, at, digest, verdict="unverifiable", rewritten="good"):
        """The image is read as it was before the damage, kept, and written for a kernel."""
        verified = self.json("verify", path, "--at", at)
        self.assertEqual((verified["verdict"], verified["content_digest"]), (verdict, digest))
        created = self.json("create", path, "--at", at, "-o", self.path("kept.hib"), "--force")
        self.assertEqual(created["content_digest"], digest)
        with open(self.path("area"), "wb") as area:
            area.truncate(16 << 20)
        self.mkswap("area")
        self.run_tool("restore", self.path("kept.hib"), "--as", "swsusp", "-o", self.path("area"))
        self.assertEqual(self.json("inspect", self.path("area"))["state"], "armed")
        again = self.json("verify", self.path("area"))
        self.assertEqual((again["verdict"], again["content_digest"]), (rewritten, digest))

    def assert_part_comes_back(self, path, at, made, lost):
        """Exactly the pages that are not lost; without --salvage nothing. Without `at`: by its header."""
        place = ["--at", at] if at else []
        refused = self.run_tool("create", path, *place, "-o", self.path("kept.hib"), code=2)
        self.assertIn(b"--salvage", refused.stderr)
        verified = self.json("verify", path, *place, code=1)
        missing = {pfn for damage in verified["damage"] for first, count in damage["lost_pfns"] for pfn in range(int(first, 0), int(first, 0) + count)}
        self.assertEqual(missing, lost)
        created = self.json("create", path, *place, "--salvage", "-o", self.path("kept.hib"), "--force", code=3)
        self.assertEqual(created["pages"]["unreadable"], len(lost))
        self.assertEqual(created["content_digest"], made.digest_without(lost))

    def mkswap(self, name, *more):
        subprocess.run(["mkswap", "-q", *more, self.path(name)], check=True, capture_output=True, env=TOOLS)

    def sfdisk(self, name, script):
        subprocess.run(["sfdisk", "-q", "--wipe", "always", self.path(name)], input=script, text=True, check=True, capture_output=True, env=TOOLS)


class WithoutAHeader(Carve):
    def test_an_image_comes_back_whose_header_was_zeroed(self):
        for lines in (["codec lzo"], ["codec lz4"], ["codec none"], ["order fragmented"], ["first-block 700"], ["record uts"]):
            with self.subTest(lines):
                made = image(*lines)
                path = self.write("disk", overwritten(made.file, [0]))
                self.assertEqual(self.found(path), [(str(made.maps[0]), "image", "certain", ["header"])])
                self.assert_comes_back(path, str(made.maps[0]), made.digest, rewritten="unverifiable" if "codec none" in lines else "good")

    def test_an_image_comes_back_from_behind_a_new_swap_header(self):
        made = image()
        path = self.write("disk", made.file)
        self.mkswap("disk", "-L", "new")
        self.assertEqual(self.json("inspect", path)["state"], "none")
        self.assertEqual(self.found(path), [("1", "image", "certain", ["header"])])
        self.assert_comes_back(path, "1", made.digest)

    def test_an_image_comes_back_from_under_a_partition_table(self):
        made = image("first-block 64", "device-blocks 1500")  # a GPT lies at the end too
        for label in ("dos", "gpt"):
            with self.subTest(label):
                path = self.write("disk", overwritten(made.file, [0]))
                self.sfdisk("disk", f"label: {label}\nstart=2048\n")
                self.assertEqual(self.found(path), [("64", "image", "certain", AREA_END_LOST)])
                self.assert_comes_back(path, "64", made.digest)

    def test_an_image_is_found_in_a_partition_and_where_one_was(self):
        made = image()
        disk = bytes(1 << 20) + overwritten(made.file, [0]) + bytes(1 << 20)
        path = self.write("disk", disk)
        self.assertEqual(self.found(path), [("1@0x100000", "image", "certain", AREA_END_LOST)])
        self.assert_comes_back(path, "1@0x100000", made.digest)
        self.sfdisk("disk", f"label: dos\nstart=2048, size={len(made.file) // 512}, type=82\n")
        self.assertEqual(self.found(path), [("1@0x100000", "image", "certain", ["header"])])
        self.assert_comes_back(path, "1", made.digest)  # the partitions are tried
        self.sfdisk("disk", "label: dos\nstart=4096, size=4096, type=83\n")  # another one
        self.assertEqual(self.found(path), [("1@0x100000", "image", "certain", AREA_END_LOST)])

    def test_an_image_comes_back_from_a_copy_whose_start_is_cut_off(self):
        made = image("first-block 1100")
        for cut in (1, 512, 1024):  # also where map pages seem to lead to others
            with self.subTest(cut):
                path = self.write("disk", made.file[cut * PAGE:])
                at = f"1100@-{cut * PAGE:#x}"
                self.assertEqual(self.found(path), [(at, "image", "certain", AREA_END_LOST)])
                self.assert_comes_back(path, at, made.digest)

    def test_an_image_that_a_header_leads_to_is_found_too(self):
        made = image()
        for state, verdict in (("armed", "good"), ("consumed", "good")):
            path = self.write("disk", image(f"state {state}").file)
            self.assertEqual(self.found(path), [("1", "image", "certain", [])])
            self.assertEqual([fact["code"] for fact in self.carve(path)["images"][0]["reasons"]][:1], ["header"])
            self.assert_comes_back(path, "1", made.digest, verdict)

    def test_every_conformance_image_is_found_without_its_header_and_read_as_with_it(self):
        subprocess.run([sys.executable, GENERATOR, self.path("cases")], check=True)
        seen = 0
        for described in sorted(Path(self.path("cases")).glob("*.json")):
            case = json_schema.json.loads(described.read_text())
            if case["verdict"] not in ("good", "unverifiable") or case["error"] or case["format"] == "snapshot":
                continue
            with self.subTest(described.stem):
                start = 4096 if described.stem.startswith("mbr") else (case["offset_pages"] or 0) * PAGE
                content = bytearray(described.with_suffix(".img").read_bytes())
                content[start:start + case["page_size"]] = bytes(case["page_size"])
                path = self.write("disk", content)
                options = ["--passphrase-file", self.write("passphrase", case["passphrase"].encode())] if case["passphrase"] else []
                offset = ["--offset", str(case["offset_pages"])] if case["offset_pages"] else []
                with_header = self.json("verify", str(described.with_suffix(".img")), *options, *offset)
                images = self.carve(path, *options)["images"]
                self.assertEqual([one["confidence"] for one in images], ["certain"])
                one = self.json("verify", path, "--at", images[0]["at"], *options)
                self.assertEqual((one["pages"], one["content_digest"]), (with_header["pages"], with_header["content_digest"]))
                seen += 1
        self.assertGreater(seen, 40)

    def test_an_encrypted_image_is_found_and_asks_for_its_passphrase(self):
        subprocess.run([sys.executable, GENERATOR, self.path("cases"), "uswsusp-encrypted"], check=True)
        content = Path(self.path("cases/uswsusp-encrypted.img")).read_bytes()
        path = self.write("disk", overwritten(content, [0]))
        self.assertEqual(self.found(path), [("1", "image", "likely", ["passphrase", "header"])])
        self.run_tool("verify", path, "--at", "1", code=5)


class DamagedImages(Carve):
    def test_two_images_of_different_age_are_told_apart(self):
        older = image("codec none")
        newer = image("order fragmented", "first-block 9", "codec none", first=0x4000, pages=600)
        disk = bytearray(older.file.ljust(len(newer.file), b"\0"))
        taken = set(newer.maps) | set(newer.blocks)
        for block in taken | {0}:
            disk[block * PAGE:(block + 1) * PAGE] = newer.file[block * PAGE:(block + 1) * PAGE]
        self.assertIn(older.maps[1], taken)  # one that carving has to do without
        lost = {page[0] for page, block in zip(older.case.pages, older.blocks[1 + older.pfn_pages:]) if block in taken}
        for wiped in ([], [0]):
            with self.subTest(wiped=wiped):
                path = self.write("disk", overwritten(disk, wiped))
                listed = {at: (kind, confidence) for at, kind, confidence, _ in self.found(path)}
                self.assertEqual(listed, {"1": ("image", "likely"), "9": ("image", "certain")})
                self.assert_comes_back(path, "9", newer.digest, rewritten="unverifiable")
                self.assert_part_comes_back(path, "1", older, lost)

    def test_chunks_of_a_newer_image_are_not_taken_for_those_of_the_older_one(self):
        older = image()
        newer = image("first-block 500", first=0x4000, pages=400)
        lost_blocks = set(newer.maps) | set(newer.blocks)
        lost = set()
        for number, (first, count) in enumerate(older.chunks):
            if lost_blocks & set(older.blocks[first:first + count]):
                lost |= older.pfns_of_chunk(number)
        disk = bytearray(older.file)
        for block in lost_blocks:
            disk[block * PAGE:(block + 1) * PAGE] = newer.file[block * PAGE:(block + 1) * PAGE]
        for wiped in ([0], [0, newer.blocks[0]], [0, newer.maps[0], newer.blocks[0]]):
            with self.subTest(wiped):
                path = self.write("disk", overwritten(disk, wiped))
                self.assertIn(("1", "image", "likely"), [one[:3] for one in self.found(path)])
                self.assert_part_comes_back(path, "1", older, lost)

    def test_of_an_image_half_overwritten_by_swapping_the_other_half_comes_back(self):
        made = image()
        for first, end in ((len(made.chunks) // 2, len(made.chunks)), (5, len(made.chunks) // 2)):
            with self.subTest(first=first, end=end):
                blocks = [made.blocks[entry] for number in range(first, end) for entry in range(made.chunks[number][0], sum(made.chunks[number]))]
                source = random.Random(1)
                disk = bytearray(made.file)
                for number, block in enumerate(blocks):  # some of them begin like a chunk
                    disk[block * PAGE:(block + 1) * PAGE] = (struct.pack("<Q", number) + source.randbytes(PAGE))[:PAGE] if number % 3 else bytes(PAGE)
                lost = set().union(*map(made.pfns_of_chunk, range(first, end)))
                self.assert_part_comes_back(self.write("disk", bytes(disk)), None, made, lost)
                path = self.write("disk", overwritten(disk, [0]))
                self.assertEqual(self.found(path), [("1", "image", "likely", ["header", "pages"])])
                self.assert_part_comes_back(path, "1", made, lost)

    def test_lost_map_pages_are_rebuilt_where_the_blocks_say_what_they_named(self):
        made = image("first-block 600", pages=2100)
        for which in ([1], [2], [1, 2], [0], [0, 1]):
            for content in (b"swapped", b""):  # zeros look like the end of the chain
                with self.subTest(which=which, content=content):
                    maps = [made.maps[n] for n in which]
                    path = self.write("disk", overwritten(made.file, [0, *maps], content))
                    if which[0] == 0 and not content:
                        continue  # nothing begins there: see the next test
                    self.assertEqual(self.found(path)[0][1:], ("image", "likely", ["header", "map-pages"]))
                    self.assertEqual(self.json("verify", path, "--at", self.found(path)[0][0], code=1)["content_digest"], made.digest)
                    # A header that is there is no reason to lose more.
                    verified = self.json("verify", self.write("disk", overwritten(made.file, maps, content)), code=1)
                    self.assertEqual((verified["content_digest"], verified["pages"]["unreadable"]), (made.digest, 0))
                    self.assertEqual({layer["name"]: layer["result"] for layer in verified["layers"]}["map chain"], "bad")

    def test_chunks_between_broken_ones_keep_their_numbers(self):
        made = image()
        for broken in ([5, 9], [5, 9, 20]):
            with self.subTest(broken):
                disk = overwritten(made.file, [made.blocks[made.chunks[number][0]] for number in broken], b"\xff" * PAGE)
                self.assert_part_comes_back(self.write("disk", disk), None, made, set().union(*map(made.pfns_of_chunk, broken)))
                lying = bytearray(disk)  # a length that is possible, and leads into the middle of the chunk behind
                first = made.blocks[made.chunks[12][0]] * PAGE
                struct.pack_into("<Q", lying, first, struct.unpack_from("<Q", lying, first)[0] + PAGE)
                self.assert_part_comes_back(self.write("disk", bytes(lying)), None, made, set().union(*map(made.pfns_of_chunk, [*broken, 12])))
                # Without the header another image may lie between them.
                between = set().union(*map(made.pfns_of_chunk, range(broken[0], broken[-1] + 1)))
                self.assert_part_comes_back(self.write("disk", overwritten(disk, [0])), "1", made, between)

    def test_an_image_is_read_whose_info_page_is_lost(self):
        made = image(pages=2100)
        path = self.write("disk", overwritten(made.file, [0, made.blocks[0]], b"swapped"))
        self.assertEqual([one[:3] for one in self.found(path)], [("1", "image", "likely")])
        self.assertEqual(self.json("verify", path, "--at", "1", code=1)["content_digest"], made.digest)

    def test_of_an_image_without_its_pfns_only_the_remains_are_listed(self):
        made = image("codec none", pages=2100)
        path = self.write("disk", overwritten(made.file, range(0, made.blocks[40]), b"swapped"))
        listed = self.found(path)
        self.assertEqual([one[1] for one in listed], ["remains"])
        self.assertIn("info-page", listed[0][3])
        for place in (listed[0][0], "1"):
            refused = self.run_tool("verify", path, "--at", place, code=2)
            self.assertIn(b"--at " + place.encode(), refused.stderr)

    def test_an_info_page_alone_is_listed_as_what_it_is(self):
        made = image(pages=40)
        path = self.write("disk", overwritten(bytes(1 << 20), [77], made.file[made.blocks[0] * PAGE:][:PAGE]))
        self.assertEqual(self.found(path), [("77", "remains", "possible", ["map-chain"])])
        self.assertIn("info page counts 42 pages", self.run_tool("inspect", "--carve", path).stdout.decode())


class SwappedOutPages(Carve):
    """Beside an image without its header. These images have no kernel whose account could be read."""

    MADE = image("first-block 64", "device-blocks 2048")
    USED = [*range(3, 12), 1900]  # blocks that are not the image's

    def disk(self, blocks=()):
        """With the swap area in a partition."""
        assert not set(self.USED) & {*self.MADE.maps, *self.MADE.blocks}
        area = overwritten(overwritten(self.MADE.file, self.USED, b"swapped out"), blocks)
        path = self.write("disk", bytes(1 << 20) + area + bytes(2 << 20))
        self.sfdisk("disk", f"label: dos\nstart=2048, size={len(area) // 512}, type=82\n")
        return path

    def create(self, output, *arguments):
        done = self.run_tool("create", *arguments, "-o", self.path(output), "--force", "--json")
        return json_schema.loads(done.stdout), done.stderr.decode()

    def test_all_that_lies_in_the_partition_beside_the_image_is_taken_as_with_the_header(self):
        with_header, _ = self.create("before.hib", self.disk())
        path = self.disk([0])
        without_header, notes = self.create("after.hib", path, "--at", "64@0x100000")
        self.assertGreater(with_header["swapped_slots"], len(self.USED))
        self.assertEqual(without_header["swapped_slots"], with_header["swapped_slots"])
        self.assertEqual(notes, "")
        self.run_tool("diff", self.path("before.hib"), self.path("after.hib"))
        self.assertIn("at most", self.run_tool("create", path, "--at", "64@0x100000", "-o", self.path("after.hib"), "--force").stdout.decode())
        self.assertIn("at most", self.run_tool("inspect", path, "--at", "64@0x100000").stdout.decode())

    def test_the_same_in_a_copy_of_the_partition_and_behind_a_new_swap_header(self):
        with_header, _ = self.create("before.hib", self.disk())
        area = overwritten(self.MADE.file, self.USED, b"swapped out")
        path = self.write("area", overwritten(area, [0]))
        self.assertEqual(self.create("after.hib", path, "--at", "64")[0]["swapped_slots"], with_header["swapped_slots"])
        self.run_tool("diff", self.path("before.hib"), self.path("after.hib"))
        self.mkswap("area")
        self.assertEqual(self.create("after.hib", path, "--at", "64")[0]["swapped_slots"], with_header["swapped_slots"])

    def assert_is_not_known(self, path, at):
        """Whether the machine had swapped out pages: none are taken, and that is said."""
        created, notes = self.create("kept.hib", path, "--at", at)
        self.assertNotIn("swapped_slots", created)
        self.assertNotIn("missing_slots", created)
        self.assertIn("whether the machine had swapped out pages is not known", notes)
        self.assertEqual(self.create("kept.hib", path, "--at", at, "--without-swapped-pages")[1], "")
        self.assertIn("swap-area-end-unknown", [finding["code"] for finding in self.json("inspect", path, "--at", at)["findings"]])
        self.assertEqual(self.found(path), [(at, "image", "certain", AREA_END_LOST)])

    def test_where_nothing_says_where_the_area_ended_none_are_taken_and_that_is_said(self):
        path = self.disk([0])
        self.write("disk", bytes(1 << 20) + Path(path).read_bytes()[1 << 20:])
        self.assert_is_not_known(path, "64@0x100000")

    @unittest.skipUnless(shutil.which("mkfs.ext4", path=TOOLS["PATH"]), "needs mkfs.ext4")
    def test_of_a_swap_file_none_are_taken_and_that_is_said(self):
        path = self.write("disk", bytes(len(self.MADE.file)))
        subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True, capture_output=True, env=TOOLS)
        file_system = Path(path).read_bytes()[:PAGE]
        self.write("disk", file_system + self.MADE.file[PAGE:])
        self.assert_is_not_known(path, "64")

    def test_how_many_pages_are_missing_is_said_and_what_that_means_for_a_resume(self):
        areas = [{"kind": "file", "path": "/swapfile", "slots": 5000, "used": 1234}, {"kind": "zram", "slots": 100, "used": 50}]
        records = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "swap-areas", "version": 1, "fields": {"area": areas}}]}
        self.create("image.hib", self.write("image", self.MADE.file), "--without-swapped-pages", "--records", self.write("records", json.dumps(records).encode()))
        for without, count in ([], 1234), (["--without-swapped-pages"], None):
            created, notes = self.create("again.hib", self.path("image.hib"), *without)
            self.assertEqual(created.get("missing_slots"), count)
            self.assertEqual("1,234 pages that the machine had swapped out" in notes, count is not None)
        self.write("area", bytes(16 << 20))
        self.mkswap("area")
        refused = self.run_tool("restore", self.path("again.hib"), "--as", "swsusp", "-o", self.path("area"), code=4)
        for text in (b"1,234 pages", b"--without-swapped-pages"):
            self.assertIn(text, refused.stderr)
        self.run_tool("restore", self.path("again.hib"), "--as", "swsusp", "-o", self.path("area"), "--without-swapped-pages")


class HostileFiles(Carve):
    def limited(self, path):
        """The document of inspect --carve, with little memory."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))  # noqa: E731
        done = subprocess.run([HIBTOOL, "inspect", "--carve", "--json", path, "--threads", "2"], capture_output=True, preexec_fn=limit)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json_schema.loads(done.stdout)

    def fakes(self, count, with_maps):
        """Info pages, each with other counts, and the image among them."""
        made = image(pages=40)
        info = bytearray(made.file[made.blocks[0] * PAGE:][:PAGE])
        out = bytearray(overwritten(made.file, [0]))
        for number in range(count):
            pages = 3 + number
            struct.pack_into("<QQQQQ", info, 400, 1 << 20, 0, pages - 2 if pages < 500 else pages - 1 - -(-pages // 511), pages, pages * PAGE)
            if with_maps:
                block = len(out) // PAGE
                out += struct.pack(f"<{ENTRIES + 1}Q", *range(block + 1, block + 1 + ENTRIES), 0)
            out += info
        return self.write("fakes", out + bytes(ENTRIES * PAGE)), made

    def test_ten_thousand_info_pages_end_in_bounded_work(self):
        path, made = self.fakes(10000, with_maps=False)
        found = self.limited(path)
        self.assertEqual([one["at"] for one in found["images"] if one["kind"] == "image"], ["1"])
        self.assertLessEqual(len(found["images"]), 17)
        self.assertEqual([note["code"] for note in found["notes"]], ["lone-info-pages"])
        self.assertEqual(self.json("verify", path, "--at", "1")["content_digest"], made.digest)

    def test_ten_thousand_beginnings_of_images_end_in_bounded_work(self):
        path, _ = self.fakes(10000, with_maps=True)
        found = self.limited(path)
        self.assertLessEqual(len(found["images"]), 256 + 16)
        self.assertIn("not-looked-at", [note["code"] for note in found["notes"]])

    def test_random_bytes_are_no_image(self):
        path = self.write("random", random.Random(7).randbytes(16 << 20))
        found = self.limited(path)
        self.assertEqual((found["images"], found["notes"]), ([], []))
        self.assertIn("no image, and no remains of one", self.run_tool("inspect", "--carve", path).stdout.decode())

    def test_a_chain_that_leads_into_itself_ends(self):
        made = image()
        disk = bytearray(overwritten(made.file, [0]))
        struct.pack_into("<Q", disk, made.maps[-1] * PAGE + ENTRIES * 8, made.maps[0])
        path = self.write("disk", disk)
        self.assertEqual([one[1] for one in self.found(path)], ["image"])
        self.run_tool("verify", path, "--at", "1", code=None)


class Gaps(Carve):
    def test_lost_chunks_that_follow_each_other_are_one_damage_where_they_begin(self):
        """Random bytes over many chunks, which more than one batch holds."""
        made = image()
        first, last = 2, 12
        before, begin, end = (made.chunks[chunk][0] for chunk in (first - 1, first, last + 1))
        blocks = made.blocks[begin:end]
        wild = bytearray(made.file)
        wild[blocks[0] * PAGE:(blocks[-1] + 1) * PAGE] = random.Random(5).randbytes((blocks[-1] + 1 - blocks[0]) * PAGE)
        path = self.write("disk", wild)
        verified = self.json("verify", path, code=1)
        gaps = [damage for damage in verified["damage"] if damage["lost_pfns"]]
        self.assertEqual([gap["structure"] for gap in gaps], [f"chunks {first} to {last}"])
        self.assertEqual({pfn for start, count in gaps[0]["lost_pfns"] for pfn in range(int(start, 0), int(start, 0) + count)},
                         set().union(*(made.pfns_of_chunk(chunk) for chunk in range(first, last + 1))))
        self.assertGreaterEqual(int(gaps[0]["offset"], 0), made.blocks[before] * PAGE)
        self.assertLessEqual(int(gaps[0]["offset"], 0), blocks[0] * PAGE)
        printed = self.run_tool("verify", path, code=1).stdout.decode()
        self.assertEqual(printed.count("    lost: "), 1)


class CutDisks(Carve):
    """A disk with a GPT whose copy ends before the disk does."""

    START = 1 << 20

    def disk(self, made, end_block):
        path = self.write("disk", bytes(self.START) + made.file + bytes(4 << 20))
        self.sfdisk("disk", f"label: gpt\nstart=2048, size={len(made.file) // 512}, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\n")
        with open(path, "r+b") as disk:
            disk.seek(self.START)
            disk.write(made.file)
            disk.truncate(self.START + end_block * PAGE)
        return path

    def test_an_image_in_a_partition_that_ends_behind_the_file_is_read_as_far_as_it_goes(self):
        made = image("codec none", "device-blocks 2000")
        there = made.blocks[-1] - 9
        path = self.disk(made, there)
        self.assertIn("partition-cut", [finding["code"] for finding in self.json("inspect", path)["findings"]])
        lost = {0x100 + MANY_PAGES - 10 + i for i in range(10)}
        self.assert_part_comes_back(path, None, made, lost)

    def test_an_image_that_ends_before_the_file_does_is_whole(self):
        made = image("device-blocks 2000")
        self.assertEqual(self.json("verify", self.disk(made, made.blocks[-1] + 1))["content_digest"], made.digest)


class Places(Carve):
    def test_a_place_where_no_image_begins_is_an_error_with_the_next_step(self):
        path = self.write("disk", overwritten(image().file, [0]))
        for place in ("0", "5", "4000000000", "0xffffffffffffffff", "1@0x200", "1@-0x1000", "1@0x4000000000000000"):
            with self.subTest(place):
                error = self.json("verify", path, "--at", place, code=2)
                self.assertEqual(error["kind"], "not-recognised")
                self.assertIn(f"--at {int(place.split('@')[0], 0)}", error["message"])

    def test_what_is_no_place_is_an_error_of_the_command_line(self):
        path = self.write("disk", overwritten(image(pages=40).file, [0]))
        for place in ("x", "-1", "1@", "1@x", "1@-", "99999999999999999999999", "1@0x8000000000000000"):
            with self.subTest(place):
                error = self.json("inspect", path, f"--at={place}", code=64)
                self.assertEqual((error["kind"], error["structure"] if "structure" in error else "--at"), ("usage", "--at"))

    def test_there_is_a_place_for_each_image_and_no_more(self):
        path = self.write("disk", overwritten(image(pages=40).file, [0]))
        cases = {("inspect", path, "--at", ""): 'at: "", expected a block', ("inspect", path, "--at=1,"): 'at: "", expected a block',
                 ("inspect", path, "--at=1,2"): "at: 2 places for 1 image", ("verify", path, "--at=1,auto,auto"): "at: 3 places for 1 image",
                 ("diff", path, path, "--at=1,1,auto"): "at: 3 places for 2 images"}
        for arguments, said in cases.items():
            with self.subTest(arguments):
                self.assertIn(said, self.run_tool(*arguments, code=64).stderr.decode())
        self.run_tool("diff", path, path, "--at", "1,1")

    def test_an_image_without_its_header_is_not_armed_but_told_how_it_is_written_back(self):
        path = self.write("disk", overwritten(image(pages=40).file, [0]))
        said = self.run_tool("rearm", path, "--at", "1", code=4).stderr.decode()
        self.assertIn("an image whose header is gone, named by --at", said)
        self.assertIn("restore --as swsusp", said)

    def test_options_that_do_not_go_together_are_refused(self):
        made = image(pages=40)
        path = self.write("disk", overwritten(made.file, [0]))
        for more in (["--page", "1"], ["--map"], ["--at", "1"], ["--salvage"], ["--search"]):
            with self.subTest(more):
                self.run_tool("inspect", "--carve", path, *more, code=64)
        self.run_tool("create", path, "--at", "1", "-o", self.path("image.hib"))
        self.run_tool("inspect", self.path("image.hib"), "--at", "1", "-f", "hib", code=64)

    def test_each_image_of_a_command_has_its_own_place(self):
        made = image(pages=40)
        path = self.write("disk", overwritten(made.file, [0]))
        self.run_tool("create", path, "--at", "1", "-o", self.path("image.hib"))
        self.run_tool("diff", path, self.path("image.hib"), "--at", "1")
        self.run_tool("diff", self.path("image.hib"), path, "--at", "auto,1")
        self.run_tool("diff", path, path, "--at", "1,1")
        self.assertEqual(self.run_tool("inspect", path, "--at", "1", "--page", "0x100", "--raw").stdout, generate.page_content(0x100, "random", PAGE))


class Hints(Carve):
    def test_what_is_not_recognised_but_holds_parts_of_an_image_says_so(self):
        made = image("first-block 64")
        path = self.write("a disk", overwritten(made.file, [0]))
        command = f"hibtool inspect --carve '{path}'"
        self.assertIn(command, self.run_tool("inspect", path, code=2).stderr.decode())
        self.sfdisk("a disk", "label: gpt\nstart=2048\n")
        self.assertIn(command, self.run_tool("verify", path, code=2).stderr.decode())
        self.mkswap("a disk", "-f")
        findings = {one["code"]: one["text"] for one in self.json("inspect", path)["findings"]}
        self.assertIn(command, findings["carvable"])
        self.assertIn(command, self.run_tool("create", path, "-o", self.path("x.hib"), code=2).stderr.decode())

    def test_an_image_in_the_middle_of_a_large_disk_is_hinted_at(self):
        made = image(pages=5000)
        path = self.write("disk", overwritten(made.file, [0]))
        with open(path, "r+b") as disk:
            content = disk.read()
            disk.seek(101 << 20)
            disk.write(content)
            disk.truncate(200 << 20)
            disk.seek(0)
            disk.write(bytes(len(content)))
        self.assertIn("inspect --carve", self.run_tool("inspect", path, code=2).stderr.decode())

    def test_what_holds_nothing_of_an_image_has_no_hint(self):
        path = self.write("random", random.Random(7).randbytes(8 << 20))
        self.assertNotIn("--carve", self.run_tool("inspect", path, code=2).stderr.decode())
        self.write("area", bytes(8 << 20))
        self.mkswap("area")
        self.assertEqual([one["code"] for one in self.json("inspect", self.path("area"))["findings"]], ["no-image"])


if __name__ == "__main__":
    unittest.main()
