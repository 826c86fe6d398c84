#!/usr/bin/env python3
"""The kernel jump on stock Debian kernels: a machine goes on after a rehearsal, after a checkpoint, and in a new QEMU process
after it was saved, powered off and restored."""

import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from living import Machine, command, life, life_after, make  # noqa: E402
from support import HIBTOOL, ROOT  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
SAVE = "hibtool arm -q --target /dev/vda && hibtool hibernate"


class JumpTest(unittest.TestCase):
    """The machine of a test, and what must be true of one that went on."""

    def living(self, machine):
        return make(self, machine, HIBTOOL, CACHE)

    def run_in(self, guest, line, code=0, timeout=120):
        found, said = command(guest, line, timeout)
        self.assertEqual(found, code, f"{line}: {said}\n" + "\n".join(guest.console_path.read_text(errors="replace").splitlines()[-30:]))
        return said

    def begin(self, guest, machine, fill_mib=32):
        guest.read_until("^READY$", 120)
        self.run_in(guest, f"alive fill /tmp/data {fill_mib}")

    def assert_goes_on(self, guest, machine, before):
        now = life_after(guest, before)
        self.assertEqual(now.errors, 0, now.what)
        self.assertTrue(now.went_on_since(before), f"{before}, then {now}")
        self.run_in(guest, "alive check /tmp/data")
        self.assertEqual(self.run_in(guest, "nproc"), str(machine.cpus))
        self.assertEqual(self.run_in(guest, "dmesg | grep 'WARNING:\\|BUG:\\|Call Trace\\|EXT4-fs error\\|I/O error'", code=1), "")
        self.assertLess(abs(int(self.run_in(guest, "date +%s")) - time.time()), 5, "the time of day")

    def assert_file_system_is_clean(self, guest, living):
        self.run_in(guest, "killall alive; until umount /mnt 2> /dev/null; do usleep 50000; done")  # the kernel may still be closing its files
        guest.send("poweroff -f")
        guest.wait_end(60)
        self.assertTrue(living.file_system_is_clean())

    def assert_image_is_good(self, living):
        done = subprocess.run([HIBTOOL, "verify", str(living.target)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Cycles:
    machine = Machine()

    def test_a_machine_goes_on_after_a_rehearsal_a_checkpoint_and_a_power_cycle(self):
        living = self.living(self.machine)
        with living.boot() as guest:
            self.begin(guest, self.machine)
            before = life(guest)
            self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))
            self.assert_goes_on(guest, self.machine, before)
            before = life(guest)
            self.assertIn("goes on", self.run_in(guest, SAVE + " --return"))
            self.assert_goes_on(guest, self.machine, before)
            before = life(guest)
            guest.send(SAVE)
            guest.wait_end(180)
        self.assert_image_is_good(living)
        with living.restore() as guest:
            said = guest.read_until(r"^CODE \d+$", 180)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"])
            self.assert_goes_on(guest, self.machine, before)
            self.assert_file_system_is_clean(guest, living)


class Jump61(Cycles, JumpTest):
    machine = Machine(series="6.1", cpus=2)


class Jump612(Cycles, JumpTest):
    machine = Machine(series="6.12", cpus=4, machine="q35", append="no5lvl")


if __name__ == "__main__":
    unittest.main()
