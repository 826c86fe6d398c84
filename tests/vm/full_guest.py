"""A whole Debian as a guest: systemd, logind, the journal, initramfs-tools, a root on a disk or a partition of its own, and a swap area.
It is made by debootstrap into build/vm-cache once; each variant is packed by mke2fs -d or its like, so nothing is mounted here. That
takes root, debootstrap, for UEFI the package ovmf, and for LUKS qemu-utils; no test of the suite needs them."""

import base64
import fcntl
import json
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder import PRIVATE, debootstrap
from guest import Guest, GuestError
from kernel import Kernel, uri_of

ROOT_UUID = "10101010-1010-4010-8010-101010101010"
SWAP_UUID = "20202020-2020-4020-8020-202020202020"
PARTITIONS = ("root", "swap", "hibernation")
OVMF_CODE, OVMF_VARS = Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
ROOT_MIB = 2048
NO_UUID = "deaddead-dead-4ead-8ead-deaddeaddead"
KEY = "no secret"  # of a root in LUKS
HOST_NAME = "guest"
USER = "ann"  # who works there
MACHINE_ID = "00112233445566778899aabbccddeeff"
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "linux-image-amd64", "initramfs-tools", "zstd", "cryptsetup",
            "cryptsetup-initramfs", "busybox", "e2fsprogs")
OF_RELEASE = {"bookworm": (), "trixie": ("systemd-cryptsetup",)}
FSTAB = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\nUUID={SWAP_UUID} none swap sw 0 0\n"
# dracut's package that leaves initramfs-tools alone: an initramfs in which systemd runs.
MORE_PACKAGES = {"initramfs-tools": (), "dracut": ("dracut-core",)}
# What else a machine has; the name is that of the tree.
PURPOSES = {
    "": (),
    # Somebody works on it, and what hibtool is linked with.
    "work": ("tmux", "python3-minimal", "btrfs-progs", "iproute2", "procps", "kmod", "libtbb12", "libsmartcols1", "libpci3", "libxxhash0", "liblz4-1", "libdeflate0",
             "liblzo2-2", "libsnappy1v5", "libstdc++6"),
    "build": ("linux-headers-amd64", "make"),  # of modules for its kernel
    # As the installer leaves it where nothing is ticked, as far as somebody who installs a package may notice.
    "bare": ("login", "kmod", "procps", "less", "grub-efi-amd64", "dosfstools", "fdisk"),
}
DRACUT = 'dracut --quiet --force --no-hostonly --drivers "nvme virtio_pci virtio_blk ext4 crc32c_generic efivarfs" --add "{modules}" --kver {release} /boot/initrd.img-{release}'
# What drivers the initramfs has: all of them take a minute to unpack under emulation.
DRIVERS = "virtio_pci\nvirtio_blk\next4\n"

CONTROL = r"""#!/bin/bash
# A shell on the second serial port, as line by line as a test wants it.
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
echo "READY"
while read -r line; do
  eval "$line"
  echo "CODE $?"
done
"""
CONTROL_UNIT = """[Unit]
Description=Control channel
After=multi-user.target systemd-logind.service

[Service]
ExecStart=/usr/local/sbin/control
StandardInput=null

[Install]
WantedBy=multi-user.target
"""
WOKE = """#!/bin/sh
[ "$1" = pre ] || echo "WOKE $1 $2" > /dev/ttyS1
"""
# What a diagnosis may look at, beside the journal. $(...) of the guest's shell.
CAPTURED = ("/proc/cmdline", "/proc/swaps", "/proc/meminfo", "/proc/zoneinfo", "/proc/sys/kernel/osrelease", "/etc/fstab", "/etc/crypttab",
            "/etc/os-release", "/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/conf.d/resume", "/etc/systemd/sleep.conf",
            "/sys/power/state", "/sys/power/disk", "/sys/power/resume", "/sys/power/resume_offset", "/sys/power/image_size",
            "/sys/kernel/security/lockdown", "/sys/firmware/efi/fw_platform_size",
            "/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67", "/sys/firmware/memmap/*/start", "/sys/firmware/memmap/*/end",
            "/sys/firmware/memmap/*/type")
# Of these, only that they are there: which init it is, and its version.
NAMED = ("/usr/lib/systemd/systemd", "/usr/lib/*/systemd/libsystemd-shared-*.so")


class FullGuestError(Exception):
    pass


