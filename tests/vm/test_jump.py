#!/usr/bin/env python3
"""The kernel jump on stock Debian kernels: a machine goes on after a rehearsal, after a checkpoint, and in a new QEMU process
after it was saved, powered off and restored."""

import re
import subprocess
import sys
import time
import unittest
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
from living import Machine, command, life, life_after, make, wait_for_writing  # noqa: E402
from support import HIBTOOL, ROOT  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
SAVE = "hibtool arm -q --target /dev/vda && hibtool hibernate"


# All disks reach its memory by tables of its own.
BEHIND_AN_IOMMU = Machine(cpus=2, machine="q35", memory_mib=768, append="intel_iommu=on iommu.strict=1", modules=("button",),
                          devices=("-device", "intel-iommu,intremap=on,eim=off", "-global", "virtio-blk-pci.iommu_platform=on", "-global", "virtio-blk-pci.disable-legacy=on"))
THROUGH_THE_SAVER = "through the saver, not straight from this one: "


class JumpTest(unittest.TestCase):
    """The machine of a test, and what must be true of one that went on."""

    def living(self, machine):
        return make(self, machine, HIBTOOL, CACHE)

    def run_in(self, guest, line, code=0, timeout=120):
        found, said = command(guest, line, timeout)
        self.assertEqual(found, code, f"{line}: {said}\n" + "\n".join(guest.console_path.read_text(errors="replace").splitlines()[-30:]))
        return said

    def hibtool(self, *arguments, code=0):
        done = subprocess.run([HIBTOOL, *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json_schema.loads(done.stdout) if "--json" in arguments else done.stdout

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

    def crash_region(self, guest):
        """The addresses of its first byte and of its last one."""
        return [int(number, 16) for number in re.search(r"(\w+)-(\w+) : Crash kernel", self.run_in(guest, "cat /proc/iomem")).groups()]

    def sleep_and_events(self, guest):
        """How the machine can sleep, and which events of ACPI are enabled."""
        return self.run_in(guest, "cat /sys/power/state /sys/power/mem_sleep /sys/power/pm_async; cd /sys/firmware/acpi/interrupts; grep '' ff_* gpe?? | sed 's/: *[0-9]*/:/; s/STS/   /'; cd /")

    def assert_power_button_works(self, guest):
        count = "$(sed 's/^ *\\([0-9]*\\).*/\\1/' /sys/firmware/acpi/interrupts/ff_pwr_btn)"
        pressed = int(self.run_in(guest, f"echo {count}"))
        guest.qmp.execute("system_powerdown")
        self.run_in(guest, f"until [ {count} -gt {pressed} ]; do usleep 50000; done")

    def assert_sleeps(self, guest, machine):
        """As the kernel does it: to RAM, and without a swap device as far as it gets to the disk."""
        before = life(guest)
        if machine.machine == "pc":  # QEMU's q35 has no power-off after it, whether it jumped or not
            guest.send("echo mem > /sys/power/state")
            guest.qmp.wait_event("SUSPEND")
            guest.qmp.execute("system_wakeup")
            self.assertEqual(guest.read_until(r"^CODE \d+$"), ["CODE 0"])
        room = machine.memory_mib > 512  # with less the kernel's own copy of the memory has none
        self.assertIn("No such device" if room else "Cannot allocate memory", self.run_in(guest, "echo disk > /sys/power/state", code=1))
        self.assert_goes_on(guest, machine, before)

    def assert_file_system_is_clean(self, guest, living):
        self.run_in(guest, "killall alive; until umount /mnt 2> /dev/null; do usleep 50000; done")  # the kernel may still be closing its files
        guest.send("poweroff -f")
        guest.wait_end(60)
        self.assertTrue(living.file_system_is_clean())

    def assert_image_is_good(self, living):
        done = subprocess.run([HIBTOOL, "verify", str(living.target)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


    def assert_says_how_far_it_is(self, said):
        documents = [json_schema.loads(line) for line in said.splitlines()]
        last = documents[-1]
        self.assertEqual((last["what"], last["ended"], last["done_bytes"]), ("load saver", True, last["total_bytes"]))
        self.assertGreater(last["total_bytes"], 10 << 20)
        self.assertLessEqual({document["what"] for document in documents}, {"unpack kernel", "load saver"})


class Cycles:
    machine = Machine()
    fill_mib = 32
    restoring = None  # the machine of the boot that restores, where it is set up in another way
    through_saver = False

    def test_a_machine_goes_on_after_a_checkpoint_a_rehearsal_and_a_power_cycle(self):
        living = self.living(self.machine)
        with living.boot() as guest:
            self.begin(guest, self.machine, self.fill_mib)
            self.run_in(guest, "hibtool arm --check --target /dev/vda")
            self.assert_says_how_far_it_is(self.run_in(guest, "hibtool arm -q --progress=json"))
            last = f"{1 << (self.machine.cpus - 1):x}"
            self.run_in(guest, f"taskset {last} tail -f /dev/null & echo $! > /tmp/narrow")
            as_it_was = self.sleep_and_events(guest)
            self.assertRegex(as_it_was, r"ff_pwr_btn: +EN +enabled")
            before = life(guest)
            self.assertIn("goes on", self.run_in(guest, SAVE + " --return"))
            self.assert_goes_on(guest, self.machine, before)
            before = life(guest)
            said = self.run_in(guest, "hibtool arm --standby --target /dev/vda")
            self.assertIn("stands by", said)
            self.assertIn("in clear", said)
            self.assertIn("came back", self.run_in(guest, "hibtool hibernate --rehearse"))
            self.assert_goes_on(guest, self.machine, before)
            self.assertEqual(self.sleep_and_events(guest), as_it_was)
            self.assertRegex(self.run_in(guest, "grep Cpus_allowed: /proc/$(cat /tmp/narrow)/status"), f":\\s0*{last}$")
            self.assert_power_button_works(guest)
            self.assert_sleeps(guest, self.machine)
            as_it_was = self.sleep_and_events(guest)  # waking up changes what is enabled
            before = life(guest)
            start = time.monotonic()
            guest.send("hibtool hibernate")
            guest.wait_end(600)
            self.figures = {"save": time.monotonic() - start}
        self.assert_image_is_good(living)
        self.figures["bytes"] = living.image_bytes()
        start = time.monotonic()
        with living.restore(machine=self.restoring, through_saver=self.through_saver) as guest:
            said = guest.read_until(r"^CODE \d+$", 600)
            self.figures["restore"] = time.monotonic() - start
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"])
            self.assertEqual(THROUGH_THE_SAVER in "\n".join(said), self.through_saver, said)
            self.assert_goes_on(guest, self.machine, before)
            self.assertEqual(self.sleep_and_events(guest), as_it_was)
            self.assert_file_system_is_clean(guest, living)


class Jump61(Cycles, JumpTest):
    machine = Machine(series="6.1", cpus=2, memory_mib=768, modules=("button",))


class Jump612(Cycles, JumpTest):
    machine = Machine(series="6.12", cpus=4, machine="q35", memory_mib=768, append="no5lvl", modules=("button",))
    restoring = replace(machine, crashkernel="")
    through_saver = True


class JumpIommu(Cycles, JumpTest):
    machine = BEHIND_AN_IOMMU

    def begin(self, guest, machine, fill_mib=32):
        super().begin(guest, machine, fill_mib)
        self.assertEqual(self.run_in(guest, "cat /sys/class/block/vda/device/../iommu_group/type"), "DMA")


class JumpIommuThroughTheSaver(JumpIommu):
    through_saver = True


class JumpBackports(Cycles, JumpTest):
    """By hand, as JumpNext: their kernels move, and it takes a Debian of theirs to build the module."""
    machine = Machine(series="backports", cpus=2, memory_mib=768, modules=("button",))


class JumpNext(Cycles, JumpTest):
    machine = Machine(series="next", cpus=2, memory_mib=768, modules=("button",))
    restoring = replace(machine, crashkernel="")
    through_saver = True


class TenCycles(JumpTest):
    def test_a_machine_that_is_hibernated_ten_times_in_a_row_goes_on(self):
        living = self.living(Machine(cpus=2))
        guest = living.boot().__enter__()
        try:
            self.begin(guest, living.machine)
            for cycle in range(10):
                before = life(guest)
                if cycle % 2 == 0:
                    self.assertIn("goes on", self.run_in(guest, SAVE + " --return"))
                else:
                    guest.send(SAVE)
                    guest.wait_end(180)
                    guest.__exit__()
                    guest = living.restore().__enter__()
                    self.assertIn("resumed from the image", guest.read_until(r"^CODE \d+$", 180))
                self.assert_goes_on(guest, living.machine, before)
            self.assert_file_system_is_clean(guest, living)
        finally:
            guest.__exit__()


class MoreThanHalfOfTheMemory(JumpTest):
    """The kernel's own hibernation copies memory within memory, so half of it must be free or evictable."""

    SHARE = 0.85

    def test_what_the_kernel_cannot_hibernate_is_hibernated(self):
        living = self.living(Machine(memory_mib=1024, target_mib=2048))
        swap = living.add_disk("swap", 2048)
        subprocess.run(["mkswap", "-q", str(swap)], check=True)
        with living.boot(extra=["-drive", f"file={swap},if=virtio,format=raw"]) as guest:
            guest.read_until("^READY$", 120)
            self.run_in(guest, "hibtool arm -q --target /dev/vda")  # while there still is memory for it
            total = self.meminfo(guest, "MemTotal")
            self.run_in(guest, f"alive fill /tmp/data {int(total * self.SHARE) >> 10} && alive lock /tmp/data")
            self.run_in(guest, f"until [ $(awk '/Unevictable/ {{ print $2 }}' /proc/meminfo) -ge {int(total * (self.SHARE - 0.01))} ]; do usleep 50000; done")
            before = life(guest)
            self.run_in(guest, "swapon /dev/vdc && echo 2048 > /proc/sys/vm/min_free_kbytes")  # else somebody may be killed for memory when it fails
            self.assertIn("Cannot allocate memory", self.run_in(guest, "echo disk > /sys/power/state", code=1))
            self.run_in(guest, "swapoff /dev/vdc")
            self.assertTrue(life_after(guest, before).went_on_since(before))
            self.assertGreaterEqual(self.meminfo(guest, "Unevictable"), int(total * (self.SHARE - 0.01)))
            before = life(guest)
            guest.send("hibtool hibernate")
            guest.wait_end(300)
        with living.restore(extra=["-drive", f"file={swap},if=virtio,format=raw"]) as guest:
            said = guest.read_until(r"^CODE \d+$", 300)
            self.assertIn("resumed from the image", said)
            self.assertIn(THROUGH_THE_SAVER + "/dev/hibjump: HIBJUMP_STAGE: Cannot allocate memory", "\n".join(said))
            self.assertGreaterEqual(self.meminfo(guest, "Unevictable"), int(total * (self.SHARE - 0.01)))
            now = life_after(guest, before)
            self.assertTrue(now.went_on_since(before) and now.errors == 0, now)
            self.run_in(guest, "alive check /tmp/data")
            self.assert_file_system_is_clean(guest, living)

    def meminfo(self, guest, name):
        return int(self.run_in(guest, f"awk '/^{name}:/ {{ print $2 }}' /proc/meminfo"))


class MemoryKeptByTheRestorer(JumpTest):
    """A kernel keeps tables of the firmware from itself, a logo or ESRT, which lie elsewhere at each boot."""
    machine = Machine(cpus=2, memory_mib=768)
    kept = ((0x4000000, 16 << 20), (0x8000000, 64 << 10))  # address, bytes
    restoring = replace(machine, append=" ".join(f"memmap={size:#x}${address:#x}" for address, size in kept))

    def test_pages_of_the_machine_go_where_the_restorers_kernel_has_no_ram(self):
        living = self.living(self.machine)
        with living.boot() as guest:
            self.begin(guest, self.machine, 150)
            before = life(guest)
            guest.send(SAVE)
            guest.wait_end(600)
        image = self.hibtool("inspect", "--pages", "--json", living.target)
        for address, size in self.kept:
            first, end = address >> 12, (address + size) >> 12
            self.assertTrue(any(start < end and first < start + count for start, count in pages((run["first_pfn"], run["count"]) for run in image["runs"])),
                            f"the image has no page at {address:#x}")
        with living.restore(machine=self.restoring) as guest:
            said = guest.read_until(r"^(CODE|RESTORE) \d+$", 600)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"])
            self.assertNotIn(THROUGH_THE_SAVER, "\n".join(said))
            self.assert_goes_on(guest, self.machine, before)


class TheImageIsTheMemory(JumpTest):
    """What QEMU sees of the machine's memory while the saver runs is what the image holds."""

    LOW = 0xA0  # pages that the saver uses while the machine's own bytes are in the crash region

    def test_every_page_is_the_one_that_the_machine_left_and_other_tools_open_it(self):
        living = self.living(Machine(cpus=2, memory_mib=768))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            iomem = self.run_in(guest, "cat /proc/iomem")
            guest.send("hibtool arm -q --free-pages --target /dev/vda && hibtool hibernate")  # all that can be compared
            wait_for_writing(living.target)
            guest.stop()
            guest.dump(living.folder / "seen.elf")
            guest.resume()
            guest.wait_end(180)
        report = self.hibtool("diff", "--json", living.target, living.folder / "seen.elf", code=1)
        expected = pages_called(iomem, "System RAM") - pages_called(iomem, "Crash kernel")
        self.assertGreater(report["pages"]["same"], 100_000)
        self.assertEqual(report["pages"]["only_a"], 0, "pages that the machine does not have")
        for start, count in pages(report["ranges"]["changed"]):
            self.assertLess(start + count - 1, self.LOW, f"{count} pages from {start:#x} on")
        missing = {pfn for start, count in pages(report["ranges"]["only_b"]) for pfn in range(start, start + count)}
        self.assertEqual(missing & expected, set(), "pages that the image does not hold")

        elf = living.folder / "vmcore"
        self.hibtool("restore", living.target, "-o", elf, "--as", "elf")
        gdb = subprocess.run(["gdb", "-batch", "-nx", "-ex", "info registers rip", "-c", elf], capture_output=True, text=True)
        self.assertRegex(gdb.stdout, r"rip\s+0xffffffff")
        subprocess.run(["makedumpfile", "-l", "-d", "0", elf, living.folder / "kdump"], check=True, capture_output=True)
        self.assertEqual(self.hibtool("verify", "--json", living.folder / "kdump")["content_digest"], self.hibtool("verify", "--json", elf)["content_digest"])


def pages_called(iomem, name):
    """PFNs of the whole pages that /proc/iomem calls so."""
    found = re.findall(rf"^ *(\w+)-(\w+) : {name}$", iomem, re.M)
    return {pfn for first, last in found for pfn in range((int(first, 16) + 4095) >> 12, (int(last, 16) + 1) >> 12)}


def pages(ranges):
    return [(int(first, 16), count) for first, count in ranges]


if __name__ == "__main__":
    unittest.main()
