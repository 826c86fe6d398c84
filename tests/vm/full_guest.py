"""A whole Debian 13 as a guest: systemd, logind, the journal, initramfs-tools, an ext4 root on a disk of its own, and a swap area.
It is made by debootstrap into build/vm-cache once; each variant is packed by mke2fs -d, so nothing is mounted here. That takes
root, debootstrap, and for UEFI the package ovmf; no test of the suite needs them."""

import base64
import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from guest import Guest, GuestError
from kernel import Kernel

ROOT_UUID = "10101010-1010-4010-8010-101010101010"
SWAP_UUID = "20202020-2020-4020-8020-202020202020"
NO_UUID = "deaddead-dead-4ead-8ead-deaddeaddead"
HOST_NAME = "guest"
MACHINE_ID = "00112233445566778899aabbccddeeff"
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "linux-image-amd64", "initramfs-tools", "zstd", "cryptsetup",
            "cryptsetup-initramfs", "systemd-cryptsetup", "busybox", "e2fsprogs")
FSTAB = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\nUUID={SWAP_UUID} none swap sw 0 0\n"
# dracut's package that leaves initramfs-tools alone: an initramfs in which systemd runs.
MORE_PACKAGES = {"initramfs-tools": (), "dracut": ("dracut-core",)}
DRACUT = 'dracut --quiet --force --no-hostonly --drivers "virtio_pci virtio_blk ext4 crc32c_generic efivarfs" --add "{modules}" --kver {release} /boot/initrd.img-{release}'
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
    files: dict = field(default_factory=dict)  # path -> text, in the root file system
    memory_mib: int = 512
    swap_mib: int = 512
    extra: tuple = ()
    maker: str = "initramfs-tools"  # or "dracut"
    modules: str = "resume"  # of dracut, beside what it takes by itself


def tree(cache, maker="initramfs-tools"):
    """The unpacked system, made once for each maker of an initramfs."""
    folder = Path(cache).resolve() / f"full-trixie-{maker}"
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            mirror = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian").split()
            proxy = run("apt-config", "dump", "--format", "%v", "Acquire::http::Proxy").strip()
            environment = {**os.environ, **({"http_proxy": proxy} if proxy else {})}
            # In a mount namespace of its own nothing stays mounted, whatever ends this.
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES + MORE_PACKAGES[maker])}",
                                   "trixie", str(root), mirror[0] if mirror else "http://deb.debian.org/debian"],
                                  env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                raise FullGuestError(done.stdout[-2000:] + done.stderr[-2000:])
            settle(root)
            (folder / "complete").touch()
    return root


def settle(root):
    """What is the same in every variant. Nothing of this machine stays in it."""
    for name, text in {"etc/hostname": HOST_NAME, "etc/hosts": f"127.0.0.1 localhost {HOST_NAME}", "etc/machine-id": MACHINE_ID, "etc/resolv.conf": "",
                       "etc/initramfs-tools/modules": DRIVERS, "etc/initramfs-tools/conf.d/modules": "MODULES=list",
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
    """One guest in a folder: its root disk, its swap disk, and the boots on them."""

    def __init__(self, cache, folder, variant):
        self.variant, self.folder = variant, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tree = tree(cache, variant.maker)
        modules = next((self.tree / "lib/modules").iterdir())
        self.kernel = Kernel(modules.name, self.tree / "boot" / f"vmlinuz-{modules.name}", modules)
        self.root, self.swap, self.initrd = self.folder / "root", self.folder / "swap", self.folder / "initrd"
        self.said = self._pack()
        with open(self.swap, "wb") as disk:
            disk.truncate(variant.swap_mib << 20)
        run("mkswap", "-q", "-U", SWAP_UUID, self.swap)

    def _pack(self):
        """The initramfs and the root file system of this variant; what mkinitramfs said."""
        with open(self.tree.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            files = {"etc/fstab": self.variant.fstab, "etc/initramfs-tools/conf.d/resume": f"RESUME={self.variant.resume}", **self.variant.files}
            for name, text in files.items():
                write(self.tree / name, text)
            try:
                said = self.remake_initramfs()
                with open(self.root, "wb") as disk:
                    disk.truncate(2 << 30)
                run("mke2fs", "-q", "-t", "ext4", "-U", ROOT_UUID, "-E", "root_owner=0:0", "-d", self.tree, self.root)
            finally:
                for name in self.variant.files:
                    (self.tree / name).unlink()
        return said

    def remake_initramfs(self):
        release = self.kernel.release
        make = DRACUT.format(release=release, modules=self.variant.modules) if self.variant.maker == "dracut" else f"mkinitramfs -o /boot/initrd.img-{release} {release}"
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "chroot", str(self.tree), "sh", "-c",
                               f"mount -t proc proc /proc; {make}"],
                              capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if done.returncode != 0:
            raise FullGuestError(done.stdout + done.stderr)
        shutil.copy(self.tree / "boot" / f"initrd.img-{self.kernel.release}", self.initrd)
        return done.stdout + done.stderr

    @contextmanager
    def boot(self, append=None, extra=(), disks=None, **machine):
        """`disks`: in the order in which the guest finds them; the root disk and then the swap disk otherwise."""
        variant = self.variant
        drives = [f"file={disk},if=virtio,format=raw" for disk in disks or (self.root, self.swap)]
        with Guest(self.kernel, self.initrd, variant.memory_mib, append=f"root=UUID={ROOT_UUID} ro {variant.append if append is None else append}",
                   drives=drives, extra=[*variant.extra, *extra], **machine) as guest:
            yield FullBoot(guest)

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
        run("cp", "--sparse=always", self.root, mended)
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


def run(*command, text=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=text)
    if done.returncode != 0:
        raise FullGuestError(f"{' '.join(map(str, command))}: {done.stderr[-1000:]}")
    return done.stdout
