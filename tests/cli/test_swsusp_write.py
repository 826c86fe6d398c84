"""restore --as swsusp and --as snapshot: what is written, what is refused, and what an interruption leaves. That a kernel
resumes from it is shown in tests/vm/test_hibernation.py."""

import fcntl
import os
import shutil
import subprocess
import sys
import unittest

from support import HIBTOOL, ROOT, CliTest

PAGE = 4096
UUID = "a3cde6f0-1234-4cde-9abc-0123456789ab"
SOURCES = ("straddling-map-pages", "lz4", "none", "word-32", "pfn-page-full-plus-one", "zero-middle", "page-size-16k", "big-endian", "consumed")


class Writing(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.corpus = os.path.join(ROOT, "build", "tmp", f"corpus-{os.getpid()}")
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", cls.corpus, *SOURCES], check=True)
        cls.addClassCleanup(shutil.rmtree, cls.corpus)

    def source(self, name):
        return os.path.join(self.corpus, f"{name}.img")

    def area(self, name, pages=1024, page_size=PAGE):
        path = self.path(name)
        with open(path, "wb") as file:
            file.truncate(pages * page_size)
        subprocess.run(["mkswap", "-q", "-L", "target", "-U", UUID, "-p", str(page_size), path], check=True, capture_output=True)
        return path

    def digest(self, path):
        return self.json("verify", path)["content_digest"]

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def refused(self, *arguments, text, code=4):
        done = self.run_tool("restore", *arguments, code=code)
        self.assertIn(text, done.stderr.decode())

    def test_every_source_is_written_back_with_every_codec(self):
        for name in SOURCES:
            if name in ("page-size-16k", "big-endian"):
                continue
            digest = self.digest(self.source(name))
            hib = self.path(f"{name}.hib")
            self.run_tool("create", self.source(name), "-o", hib)
            for codec in ("lzo", "lz4", "none"):
                with self.subTest(name, codec=codec):
                    target = self.area("area")
                    self.run_tool("restore", hib, "--as", "swsusp", "--codec", codec, "-o", target)
                    report = self.json("inspect", target)
                    self.assertEqual((report["state"], report["codec"]), ("armed", codec))
                    self.assertEqual((report["details"]["swap UUID"], report["details"]["swap label"]), (UUID, "target"))
                    verdict = self.json("verify", target)
                    self.assertEqual(verdict["verdict"], "unverifiable" if codec == "none" else "good")
                    self.assertEqual(verdict["content_digest"], digest)

    def test_a_snapshot_stream_holds_the_same(self):
        for name in SOURCES:
            with self.subTest(name):
                stream = self.path("stream")
                self.run_tool("restore", self.source(name), "--as", "snapshot", "-o", stream, "--force")
                self.assertEqual(self.json("inspect", stream)["format"], "snapshot")
                self.assertEqual(self.digest(stream), self.digest(self.source(name)))

    def test_the_zero_flag_is_kept_where_the_source_had_it_and_not_introduced(self):
        for name, marked in (("zero-middle", "10 marked as zero"), ("none", "0 marked as zero")):
            target = self.area("area")
            self.run_tool("create", self.source(name), "-o", self.path("x.hib"), "--force")
            self.run_tool("restore", self.path("x.hib"), "--as", "swsusp", "-o", target)
            self.assertIn(marked, self.json("inspect", target)["details"]["saved"])

    def test_bad_pages_of_the_target_are_left_alone(self):
        target = self.area("area")
        with open(target, "r+b") as file:
            file.seek(1032)
            file.write((3).to_bytes(4, "little"))
            file.seek(1536)
            file.write(b"".join(n.to_bytes(4, "little") for n in (1, 5, 40)))
        self.run_tool("restore", self.source("none"), "--as", "swsusp", "-o", target)
        image = self.read(target)
        for bad in (1, 5, 40):
            self.assertEqual(image[bad * PAGE:(bad + 1) * PAGE], bytes(PAGE))
        self.assertEqual(self.digest(target), self.digest(self.source("none")))

    def test_refusals_leave_the_target_as_it_was(self):
        source = self.source("lz4")
        no_swap = self.write("no-swap", b"precious" * 4096)
        small = self.area("small", pages=12)
        armed = self.area("armed")
        self.run_tool("restore", self.source("zero-middle"), "--as", "swsusp", "-o", armed)
        raw = self.write("memory.raw", bytes(range(256)) * 64)
        area = self.area("area")
        for what, arguments, text in (
                ("no swap area", [source, "--as", "swsusp", "-o", no_swap], "mkswap"),
                ("too small", [source, "--as", "swsusp", "--codec", "none", "-o", small], "room for 11 pages"),
                ("another image", [source, "--as", "swsusp", "-o", armed], "another hibernation image"),
                ("no record", ["-f", "raw", raw, "--as", "swsusp", "-o", area], 'without a record "swsusp"'),
                ("other page size", [self.source("page-size-16k"), "--as", "swsusp", "-o", area], "pages of 4096 bytes"),
                ("the input itself", [source, "--as", "swsusp", "-o", source], "inputs are never written")):
            with self.subTest(what):
                target = arguments[-1]
                before = self.read(target)
                self.refused(*arguments, text=text)
                self.assertEqual(self.read(target), before)
        self.run_tool("restore", source, "--as", "swsusp", "-o", armed, "--force")
        self.assertEqual(self.digest(armed), self.digest(source))

    def test_a_target_that_another_process_has_locked_is_refused(self):
        target = self.area("area")
        with open(target, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            self.refused(self.source("lz4"), "--as", "swsusp", "-o", target, text="another process has it locked")

    def test_lost_pages_are_never_written_as_an_image(self):
        broken = self.path("broken.img")
        shutil.copy(self.source("lz4"), broken)
        with open(broken, "r+b") as file:
            file.seek(20 * PAGE)
            file.write(b"\xff" * 3 * PAGE)
        target = self.area("area")
        before = self.json("inspect", target)
        for arguments, code in ([], 2), (["--salvage"], 4):
            self.run_tool("restore", broken, "--as", "swsusp", "-o", target, *arguments, code=code)
            self.assertEqual(self.json("inspect", target)["state"], before["state"])

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_a_kill_at_any_write_leaves_no_armed_half(self):
        source = self.source("lz4")
        digest = self.digest(source)
        armed = 0
        for n in range(1, 200):
            target = self.area("area")
            done = subprocess.run(["strace", "-f", "-qq", "-o", self.path("trace"), "-e", "trace=pwrite64,fsync", "-e", f"inject=pwrite64,fsync:signal=KILL:when={n}",
                                   HIBTOOL, "restore", source, "--as", "swsusp", "-o", target, "-q"], capture_output=True)
            report = self.json("inspect", target)
            if report["state"] == "armed":
                armed += 1
                self.assertEqual(self.digest(target), digest)
            else:
                self.assertEqual(report["state"], "none")
            if done.returncode == 0:
                break
        self.assertEqual(done.returncode, 0)
        self.assertGreater(n, 5)
        self.assertLessEqual(armed, 3)  # the run that was not killed, and a kill after the signature was written

    def test_a_swap_file_of_this_machine_is_read_and_written_by_its_extents(self):
        target = self.area("swapfile", pages=2048)
        with open(target, "r+b") as file:  # allocated, as swap files are
            os.posix_fallocate(file.fileno(), 0, 2048 * PAGE)
            file.flush()
            os.fsync(file.fileno())
        done = self.run_tool("restore", self.source("lz4"), "--as", "swsusp", "--by-extents", "-o", target, code=None)
        if done.returncode == 4 and b"does not tell" in done.stderr:
            self.skipTest("this file system has no FIEMAP")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.json("inspect", target)
        self.assertEqual(report["variant"], "swap file of a mounted file system")
        self.assertNotIn("page 0 of the device", report["details"]["swap header"])
        self.assertEqual(self.digest(target), self.digest(self.source("lz4")))


if __name__ == "__main__":
    unittest.main()
