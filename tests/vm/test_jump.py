#!/usr/bin/env python3
"""The kernel jump on stock Debian kernels: a machine goes on after a rehearsal, after a checkpoint, and in a new QEMU process
after it was saved, powered off and restored."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import jump  # noqa: E402
import kernel  # noqa: E402
from guest import Guest  # noqa: E402
from support import HIBTOOL, ROOT  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"

# A boot restores what the disk holds; where that is nothing, it does what the command line names.
INIT = r"""
exec > /dev/ttyS1 2>&1
insmod /lib/modules/*/updates/hibjump.ko
case $(cat /proc/cmdline) in *hib.restore*) hibtool restore --jump -q /dev/vda; echo "NOT RESTORED $?" ;; esac
dd if=/dev/urandom of=/tmp/data bs=1M count=32 2> /dev/null
sha256sum /tmp/data > /tmp/sum
case $(cat /proc/cmdline) in
  *hib.rehearse*) hibtool arm -q && hibtool hibernate --rehearse ;;
  *hib.return*) hibtool arm -q --target /dev/vda && hibtool hibernate --return ;;
  *) hibtool arm -q --target /dev/vda && hibtool hibernate ;;
esac
echo "CODE $?"
sha256sum -c /tmp/sum && echo "MEMORY OK"
echo "CPUS $(nproc)"
echo "WARNINGS $(dmesg | grep -c 'WARNING:\|BUG:\|Call Trace')"
dd if=/dev/vda of=/dev/null bs=1M count=8 iflag=direct 2> /dev/null && echo "DISK OK"
echo "ALL SAID"
poweroff -f
"""


class JumpingMachine:
    machine, cpus, append, memory_mib = "pc", 1, "", 512

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibvm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.kernel = kernel.fetch_headers(cls.series, CACHE)
        module = jump.build_module(cls.kernel, CACHE)
        cls.initramfs = jump.build_initramfs(cls.folder / "initrd", cls.kernel, module, HIBTOOL, cls.folder, ["virtio_pci", "virtio_blk"], INIT)

    def setUp(self):
        self.disk = self.folder / f"disk-{self._testMethodName}"
        with open(self.disk, "wb") as disk:
            disk.truncate(1 << 30)
        self.addCleanup(self.disk.unlink)

    def boot(self, append):
        return Guest(self.kernel, self.initramfs, self.memory_mib, self.cpus, self.machine, f"crashkernel=192M {self.append} {append}",
                     [f"file={self.disk},if=virtio,format=raw"])

    def assert_went_on(self, guest):
        said = guest.read_until("^ALL SAID$", timeout=180)
        console = "\n".join(guest.console_path.read_text(errors="replace").splitlines()[-30:])
        for line in ("CODE 0", "MEMORY OK", "DISK OK", f"CPUS {self.cpus}", "WARNINGS 0"):
            self.assertIn(line, said, console)

    def test_a_rehearsal_comes_back(self):
        with self.boot("hib.rehearse") as guest:
            self.assert_went_on(guest)

    def test_a_checkpoint_is_saved_and_the_machine_goes_on(self):
        with self.boot("hib.return") as guest:
            self.assert_went_on(guest)
        self.assert_image_is_good()

    def test_a_machine_that_was_powered_off_goes_on_in_a_new_one(self):
        with self.boot("") as guest:
            guest.wait_end(180)
        self.assert_image_is_good()
        with self.boot("hib.restore") as guest:
            self.assert_went_on(guest)

    def assert_image_is_good(self):
        done = subprocess.run([HIBTOOL, "verify", str(self.disk)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        records = subprocess.run([HIBTOOL, "inspect", "--records", str(self.disk)], capture_output=True, text=True).stdout
        self.assertTrue(re.search(r"\bjump\b", records), records)


class Jump61(JumpingMachine, unittest.TestCase):
    series, cpus = "6.1", 2


class Jump612(JumpingMachine, unittest.TestCase):
    series, cpus, machine, append = "6.12", 4, "q35", "no5lvl"


if __name__ == "__main__":
    unittest.main()