@dataclass
class Variant:
    """How the guest is set up."""
    resume: str = f"UUID={SWAP_UUID}"  # RESUME= of the initramfs
    append: str = f"resume=UUID={SWAP_UUID}"  # to the kernel's command line
    fstab: str = FSTAB
    files: dict = field(default_factory=dict)  # path -> text, Link, or the Path of a file, in the root file system
    memory_mib: int = 512
    swap_mib: int = 512
    extra: tuple = ()
    maker: str = "initramfs-tools"  # or "dracut"
    modules: str = "resume"  # of dracut, beside what it takes by itself
    release: str = "trixie"  # or "bookworm"
    purpose: str = ""  # of PURPOSES
    drivers: str = DRIVERS  # in the initramfs
    uefi: bool = False
    bus: str = "virtio"  # or "nvme": one disk with partitions, the root, the swap area, and one for images
    root_mib: int = ROOT_MIB
    root: str = "ext4"  # or "btrfs", or "luks": ext4 in LUKS, with the key in the initramfs
    image_mib: int = 0  # of the partition for images; on a disk of its own where the bus is virtio
    cpus: int = 1
    machine: str = "pc"
    types: bool = False  # somebody types on the console


def tree(cache, maker="initramfs-tools", release="trixie", purpose=""):
    """The unpacked system, made once for each release, maker of an initramfs, and purpose."""
    folder = Path(cache).resolve() / "-".join(["full", release, maker, *([purpose] if purpose else [])])
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            debootstrap(root, release, uri_of(release), PACKAGES + OF_RELEASE[release] + MORE_PACKAGES[maker] + PURPOSES[purpose])
            settle(root)
            if purpose == "work":
                run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
            (folder / "complete").touch()
    return root


def settle(root):
    """What is the same in every variant. Nothing of this machine stays in it."""
    for name, text in {"etc/hostname": HOST_NAME, "etc/hosts": f"127.0.0.1 localhost {HOST_NAME}", "etc/machine-id": MACHINE_ID, "etc/resolv.conf": "",
                       "etc/initramfs-tools/conf.d/modules": "MODULES=list",
                       "etc/systemd/system/control.service": CONTROL_UNIT}.items():
        write(root / name, text)
    for name, text in {"usr/local/sbin/control": CONTROL, "usr/lib/systemd/system-sleep/woke": WOKE}.items():
        write(root / name, text)
        (root / name).chmod(0o755)
    (root / "var/log/journal").mkdir(exist_ok=True)
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    link = wants / "control.service"
    if not link.is_symlink():
        link.symlink_to("/etc/systemd/system/control.service")


