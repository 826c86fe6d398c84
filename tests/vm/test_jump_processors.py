#!/usr/bin/env python3
"""The processors over a jump: those that were off, and what a processor had set up for the machine alone."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import jump  # noqa: E402
from living import Machine, life  # noqa: E402
from test_jump import CACHE, JumpTest  # noqa: E402

PROCESSORS = "/sys/devices/system/cpu"
CONTROL = "/sys/module/widebreak/parameters/control"
# As seen from the machine: two cores with two threads each. QEMU gives threads to no AMD.
THREADS = {"processor": "max,-erms,-fsrm,vendor=GenuineIntel", "extra": ["-smp", "4,cores=2,threads=2"]}


def places(guest):
    """Of each processor: its page tables, and where it stands."""
    said = guest.qmp.execute("human-monitor-command", **{"command-line": "info registers -a"})
    return [int(value, 16) for value in re.findall(r"CR3=([0-9a-f]+)", said)]


class Processors(JumpTest):
    def test_the_saver_keeps_none_that_are_off_and_meets_no_breakpoint_of_the_machine(self):
        living = self.living(Machine(cpus=4))
        living.initramfs = living.initramfs_for(living.kernel, files={"widebreak.ko": jump.build_module(living.kernel, CACHE, HERE / "widebreak.c")})
        with living.boot(**THREADS) as guest:
            self.begin(guest, living.machine)
            self.run_in(guest, f"insmod /widebreak.ko at={self.begin_of_the_saver(guest):#x}")
            control = self.run_in(guest, f"cat {CONTROL}")
            self.assertNotEqual(control, "0x400")
            first, last = self.crash_region(guest)
            self.run_in(guest, f"cd {PROCESSORS}; echo 0 > cpu2/online; echo off > smt/control; cd /")
            self.assertEqual(self.run_in(guest, f"cat {PROCESSORS}/online"), "0")
            before = life(guest)
            self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))
            self.assertEqual(self.run_in(guest, f"cat {PROCESSORS}/smt/control {PROCESSORS}/online"), "off\n0")
            self.assertEqual(self.run_in(guest, f"cat {CONTROL}"), control)
            tables = places(guest)
            self.assertEqual(len(tables), 4)
            self.assertEqual([hex(table) for table in tables if first <= table <= last], [], "processors that run on the saver's page tables")
            self.run_in(guest, f"echo on > {PROCESSORS}/smt/control; for cpu in {PROCESSORS}/cpu[1-3]/online; do echo 1 > $cpu; done")
            self.assert_goes_on(guest, living.machine, before)

    def test_a_kernel_that_began_on_another_processor_than_the_firmware_is_not_left(self):
        living = self.living(Machine(cpus=2, append="reboot=s1"))  # the processor on which kexec goes
        again = living.folder / "again"
        subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-o", again, HERE / "again.c"], check=True)
        initramfs = living.initramfs
        living.initramfs = living.initramfs_for(living.kernel, files={"bin/again": again})
        disk = living.folder / "disk"
        disk.write_bytes(initramfs.read_bytes() + bytes(-initramfs.stat().st_size % 512))
        with living.boot(extra=["-drive", f"file={disk},if=virtio,format=raw,readonly=on"]) as guest:
            guest.read_until("^READY$", 120)
            self.run_in(guest, "hibtool arm -q --target /dev/vda && hibtool disarm -q")
            guest.send("cat /dev/vdc > /tmp/initrd; again /boot/vmlinuz-* /tmp/initrd \"$(cat /proc/cmdline)\"")
            guest.read_until("^READY$", 120)
            said = self.run_in(guest, "hibtool arm --target /dev/vda", code=4)
            self.assertIn("processor 0 is off, or not the one that the firmware began with", said)
            self.assertIn("REFUSED", self.run_in(guest, "hibtool arm --check", code=1))

    def begin_of_the_saver(self, guest):
        """Where the saver's kernel, which is the same but is moved nowhere, has its start_kernel()."""
        at = {name: int(address, 16) for address, name in re.findall(r"^(\w+) \w (\w+)$", self.run_in(guest, "grep ' _text$\\| start_kernel$' /proc/kallsyms"), re.M)}
        return 0xFFFFFFFF81000000 + at["start_kernel"] - at["_text"]


if __name__ == "__main__":
    unittest.main()
