#!/usr/bin/env python3
"""Hibernations that fail in guests with Debian's kernels, and what diagnose says of the disk, alone and with the consoles. What it
advises is done, and the kernel is the judge."""

import functools
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
from failures import FAILURES, Bench  # noqa: E402
from support import ROOT  # noqa: E402
from tool import tool, tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
# failure -> state of the session, by the disk alone
SESSIONS = {
    "other-swap-device-6.1": "armed",
    "memory-map-moved-6.1": "consumed-whole",
    "damaged-literal-6.1": "consumed-partly",
    "killed-at-50-percent-6.1": "consumed-partly",
    "written-after-a-failed-resume-6.1": "consumed-whole",
}


class Diagnosed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.bench = Bench(cls.folder, CACHE)

    @classmethod
    @functools.cache
    def make(cls, name):
        """The disk of a failure, and its consoles as files, the oldest boot first."""
        failure = FAILURES[name]
        evidence = failure.make(cls.bench, failure.series)
        logs = []
        for boot in ("saving", "between", "restoring"):
            if boot in evidence.logs:
                logs += ["--log", cls.folder / f"{name}-{boot}.log"]
                logs[-1].write_bytes(evidence.logs[boot].encode(errors="surrogateescape"))
        return failure, evidence, logs

    def test_the_session_by_the_disk_alone_and_the_verdict_with_the_consoles(self):
        for name, state in SESSIONS.items():
            with self.subTest(name):
                failure, evidence, logs = self.make(name)
                alone = tool_json("diagnose", evidence.disk, code=None)
                self.assertEqual(alone["session"]["state"], state, alone)
                both = tool_json("diagnose", evidence.disk, *logs, code=1)
                self.assertIn(both["verdict"]["code"], (failure.code, *failure.also), both["verdict"])
                self.assertEqual(both["session"]["state"], state)

    def test_the_map_that_moved_is_told_by_the_image_alone_and_one_boot_log(self):
        _, evidence, logs = self.make("memory-map-moved-6.1")
        document = tool_json("diagnose", evidence.disk, *logs[-2:], code=1)
        self.assertEqual(document["verdict"]["code"], "memory-map")
        self.assertTrue([one for one in document["evidence"] if one["source"].startswith("memory maps")], document["evidence"])

    def test_a_machine_that_came_back_is_not_sent_back(self):
        _, evidence, logs = self.make("healthy-6.1")
        document = tool_json("diagnose", evidence.disk, *logs)
        self.assertEqual((document["verdict"]["code"], document["other_verdicts"]), ("resumed", []))
        self.assertEqual((document["session"]["safe_to_rearm"], document["session"]["next"]["command"]), (False, None))

    def test_the_way_out_of_a_trap_comes_before_another_try(self):
        _, evidence, logs = self.make("every-entry-tries-6.1")
        document = tool_json("diagnose", evidence.disk, *logs, code=1)
        self.assertEqual((document["verdict"]["code"], document["session"]["state"]), ("every-entry-tries", "armed"))
        self.assertIn("noresume", document["session"]["next"]["text"])

    def test_what_it_advises_after_a_driver_that_refused_brings_the_machine_back(self):
        _, evidence, logs = self.make("driver-refuses-to-restore-6.1")
        document = tool_json("diagnose", evidence.disk, *logs, code=1)
        self.assertEqual(document["verdict"]["code"], "driver-refused")
        self.assertIn("badsleep", document["verdict"]["text"])
        self.assertEqual(document["session"]["state"], "consumed-whole")
        self.assertIn(f"hibtool rearm {evidence.disk} --yes", [one["command"] for one in document["advice"]])
        tool("rearm", evidence.disk, "--yes", "--trust-swapped-pages")  # the area was not used as swap since
        self.assertEqual(tool_json("diagnose", evidence.disk)["session"]["state"], "armed")
        with self.bench.boot(evidence.disk, series="6.1") as boot:
            self.assertTrue(boot.resume())


if __name__ == "__main__":
    unittest.main(verbosity=2)
