#!/usr/bin/env python3
"""docs/user/hibernate.md on an empty Debian, as somebody new reads it: its commands are typed on the console of a machine that UEFI and
GRUB boot from its own disk, with the packages that tests/packages.sh has built. By hand: half an hour, root, debootstrap, dosfstools, dpkg-dev,
mtools, ovmf.

    PACKAGES=/tmp/trixie tests/packages.sh trixie
    PACKAGES=/tmp/trixie tests/vm/test_as_documented.py AsDocumented

RELEASE=bookworm in the environment: on Debian 12. OnAPartition: with what the document says of a partition in the place of a file.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import builder  # noqa: E402
from full_guest import FSTAB, OVMF_CODE, ROOT_UUID, SWAP_UUID, FullBoot, FullGuest, FullGuestError, Variant, run, tree  # noqa: E402
from guest import Guest  # noqa: E402
from kernel import uri_of  # noqa: E402
from support import ROOT  # noqa: E402

DOCUMENT = ROOT / "docs/user/hibernate.md"
CACHE = ROOT / "build" / "vm-cache"
RELEASE = os.environ.get("RELEASE", "trixie")
PROMPT = "root@guest:~# "
LOADER = f"search --no-floppy --fs-uuid --set=root {ROOT_UUID}\nset prefix=($root)/boot/grub\n"  # and then it goes on to the menu there
# Where the boot loader looks, until GRUB's own script has made a menu.
MENU = "linux /boot/vmlinuz-{release} root=UUID=" + ROOT_UUID + " ro console=ttyS0\ninitrd /boot/initrd.img-{release}\nboot\n"
GRUB_MODULES = "part_gpt fat ext2 search search_fs_uuid normal"
MAKE_LOADER = f"""mkdir -p /boot/grub/x86_64-efi /boot/efi && cp /usr/lib/grub/x86_64-efi/*.mod /usr/lib/grub/x86_64-efi/*.lst /boot/grub/x86_64-efi &&
grub-mkimage -O x86_64-efi -p /boot/grub -c /tmp/loader.cfg -o /tmp/loader.efi {GRUB_MODULES} && rm /tmp/loader.cfg"""
AUTOLOGIN = "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --keep-baud 115200 - dumb\n"
# What a user would miss.
WORK = "echo 0 > /dev/shm/counter; (i=0; while sleep 1; do i=$((i+1)); echo $i > /dev/shm/counter; done) & disown; word=$RANDOM$RANDOM; boot=$(cat /proc/sys/kernel/random/boot_id)"
ARMED = "systemctl show -P InvocationID hibtool-arm"  # changes with each arming
STATE = 'echo "state $word $(cat /dev/shm/counter) $boot $(cat /proc/sys/kernel/random/boot_id)"'
FILES = r"find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \) -prune -o ! -type d -print | sort"


def repository(folder, packages):
    """The packages of Debian that these packages make apt fetch, as a mirror that the guest can reach."""
    root = tree(CACHE, release=RELEASE, purpose="bare")
    for name in ("lists/partial", "archives/partial", "new"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for package in packages:
        shutil.copy(package, folder / "new")
    (folder / "sources").write_text(f"deb {uri_of(RELEASE)} {RELEASE} main\n")
    options = ["-q", "-o", "APT::Sandbox::User=root", "-o", "Dir::State::lists=/media/lists", "-o", "Dir::Cache::archives=/media/archives",
               "-o", "Dir::Cache::srcpkgcache=", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Etc::sourcelist=/media/sources", "-o", "Dir::Etc::sourceparts=-",
               *builder._validity()]
    wanted = ["linux-image-amd64", "linux-headers-amd64", *(f"/media/new/{package.name}" for package in packages)]
    for command in (["update"], ["install", "-y", "--download-only", *wanted]):
        done = subprocess.run([*builder.PRIVATE, "sh", "-c", 'mount --bind "$1" media && mount --bind /etc/resolv.conf etc/resolv.conf && shift && exec chroot . apt-get "$@"', "sh",
                               str(folder), *options, *command], cwd=root, capture_output=True, text=True,
                              env={**builder._proxy(), "PATH": builder.PATH, "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise FullGuestError(done.stdout[-2000:] + done.stderr[-2000:])
    done = subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=folder / "archives", capture_output=True, text=True, check=True)
    (folder / "archives/Packages").write_text(done.stdout)
    return [folder / "archives/Packages", *(folder / "archives").glob("*.deb")]


class Machine(FullGuest):
    """Boots from its own disk: root, swap area, an old file system, and the partition of UEFI, with GRUB on it."""

    def _make_root(self):
        (self.tree / "tmp/loader.cfg").write_text(LOADER)
        self._inside(f"chroot . sh -c '{MAKE_LOADER}'")
        shutil.move(self.tree / "tmp/loader.efi", self.folder / "loader.efi")
        super()._make_root()

    def _parts(self):
        run("mkfs.fat", "-i", "30303030", self.image)
        run("mmd", "-i", self.image, "::/EFI", "::/EFI/BOOT")
        run("mcopy", "-i", self.image, self.folder / "loader.efi", "::/EFI/BOOT/BOOTX64.EFI")
        spare = self.folder / "spare"
        run("mke2fs", "-q", "-t", "ext4", spare, "2G")
        return [("root", self.root, "linux"), ("swap", self.swap, "swap"), ("data", spare, "linux"), ("efi", self.image, "uefi")]

    @contextmanager
    def boot(self, console):
        guest = Guest(self.kernel, self.initrd, self.variant.memory_mib, drives=[f"file={self.disks[0]},if=none,format=raw"], console=console,
                      extra=["-device", "nvme,serial=nvme0,drive=drive0", "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}",
                             "-drive", f"if=pflash,format=raw,unit=1,file={self.variables}"])
        at = guest.command.index("-kernel")
        del guest.command[at:at + 6]  # and -initrd, -append: GRUB has them
        at = guest.command.index(f"file:{guest.console_path}")
        guest.command[at:at + 1] = ["chardev:console", "-chardev", f"socket,id=console,path={self._keys},server=on,wait=off,logfile={guest.console_path}"]
        with guest, Terminal(self._keys) as terminal:
            yield FullBoot(guest), terminal


class Terminal:
    """What somebody sees who sits at the console, and what they type."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._text, self._read, self._ended = "", 0, False
        self._more = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _listen(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            with self._more:
                self._text += data.decode(errors="replace").replace("\r", "")
                self._ended = not data
                self._more.notify_all()
            if not data:
                return

    def type(self, text):
        self._socket.sendall(f"{text}\n".encode())

    def wait(self, pattern, timeout):
        """What was said since the last wait, up to what matches."""
        with self._more:
            if not self._more.wait_for(lambda: re.search(pattern, self._text[self._read:]) or self._ended, timeout):
                raise FullGuestError(f"the console never said {pattern!r}, and at last: {self._text[-2000:]}")
            found = re.search(pattern, self._text[self._read:])
            if not found:
                raise FullGuestError(f"the machine ended before {pattern!r}: {self._text[-2000:]}")
            said = self._text[self._read:self._read + found.end()]
            self._read += found.end()
        return said

    def do(self, command, timeout=120):
        """A command, to which "yes" is said whenever it asks. Its code, and what was seen."""
        self.type(command)
        said = self.wait(rf"\[Y/n\] |{PROMPT}", timeout)
        while said.endswith("[Y/n] "):
            self.type("y")
            said += self.wait(rf"\[Y/n\] |{PROMPT}", timeout)
        self.type("echo code $?")
        return int(re.search(r"\ncode (\d+)\n", self.wait(r"\ncode \d+\n(.*\n)*?" + PROMPT, 60))[1]), said


class AsDocumented(unittest.TestCase):
    variant = Variant(purpose="bare", release=RELEASE, uefi=True, bus="nvme", image_mib=64, memory_mib=2048, swap_mib=1024, root_mib=16384)

    def setUp(self):
        folder = os.environ.get("FULL_FOLDER")
        if not folder:
            folder = tempfile.mkdtemp(prefix="hibvm-")
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder, self.boots = Path(folder), 0
        self.folder.mkdir(parents=True, exist_ok=True)
        packages = [path for name in ("hibtool", "hibtool-dkms", "hibtool-hibernate") for path in Path(os.environ["PACKAGES"]).glob(f"{name}_*.deb")]
        self.assertEqual(len(packages), 3, packages)
        release = next((tree(CACHE, release=RELEASE, purpose="bare") / "lib/modules").iterdir()).name
        self.variant.fstab = FSTAB + "UUID=3030-3030 /boot/efi vfat umask=0077 0 1\n"
        self.variant.files = {
            **{f"srv/debian/{path.name}": path for path in repository(CACHE / f"repository-{RELEASE}", packages)},
            **{f"root/{path.name}": path for path in packages},
            "etc/apt/sources.list": "deb [trusted=yes] file:/srv/debian ./\n",
            "etc/initramfs-tools/conf.d/modules": "MODULES=most\n",
            "etc/default/grub.d/console.cfg": 'GRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_TIMEOUT=1\n',
            "boot/grub/grub.cfg": MENU.format(release=release),
            "etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf": AUTOLOGIN,
        }
        self.machine = Machine(CACHE, self.folder, self.variant)

    def typed(self, heading):
        """The commands of the block below a heading, and the comments behind them."""
        section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
        return [line.strip() for line in re.search(r"(?:^    .*\n)+", section, re.M)[0].splitlines()]

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    @contextmanager
    def boot(self):
        self.boots += 1
        with self.machine.boot(self.folder / f"console-{self.boots}") as (boot, terminal):
            yield boot, terminal

    def do(self, terminal, command, timeout=120, code=0):
        begin = time.monotonic()
        got, said = terminal.do(command, timeout)
        self.say(f"{time.monotonic() - begin:6.1f} s, code {got}: {command}")
        if code is not None:
            self.assertEqual(got, code, said[-4000:])
        return said

    def follow(self, boot, terminal, commands):
        """Types them up to one after which the machine is off; what is left of them."""
        for at, command in enumerate(commands):
            if command.split("#")[0].strip() in ("reboot", "systemctl hibernate"):
                self.do(terminal, f"armed=$({ARMED})")
                begin = time.monotonic()
                terminal.type(command)
                boot.guest.wait_end(900)
                self.say(f"{time.monotonic() - begin:6.1f} s: {command}")
                return commands[at + 1:]
            self.do(terminal, command, timeout=3600)
        return []

    def state(self, terminal):
        return re.search(r"\nstate (\S+) (\d+) (\S+) (\S+)\n", terminal.do(STATE)[1]).groups()

    def came_back(self, boot, terminal, before):
        begin = time.monotonic()
        # The firmware writes to this port, too, so that the line may begin with what it has sent.
        self.assertRegex(boot.guest.read_until(r"(WOKE post .*|READY)$", 900)[-1], "WOKE post hibernate$")
        self.say(f"{time.monotonic() - begin:6.1f} s: back")
        terminal.type("")
        terminal.wait(PROMPT, 60)
        word, count, boot_id, boot_id_now = self.state(terminal)
        self.assertEqual((word, boot_id_now), (before[0], before[2]))
        self.assertGreaterEqual(int(count), int(before[1]))
        self.do(terminal, f'until [ "$(cat /dev/shm/counter)" -gt {count} ]; do sleep 1; done')

    def test_a_newcomer_hibernates_comes_back_and_gets_rid_of_it(self):
        rest = self.typed("In ten commands")
        with self.boot() as (boot, terminal):
            terminal.wait(PROMPT, 900)
            self.do(terminal, f"{FILES} > before")
            rest = self.follow(boot, terminal, rest)
        while rest:
            with self.boot() as (boot, terminal):
                terminal.wait(PROMPT, 900)
                self.do(terminal, WORK)
                before = self.state(terminal)
                rest = self.follow(boot, terminal, rest)
        with self.boot() as (boot, terminal):
            self.came_back(boot, terminal, before)
            self.do(terminal, f'until [ "$({ARMED})" != "$armed" ] && systemctl -q is-active hibtool-arm; do sleep 1; done', 600)
            before = self.state(terminal)
            self.follow(boot, terminal, ["systemctl hibernate"])
        with self.boot() as (boot, terminal):
            self.came_back(boot, terminal, before)
            self.follow(boot, terminal, self.typed("Getting rid of it"))
        with self.boot() as (boot, terminal):
            terminal.wait(PROMPT, 900)
            self.assert_nothing_is_left(terminal)
            self.do(terminal, re.search("^`(apt purge [^`]*)`", DOCUMENT.read_text(), re.M)[1], timeout=3600)
            self.do(terminal, "command -v gcc make dkms", code=1)
            boot.power_off()
        self.assertEqual(self.machine.check_root()[0], 0)

    def assert_nothing_is_left(self, terminal):
        ours = "grep -e hibtool -e hibjump"
        for trace in (f"dpkg-query -W | {ours}", "grep crashkernel /proc/cmdline", f"lsmod | {ours}", f"ls /boot/initrd.img-* | xargs -n 1 lsinitramfs | {ours}",
                      f"{FILES} | diff before - | {ours}"):
            self.do(terminal, trace, code=1)
        self.do(terminal, "swapon --noheadings | grep .")


class OnAPartition(AsDocumented):
    def typed(self, heading):
        """With what the document says of a partition in the place of the file."""
        bullet = re.search(r"^\* A \*\*partition\*\*(.*\n)(  .*\n)*", DOCUMENT.read_text(), re.M)[0]
        *prepare, target = re.findall(r"`([^`]*)`", bullet)
        commands = [re.sub(r"TARGET=/\w+", target, command) for command in super().typed(heading)]
        at = [number for number, command in enumerate(commands) if re.match("(fallocate|chmod|rm) ", command)]
        commands[at[0]:at[-1] + 1] = prepare if heading == "In ten commands" else []
        return commands


if __name__ == "__main__":
    unittest.main(verbosity=2)
