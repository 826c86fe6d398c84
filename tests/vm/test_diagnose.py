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
import json_schema  # noqa: E402
import jump  # noqa: E402
from failures import FAILURES, Bench  # noqa: E402
from support import HIBTOOL, PAGE, ROOT  # noqa: E402
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
        # Pages were swapped out, and nothing proves them: --yes alone would be refused.
        self.assertIn(f"hibtool rearm {evidence.disk}", [one["command"] for one in document["advice"]])
        tool("rearm", evidence.disk, "--yes", "--trust-swapped-pages")  # the area was not used as swap since
        self.assertEqual(tool_json("diagnose", evidence.disk)["session"]["state"], "armed")
        with self.bench.boot(evidence.disk, series="6.1") as boot:
            self.assertTrue(boot.resume())

    def test_the_sample_of_memory_foresees_the_room_that_the_image_takes(self):
        """Half of the memory in use is noise. Who is not root gets an estimate."""
        folder = self.folder / "preflight"
        folder.mkdir()
        bench = Bench(folder, CACHE, jump.program_files(HIBTOOL, folder))
        disk = bench.disk(512)
        with bench.boot(disk, series="6.12", memory_mib=512) as boot:
            boot.do("swapon /dev/vda; mount -t tmpfs none /full; dd if=/dev/urandom of=/full/noise bs=1M count=100")
            boot.do("mkdir -p /etc; echo nobody:x:65534:65534::/:/bin/sh > /etc/passwd")
            by_nobody = boot.do("start-stop-daemon -S -c nobody -x $(which hibtool) -- diagnose --preflight", code=None)
            foreseen = json_schema.loads(boot.do("hibtool diagnose --preflight --json 2> /dev/null", code=None))
            boot.save()
        self.assertIn("an estimate by /proc/meminfo; memory could not be sampled: /proc/kcore: open: no permission", by_nobody)
        self.assertEqual(json_schema.problems(foreseen), [])
        space = foreseen["space"]
        self.assertEqual((space["sampled"], space["codec"], space["why_not_sampled"]), (True, "lzo", None))
        saved = tool_json("inspect", "--map", disk)
        taken = sum(part["bytes"] for part in saved["map"] if part["label"] != "unlabelled") + saved["swapped_out"]["slots"] * PAGE
        self.assertGreater(taken, 100 << 20)
        self.assertGreaterEqual(taken, space["area_bytes"]["least"], space)
        self.assertLessEqual(taken, space["area_bytes"]["most"], space)


if __name__ == "__main__":
    unittest.main(verbosity=2)