class FullGuest:
    """One guest in a folder: its disks, and the boots on them."""

    def __init__(self, cache, folder, variant):
        self.variant, self.folder = variant, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tree = tree(cache, variant.maker, variant.release, variant.purpose)
        modules = next((self.tree / "lib/modules").iterdir())
        self.kernel = Kernel(modules.name, self.tree / "boot" / f"vmlinuz-{modules.name}", modules)
        self.root, self.swap, self.image, self.initrd = (self.folder / name for name in ("root", "swap", "image", "initrd"))
        self.variables, self._keys = self.folder / "variables", self.folder / "keys"
        self.said = self._pack()
        for disk, mib in ((self.swap, variant.swap_mib), (self.image, variant.image_mib)):
            with open(disk, "wb") as made:
                made.truncate(mib << 20)
        run("mkswap", "-q", "-U", SWAP_UUID, self.swap)
        if variant.uefi:
            shutil.copy(OVMF_VARS, self.variables)
            self.variables.chmod(0o600)
        self.disks = [self.root, self.swap, *([self.image] if variant.image_mib else [])]
        if variant.bus == "nvme":
            self.disks = [self._partitioned()]

    def _pack(self):
        """The initramfs and the root file system of this variant; what mkinitramfs said."""
        with open(self.tree.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            files = {"etc/fstab": self.variant.fstab, "etc/initramfs-tools/conf.d/resume": f"RESUME={self.variant.resume}",
                     "etc/initramfs-tools/modules": self.variant.drivers, **self.variant.files}
            for name, content in files.items():
                place(self.tree / name, content)
            try:
                said = self.remake_initramfs()
                self._make_root()
            finally:
                for name in self.variant.files:
                    (self.tree / name).unlink()
        return said

    def _make_root(self):
        with open(self.root, "wb") as disk:
            disk.truncate(self.variant.root_mib << 20)
        if self.variant.root == "btrfs":
            self._inside(f"mount --bind . mnt && mount --bind {self.folder} media && mount -t proc proc proc && chroot . mkfs.btrfs -q -U {ROOT_UUID} --rootdir /mnt /media/root")
            return
        run("mke2fs", "-q", "-t", "ext4", "-U", ROOT_UUID, "-E", "root_owner=0:0", "-d", self.tree, self.root)
        if self.variant.root == "luks":
            opened = self.root.rename(self.folder / "opened")
            # A slow hash: qemu-img gives up where its first measurement falls between two ticks of the clock.
            self._luks("convert", "-f", "raw", "-O", "luks", "-o", "key-secret=key,iter-time=50,hash-alg=sha512", opened, self.root)
            opened.unlink()

    def _luks(self, command, *arguments):
        run("qemu-img", command, "--object", f"secret,id=key,data={KEY}", *arguments)

    def _inside(self, line):
        """In the tree, in a mount namespace of its own: nothing stays mounted, whatever ends this."""
        done = subprocess.run([*PRIVATE, "sh", "-c", line], cwd=self.tree, capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if done.returncode != 0:
            raise FullGuestError(done.stdout + done.stderr)
        return done.stdout + done.stderr

    def _parts(self):
        """Name, content and type of each partition."""
        return [(name, path, "linux") for name, path in zip(PARTITIONS, (self.root, self.swap, self.image))]

    def _partitioned(self):
        disk, parts = self.folder / "disk", self._parts()
        with open(disk, "wb") as made:
            made.truncate(sum(path.stat().st_size for _, path, _ in parts) + (4 << 20))
        script = "label: gpt\n" + "".join(f"size={path.stat().st_size >> 9}, name={name}, type={kind}\n" for name, path, kind in parts)
        subprocess.run(["sfdisk", "-q", str(disk)], input=script, text=True, check=True)
        for (_, part, _), begin in zip(parts, self._begins(disk)):
            run("dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={begin >> 20}", "conv=notrunc,sparse", "status=none")
            part.unlink()
        return disk

    def _begins(self, disk):
        table = json.loads(run("sfdisk", "--json", disk))["partitiontable"]
        return [part["start"] << 9 for part in table["partitions"]]

    @property
    def image_begin(self):
        """Where on the first disk the partition for the image begins, where there are partitions."""
        return self._begins(self.disks[0])[PARTITIONS.index("hibernation")]

    def root_copy(self, path):
        """The root file system as the guest left it, opened if it was locked."""
        source, begin = self.disks[0], self._begins(self.disks[0])[0] >> 20 if self.variant.bus == "nvme" else 0
        size = self.variant.root_mib + (2 if self.variant.root == "luks" else 0)
        run("dd", f"if={source}", f"of={path}", "bs=1M", f"skip={begin}", f"count={size}", "conv=sparse", "status=none")
        if self.variant.root == "luks":
            locked = Path(path).rename(f"{path}.locked")
            self._luks("convert", "--image-opts", f"driver=luks,key-secret=key,file.driver=file,file.filename={locked}", "-O", "raw", path)
            locked.unlink()

    def check_root(self):
        """What fsck says of the root file system: its code, and its words."""
        copy = self.folder / "checked"
        self.root_copy(copy)
        if self.variant.root == "btrfs":
            line = f"mount --bind {self.folder} media && mount -t proc proc proc && chroot . btrfs check --readonly /media/checked"
            done = subprocess.run([*PRIVATE, "sh", "-c", line], cwd=self.tree, capture_output=True, text=True)
        else:
            # The journal of a file system that was mounted when the power went is replayed first, as at a boot.
            done = subprocess.run(["e2fsck", "-f", "-n", str(copy)], capture_output=True, text=True)
        copy.unlink()
        return done.returncode, done.stdout + done.stderr

    def remake_initramfs(self):
        release = self.kernel.release
        make = DRACUT.format(release=release, modules=self.variant.modules) if self.variant.maker == "dracut" else f"mkinitramfs -o /boot/initrd.img-{release} {release}"
        said = self._inside(f"chroot . sh -c 'mount -t proc proc /proc; depmod {release}; {make}'")
        shutil.copy(self.tree / "boot" / f"initrd.img-{self.kernel.release}", self.initrd)
        return said

    @contextmanager
    def boot(self, append=None, extra=(), disks=None, **machine):
        """`disks`: in the order in which the guest finds them; the root disk and then the swap disk otherwise."""
        variant, disks = self.variant, disks or self.disks
        kind = "none" if variant.bus == "nvme" else "virtio"
        drives = [f"file={disk},if={kind},format=raw" for disk in disks]
        extra = [*variant.extra, *extra]
        if variant.bus == "nvme":
            extra += [word for number in range(len(disks)) for word in ("-device", f"nvme,serial=nvme{number},drive=drive{number}")]
        if variant.uefi:
            extra += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}", "-drive", f"if=pflash,format=raw,unit=1,file={self.variables}"]
        root = "/dev/mapper/croot" if variant.root == "luks" else f"UUID={ROOT_UUID}"
        guest = Guest(self.kernel, self.initrd, variant.memory_mib, append=f"root={root} ro {variant.append if append is None else append}",
                      drives=drives, extra=extra, **{"cpus": variant.cpus, "machine": variant.machine, **machine})
        if variant.types:
            at = guest.command.index(f"file:{guest.console_path}")
            guest.command[at:at + 1] = ["chardev:console", "-chardev", f"socket,id=console,path={self._keys},server=on,wait=off,logfile={guest.console_path}"]
        with guest:
            yield FullBoot(guest)

    def type(self, boot, prompt, text, then, timeout=300):
        """On the console when it asks, and until it says what follows."""
        boot.guest.wait_console(prompt, timeout)
        with socket.socket(socket.AF_UNIX) as keys:
            keys.connect(str(self._keys))
            keys.sendall(f"{text}\n".encode())
            boot.guest.wait_console(then, timeout)

    def take_initramfs(self):
        """The one that the guest has made, which was shut down since, for its next boots."""
        copy = self.folder / "taken"
        self.root_copy(copy)
        run("debugfs", "-R", f"dump /boot/initrd.img-{self.kernel.release} {self.initrd}", copy)
        copy.unlink()

    def initramfs_listing(self):
        """Names in the initramfs, and the texts that configure it."""
        target = self.tree / "tmp/initrd"
        shutil.copy(self.initrd, target)
        listing = run("chroot", self.tree, "lsinitramfs", "/tmp/initrd")
        run("chroot", self.tree, "sh", "-c", "rm -rf /tmp/unpacked; unmkinitramfs /tmp/initrd /tmp/unpacked")
        unpacked = self.tree / "tmp/unpacked"
        main = unpacked / "main" if (unpacked / "main").exists() else unpacked
        found = [path for name in ("conf", "etc/cmdline.d", "etc/initrd-release", "etc/os-release", "usr/lib/initrd-release")
                 for path in ([main / name] if (main / name).is_file() else sorted((main / name).rglob("*")))]
        texts = {str(path.relative_to(main)): path.read_text() for path in found if path.is_file()}
        shutil.rmtree(unpacked)
        target.unlink()
        return listing, texts

    def journal(self, folder):
        """The guest's journal, copied out of its root file system; None where that is ruined."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        mended = folder / "root"  # a copy: what is kept of the disk is as the guest left it
        self.root_copy(mended)
        subprocess.run(["e2fsck", "-f", "-y", str(mended)], capture_output=True)
        subprocess.run(["debugfs", "-R", f"rdump /var/log/journal {folder}", str(mended)], check=True, capture_output=True)
        mended.unlink()
        return folder / "journal" if (folder / "journal").exists() else None

    def journalctl(self, journal, *arguments, text=True):
        """The guest's own journalctl, over a copy of its journal."""
        inside = self.tree / "tmp/journal"
        shutil.rmtree(inside, ignore_errors=True)
        shutil.copytree(journal, inside)
        said = run("chroot", self.tree, "journalctl", "-q", "-D", "/tmp/journal", *arguments, text=text)
        shutil.rmtree(inside)
        return said


class FullBoot:
    def __init__(self, guest):
        self.guest = guest

    def console(self):
        return self.guest.console_path.read_bytes().decode(errors="surrogateescape")

    def wait(self, timeout=300):
        """Until it is up, or a machine came back: "READY" or "WOKE"."""
        return self.guest.read_until(r"^(READY|WOKE .*)$", timeout)[-1].split()[0]

    def do(self, line, timeout=120, code=0):
        self.guest.send(line)
        said = self.guest.read_until(r"^CODE \d+$", timeout)
        if code is not None and said[-1] != f"CODE {code}":
            raise FullGuestError(f"{line}: {said}")
        return "\n".join(said[:-1])

    def hibernate(self, timeout=300):
        """`systemctl hibernate`; None once the machine is off, or what it said where it stays."""
        self.guest.send("systemctl hibernate")
        try:
            said = self.guest.read_until(r"^CODE \d+$", 60)
            if said[-1] != "CODE 0":
                return "\n".join(said[:-1])
        except GuestError as error:
            if "the guest ended" not in str(error):
                raise
        self.guest.wait_end(timeout)
        return None

    def power_off(self):
        self.guest.send("sync; systemctl poweroff")
        self.guest.wait_end(180)

    def capture(self, folder):
        """A tree of what a diagnosis may look at."""
        for path in self.present(NAMED):
            write(Path(folder) / path.lstrip("/"), "")
        for path in self.present(CAPTURED):
            said = self.do(f"base64 -w0 {path} && echo", code=None)
            if said.strip():
                target = Path(folder) / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(base64.b64decode(said.strip().splitlines()[-1]))

    def present(self, patterns):
        return self.do(f"ls -d {' '.join(patterns)} 2> /dev/null", code=None).split()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip("\n") + "\n" if text else "")


class Link(str):
    """What a symbolic link says."""


def place(path, content):
    """A text, a link, or a copy of a file."""
    if isinstance(content, Link):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(content)
    elif isinstance(content, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(content, path)
    else:
        write(path, content)


def run(*command, text=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=text)
    if done.returncode != 0:
        raise FullGuestError(f"{' '.join(map(str, command))}: {done.stderr[-1000:]}")
    return done.stdout
