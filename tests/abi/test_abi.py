"""libhibtool.so.0 from C: what it exports, what hibtool.h promises, real and damaged images, and what is installed."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import images
from images import ROOT, tool

PROGRAM = os.environ.get("TEST_ABI", str(ROOT / "build" / "tests" / "test_abi"))
HEADER = ROOT / "lib" / "abi" / "hibtool.h"
SYMBOLS = ROOT / "debian" / "libhibtool0.symbols"


def run(*arguments, env=None, code=0):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, env={**os.environ, **(env or {})}, timeout=600)
    assert code is None or done.returncode == code, (arguments, done.returncode, done.stderr.decode(), done.stdout[-500:])
    return done


def declared():
    """The functions of hibtool.h."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    return set(re.findall(r"\b(hibtool_\w+)\(", text))


class Interface(unittest.TestCase):
    def test_it_exports_the_functions_of_the_list_and_nothing_else(self):
        printed = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", images.LIBRARY], capture_output=True, text=True, check=True).stdout
        exported = {line.split()[2].replace("@@", "@") for line in printed.splitlines()} - {"HIBTOOL_0"}
        exported = {name if "@" in name else f"{name}@HIBTOOL_0" for name in exported}  # the version itself
        listed = {line.split()[0] for line in SYMBOLS.read_text().splitlines()[2:]} - {"HIBTOOL_0@HIBTOOL_0"}
        self.assertEqual(exported - {"HIBTOOL_0@HIBTOOL_0"}, listed)
        self.assertEqual({name.split("@")[0] for name in listed}, declared())

    def test_its_name_is_that_of_its_first_interface(self):
        printed = subprocess.run(["readelf", "-d", images.LIBRARY], capture_output=True, text=True, check=True).stdout
        self.assertIn("Library soname: [libhibtool.so.0]", printed)


class Promises(unittest.TestCase):
    def test_hostile_arguments_are_usage_errors(self):
        for image in (images.SAMPLE, images.small(), images.restored("elf"), images.restored("kdump"), images.restored("lime"), images.restored("avml")):
            with self.subTest(image):
                run("rules", image)

    def test_many_threads_read_one_image(self):
        for image in (images.small(), images.restored("kdump")):
            with self.subTest(image):
                run("threads", image)

    def test_real_and_damaged_files_give_pages_or_errors(self):
        files = [*images.swsusp(), *images.corpus(), images.small_damaged(), images.cut()]
        said = run("sweep", *files).stdout.decode()
        self.assertEqual(len(said.splitlines()), 2 * len(files))
        self.assertRegex(said, r"open \S*/broken-chunk.hib: hib, \d+ pages read, [1-9]\d* not")
        self.assertRegex(said, r"open \S*/cut.hib: (truncated|corrupt)\n")
        self.assertRegex(said, r"salvage \S*/cut.hib: hib, [1-9]\d* pages read")
        self.assertGreater(len(re.findall(r"(?m)^open .* pages read, 0 not$", said)), 20)


class NoMemory(unittest.TestCase):
    @unittest.skipUnless(os.environ.get("FAIL_NEW"), "FAIL_NEW names the library that makes allocations fail")
    def test_each_call_says_that_there_is_none(self):
        preload = {"LD_PRELOAD": os.environ["FAIL_NEW"]}
        for image in (images.SAMPLE, images.restored("elf"), next(path for path in images.swsusp() if path.endswith("/consumed.img"))):
            total = int(re.search(rb"calls of new: (\d+)", run("memory", image, env=preload).stderr)[1])
            self.assertGreater(total, 100)
            said = 0
            for n in sorted({*range(1, 150), *range(150, total, max(1, total // 150))}):
                done = run("memory", image, env={**preload, "FAIL_NEW_AT": str(n)}, code=None)
                self.assertIn(done.returncode, (0, 2), f"{image}: allocation {n} of {total}: {done.stderr.decode()}")
                self.assertEqual(done.stderr, b"", f"{image}: allocation {n} of {total}")
                said += done.returncode == 2
            self.assertGreater(said, 100)


class Shown(unittest.TestCase):
    """What it tells of an image is what "hibtool inspect --json" tells."""

    STATES = ("unknown", "complete", "incomplete", "armed", "consumed", "none")

    def lines(self, said, name):
        return [line.split(" ", 1)[1] for line in said if line.split(" ", 1)[0] == name]

    def check(self, image, form=None):
        named = ("-f", form) if form else ()
        document = json.loads(tool("inspect", image, *named, "--json", "--pages", "--records", code=None).stdout)
        said = run("show", image, *((form,) if form else ())).stdout.decode("utf-8", "surrogateescape").splitlines()
        for name in ("format", "variant", "path", "codec"):
            self.assertEqual(self.lines(said, name), [document[name]])
        for name in ("release", "version", "machine", "build_id"):
            self.assertEqual(self.lines(said, name), [document["kernel"][name] or "(null)"])
        for name in ("algorithm", "value"):
            self.assertEqual(self.lines(said, name), [document["integrity"][name] or "(null)"])
        self.assertEqual(self.lines(said, "content_digest"), [document["content_digest"] or "(null)"])
        pages = document["pages"]
        numbers = [document["page_size"], self.STATES.index(document["state"]), document["file_bytes"], pages["data"], pages["zero"],
                   pages["absent"], pages["unreadable"], int(document["end_pfn"], 16)]
        self.assertEqual(self.lines(said, "numbers"), [" ".join(map(str, numbers))])
        self.assertEqual(self.lines(said, "kaslr_slide"), [str(int(document["kernel"]["kaslr_slide"], 16))] if document["kernel"]["kaslr_slide"] else [])
        self.assertEqual([text.split(" ")[1] for text in self.lines(said, "finding")], [finding["code"] for finding in document["findings"]])
        self.assertEqual(self.lines(said, "record"), [f"{record['type']} {record['version']}" for record in document["records"]])
        self.assertEqual(self.lines(said, "field")[: len(document["details"])],
                         [f"0 {name} text {len(text.encode())}" for name, text in document["details"].items()])
        kinds = {"data": 0, "zero": 1, "absent": 2, "unreadable": 3}
        runs = [f"{int(r['first_pfn'], 16)} {r['count']} {1 if 'fill' in r else kinds[r['state']]} {r.get('fill', 0)}" for r in document["runs"]]
        self.assertEqual(self.lines(said, "run"), runs)

    def test_of_each_format(self):
        for kind in ("elf", "kdump", "lime", "avml", "hib"):
            with self.subTest(kind):
                self.check(images.SAMPLE if kind == "hib" else images.restored(kind))

    def test_of_memory_without_a_mark(self):
        self.check(images.raw(), "raw")

    def test_of_hibernation_images(self):
        for image in images.swsusp():
            document = json.loads(tool("inspect", image, "--json", code=None).stdout)
            if document["schema"] == "hibtool.inspect" and document["state"] != "none" and tool("inspect", image, code=None).returncode == 0:
                if tool("verify", image, code=None).returncode == 0:
                    with self.subTest(image):
                        self.check(image)

    def test_the_log_has_as_many_lines(self):
        document = json.loads(tool("inspect", images.SAMPLE, "--dmesg", "--json").stdout)
        said = run("show", images.SAMPLE).stdout.decode("utf-8", "surrogateescape").splitlines()
        self.assertEqual(self.lines(said, "lines"), [f"{len(document['lines'])} {document['lines_overwritten']} {document['lines_unreadable']}"])


@unittest.skipIf(images.SANITIZE, "what is installed is built without sanitizers")
class Installed(unittest.TestCase):
    """A program finds it by pkg-config, and needs nothing else."""

    SOURCE = """
    #include <hibtool.h>
    #include <stdio.h>
    int main(int argc, char **argv) {
      hibtool_error *error = NULL;
      hibtool_image *image = NULL;
      hibtool_info info = {.size = sizeof info};
      if (argc != 2 || hibtool_open(argv[1], NULL, &image, &error) != HIBTOOL_OK) {
        puts(hibtool_error_message(error));
        return 1;
      }
      if (hibtool_get_info(image, &info, NULL) == HIBTOOL_OK) puts(info.kernel_release);
      hibtool_close(image);
      return 0;
    }
    """

    def test_a_program_is_built_with_it(self):
        root = Path(tempfile.mkdtemp(prefix="hibtest-"))
        self.addCleanup(shutil.rmtree, root)
        build = os.environ.get("HIBTOOL_BUILD", str(ROOT / "build"))
        subprocess.run(["cmake", "--install", build, "--component", "library"], env={**os.environ, "DESTDIR": str(root)}, check=True, capture_output=True)
        config = next(root.rglob("hibtool.pc")).parent
        env = {**os.environ, "PKG_CONFIG_LIBDIR": str(config), "PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_PATH": ""}
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hibtool"], env=env, check=True, capture_output=True, text=True).stdout.split()
        (root / "a.c").write_text(self.SOURCE)
        subprocess.run(["cc", "-std=c11", "-Wall", "-Werror", root / "a.c", "-o", root / "a", *flags], check=True)
        library = next(root.rglob("libhibtool.so.0"))
        env = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
        done = subprocess.run([root / "a", images.SAMPLE], env=env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "6.1.0-56-cloud-amd64\n"))
        done = subprocess.run([root / "a", images.cut()], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(images.cut(), done.stdout)
        module = next(root.rglob("hibtool/__init__.py")).parent.parent
        done = subprocess.run(["/usr/bin/python3", "-c", "import hibtool; print(hibtool.__version__)"], env={**env, "PYTHONPATH": str(module)},
                              capture_output=True, text=True, check=True)
        version = subprocess.run(["pkg-config", "--modversion", config / "hibtool.pc"], check=True, capture_output=True, text=True).stdout
        self.assertEqual(done.stdout, version)


if __name__ == "__main__":
    unittest.main()
