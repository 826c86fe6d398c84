#!/usr/bin/env python3
"""What a jump knows of the devices: the image has all of them in PM order with PCI configuration as it was saved, and one that
did not come back is named by hibernate, in JSON, and in the image's history."""

import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
import jump  # noqa: E402
from living import Machine, life  # noqa: E402
from support import HIBTOOL  # noqa: E402
from test_jump import CACHE, SAVE, JumpTest  # noqa: E402
from test_jump_failures import history  # noqa: E402

MORE_DEVICES = ["-device", "pci-bridge,id=behind,chassis_nr=1", "-device", "virtio-rng-pci,bus=behind,addr=3", "-device", "e1000e", "-device", "qemu-xhci", "-device", "usb-tablet"]
BAD = "/sys/devices/platform/badpm"
SAVE_AND_RETURN = SAVE + " --return"
NAMED = "hibtool: badpm (badpm) did not resume: -5 in resume"


def records(path):
    """type -> fields"""
    done = subprocess.run([HIBTOOL, "inspect", "--records", "--json", str(path)], capture_output=True, text=True, check=True)
    return {record["type"]: record["fields"] for record in json_schema.loads(done.stdout)["records"]}


def crumbs(path):
    done = subprocess.run([HIBTOOL, "inspect", "--json", str(path)], capture_output=True, text=True, check=True)
    return [(crumb["phase"], crumb["text"]) for crumb in json_schema.loads(done.stdout)["breadcrumbs"]]


class Devices:
    machine = Machine()

    def start(self):
        living = self.living(self.machine)
        bad = jump.build_module(living.kernel, CACHE, HERE / "badpm.c")
        living.initramfs = living.initramfs_for(living.kernel, files={"badpm.ko": bad})
        return living

    def boot(self, living, append=""):
        return living.boot(append, extra=MORE_DEVICES)

    def set(self, guest, what, value):
        self.run_in(guest, f"echo {value} > /sys/module/badpm/parameters/{what}")

    def calls(self, guest):
        """What the PM core called of the device."""
        return self.run_in(guest, "cat /sys/module/badpm/parameters/calls").strip()

    def test_the_image_has_the_devices_in_pm_order_and_their_configuration_as_it_was_saved(self):
        living = self.start()
        with self.boot(living) as guest:
            self.begin(guest, self.machine)
            functions = self.run_in(guest, "ls /sys/bus/pci/devices").split()
            config = {name: self.run_in(guest, f"od -An -v -tx1 -N 64 /sys/bus/pci/devices/{name}/config").replace("\n", "").replace(" ", "") for name in functions}
            self.run_in(guest, "insmod /badpm.ko")  # which behaves until it is told otherwise
            state = json_schema.loads(self.run_in(guest, "hibtool arm -q --target /dev/vda && hibtool hibernate --return --json").split("\n", 0)[0])
            self.assertEqual(state["devices"], [])
            self.assertEqual(self.calls(guest), "freeze restore:firmware", "the machine was left, and the devices stood still one after the other")
        found = records(living.target)
        suspend = found["suspend"]
        self.assertEqual((suspend["callbacks"], suspend["resumed"], "cut" in suspend, "failed" in suspend), ("traced", 0, False, False))
        devices = suspend["device"]
        self.assertEqual(len(devices), suspend["devices"])
        self.assertEqual([device["order"] for device in devices], list(range(len(devices))))
        self.assert_parents_come_first([device["path"] for device in devices])
        pci = {device["path"].rsplit("/", 1)[1]: device for device in devices if device.get("bus") == "pci"}
        self.assertEqual(sorted(pci), sorted(functions))
        for name, device in pci.items():
            self.assertEqual(device["config"]["hex"][:8], config[name][:8], f"{name}: vendor and device")
            self.assertEqual(len(device["config"]["hex"]), 128)
            self.assertEqual(device["config"]["hex"][32:80], config[name][32:80], f"{name}: base addresses")
            self.assertIn(device["power"], ("D0", "D3hot"))
            self.assertEqual(device["left"], "suspended")
        self.assertEqual({device["power"] for device in pci.values() if device.get("driver") == "e1000e"}, {"D0"})
        self.assertEqual({device["left"] for device in devices} - {"suspended", "runtime-suspended", "active"}, set())
        self.assertIn("virtio-pci", {device.get("driver") for device in pci.values()})
        self.assertIn("command_line", found["machine"])
        self.assertNotIn("records_missing", found["jump"])

    def assert_parents_come_first(self, paths):
        place = {path: number for number, path in enumerate(paths)}
        self.assertEqual(len(place), len(paths), "paths are unique")
        below = 0
        for path, number in place.items():
            parts = path.split("/")
            above = [place[parent] for parent in ("/".join(parts[:depth]) for depth in range(1, len(parts))) if parent in place]
            below += bool(above)
            self.assertTrue(all(parent < number for parent in above), path)
        self.assertGreater(below, 50)

    def test_a_device_that_does_not_come_back_is_named(self):
        living = self.start()
        with self.boot(living) as guest:
            self.begin(guest, self.machine)
            self.run_in(guest, "insmod /badpm.ko")
            self.set(guest, "fail_suspend", 1)
            said = self.run_in(guest, SAVE_AND_RETURN, code=2)
            self.assertIn("badpm (badpm) did not suspend: -16 in suspend", said)
            self.assertEqual(self.calls(guest), "freeze", "what does not stand still need not come back")
            self.set(guest, "fail_suspend", 0)
            self.set(guest, "fail_resume", 1)
            said = self.run_in(guest, SAVE_AND_RETURN + " --json 2> /tmp/errors")
            self.assertEqual(json_schema.loads(said)["devices"], [{"path": BAD.removeprefix("/sys/"), "driver": "badpm", "phase": "resume", "error": -5}])
            self.assertEqual(self.run_in(guest, "cat /tmp/errors"), NAMED)
            self.run_in(guest, "sync")
            self.assertEqual(crumbs(living.target)[-1], ("device-failed", "badpm (badpm): -5 in resume"))
            before = life(guest)
            guest.send(SAVE)
            guest.wait_end(600)
        with self.boot(living, "hib.wait") as guest:
            guest.read_until("^READY$", 120)
            self.run_in(guest, "insmod /badpm.ko fail_suspend=1")
            self.assertIn("HIBJUMP_RETURN: Device or resource busy", self.run_in(guest, "hibtool resume /dev/vda", code=2))
            self.assertEqual([phase for phase, _ in crumbs(living.target)[-4:]], ["resume-attempted", "loaded", "jumped-back", "failed"])
            self.set(guest, "fail_suspend", 0)
            guest.send("hibtool resume /dev/vda")
            said = "\n".join(guest.read_until(r"^CODE \d+$", 300))
            self.assertNotIn("through the saver", said)
            self.assertIn("resumed from the image", said)
            self.assertIn(NAMED.removeprefix("hibtool: "), said)  # the program's name is bold on a console
            self.assertTrue(said.endswith("CODE 0"), said)
            self.assert_goes_on(guest, self.machine, before)
            self.assert_file_system_is_clean(guest, living)
        self.assertEqual(crumbs(living.target)[-2:], [("resumed", "1 device did not resume: badpm"), ("device-failed", "badpm (badpm): -5 in resume")])
        phases, _ = history(living.target)
        self.assertEqual(phases[0], "armed")


