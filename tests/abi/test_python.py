"""The Python module over libhibtool.so.0, on real and damaged images."""

import ctypes
import dataclasses
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest
import warnings
from pathlib import Path

import images
from images import ROOT, tool

MODULE = ROOT / "lib" / "abi" / "python"


def run_with_sanitizers():
    """A program without sanitizers that loads a library with them needs their functions first of all."""
    if not images.SANITIZE or os.environ.get("LD_PRELOAD"):
        return
    printed = subprocess.run(["ldd", images.LIBRARY], capture_output=True, text=True, check=True).stdout
    preload = " ".join(re.findall(r"=> (\S*lib[a-z]*san\S*)", printed))
    # The interpreter itself keeps memory to its end; leaks of the library are looked for in test_abi.c.
    env = {**os.environ, "LD_PRELOAD": preload, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    os.execve(sys.executable, [sys.executable, *sys.argv], env)


run_with_sanitizers()
os.environ["HIBTOOL_LIBRARY"] = images.LIBRARY
sys.path.insert(0, str(MODULE))
import hibtool  # noqa: E402
import hibtool._library as library  # noqa: E402


def document(path, *options):
    return json.loads(tool("inspect", path, "--json", *options, code=None).stdout)


class Header(unittest.TestCase):
    """_library.py says what hibtool.h says."""

    TEXT = re.sub(r"/\*.*?\*/", "", (ROOT / "lib" / "abi" / "hibtool.h").read_text(), flags=re.DOTALL)
    TYPES = {"size_t": ctypes.c_size_t, "uint8_t": ctypes.c_uint8, "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64,
             "const char*": ctypes.c_char_p, "const void*": ctypes.c_void_p, "const hibtool_fields*": ctypes.c_void_p}

    def test_each_structure_has_the_same_members(self):
        found = re.findall(r"typedef struct hibtool_(\w+) \{(.*?)\} hibtool_\w+;", self.TEXT, flags=re.DOTALL)
        self.assertEqual({name for name, _ in found}, {"options", "info", "finding", "run", "field", "record", "log_line"})
        for name, body in found:
            members = re.findall(r"(\w[\w *]*?)\s*\b(\w+);", body)
            mine = getattr(library, "".join(part.capitalize() for part in name.split("_")))._fields_
            wanted = [(member, self.TYPES[kind.replace(" *", "*").strip()]) for kind, member in members]
            text_as_pointer = [(member, ctypes.c_void_p if (name, member) == ("log_line", "text") else kind) for member, kind in wanted]
            self.assertEqual(mine, text_as_pointer, name)

    def test_each_function_is_there_with_as_many_arguments(self):
        found = {name: arguments for name, arguments in re.findall(r"\b(hibtool_\w+)\(([^)]*)\);", self.TEXT)}
        self.assertEqual(set(found), set(library.FUNCTIONS))
        for name, arguments in found.items():
            count = 0 if arguments == "void" else len(arguments.split(","))
            self.assertEqual(len(library.FUNCTIONS[name][1]), count, name)

    def test_each_number_is_the_same(self):
        for name in ("OK", "END", "NO_MEMORY", "FIELD_NUMBER", "FIELD_TEXT", "FIELD_BYTES", "FIELD_FIELDS", "SALVAGE", "WITHOUT_BASE",
                     "HAS_BASE_ADDRESS", "HAS_SWAP_OFFSET"):
            value = re.search(rf"\bHIBTOOL_{name}\b(?: =)? (-?\w+?)u?\b", self.TEXT)[1]
            self.assertEqual(getattr(library, name), int(value, 0), name)
        for prefix, names in (("STATE_", hibtool._IMAGE_STATES), ("", hibtool._PAGE_STATES), ("", hibtool._SEVERITIES)):
            for number, name in enumerate(names):
                self.assertRegex(self.TEXT, rf"\bHIBTOOL_{prefix}{name.upper()} = {number}\b")


class Reading(unittest.TestCase):
    def test_it_tells_what_inspect_tells(self):
        for path in (images.SAMPLE, images.restored("elf"), images.restored("kdump"), *images.swsusp()[:12]):
            told = document(path)
            if told["schema"] == "hibtool.error":
                continue
            with self.subTest(path), hibtool.Image.open(path, salvage=True) as image:
                info = image.info
                for name in ("format", "variant", "path", "file_bytes", "found_in", "state", "codec", "page_size", "pages", "details", "integrity",
                             "content_digest"):
                    self.assertEqual(info[name], told[name], name)
                self.assertEqual(hex(info["end_pfn"]), told["end_pfn"])
                slide = info["kernel"].pop("kaslr_slide")
                self.assertEqual(None if slide is None else hex(slide), told["kernel"].pop("kaslr_slide"))
                self.assertEqual(info["kernel"], told["kernel"])

    def test_its_runs_are_those_of_inspect(self):
        told = [(int(run["first_pfn"], 16), run["count"], "fill" if run["state"] == "zero" or "fill" in run else run["state"],
                 run.get("fill", 0) if run["state"] == "zero" or "fill" in run else None) for run in document(images.small(), "--pages")["runs"]]
        with hibtool.Image.open(images.small()) as image:
            self.assertEqual([dataclasses.astuple(run) for run in image.runs], told)
            self.assertEqual(sum(run.count for run in image.runs), image.info["pages"]["total"])
            first = next(image.runs)
            self.assertEqual(first.end_pfn, first.first_pfn + first.count)

    def test_its_pages_are_the_memory(self):
        memory = Path(images.raw()).read_bytes()
        for path, options in ((images.small(), {}), (images.raw(), {"format": "raw"})):
            with self.subTest(path), hibtool.Image.open(path, **options) as image:
                for pfn in (0, 1, 17, 599):
                    self.assertEqual(image.read_page(pfn), memory[pfn * 4096:(pfn + 1) * 4096])
                self.assertEqual(image.read(0, len(memory)), memory)
                for start, length in ((0, 0), (4095, 2), (5000, 10000), (len(memory) - 1, 1)):
                    self.assertEqual(image.read(start, length), memory[start:start + length])

    def test_raw_memory_lies_where_the_caller_says(self):
        with hibtool.Image.open(images.raw(), format="raw", base_address=1 << 32, page_size=16384) as image:
            self.assertEqual((image.page_size, next(image.runs).first_pfn), (16384, (1 << 32) // 16384))
            self.assertEqual(image.read(1 << 32, 8192), Path(images.raw()).read_bytes()[:8192])

    def test_records_are_dictionaries(self):
        with hibtool.Image.open(images.SAMPLE) as image:
            records = {record.type: record for record in image.records}
            told = {record["type"]: record for record in document(images.SAMPLE, "--records")["records"]}
            self.assertEqual(set(records), set(told))
            self.assertEqual(records["machine"].fields["release"], "6.1.0-56-cloud-amd64")
            self.assertEqual(records["machine"].fields["memory_map"]["region"], told["machine"]["fields"]["memory_map"]["region"])
            self.assertEqual(records["processors"].fields["note"][0]["desc"].hex(), told["processors"]["fields"]["note"][0]["desc"]["hex"])

    def test_the_log_is_that_of_dmesg(self):
        told = document(images.SAMPLE, "--dmesg")
        with hibtool.Image.open(images.SAMPLE) as image:
            log = image.kernel_log()
        self.assertEqual([(line.time_ns, line.level, line.caller, line.text) for line in log.lines],
                         [(line["time_ns"], line["level"], line["caller"], line["text"]) for line in told["lines"]])
        self.assertEqual((log.overwritten, log.unreadable), (told["lines_overwritten"], told["lines_unreadable"]))

    def test_a_lost_page_is_an_error_and_the_others_are_read(self):
        memory = Path(images.raw()).read_bytes()
        with hibtool.Image.open(images.small_damaged()) as image:
            good = bad = 0
            for pfn in range(image.end_pfn):
                try:
                    self.assertEqual(image.read_page(pfn), memory[pfn * 4096:(pfn + 1) * 4096])
                    good += 1
                except hibtool.HibtoolError as error:
                    self.assertEqual((error.kind, error.file), ("corrupt", images.small_damaged()))
                    self.assertGreater(error.offset, 0)
                    bad += 1
        self.assertGreater(good, 500)
        self.assertGreater(bad, 0)

    def test_salvage_opens_what_is_refused_otherwise(self):
        with self.assertRaises(hibtool.HibtoolError) as caught:
            hibtool.Image.open(images.cut())
        self.assertIn("salvage", caught.exception.advice)
        with hibtool.Image.open(images.cut(), salvage=True) as image:
            self.assertIn("no-index", [finding.code for finding in image.findings])
            self.assertEqual(image.read_page(0), Path(images.raw()).read_bytes()[:4096])


class Errors(unittest.TestCase):
    FIELDS = ("kind", "file", "where", "found", "allowed", "advice")

    def test_each_has_the_text_and_the_fields_of_the_command(self):
        compared = set()
        for path in [*images.corpus(), *images.swsusp(), "/nonexistent", "/dev/null"]:
            told = document(path)
            if told["schema"] != "hibtool.error":
                continue
            with self.subTest(path), self.assertRaises(hibtool.HibtoolError) as caught:
                hibtool.Image.open(path)
            error = caught.exception
            self.assertEqual({name: getattr(error, name) for name in self.FIELDS}, {name: told[name] for name in self.FIELDS})
            self.assertEqual(None if error.offset is None else hex(error.offset), told["offset"])
            self.assertEqual(str(error), told["message"])
            compared.add(error.kind)
        self.assertGreaterEqual(compared, {"corrupt", "truncated", "not-recognised", "not-found"})

    def test_an_absent_page(self):
        with hibtool.Image.open(images.SAMPLE) as image:
            for read in (lambda: image.read_page(image.end_pfn), lambda: image.read_page((1 << 64) - 1), lambda: image.read(image.end_pfn * 4096, 1),
                         lambda: image.read((1 << 64) - 1, 1), lambda: image.read(0, 1 << 60)):
                with self.assertRaises(hibtool.HibtoolError) as caught:
                    read()
                self.assertEqual((caught.exception.kind, caught.exception.file), ("no-page", images.SAMPLE))

    def test_arguments_that_make_no_sense(self):
        with hibtool.Image.open(images.SAMPLE) as image:
            for call in (lambda: image.read_page(-1), lambda: image.read_page(1 << 64), lambda: image.read(-1, 1), lambda: image.read(0, -1),
                         lambda: hibtool.Image.open("a\0b"), lambda: hibtool.Image.open(images.SAMPLE, format="a\0"),
                         lambda: hibtool.Image.open(images.SAMPLE, base_address=-1), lambda: hibtool.Image.open(images.SAMPLE, page_size=1 << 32)):
                self.assertRaises(ValueError, call)
            for call in (lambda: image.read_page("1"), lambda: image.read_page(1.5), lambda: hibtool.Image.open(None), lambda: hibtool.Image.open(5)):
                self.assertRaises(TypeError, call)
        for options, where in (({"format": "nonsense"}, "format"), ({"page_size": 1000}, "page_size"), ({"base_address": 0, "format": "hib"}, "base_address"), ({"passphrase": "x"}, "passphrase"), ({"base_image": "x"}, "base_image")):
            with self.assertRaises(hibtool.HibtoolError) as caught:
                hibtool.Image.open(images.SAMPLE, **options)
            self.assertEqual((caught.exception.kind, caught.exception.where), ("usage", where))


class Life(unittest.TestCase):
    def test_a_closed_image_is_a_value_error(self):
        image = hibtool.Image.open(images.small())
        runs = image.runs
        next(runs)
        image.close()
        image.close()
        self.assertTrue(image.closed)
        self.assertIn("closed", repr(image))
        for call in (lambda: image.read_page(0), lambda: image.read(0, 1), lambda: image.runs, lambda: image.info, lambda: image.records,
                     lambda: image.findings, image.kernel_log, image.__enter__):
            self.assertRaises(ValueError, call)
        self.assertGreater(len(list(runs)), 10)  # what was begun goes on

    def test_the_end_of_the_block_closes_it_after_an_error_too(self):
        with self.assertRaises(KeyError), hibtool.Image.open(images.small()) as image:
            raise KeyError
        self.assertTrue(image.closed)

    def test_one_that_is_forgotten_is_closed_with_a_warning(self):
        before = self.descriptors()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            hibtool.Image.open(images.small())
            gc.collect()
        self.assertEqual([warning.category for warning in caught], [ResourceWarning])
        caught.clear()  # a warning keeps its image
        self.assertEqual(self.descriptors(), before)

    def test_nothing_leaks(self):
        def once():
            with hibtool.Image.open(images.SAMPLE) as image:
                image.records, image.findings, image.info, next(image.runs), image.kernel_log(), image.read(5000, 5000)
            for wrong in (lambda: hibtool.Image.open(images.cut()), lambda: hibtool.Image.open("/nonexistent")):
                self.assertRaises(hibtool.HibtoolError, wrong)

        for _ in range(3):
            once()
        descriptors, memory = self.descriptors(), self.resident_kib()
        for _ in range(60):
            once()
        self.assertEqual(self.descriptors(), descriptors)
        if not images.SANITIZE:  # they keep what was freed
            self.assertLess(self.resident_kib() - memory, 8192)  # one log alone has 100 KiB, one record 3

    def test_what_changes_a_copy_changes_no_image(self):
        with hibtool.Image.open(images.small()) as image:
            image.info["pages"]["data"] = -1
            self.assertGreater(image.info["pages"]["data"], 0)

    def test_padding_gives_zeros_for_what_is_not_there_and_nothing_else(self):
        memory = Path(images.raw()).read_bytes()
        with hibtool.Image.open(images.small()) as image:
            self.assertEqual(image.read(5000, 9000, pad=True), memory[5000:14000])
            self.assertEqual(image.read(len(memory) - 10, 20, pad=True), memory[-10:] + bytes(10))
            self.assertEqual(image.read(1 << 63, 3, pad=True), bytes(3))
            self.assertEqual(image.read(5, 0, pad=True), b"")
        with hibtool.Image.open(images.small_damaged()) as image:
            read = image.read(1, len(memory) - 1, pad=True)
        pages = [(read[at - 1:at + 4095], memory[at:at + 4096]) for at in range(4096, len(memory), 4096)]
        lost = [got for got, held in pages if got != held]
        self.assertTrue(0 < len(lost) < len(pages))
        self.assertEqual(set(lost), {bytes(4096)})

    def test_padding_hides_no_page_that_is_elsewhere(self):
        with hibtool.Image.open(images.incremental(), without_base=True) as image, self.assertRaises(hibtool.HibtoolError) as caught:
            image.read(0, image.end_pfn * image.page_size, pad=True)
        self.assertEqual(caught.exception.kind, "wrong-base")

    def test_an_image_holds_what_its_runs_say(self):
        with hibtool.Image.open(images.SAMPLE) as image:
            held = [run for run in image.runs if run.state in ("data", "fill")]
            pages = {pfn for run in held for pfn in range(run.first_pfn, run.end_pfn)}
            for pfn in range(image.end_pfn + 2):
                self.assertEqual(image.holds(pfn * 4096), pfn in pages)
                self.assertEqual(image.holds(pfn * 4096 + 4000, 200), {pfn, pfn + 1} <= pages)
            for address, length in ((0, 1 << 70), (0, -1), (-1, 1)):
                self.assertRaises(ValueError, image.holds, address, length)
        self.assertRaises(ValueError, image.holds, 0)

    def test_threads_read_while_another_closes(self):
        memory = Path(images.raw()).read_bytes()
        image = hibtool.Image.open(images.small())
        started, wrong = threading.Barrier(5), []

        def read():
            started.wait()
            try:
                for pfn in range(image.end_pfn):
                    if image.read_page(pfn) != memory[pfn * 4096:(pfn + 1) * 4096]:
                        wrong.append(pfn)
            except ValueError:
                pass  # closed by now

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        started.wait()
        image.close()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def descriptors(self):
        return sorted(os.listdir("/proc/self/fd"))

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])


@unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
class Types(unittest.TestCase):
    def test_the_module_is_typed(self):
        done = subprocess.run(["mypy", "--strict", "--cache-dir", "/dev/null", MODULE / "hibtool"], capture_output=True, text=True,
                              env={**os.environ, "LD_PRELOAD": ""})
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
