"""No memory at any place: the tool says so, ends with code 2 and leaves nothing behind."""

import os
import re
import unittest

from support import CliTest, memory

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


if __name__ == "__main__":
    unittest.main()
