"""Guests that hibernate and resume: the disk layouts, the two boots, and the memory at the moment of the snapshot."""

import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import initramfs
import kernel
import workload
from gdb import GdbStub
from guest import Guest

HERE = Path(__file__).resolve().parent
LAYOUTS = ("disk", "gpt", "swapfile")
SECTOR = 512
PARTITION_START = 2048  # sectors
LABEL = "hibswap"

# Every boot first tries to resume, as an initramfs does. A boot that has nothing to resume goes on with the workload.
# image_size: without it the kernel swaps pages out to make the image small, and the known pages leave their PFNs; so they
# do when memory is short and it compacts. hib.symbol: to read all symbols takes a third of a boot.
INIT = r"""
exec 2>/dev/null
option() {{ sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }}
mount -t tmpfs -o size=80% tmpfs /tmp
cp /workload /tmp/workload
for entry in /sys/firmware/memmap/*; do echo "MEMMAP $(basename $entry) $(cat $entry/start) $(cat $entry/end) $(cat $entry/type)" > /dev/ttyS1; done
echo "PRESENT $(awk '$1 == "present" {{ sum += $2 }} END {{ print sum }}' /proc/zoneinfo)" > /dev/ttyS1
grep -q hib.symbol /proc/cmdline && echo "SYMBOL $(grep ' T swsusp_save$' /proc/kallsyms)" > /dev/ttyS1
[ -n "$(option hib.offset)" ] && option hib.offset > /sys/power/resume_offset
cat /sys/class/block/{device}/dev > /sys/power/resume
echo 1099511627776 > /sys/power/image_size
echo NORESUME > /dev/ttyS1
{prepare}
echo 3 > /proc/sys/vm/drop_caches
echo 0 > /proc/sys/vm/compact_unevictable_allowed
exec /tmp/workload /dev/ttyS1 {arguments}
"""
SWAPON = "swapon /dev/{device}\n"
# Pieces of other files lie between those of the swap file, so that it has several extents.
SWAPFILE = r"""
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt || echo "NOMOUNT" > /dev/ttyS1
if [ ! -e /mnt/swapfile ]; then
  for piece in $(seq 16); do
    dd if=/dev/zero bs=1M count={piece_mib} >> /mnt/swapfile; sync
    dd if=/dev/zero of=/mnt/between$piece bs=1M count=1; sync
  done
  chmod 600 /mnt/swapfile
  mkswap -L hibswap /mnt/swapfile > /dev/null; sync
fi
swapon /mnt/swapfile
/first-block --first-block /mnt/swapfile > /sys/power/resume_offset
echo "OFFSET $(cat /sys/power/resume_offset)" > /dev/ttyS1
cat /sys/class/block/vda/dev > /sys/power/resume
"""


@dataclass
class Machine:
    """What a test chooses; the same for all boots of one machine."""
    series: str = "6.1"
    layout: str = "disk"
    append: str = ""  # "hibernate=nocompress", "hibernate.compressor=lz4"
    memory_mib: int = 256
    cpus: int = 1
    swap_mib: int = 256
    modules: tuple = ()
    drives: tuple = ()   # beside the disk, from vdb on
    prepare: str = ""    # shell commands before the workload
    program: str = "workload.c"  # the workload: it obeys "hibernate" and "check"
    arguments: str = ""          # of the workload, after the control channel


@dataclass
class Snapshot:
    """What the guest said before it hibernated."""
    machine: Machine
    disk: Path
    pages: list
    resume_offset: int = 0
    console: str = ""
    memory: Path = None  # physical memory at swsusp_save()
    lines: list = field(default_factory=list)


