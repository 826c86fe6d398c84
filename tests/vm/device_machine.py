"""Machines with a device of each kind. Every disk has a serial number (and a WWN or GUID where its bus has one) that QEMU was
given, and a file system of a known UUID; what is changed between a save and a restore is changed here."""

import subprocess
import uuid
from dataclasses import dataclass, field, replace

import living

MODULES = ("ata_piix", "ahci", "virtio_scsi", "megaraid_sas", "nvme", "xhci_pci", "ehci_pci", "usb_storage", "sd_mod", "usbhid", "hid_generic", "e1000", "virtio_net",
           "nls_ascii")
DISK_MIB = 32


@dataclass(frozen=True)
class Disk:
    name: str
    device: str  # of QEMU; {drive} is its drive
    ids: dict = field(default_factory=dict)  # what QEMU was given, by the names that lsblk and the probe use
    partition: bool = False  # the file system lies on a partition
    mounted: bool = True

    def uuid(self):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))


def naa(number):
    return f"{0x5000C50000000000 + number:#x}"


def disks(chipset):
    """The disks of a machine; what is on a bus of its own lies behind slot 0x10, so that the target stays vda."""
    bridge = "pcibridge" if chipset == "pc" else "rootport"
    common = [
        Disk("ahci", "ide-hd,bus=ahci.0,drive={drive},serial=AHCI0001,wwn=" + naa(1), {"serial": "AHCI0001", "wwn": naa(1)}),
        Disk("vblk", "virtio-blk-pci,addr=0x12,drive={drive},serial=VBLK0001", {"serial": "VBLK0001"}),
        Disk("vscsi", "scsi-hd,bus=vscsi.0,scsi-id=1,drive={drive},serial=VSCSI0001,wwn=" + naa(2), {"serial": "VSCSI0001", "wwn": naa(2)}),
        Disk("mega", "scsi-hd,bus=mega.0,scsi-id=2,drive={drive},serial=MEGA0001,wwn=" + naa(3), {"serial": "MEGA0001", "wwn": naa(3)}),
        # Linux does not believe the GUIDs of QEMU's NVMe controller (NVME_QUIRK_BOGUS_NID), so nobody in the guest sees them.
        Disk("nvme", "nvme-ns,bus=nvme0,nsid=1,drive={drive},eui64=0x0011223344556677", {"serial": "NVME0001"}),
        Disk("usb3", "usb-storage,bus=xhci.0,port=1,drive={drive},serial=USBTHREE01", {"serial": "USBTHREE01"}),
        Disk("usb2", "usb-storage,bus=ehci.0,port=1,drive={drive},serial=USBTWO0001", {"serial": "USBTWO0001"}),
        Disk("part", f"virtio-blk-pci,bus={bridge},addr=0x{'1' if chipset == 'pc' else '0'},drive={{drive}},serial=PART0001", {"serial": "PART0001"}, partition=True),
        Disk("twina", "virtio-blk-pci,addr=0x13,drive={drive}"),
        Disk("twinb", "virtio-blk-pci,addr=0x14,drive={drive}"),
        # Not a PCI function: with the number of those QEMU's firmware changes the memory map.
        Disk("spare", "scsi-hd,bus=vscsi.0,scsi-id=5,drive={drive},serial=SPARE001", {"serial": "SPARE001"}, mounted=False),
    ]
    ide = [Disk("ide", "ide-hd,bus=ide.0,unit=0,drive={drive},serial=IDE00001,wwn=" + naa(4), {"serial": "IDE00001", "wwn": naa(4)})]
    return (ide if chipset == "pc" else []) + common


def controllers(chipset):
    bridge = ["-device", "pci-bridge,id=pcibridge,chassis_nr=1,addr=0x1f"] if chipset == "pc" else ["-device", "pcie-root-port,id=rootport,chassis=1,slot=1,addr=0x1e"]
    return [
        *bridge,
        "-device", "ich9-ahci,id=ahci,addr=0x10", "-device", "virtio-scsi-pci,id=vscsi,addr=0x11", "-device", "megasas,id=mega,addr=0x16",
        "-device", "nvme,id=nvme0,serial=NVME0001,addr=0x17", "-device", "qemu-xhci,id=xhci,addr=0x18", "-device", "usb-ehci,id=ehci,addr=0x19",
        "-device", "usb-kbd,bus=xhci.0,port=2", "-device", "usb-mouse,bus=xhci.0,port=3",
        "-netdev", "user,id=net0", "-device", "e1000,netdev=net0,mac=52:54:00:aa:00:01,addr=0x1a",
        "-netdev", "user,id=net1,net=10.0.3.0/24", "-device", "virtio-net-pci,netdev=net1,mac=52:54:00:aa:00:02,addr=0x1b",
    ]


class DeviceMachine:
    """A Living with the disks of above; `hardware()` is what QEMU gets for it, as it is or changed."""

    def __init__(self, home):
        self.home = home
        self.disks = disks(home.machine.machine)
        self.files = {disk.name: self._make(disk) for disk in self.disks}

    def _make(self, disk):
        path = self.home.add_disk(disk.name, DISK_MIB)
        offset = []
        if disk.partition:
            subprocess.run(["sfdisk", "-q", str(path)], input=PARTITIONS, text=True, check=True, capture_output=True)
            offset = ["-E", f"offset={2048 * 512}"]
        size = f"{DISK_MIB - 8}M"
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-U", disk.uuid(), *offset, str(path), size], check=True)
        return path

    def hardware(self, disks=None, files=None):
        """`disks`: instead of self.disks; `files`: name of a disk -> another file."""
        arguments = list(controllers(self.home.machine.machine))
        for disk in self.disks if disks is None else disks:
            path = (files or {}).get(disk.name, self.files.get(disk.name))
            drive = f"d_{disk.name}"
            arguments += ["-drive", f"file={path},if=none,format=raw,id={drive}", "-device", disk.device.format(drive=drive)]
        return arguments

    def changed(self, changes):
        """The disks, some with another device of QEMU (name -> device) and some left out (name -> None)."""
        return [replace(d, device=changes.get(d.name, d.device)) for d in self.disks if changes.get(d.name, "") is not None]

    def mount_commands(self):
        lines = []
        for disk in self.disks:
            if disk.mounted:
                lines.append(f"until dev=$(findfs UUID={disk.uuid()} 2> /dev/null); do usleep 50000; done; mkdir -p /disks/{disk.name}; mount -t ext4 $dev /disks/{disk.name}")
        return lines


PARTITIONS = """label: gpt
label-id: 5B1C84A2-6E0D-4C57-9F3A-7D2E81B6C401
start=2048, size=53248, uuid=5B1C84A2-6E0D-4C57-9F3A-7D2E81B6C4A1
"""
OTHER_PARTITIONS = PARTITIONS.replace("A1", "A2").replace("53248", "40960")


def machine(series, chipset, **more):
    return living.Machine(series=series, machine=chipset, modules=MODULES, cpus=2, memory_mib=768, crashkernel="224M", **more)
