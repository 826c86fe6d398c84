"""A machine that lives on through jumps: it has processes, a TCP connection, a mounted file system and data in memory, and
obeys commands over the control channel, over the jump and in the next QEMU process too."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jump
import kernel
from guest import Guest

HERE = Path(__file__).resolve().parent

# A boot with hib.restore goes back into what the disk holds; where it cannot, it lives on as a boot of its own. With hib.saver it
# goes through the saver.
INIT = r"""
option() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
grep -q hib.saver /proc/cmdline || insmod /lib/modules/*/updates/hibjump.ko
case $(cat /proc/cmdline) in
  *hib.restore*) hibtool resume --offset $(option hib.offset) $(option hib.restore); echo "RESTORE $?" ;;
  *hib.wait*) echo "READY" ;;
  *)
    ifconfig lo 127.0.0.1
    mkdir -p /mnt
    mount -t ext4 /dev/vdb /mnt
    mount -t tmpfs -o size=95% tmpfs /tmp
    alive start /mnt/written
    echo "READY" ;;
esac
while read -r command; do
  eval "$command"
  echo "CODE $?"
done
"""


@dataclass
class Machine:
    # 6.12's package unpacks in a third of the time that 6.1's takes: at each boot, and when it is armed. By hand another one.
    series: str = os.environ.get("KERNEL_SERIES", "6.12")
    cpus: int = 1
    machine: str = "pc"
    memory_mib: int = 512
    append: str = ""
    crashkernel: str = "192M"
    modules: tuple = ()
    devices: tuple = ()  # more of QEMU's arguments
    target_mib: int = 1024
    files_mib: int = 64

    def __str__(self):
        return f"{self.series}, {self.cpus} CPUs, {self.machine}, {self.memory_mib} MiB, {'4' if 'no5lvl' in self.append else '5'}-level paging"


@dataclass
class Life:
    """What `alive report` says."""
    counter: int
    network: int
    files: int
    clocks: int
    errors: int
    what: str

    def went_on_since(self, earlier):
        return all(getattr(self, name) > getattr(earlier, name) for name in ("counter", "network", "files", "clocks"))


class Living:
    """A folder with an initramfs, the target of images (vda) and a disk with a file system (vdb)."""

    def __init__(self, machine, hibtool, cache, folder):
        self.machine, self.folder = machine, Path(folder)
        self.kernel = kernel.fetch_headers(machine.series, cache)
        self._hibtool, self._cache = hibtool, cache
        self._alive = self.folder / "alive"
        subprocess.run(["gcc", "-static", "-Os", "-pthread", "-Wall", "-Wextra", "-o", str(self._alive), str(HERE / "alive.c")], check=True)
        self.initramfs = self.initramfs_for(self.kernel)
        self.target = self.add_disk("target", machine.target_mib)
        self.files = self.add_disk("files", machine.files_mib)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", str(self.files)], check=True)

    def initramfs_for(self, found, beside=None, files=None, without=()):
        """What a machine with this kernel has; `beside`: another kernel that is installed there too; `files`:
        name in the guest -> Path; `without`: drivers that it lacks."""
        modules = [name for name in ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4", *self.machine.modules) if name not in without]
        files = {"bin/alive": self._alive, **(files or {})}
        if beside:
            files.update(jump.installed_files(beside, jump.build_module(beside, self._cache), modules))
        path = self.folder / "-".join(["initrd", found.release, *(["both"] if beside else []), *without])
        return jump.build_initramfs(path, found, jump.build_module(found, self._cache), self._hibtool, self.folder, modules, INIT, files)

    def boot(self, append="", machine=None, extra=(), target_file=None, found=None, initramfs=None, processor=None):
        """`machine`: the hardware of this boot, where it is not the one that hibernated. `found`: the kernel.
        `target_file`: QEMU's name for the target. `processor`: QEMU's name for its model."""
        m = machine or self.machine
        crashkernel = f"crashkernel={m.crashkernel}" if m.crashkernel else ""
        drives = [f"file={path},if=virtio,format=raw" for path in (target_file or self.target, self.files)]
        # Where the host is busy, QEMU's timer is late, and a kernel panics as it boots. The saver inherits the option.
        parameters = f"no_timer_check {crashkernel} {m.append} {append}"
        return Guest(found or self.kernel, initramfs or self.initramfs, m.memory_mib, m.cpus, m.machine, parameters, drives, [*m.devices, *extra], processor=processor)

    def restore(self, through_saver=False, **how):
        return self.boot(f"hib.restore=/dev/vda hib.offset=0{' hib.saver' if through_saver else ''}", **how)

    def image_bytes(self):
        """Of the image on the target, which ends before the target does."""
        done = subprocess.run([self._hibtool, "inspect", "--map", "--json", str(self.target)], capture_output=True, text=True, check=True)
        return max(int(part["offset"], 16) + part["bytes"] for part in json.loads(done.stdout)["map"] if part["label"] == "COMMIT")

    def file_system_is_clean(self):
        return subprocess.run(["e2fsck", "-f", "-n", str(self.files)], capture_output=True).returncode == 0

    def add_disk(self, name, mib):
        path = self.folder / name
        with open(path, "wb") as disk:
            disk.truncate(mib << 20)
        path.chmod(0o600)
        return path


def make(test, machine, hibtool, cache):
    """A Living in a folder that goes away with the test."""
    folder = tempfile.mkdtemp(prefix="hibvm-")
    test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return Living(machine, hibtool, cache, folder)


def command(guest, line, timeout=60):
    """Runs a command in the guest; its exit code, and what it said."""
    guest.send(line)
    said = guest.read_until(r"^CODE \d+$", timeout)
    return int(said[-1].split()[1]), "\n".join(said[:-1])


def life(guest):
    said = command(guest, "alive report")[1]
    match = re.search(r"ALIVE counter (\d+) network (\d+) files (\d+) clocks (\d+) errors (\d+) ?(.*)", said)
    if match is None:
        raise guest.fail(f"no report: {said}")
    return Life(*map(int, match.groups()[:5]), match[6])


def life_after(guest, earlier, timeout=20):
    """The next report in which everything has gone on."""
    limit = time.monotonic() + timeout
    while True:
        now = life(guest)
        if now.went_on_since(earlier) or now.errors or time.monotonic() > limit:
            return now


def wait_for_writing(path, mib=4, timeout=120):
    """Until so much of the image has reached the disk, a sparse file."""
    limit = time.monotonic() + timeout
    while path.stat().st_blocks * 512 < mib << 20:
        if time.monotonic() > limit:
            raise TimeoutError(f"{path}: less than {mib} MiB after {timeout} s")
        time.sleep(0.01)  # to look all the time would take the guest's processor
