"""What the tests of the command line share."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "support"))
import json_schema  # noqa: E402

HIBTOOL = os.environ.get("HIBTOOL", str(ROOT / "build" / "hibtool"))
PAGE = 4096


def memory(pages, seed=1):
    """Raw memory with zero, filled, repeated, text-like and random pages."""
    source = random.Random(seed)
    out = []
    for number in range(pages):
        kind = source.randrange(6)
        if kind == 0:
            out.append(bytes(PAGE))
        elif kind == 1:
            out.append(bytes([source.randrange(1, 256)]) * PAGE)
        elif kind == 2 and out:
            out.append(source.choice(out))
        elif kind == 3:
            out.append((f"the quick brown fox {number} " * 300).encode()[:PAGE])
        else:
            out.append(source.randbytes(PAGE))
    return b"".join(out)


def loop_device_over(test, path):
    """A loop device over this file for as long as the test runs; without one the test is skipped."""
    device = loop_device(path) if os.geteuid() == 0 else None
    if device is None:
        test.skipTest("no loop device to be had")
    test.addCleanup(subprocess.run, ["losetup", "-d", device])
    return device


def loop_device(path):
    if shutil.which("losetup") is None:
        return None
    done = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 and os.path.exists(done.stdout.strip()) else None


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hibtest-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return str(self.folder / name)

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.path(name)

    def run_tool(self, *arguments, code=0, stdin=None, env=None):
        """Runs hibtool; a wrong exit code fails the test with what it said, None allows any."""
        done = subprocess.run([HIBTOOL, *arguments], input=stdin if stdin is not None else b"", capture_output=True,
                              env={**os.environ, **(env or {})}, timeout=300)
        if code is not None:
            self.assertEqual(done.returncode, code, f"hibtool {' '.join(arguments)}\n{done.stderr.decode()}{done.stdout[:2000]}")
        return done

    def json(self, *arguments, code=0, stdin=None):
        """The document that it prints, which follows its schema."""
        return json_schema.loads(self.run_tool(*arguments, "--json", code=code, stdin=stdin).stdout)

    def names(self):
        return sorted(p.name for p in self.folder.iterdir())
