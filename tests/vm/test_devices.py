#!/usr/bin/env python3
"""A machine with a device of each kind: the probe finds every one, after a restore every one works, and when one of them is not the
same device any more the restore is refused and nothing has changed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import device_machine  # noqa: E402
import json_schema  # noqa: E402
import jump  # noqa: E402
from device_machine import DeviceMachine, Disk  # noqa: E402
from living import life  # noqa: E402
from support import HIBTOOL  # noqa: E402
from test_jump import SAVE, JumpTest  # noqa: E402
from test_jump_failures import history  # noqa: E402

RESTORE = "hibtool resume --json --wait 5 /dev/vda"
PEERS = ("lsblk", "lspci", "lsusb")
# What a NIC's QEMU network answers from, by MAC.
NETWORKS = {"52:54:00:aa:00:01": "10.0.2", "52:54:00:aa:00:02": "10.0.3"}


BLOCK = 64 << 10


def digest(path):
    """Of what a sparse file holds, whichever way the host keeps it: that a part of it is a hole may change by reading alone."""
    found = hashlib.blake2b()
    with open(path, "rb") as file:
        end, at = os.fstat(file.fileno()).st_size, 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at -= at % BLOCK
            file.seek(at)
            piece = file.read(BLOCK)
            if piece.strip(b"\0"):
                found.update(at.to_bytes(8, "little") + piece)
            at += BLOCK
    return found.hexdigest()


class DeviceTest(JumpTest):
    def machine_with_devices(self, series, chipset):
        home = self.living(device_machine.machine(series, chipset))
        files = {}
        for name in PEERS:
            files.update(jump.program_files(shutil.which(name), home.folder))
        home.initramfs = home.initramfs_for(home.kernel, files=files)
        return DeviceMachine(home)

    # ---- inside

    def prepare_disks(self, guest, machine):
        for line in machine.mount_commands():
            self.run_in(guest, line)
        self.run_in(guest, "for d in /disks/*; do dd if=/dev/urandom of=$d/data bs=1M count=2 2> /dev/null; done; sync; md5sum /disks/*/data > /tmp/sums")
        self.run_in(guest, "until [ $(ls /sys/bus/hid/devices | wc -l) -ge 2 ]; do usleep 50000; done")
        for mac, network in NETWORKS.items():
            self.run_in(guest, f"ifconfig $(basename $(dirname $(grep -l {mac} /sys/class/net/*/address))) {network}.15 netmask 255.255.255.0")

    def assert_devices_work(self, guest):
        """Disks give back what was written, and take more; NICs have somebody at the other end; HIDs are there."""
        self.run_in(guest, "echo 3 > /proc/sys/vm/drop_caches; md5sum -c -s /tmp/sums", timeout=200)
        self.run_in(guest, "for d in /disks/*; do dd if=/dev/zero of=$d/new bs=64k count=4 2> /dev/null && sync -f $d/new && rm $d/new || exit 1; done", timeout=200)
        for network in NETWORKS.values():
            self.run_in(guest, f"for i in 1 2 3 4 5 6 7 8 9 10; do ping -c 1 -W 2 {network}.2 > /dev/null && break; done")
        self.assertEqual(self.run_in(guest, "ls /sys/bus/hid/devices | wc -l"), "2")

    # ---- what the probe says beside the tools that everybody knows

    def assert_probe_agrees(self, guest, machine):
        records = json_schema.loads(self.run_in(guest, "hibtool probe --json"))["records"]
        found = next(record for record in records if record["type"] == "devices")["fields"]["device"]
        by_name = {device["name"]: device for device in found}
        self.assert_disks_are_found(guest, machine, found)
        for device in json.loads(self.run_in(guest, "lsblk -J -b -o NAME,SIZE,TYPE,MOUNTPOINT"))["blockdevices"]:
            self.assertIn(device["name"], by_name)
            self.assertEqual(int(identity(by_name[device["name"]])["size"]), int(device["size"]), device)
            for part in device.get("children", []):
                self.assertEqual(by_name[part["name"]]["parent"], by_name[device["name"]]["path"])
        for line in self.run_in(guest, "lspci -Dn").splitlines():
            address, pci_class, ids = line.split()[:3]
            seen = identity(by_name[address])
            self.assertEqual(f"{bare(seen['vendor'])}:{bare(seen['device'])}", ids)
            self.assertEqual(bare(seen["class"])[:4], pci_class.rstrip(":"))
        usb = {f"{bare(identity(d)['vendor'])}:{bare(identity(d)['product'])}" for d in found if d["kind"] == "usb"}
        for line in self.run_in(guest, "lsusb").splitlines():
            self.assertIn(re.search(r"ID (\S+:\S+)", line)[1], usb)
        macs = {identity(d).get("mac") for d in found if d["kind"] == "net"}
        self.assertEqual(macs, set(NETWORKS))

    def assert_disks_are_found(self, guest, machine, found):
        for disk in machine.disks:
            wanted = {clean(value) for value in disk.ids.values()}
            text = {d["name"]: clean(" ".join(identity(d).values())) for d in found if d["kind"] == "disk"}
            holders = [name for name, values in text.items() if all(value in values for value in wanted)]
            if wanted:
                self.assertEqual(len(holders), 1, f"{disk.name}: {wanted} in {text}")
            uuids = [d for d in found if d["kind"] == "filesystem" and identity(d).get("uuid") == disk.uuid()]
            self.assertEqual(len(uuids), 1, disk.name)
            mounts = [state["text"] for state in states(uuids[0], "mount")]
            self.assertEqual([mount.split()[0] for mount in mounts], [f"/disks/{disk.name}"] if disk.mounted else [])

    # ---- refusals

    def refusals(self, guest, line=RESTORE):
        """mount point -> verdict of a restore that is refused."""
        said = self.run_in(guest, line, code=4)
        report = json_schema.loads(said[said.index("{"):])
        self.assertIn("refusals", report)
        return {re.search(r"/disks/(\w+)|$", refusal["uses"])[1]: refusal for refusal in report["refusals"]}

    def assert_refused(self, machine, expected, prepare="true", initramfs=None, **hardware):
        """`expected`: name of a disk -> verdict; nothing else is refused, and no disk has changed."""
        files = [machine.home.target, machine.home.files, *machine.files.values(), *hardware.get("files", {}).values()]
        with machine.home.boot("hib.wait", extra=machine.hardware(**hardware), initramfs=initramfs) as guest:
            guest.read_until("^READY$", 120)
            self.run_in(guest, prepare)
            before = {path: digest(path) for path in files}
            found = self.refusals(guest)
            self.assertEqual({name: refusal["verdict"] for name, refusal in found.items()}, expected, found)
            for refusal in found.values():
                self.assertTrue(refusal["expected"] and refusal["found"] and refusal["accept"], refusal)
            guest.send("poweroff -f")
            guest.wait_end(60)
        self.assertEqual([path for path in files if digest(path) != before[path]], [], "disks that were written to")

    def copy(self, machine, name):
        path = machine.home.folder / f"{name}-copy"
        subprocess.run(["cp", "--sparse=always", str(machine.files[name]), str(path)], check=True)
        return path


def identity(device):
    return {value["name"]: value.get("text", "") for value in as_list(device.get("identity"))}


def states(device, name):
    return [value for value in as_list(device.get("state")) if value["name"] == name]


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def bare(number):
    return number.removeprefix("0x")


def clean(text):
    """Without what differs between the ways to write an identifier."""
    return re.sub(r"0x|[-.:]", "", text).lower()


class FullMatrix(DeviceTest):
    series, chipset = "6.1", "pc"

    def test_devices_are_found_compared_and_work_again(self):
        machine = self.machine_with_devices(self.series, self.chipset)
        home = machine.home
        with home.boot(extra=machine.hardware()) as guest:
            self.begin(guest, home.machine)
            self.prepare_disks(guest, machine)
            self.assert_probe_agrees(guest, machine)
            self.before = life(guest)
            guest.send(SAVE)
            guest.wait_end(240)
        self.refuse(machine)
        self.restore(machine)

    def refuse(self, machine):
        new = Disk("new", "scsi-hd,bus=vscsi.0,scsi-id=6,drive={drive},serial=NEW00001")
        machine.files["new"] = machine.home.add_disk("new", 16)
        moved_and_more = machine.changed({
            "ahci": machine_device(machine, "ahci").replace("ahci.0", "ahci.1"),
            "vscsi": "scsi-hd,bus=vscsi.0,scsi-id=1,drive={drive},serial=VSCSI0002,wwn=" + device_machine.naa(99),
            "mega": None, "spare": None,
        })
        rewritten, written = self.copy(machine, "part"), self.copy(machine, "vblk")
        subprocess.run(["sfdisk", "-q", "--no-reread", "--force", str(rewritten)], input=device_machine.OTHER_PARTITIONS, text=True, check=True, capture_output=True)
        uuid = next(disk.uuid() for disk in machine.disks if disk.name == "vblk")
        # Moved, replaced by the same model, gone, twins that changed places, no driver, partition rewritten, file system written in
        # between; a new disk and one less that was not in use do not matter.
        self.assert_refused(machine, {"ahci": "moved", "vscsi": "replaced", "mega": "absent", "twina": "moved", "twinb": "moved", "nvme": "unknown-driver",
                                      "part": "replaced", "vblk": "written"},
                            prepare=f"mkdir -p /w && mount -t ext4 $(findfs UUID={uuid}) /w && touch /w/x && umount /w",
                            initramfs=machine.home.initramfs_for(machine.home.kernel, without=("nvme",)), disks=[*moved_and_more, new],
                            files={"twina": machine.files["twinb"], "twinb": machine.files["twina"], "part": rewritten, "vblk": written})

    def restore(self, machine):
        """What is allowed: a disk less that nothing used, one more, and one that is gone and accepted."""
        home = machine.home
        spare_gone = machine.changed({"spare": None})
        with home.boot("hib.wait", extra=machine.hardware(disks=spare_gone)) as guest:
            guest.read_until("^READY$", 120)
            guest.send("hibtool resume -q --wait 5 /dev/vda")
            said = guest.read_until(r"^CODE \d+$", 240)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"], said)
            self.assert_goes_on(guest, home.machine, self.before)
            self.assert_devices_work(guest)
            self.run_in(guest, "cd /; umount /disks/*")
            self.assert_file_system_is_clean(guest, home)
        for disk in machine.disks:
            if not disk.partition:
                self.assertEqual(subprocess.run(["e2fsck", "-f", "-n", str(machine.files[disk.name])], capture_output=True).returncode, 0, disk.name)
        self.assertIn("resumed", history(home.target)[0])


class MatrixOnQ35(FullMatrix):
    series, chipset = "6.12", "q35"

    def refuse(self, machine):
        """One change of each sort was refused on the other machine; here a gone disk is accepted."""
        copies = {disk.name: self.copy(machine, disk.name) for disk in machine.disks}
        target = machine.home.folder / "target-copy"
        subprocess.run(["cp", "--sparse=always", str(machine.home.target), str(target)], check=True)
        gone = machine.changed({"vscsi": None})
        with machine.home.boot("hib.wait", extra=machine.hardware(disks=gone, files=copies), target_file=target) as guest:
            guest.read_until("^READY$", 120)
            found = self.refusals(guest)
            self.assertEqual(list(found), ["vscsi"])
            guest.send(f"hibtool resume -q --wait 0 --accept {found['vscsi']['accept']} /dev/vda")
            said = guest.read_until(r"^CODE \d+$", 240)
            self.assertEqual(said[-2:], ["resumed from the image", "CODE 0"], said)
        phases = history(target)[0]
        self.assertIn("overridden", phases)
        self.assertIn("resumed", phases)


def machine_device(machine, name):
    return next(disk.device for disk in machine.disks if disk.name == name)


if __name__ == "__main__":
    unittest.main()
