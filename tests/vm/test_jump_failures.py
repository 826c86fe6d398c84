#!/usr/bin/env python3
"""Jumps that fail. While saving: the machine goes on and says what the saver said, or it restarts and the image
tells how far it got. While restoring: the boot goes on, and the image stays as it is."""

import os
import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
from gdb import GdbStub  # noqa: E402
import kernel  # noqa: E402
from living import Machine, command, life, wait_for_writing  # noqa: E402
from support import HIBTOOL  # noqa: E402
from test_jump import BEHIND_AN_IOMMU, CACHE, SAVE, JumpTest  # noqa: E402


def history(path):
    """The phases that the image went through, and the text of the last one."""
    done = subprocess.run([HIBTOOL, "inspect", "--json", str(path)], capture_output=True, text=True)
    crumbs = json_schema.loads(done.stdout).get("breadcrumbs", [])
    return [crumb["phase"] for crumb in crumbs], crumbs[-1]["text"] if crumbs else ""


# The disks have lines for their interrupts, not messages. An interrupt that nobody ends keeps its line still.
ONE_LINE = ["-global", "virtio-blk-pci.vectors=0"]


class SavingFails(JumpTest):
    """The machine goes on with code 2 and the reason, whole: what the saver met, on which device, where."""

    def save_in_vain(self, living, guest, reason, arm="hibtool arm -q --target /dev/vda", **fields):
        before = life(guest)
        said = self.run_in(guest, f"{arm} && hibtool hibernate --json", code=2)
        self.assertRegex(said, reason)
        error = json_schema.loads(said[said.index("{"):said.rindex("}") + 1])
        for name, wanted in fields.items():
            self.assertRegex(str(error[name]), wanted, error)
        self.assert_goes_on(guest, living.machine, before)

    def test_a_target_that_is_too_small(self):
        living = self.living(Machine(target_mib=8))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.save_in_vain(living, guest, "no room: the device has 8388608 bytes", kind="^io$", file="^/dev/vda$",
                              where="^saver: ", found="no room")
            self.assert_file_system_is_clean(guest, living)
        phases, text = history(living.target)
        self.assertEqual(phases, ["armed", "devices-suspended", "jumped", "saving", "failed"])
        self.assertIn("no room", text)

    def test_a_target_that_does_not_take_a_sector(self):
        living = self.living(Machine())
        rules = living.folder / "rules"
        rules.write_text('[inject-error]\nevent = "pwritev"\nerrno = "5"\nsector = "16384"\nonce = "off"\n')
        with living.boot(target_file=f"blkdebug:{rules}:{living.target}") as guest:
            self.begin(guest, living.machine)
            self.save_in_vain(living, guest, "Input/output error", kind="^io$", file="^/dev/vda$",
                              offset="^0x", where="^saver: ", found="Input/output error")
        self.assertEqual(history(living.target)[0][-1], "failed")

    def test_a_target_whose_driver_does_not_load_is_known_at_the_latest_when_it_is_to_be_written(self):
        living = self.living(Machine())
        with living.boot() as guest:
            self.begin(guest, living.machine)
            before = life(guest)
            said = self.run_in(guest, "hibtool arm -q --standby --target /dev/vda --append module_blacklist=virtio_blk", code=2)
            self.assertRegex(said, "no device carries the id of this jump.*virtio_blk")
            self.assertIn("armed without one", self.run_in(guest, "hibtool hibernate", code=64))
            self.assert_goes_on(guest, living.machine, before)
            self.save_in_vain(living, guest, "no device carries the id of this jump.*virtio_blk", "hibtool arm -q --target /dev/vda --append module_blacklist=virtio_blk")
            self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))

    def test_disks_that_are_unplugged_while_the_saver_stands_by_and_while_it_writes(self):
        living = self.living(Machine(modules=("xhci_pci", "usb_storage", "sd_mod"), memory_mib=768, crashkernel="224M"))
        sticks = {name: living.add_disk(name, 1024) for name in ("stick", "other")}
        usb = ["-device", "qemu-xhci"]
        for name, path in sticks.items():
            usb += ["-drive", f"file={path},if=none,format=raw,id={name}", "-device", f"usb-storage,drive={name},id=usb-{name},serial={name}"]
        with living.boot(extra=usb) as guest:
            self.begin(guest, living.machine)
            self.run_in(guest, "until [ -b /dev/sda ] && [ -b /dev/sdb ]; do usleep 50000; done")
            before = life(guest)
            self.run_in(guest, "hibtool arm -q --standby --target /dev/sda")
            guest.qmp.execute("device_del", id="usb-other")
            self.run_in(guest, "until [ ! -b /dev/sdb ]; do usleep 50000; done")
            guest.send("hibtool hibernate")
            wait_for_writing(sticks["stick"])
            guest.qmp.execute("device_del", id="usb-stick")
            said = guest.read_until(r"^CODE \d+$", 120)
            self.assertEqual(said[-1], "CODE 2", said)
            self.assertRegex(said[-2], "sda: .*(Input/output error|is gone)")
            self.assert_goes_on(guest, living.machine, before)

    def test_a_saver_whose_memory_was_written_is_not_entered_and_tests_of_sleep_do_not_pass_for_an_image(self):
        living = self.living(Machine())
        program = living.folder / "crash_kernel"
        subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-o", str(program), str(HERE / "crash_kernel.c")], check=True)
        living.initramfs = living.initramfs_for(living.kernel, files={"bin/crash_kernel": program})
        with living.boot() as guest:
            self.begin(guest, living.machine)
            before = life(guest)
            self.run_in(guest, "hibtool arm -q --standby --target /dev/vda --force")
            self.run_in(guest, f"crash_kernel {self.crash_region(guest)[0]:x}")
            self.assertIn("written since it was armed; hibtool arm again", self.run_in(guest, "hibtool hibernate", code=4))
            self.run_in(guest, "hibtool arm -q --target /dev/vda --force; echo core > /sys/power/pm_test; hibtool hibernate --return")
            self.assert_goes_on(guest, living.machine, before)
            self.assert_image_is_good(living)

    def test_somebody_who_waits_for_the_module_does_not_keep_the_machine_from_leaving(self):
        living = self.living(Machine(cpus=2))
        slow = living.add_disk("slow", 64)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", str(slow)], check=True)
        with living.boot(extra=["-drive", f"file={slow},if=virtio,format=raw,throttling.bps-write={1 << 20}"]) as guest:
            self.begin(guest, living.machine)
            self.run_in(guest, "hibtool arm -q; mkdir /slow && mount -t ext4 /dev/vdc /slow")
            before = life(guest)
            self.run_in(guest, "dd if=/dev/urandom of=/slow/written bs=1M count=12 2> /tmp/dd; (hibtool hibernate --rehearse > /tmp/said 2>&1; echo $? > /tmp/code) &")
            self.run_in(guest, "until grep -q ksys_sync /proc/$(pidof hibtool)/stack || [ -s /tmp/code ]; do usleep 10000; done")
            self.run_in(guest, "hibtool disarm > /tmp/disarm 2>&1 & until grep -q hibjump_disarm /proc/$!/stack || [ -s /tmp/code ]; do usleep 10000; done")
            self.run_in(guest, "[ -s /tmp/code ]", code=1)  # otherwise nobody waited
            self.run_in(guest, "until [ -s /tmp/code ]; do usleep 50000; done")
            self.assertEqual(self.run_in(guest, "cat /tmp/code"), "0", self.run_in(guest, "cat /tmp/said"))
            self.assert_goes_on(guest, living.machine, before)

    def test_a_kernel_that_is_none_is_refused_before_anything_happens(self):
        living = self.living(Machine())
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.assertIn("bzImage", self.run_in(guest, "hibtool arm --kernel /bin/busybox --target /dev/vda", code=2))
            self.run_in(guest, "cat /boot/vmlinuz-* /usr/lib/modules/*/vmlinuz 2> /dev/null | head -c 3000000 > /tmp/half")
            self.assertIn("syssize", self.run_in(guest, "hibtool arm --kernel /tmp/half --modules /lib/modules/* --target /dev/vda", code=2))


