#!/usr/bin/env python3
"""The kernel module under random calls: no oops, no warning, nothing leaked, and the machine still jumps afterwards."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from living import Machine, life  # noqa: E402
from support import ROOT  # noqa: E402
from test_jump import JumpTest  # noqa: E402

CALLS = int(os.environ.get("FUZZ_CALLS", "100000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LEAK_MIB = 8
INSMOD = "insmod /lib/modules/*/updates/hibjump.ko"


class Fuzzing(JumpTest):
    def start(self, machine):
        living = self.living(machine)
        program = living.folder / "fuzz"
        subprocess.run(["gcc", "-static", "-Os", "-pthread", "-Wall", "-Wextra", "-I", str(ROOT / "kernel-glue/include/uapi"), "-o", str(program), str(HERE / "fuzz_ioctl.c")], check=True)
        living.initramfs = living.initramfs_for(living.kernel, files={"bin/fuzz_ioctl": program})
        return living

    def fuzz(self, guest, calls, extra=""):
        said = self.run_in(guest, f"fuzz_ioctl {SEED} {calls} {extra}", timeout=400)
        return {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", said)}

    def available_mib(self, guest):
        self.run_in(guest, "echo 3 > /proc/sys/vm/drop_caches")
        return int(self.run_in(guest, "sed -n 's/MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) >> 10

    def assert_unharmed(self, guest, machine, before, available):
        self.assert_goes_on(guest, machine, before)
        self.assertLess(available - self.available_mib(guest), LEAK_MIB)

    def test_random_calls_do_no_harm_and_the_machine_still_jumps(self):
        living = self.start(Machine("6.1", cpus=2))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            before = life(guest)
            self.fuzz(guest, 1000)
            available = self.available_mib(guest)
            seen = self.fuzz(guest, CALLS)
            self.assertLessEqual({"success", "EINVAL", "EFAULT", "E2BIG", "ERANGE", "ENOENT", "ENODEV", "ENOTTY"}, set(seen), seen)
            self.assert_unharmed(guest, living.machine, before, available)
            armed = self.fuzz(guest, CALLS // 4, "arm")
            self.assertLessEqual({"EBUSY", "EFAULT"}, set(armed))
            self.run_in(guest, "hibtool disarm -q || true")
            self.run_in(guest, f"fuzz_ioctl {SEED} {CALLS // 4} > /tmp/said & pid=$!; while kill -0 $pid 2> /dev/null; do rmmod hibjump 2> /dev/null && {INSMOD}; done; wait $pid", timeout=400)
            self.assert_unharmed(guest, living.machine, before, available)
            self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))
            # Now there is a record that HIBJUMP_DEVICES has to give.
            self.assertIn("ENOSPC", self.fuzz(guest, CALLS // 4))
            self.run_in(guest, "rmmod hibjump")
            self.assert_goes_on(guest, living.machine, before)

    def test_random_calls_do_no_harm_where_the_module_believes_to_be_the_saver(self):
        living = self.start(Machine("6.1", cpus=2, append="elfcorehdr=0x1000 memmap=64M%0x10000000-1+0xefffffff"))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.assertIn("Soft Reserved", self.run_in(guest, "cat /proc/iomem"))
            before = life(guest)
            self.fuzz(guest, 1000)
            available = self.available_mib(guest)
            seen = self.fuzz(guest, CALLS)
            self.assertLessEqual({"success", "EINVAL", "EFAULT", "ERANGE", "ENODEV"}, set(seen), seen)
            self.assert_unharmed(guest, living.machine, before, available)


if __name__ == "__main__":
    unittest.main()
