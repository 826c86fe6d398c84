"""No memory at any place: the tool says so, ends with code 2 and leaves nothing behind."""

import errno
import os
import re
import subprocess
import threading
import unittest

from support import HIBTOOL, PAGE, CliTest, memory
from test_mount import PATIENCE, MountTest, run_apart

PRELOAD = os.environ.get("FAIL_NEW")


@unittest.skipUnless(PRELOAD, "FAIL_NEW names the library that makes allocations fail")
class NoMemory(CliTest):
    def setUp(self):
        super().setUp()
        self.source = self.write("m.raw", memory(40))
        self.run_tool("create", "-f", "raw", self.source, "-o", self.path("m.hib"), "--chunk-size", "16")

    def allocations(self, arguments):
        done = self.run_tool(*arguments, env={"LD_PRELOAD": PRELOAD})
        return int(re.search(rb"calls of new: (\d+)", done.stderr)[1])

    def every_failure(self, *arguments, output=None):
        """Each of the first 60 allocations, then about 150 places spread over the run."""
        total = self.allocations(arguments)
        self.assertGreater(total, 100)
        if output:
            os.remove(self.path(output))
        before = self.names()
        for n in sorted({*range(1, 60), *range(60, total, max(1, total // 150))}):
            done = self.run_tool(*arguments, code=None, env={"LD_PRELOAD": PRELOAD, "FAIL_NEW_AT": str(n)})
            if done.returncode != 0:  # a library may do without, or threads may take turns in another order
                self.assertEqual((done.returncode, done.stderr), (2, b"hibtool: out of memory\n"), f"allocation {n} of {total}")
                self.assertEqual(self.names(), before, f"allocation {n} of {total}")
            elif output:
                os.remove(self.path(output))

    def test_create(self):
        self.every_failure("create", "-f", "raw", self.source, "-o", self.path("out.hib"), "--chunk-size", "16", "-q", output="out.hib")

    def test_restore(self):
        for kind in ("raw", "kdump"):
            self.every_failure("restore", self.path("m.hib"), "--as", kind, "-o", self.path("out"), "-q", output="out")

    def test_verify(self):
        self.every_failure("verify", self.path("m.hib"), "-q")

    def test_verify_json(self):
        self.every_failure("verify", self.path("m.hib"), "--json")

    def test_diff(self):
        self.every_failure("diff", self.path("m.hib"), self.source, "-f", "auto,raw", "-q")


@unittest.skipUnless(PRELOAD, "FAIL_NEW names the library that makes allocations fail")
class NoMemoryForAMount(MountTest):
    PLACES = (0, 500, 3, 690, 120, 121, 122, 350)  # of pages: there and back, and in order

    def serve(self, **env):
        self.unmount()  # what one that died has left
        server = subprocess.Popen([HIBTOOL, "mount", self.path("m.hib"), self.at, "--foreground", "--threads", "1"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env={**os.environ, "LD_PRELOAD": PRELOAD, **env})
        self.addCleanup(server.kill)
        if b"memory.raw" not in server.stdout.readline():
            self.fail(server.communicate()[1].decode())
        return server

    def attempt(self, call):
        """What it gives, if need be at the second attempt."""
        try:
            return call()
        except OSError as error:
            self.assertIn(error.errno, (errno.ENOMEM, errno.EIO))
            return call()

    def use(self):
        self.assertIn("memory.raw", self.attempt(lambda: os.listdir(self.at)))
        with self.attempt(lambda: open(self.at / "memory.raw", "rb", buffering=0)) as file:
            for page in self.PLACES:
                read = self.attempt(lambda page=page: os.pread(file.fileno(), 2 * PAGE, page * PAGE))
                self.assertEqual(read, self.content[page * PAGE:(page + 2) * PAGE])

    def end_of(self, server):
        subprocess.run(["fusermount3", "-u", self.at], check=True)
        said = server.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(server.returncode, 0, said)
        return said

    def calls(self, use):
        server = self.serve()
        use()
        return int(re.search(r"calls of new: (\d+)", self.end_of(server))[1])

    def test_a_request_without_memory_is_an_error_and_the_next_one_is_served(self):
        self.content = memory(700)
        self.run_tool("create", "-f", "raw", self.write("m.raw", self.content), "-o", self.path("m.hib"), "--chunk-size", "64", "-q")
        begun, total = self.calls(lambda: None), self.calls(self.use)
        self.assertGreater(total, begun + 50)
        for n in range(begun + 1, total, max(1, (total - begun) // 120)):
            with self.subTest(f"allocation {n} of {begun} to {total}"):
                server = self.serve(FAIL_NEW_AT=str(n))
                watchdog = threading.Timer(PATIENCE, server.kill)  # who waits for an answer that never comes cannot be killed
                watchdog.start()
                self.addCleanup(watchdog.cancel)
                self.use()
                self.end_of(server)
                watchdog.cancel()


if __name__ == "__main__":
    run_apart()
    unittest.main()