class TheSaverDies(JumpTest):
    """Before it knows the way back the machine restarts by itself (QEMU ends then). After that its panic takes it back into
    the machine, which goes on, whole, with code 2 and what the saver said last."""

    def test_it_panics_before_it_begins(self):
        living = self.living(Machine())
        with living.boot() as guest:
            self.begin(guest, living.machine)
            guest.send("hibtool arm -q --target /dev/vda --append rdinit=/nothing && hibtool hibernate")
            guest.wait_end(120)
        self.assertEqual(history(living.target)[0], ["armed"])

    def dies_saving(self, guest, living, arm, kill, words):
        """`kill`: what happens to it while it writes. The history of the target afterwards."""
        before = life(guest)
        guest.send(f"{arm} --target /dev/vda && hibtool hibernate")
        wait_for_writing(living.target)
        kill(guest)
        said = guest.read_until(r"^CODE \d+$", 120)
        self.assertEqual(said[-1], "CODE 2", said)
        self.assertRegex(said[-2], f"saver: panic: {words}")
        self.assert_goes_on(guest, living.machine, before)
        phases, text = history(living.target)
        self.assertEqual(phases, ["armed", "devices-suspended", "jumped", "saving", "failed"])
        self.assertRegex(text, f"panic: {words}")
        return said[-2]

    def assert_saves(self, guest, living):
        """As if nothing had happened: the same disk, and another saver in the same memory."""
        before = life(guest)
        self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))
        self.run_in(guest, SAVE + " --return")
        self.assert_goes_on(guest, living.machine, before)
        self.assert_image_is_good(living)

    def stall(self, guest):
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd"), 0)
        guest.qmp.execute("block_set_io_throttle", device="drive0", iops_wr=1, iops_size=512, **limits)

    def stall_until_it_panics(self, guest):
        self.stall(guest)
        guest.wait_console("Kernel panic", 60)
        limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"), 0)
        guest.qmp.execute("block_set_io_throttle", device="drive0", **limits)

    def panics_while_it_saves(self, machine):
        living = self.living(machine)
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.dies_saving(guest, living, "hibtool arm -q --append unknown_nmi_panic", lambda guest: guest.qmp.execute("inject-nmi"), "NMI: Not continuing")
            self.assert_saves(guest, living)
            self.assert_file_system_is_clean(guest, living)

    def test_it_panics_while_it_saves(self):
        self.panics_while_it_saves(Machine("6.1", devices=ONE_LINE))

    def test_it_panics_where_an_iommu_stands_before_its_disk(self):
        self.panics_while_it_saves(BEHIND_AN_IOMMU)

    def test_a_processor_panics_that_is_not_the_one_on_which_the_machine_left(self):
        living = self.living(Machine(cpus=2))
        debugger = living.folder / "gdb"

        def lead_astray(guest):
            with GdbStub(debugger) as gdb:
                gdb.lead_astray(1)
                gdb.go_on()

        with living.boot(extra=["-gdb", f"unix:{debugger},server=on,wait=off"]) as guest:
            self.begin(guest, living.machine)
            said = self.dies_saving(guest, living, "hibtool arm -q", lead_astray, "(Fatal exception|Attempted to kill init)")
            self.assertRegex(said, "BUG: kernel NULL pointer|exitcode=0x0000000b")
            self.assertRegex(guest.console_path.read_text(errors="replace"), r"\] CPU: 1 ")  # whichever task it had
            self.assertIn("came back", self.run_in(guest, "hibtool arm -q && hibtool hibernate --rehearse"))

    def test_its_disk_stands_still(self):
        living = self.living(Machine())
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.dies_saving(guest, living, "hibtool arm -q --timeout 5", self.stall_until_it_panics, "Software Watchdog Timer expired")