class StepsAfterTheDevices(JumpTest):
    machine = Machine(cpus=3)

    def test_where_one_fails_the_machine_goes_on_with_all_it_had(self):
        living = self.living(self.machine)
        living.initramfs = living.initramfs_for(living.kernel, files={"badstep.ko": jump.build_module(living.kernel, CACHE, HERE / "badstep.c")})
        with living.boot() as guest:
            self.begin(guest, self.machine)
            self.run_in(guest, "insmod /badstep.ko")
            for what, value, works, said in (("stays_on", 2, -1, "Device or resource busy"), ("fail_last", 1, 0, "Input/output error")):
                before = life(guest)
                self.run_in(guest, f"echo {value} > /sys/module/badstep/parameters/{what}")
                self.assertIn(f"HIBJUMP_LEAVE: {said}", self.run_in(guest, SAVE_AND_RETURN, code=2))
                self.assert_goes_on(guest, self.machine, before)
                self.run_in(guest, f"echo {works} > /sys/module/badstep/parameters/{what}")
            before = life(guest)
            self.run_in(guest, SAVE_AND_RETURN)
            self.assert_goes_on(guest, self.machine, before)
        self.assert_image_is_good(living)


class MountedElsewhere(JumpTest):
    """A file system on a disk with another driver than the target's."""

    machine = Machine(modules=("virtio_scsi", "sd_mod"))

    def test_the_saver_gets_the_drivers_of_what_is_mounted_unless_told_not_to(self):
        living = self.living(self.machine)
        other = living.add_disk("other", 64)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", str(other)], check=True)
        with living.boot(extra=["-drive", f"file={other},if=none,id=other,format=raw", "-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=other"]) as guest:
            self.begin(guest, self.machine)
            self.run_in(guest, "mkdir -p /other; until mount -t ext4 /dev/sda /other 2> /dev/null; do usleep 50000; done")
            alone = json_schema.loads(self.run_in(guest, "hibtool arm --json --target /dev/vda --only-target-drivers"))["modules"]
            self.assertEqual({"virtio_scsi", "sd_mod"} & set(alone), set())
            both = json_schema.loads(self.run_in(guest, "hibtool arm --json --target /dev/vda"))["modules"]
            self.assertLessEqual({"virtio_scsi", "sd_mod", *alone}, set(both))
            before = life(guest)
            self.assertIn("goes on", self.run_in(guest, "echo before > /other/file && hibtool hibernate --return"))
            self.assert_goes_on(guest, self.machine, before)
            self.run_in(guest, "echo after >> /other/file && umount /other && mount -t ext4 /dev/sda /other")
            self.assertEqual(self.run_in(guest, "cat /other/file"), "before\nafter")


class Devices61(Devices, JumpTest):
    machine = Machine(series="6.1", cpus=2, machine="pc", modules=("e1000e",))


class Devices612(Devices, JumpTest):
    machine = Machine(series="6.12", cpus=1, machine="q35", modules=("e1000e",))


if __name__ == "__main__":
    unittest.main()
