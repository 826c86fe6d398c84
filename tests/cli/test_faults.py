"""Faults of the system at every place where an output is written: afterwards there is the old file or the complete new
one, and nothing else."""

import os
import shutil
import subprocess
import unittest

from support import HIBTOOL, CliTest, memory
from test_mount import PATIENCE, MountTest, mounts, run_apart

WRITES = "write,pwrite64,pwritev,fsync,fdatasync,ftruncate,linkat,renameat,renameat2"


def can_trace():
    return shutil.which("strace") and subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


@unittest.skipUnless(can_trace(), "strace cannot trace here")
class Faults(CliTest):
    def setUp(self):
        super().setUp()
        self.source = self.write("source.raw", memory(40))
        self.run_tool("create", "-f", "raw", self.source, "-o", self.path("new.hib"), "--chunk-size", "16")
        self.new = (self.folder / "new.hib").read_bytes()
        os.remove(self.path("new.hib"))
        self.old = b"the old file"

    def run_with(self, injection, force):
        arguments = [HIBTOOL, "create", "-f", "raw", self.source, "-o", self.path("out.hib"), "--chunk-size", "16", "-q", "--threads", "1"]
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={WRITES}", "-e", injection, *arguments, *(["--force"] if force else [])],
                              capture_output=True, timeout=120)
        return done.returncode

    def check_state(self, code, force, what):
        names = self.names()
        present = "out.hib" in names
        content = (self.folder / "out.hib").read_bytes() if present else None
        self.assertEqual([n for n in names if n not in ("out.hib", "source.raw")], [], what)
        self.assertIn(content, [self.old if force else None, self.new], what)
        if code == 0:
            self.assertEqual(content, self.new, what)

    def every_nth(self, injection, force):
        """N = 1, 2, … until a run is not touched any more. Counts are per thread, so N covers each of them."""
        untouched = 0
        for n in range(1, 400):
            if force:
                self.write("out.hib", self.old)
            elif "out.hib" in self.names():
                os.remove(self.path("out.hib"))
            code = self.run_with(f"{injection}:when={n}", force)
            self.check_state(code, force, f"{injection} at {n}, exit {code}")
            untouched = untouched + 1 if code == 0 else 0
            if untouched == 3:
                self.assertGreater(n, 3)
                return
        self.fail("every run failed")

    def test_no_space_and_io_errors_of_every_call(self):
        for error in ("ENOSPC", "EIO"):
            for call in ("write", "fsync", "linkat"):
                self.every_nth(f"inject={call}:error={error}", force=False)
        for call in ("write", "fsync", "linkat", "renameat"):
            self.every_nth(f"inject={call}:error=EIO", force=True)

    def test_a_kill_at_every_call(self):
        for force in (False, True):
            self.every_nth(f"inject={WRITES}:signal=KILL", force)

    def test_interrupted_and_short_writes_are_carried_on(self):
        for injection in ("inject=write:error=EINTR:when=1+3", "inject=pread64:error=EINTR:when=5+2"):
            self.write("out.hib", self.old)
            done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", injection, HIBTOOL, "create", "-f", "raw", self.source,
                                   "-o", self.path("out.hib"), "--chunk-size", "16", "-q", "--force"], capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((self.folder / "out.hib").read_bytes(), self.new)

    def test_an_unreadable_place_of_the_source_is_named_and_with_salvage_marked(self):
        injection = "inject=pread64:error=EIO:when=3"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", injection, HIBTOOL, "create", "-f", "raw", self.source, "-o", self.path("out.hib"), "-q", "--threads", "1"]
        done = subprocess.run(command, capture_output=True, timeout=120)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        if done.returncode == 2:
            self.assertIn(b"offset 0x", done.stderr)
            self.assertNotIn("out.hib", self.names())


@unittest.skipUnless(can_trace(), "strace cannot trace here")
class Unmounted(MountTest):
    def serve(self, error):
        """A server for which the sixth read of a request ends so."""
        server = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-P", "/dev/fuse", "-e", "trace=read", "-e", f"inject=read:error={error}:when=6",
                                   HIBTOOL, "mount", self.small("hib")[0], self.at, "--foreground"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(server.kill)
        self.assertIn(b"memory.raw", server.stdout.readline())
        while str(self.at) in mounts():
            try:
                os.listdir(self.at)
            except OSError:  # it has ended meanwhile
                pass
        said = server.communicate(timeout=PATIENCE)[1].decode()
        return server.returncode, said

    def test_an_end_of_the_mount_while_a_request_is_taken_is_no_error(self):
        for error in ("ENODEV", "ECONNABORTED"):
            with self.subTest(error):
                self.assertEqual(self.serve(error)[0], 0)
                os.remove(self.path("image.hib"))

    def test_another_error_is_said(self):
        code, said = self.serve("EPERM")
        self.assertEqual(code, 2)
        self.assertIn("hibtool: /dev/fuse: read: ", said)


if __name__ == "__main__":
    run_apart()
    unittest.main()