class Hibernation:
    """One folder with a kernel, an initramfs and a disk; boot(), hibernate() and resume() run machines on them."""

    def __init__(self, machine, folder, cache):
        self.machine, self.folder = machine, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kernel = kernel.fetch(machine.series, cache)
        self.disk = self.folder / "disk"
        self.device = "vda1" if machine.layout == "gpt" else "vda"
        with tempfile.TemporaryDirectory(prefix="hibvm-") as temporary:
            program = Path(temporary) / "workload"
            workload.compile_workload(HERE / machine.program, program)
            files = {"workload": program}
            if machine.layout == "swapfile":
                files["first-block"] = Path(temporary) / "first-block"
                workload.compile_workload(HERE / "workload.c", files["first-block"])
            prepare = SWAPFILE.format(piece_mib=machine.swap_mib // 16) if machine.layout == "swapfile" else SWAPON.format(device=self.device)
            modules = ["virtio_pci", "virtio_blk", "lz4", "lz4_compress", *machine.modules]
            if machine.layout == "swapfile":
                modules += ["crc32c_generic", "ext4"]
            self.initramfs = initramfs.build(self.folder / "initrd", self.kernel, modules, files,
                                             INIT.format(device=self.device, prepare=machine.prepare + prepare,
                                                         arguments=machine.arguments))

    def make_disk(self):
        """An empty disk of the layout: what a fresh installation has."""
        size = (self.machine.swap_mib << 20) + (32 << 20 if self.machine.layout != "disk" else 0)
        self.disk.unlink(missing_ok=True)
        with open(self.disk, "wb") as disk:
            disk.truncate(size)
        self.disk.chmod(0o600)
        if self.machine.layout == "swapfile":
            run("mke2fs", "-q", "-t", "ext4", "-b", "4096", self.disk)  # small file systems default to 1 KiB blocks
        elif self.machine.layout == "gpt":
            run("sfdisk", "-q", self.disk, stdin=f"label: gpt\nstart={PARTITION_START}, size={self.machine.swap_mib << 11}, type=swap\n")
            self._make_swap_at(PARTITION_START * SECTOR)
        else:
            run("mkswap", "-q", "-L", LABEL, self.disk)

    def _make_swap_at(self, offset):
        """mkswap of a partition inside the image: Debian 12's has no --offset."""
        with tempfile.NamedTemporaryFile() as area, open(self.disk, "r+b") as disk:
            area.truncate(self.machine.swap_mib << 20)
            run("mkswap", "-q", "-L", LABEL, area.name)
            disk.seek(offset)
            disk.write(area.read(65536))

    @contextmanager
    def boot(self, append="", extra=(), disk=None):
        drive = f"file={disk or self.disk},if=virtio,format=raw"
        with Guest(self.kernel, self.initramfs, self.machine.memory_mib, self.machine.cpus, append=f"{self.machine.append} {append}",
                   drives=[drive, *self.machine.drives], extra=extra) as guest:
            yield guest

    def hibernate(self, with_memory=False):
        """Boots, starts the workload, hibernates and powers off. `with_memory`: also physical memory at swsusp_save()."""
        snapshot = Snapshot(self.machine, self.disk, [])
        gdb_path = self.folder / "gdb"
        extra = ["-gdb", f"unix:{gdb_path},server=on,wait=off"] if with_memory else []
        with self.boot(append="hib.symbol" if with_memory else "", extra=extra) as guest:
            snapshot.lines = guest.read_until("^READY$", timeout=300)
            snapshot.pages = workload.parse_report(snapshot.lines)
            snapshot.resume_offset = int(one(snapshot.lines, r"OFFSET (\d+)") or 0)
            if with_memory:
                address = int(one(snapshot.lines, r"SYMBOL ([0-9a-f]+) T swsusp_save"), 16)
                snapshot.memory = self.folder / "memory.raw"
                with GdbStub(gdb_path) as gdb:
                    gdb.break_at(address)
                    gdb.go_on()
                    guest.send("hibernate")
                    gdb.wait_stop(timeout=120)
                    gdb.clear(address)
                    guest.dump_raw(snapshot.memory)
                    gdb.go_on()
                    guest.wait_end(timeout=120)
            else:
                guest.send("hibernate")
                guest.wait_end(timeout=180)
            snapshot.console = guest.console_path.read_text(errors="replace")
        return snapshot

    def resume(self, snapshot, disk=None, append="", go_on=False):
        """Boots again and says whether the machine came back: (its pages all right, console), or (None, console). A boot
        that did not resume is ended at once, or goes on to its workload."""
        if snapshot.resume_offset:
            append += f" hib.offset={snapshot.resume_offset}"
        with self.boot(append=append, disk=disk) as guest:
            line = guest.read_until("^(RESUMED|NORESUME|NOT HIBERNATED)$", timeout=180)[-1]
            if line != "RESUMED":
                if go_on:
                    guest.read_until("^READY$", timeout=300)
                return None, guest.console_path.read_text(errors="replace")
            guest.send("check")
            wrong = int(one(guest.read_until(r"^WRONG \d+$"), r"WRONG (\d+)"))
            counted = int(one(guest.read_until(r"^DONE \d+$"), r"DONE (\d+)"))
            return (wrong == 0 and counted == 2), guest.console_path.read_text(errors="replace")


def one(lines, pattern):
    for line in lines:
        match = re.search(pattern, line)
        if match:
            return match[1]
    return None


def run(*command, stdin=None):
    done = subprocess.run([str(c) for c in command], input=stdin, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}")