class RestoringIsRefused(JumpTest):
    """A boot that cannot go back into an image goes on, and leaves the image as it was."""

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()

    def saved(self, machine=None):
        living = self.living(machine or self.machine)
        with living.boot() as guest:
            self.begin(guest, living.machine)
            self.before = life(guest)
            guest.send(SAVE)
            guest.wait_end(180)
        return living

    def refused(self, guest, pattern, code=4, line="hibtool resume /dev/vda"):
        self.assertRegex(self.run_in(guest, line, code), pattern)

    def assert_restores(self, living, **how):
        with living.restore(**how) as guest:
            said = guest.read_until(r"^CODE \d+$", 180)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"], said)
            self.assert_goes_on(guest, living.machine, self.before)
            self.assert_file_system_is_clean(guest, living)

    DAMAGE = {"file": "file header: hash: ", "breadcrumbs": "breadcrumbs: unused entries: not zero", "RECORD": "RECORD block", "PAGES": "PAGES block",
              "INDEX": "INDEX block", "ROOT": "ROOT", "COMMIT": "COMMIT"}

    def test_damage_at_each_layer_and_another_machine(self):
        living = self.saved()
        image = json_schema.loads(subprocess.run([HIBTOOL, "inspect", "--map", "--json", str(living.target)], capture_output=True, text=True).stdout)
        layers = {}
        for part in image["map"]:
            layers.setdefault(part["label"].split()[0], [int(part["offset"], 16) + part["bytes"] // 2])
        del layers["device"]  # what follows the image there
        layers["COMMIT"].append(living.target.stat().st_size - 64)  # a device has it twice, and either will do
        self.assertEqual(set(layers), set(self.DAMAGE))
        with living.boot("hib.wait") as guest:
            guest.read_until("^READY$", 60)
            for layer, offsets in layers.items():
                with self.subTest(layer=layer, offsets=offsets), damaged(living.target, offsets):
                    for kernel_option in ("", "--kernel /boot/vmlinuz-$(uname -r) "):
                        self.refused(guest, self.DAMAGE[layer], code=2, line=f"hibtool resume {kernel_option}/dev/vda")
            guest.send("poweroff -f")
            guest.wait_end(60)
        with living.boot("hib.wait", machine=replace(living.machine, memory_mib=640)) as guest:
            guest.read_until("^READY$", 60)
            self.refused(guest, "memory map of this machine, entry .*0x27.*0x1f.* as in the image")
        with living.boot("hib.wait", machine=replace(living.machine, append="no5lvl")) as guest:
            guest.read_until("^READY$", 60)
            self.refused(guest, "4 levels here, expected 5 levels, as in the image; boot without no5lvl")
        with living.boot("hib.wait", processor="qemu64") as guest:
            guest.read_until("^READY$", 60)
            self.refused(guest, "processor: features: without .*xsave.* smap.*; --accept processor=other goes on")
        self.assertEqual(history(living.target)[0][-1], "powered-off")
        self.assert_restores(living)

    def test_staged_pages_that_were_written_since_are_not_entered(self):
        living = self.saved()
        debugger = living.folder / "gdb"
        with living.boot("hib.wait", extra=["-gdb", f"unix:{debugger},server=on,wait=off"]) as guest:
            with GdbStub(debugger) as gdb:
                gdb.go_on()
                guest.read_until("^READY$", 60)
                check = int(self.run_in(guest, "sed -n 's/ t hibjump_check_staged.*//Ip' /proc/kallsyms"), 16)
                region, _ = self.crash_region(guest)
            with GdbStub(debugger) as gdb:
                gdb.break_at(check)
                gdb.go_on()
                guest.send("hibtool resume /dev/vda")
                gdb.wait_stop(120)
                gdb.write_physical(region + (8 << 20), os.urandom(64))
                gdb.clear(check)
                gdb.go_on()
                said = guest.read_until(r"^CODE \d+$", 120)
            self.assertEqual(said[-1], "CODE 4")
            self.assertIn("staged pages: they were written since they were checked", "\n".join(said))
            guest.send("poweroff -f")
            guest.wait_end(60)
        self.assert_restores(living)

    def test_another_kernel_restores_only_with_the_one_that_saved(self):
        living = self.saved()
        other = kernel.fetch_headers("6.12" if living.kernel.release.startswith("6.1.") else "6.1", CACHE)
        saver = living.kernel
        alone, both = living.initramfs_for(other), living.initramfs_for(other, beside=saver)
        with living.boot("hib.wait", found=other, initramfs=alone) as guest:
            guest.read_until("^READY$", 60)
            self.refused(guest, f"{saver.release} is not here; this is {other.release}".replace(".", r"\.").replace("+", r"\+"))
        self.assert_restores(living, found=other, initramfs=both)


class damaged:
    """with damaged(path, offsets): the bytes there are other ones."""

    def __init__(self, path, offsets):
        self.path, self.offsets = path, offsets

    def flip(self):
        with open(self.path, "r+b") as file:
            for offset in self.offsets:
                file.seek(offset)
                byte = file.read(1)[0]
                file.seek(offset)
                file.write(bytes([byte ^ 0x5A]))

    def __enter__(self):
        self.flip()

    def __exit__(self, *_):
        self.flip()


if __name__ == "__main__":
    unittest.main()
