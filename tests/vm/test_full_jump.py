#!/usr/bin/env python3
"""The kernel jump on whole Debian systems, with what the package hibtool-hibernate installs: a unit arms at boot, `systemctl hibernate`
jumps, the initramfs resumes. Somebody is logged in and works, with a TCP connection to a machine that stays. By hand: minutes for each class,
root, debootstrap, ovmf, qemu-utils.

    HIBTOOL=build/hibtool tests/vm/test_full_jump.py Trixie.test_ten_power_cycles
"""

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
from full_guest import FSTAB, KEY, ROOT_UUID, SWAP_UUID, USER, FullGuest, Link, Variant, run, tree  # noqa: E402
from jump import SOURCE, digest_of  # noqa: E402
from support import HIBTOOL, ROOT  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
INSTALLED_BY = ROOT / "debian" / "hibtool-hibernate.install"
UNIT = "usr/lib/systemd/system/hibtool-arm.service"
PLACE, KNOWN = "var/lib/hibtool/place", "var/lib/hibtool/known"  # for the initramfs, and once it has it
NO_SWAP = FSTAB.replace(" sw ", " noauto ")
DRIVERS = "nvme\nvirtio_pci\nvirtio_blk\nxhci_pci\nusb_storage\nsd_mod\next4\nbtrfs\ncrc32c_generic\n"
VARIABLE = "/sys/firmware/efi/efivars/HibtoolTest-10101010-1010-4010-8010-101010101010"
# systemd notes where the kernel's own hibernation put its image.
VARIABLES = "ls -I 'HibernateLocation-*' /sys/firmware/efi/efivars | sort; cat /sys/firmware/efi/efivars/Boot0* | md5sum"
AUTOLOGIN = "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin {} --noclear %I linux\n"
NETWORK = "[Match]\nName=en* eth*\n[Network]\nAddress=192.0.2.2/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
PROFILE = '[ "$(tty)" != /dev/tty1 ] || tmux new-session -d -s work "python3 /usr/local/bin/worker 192.0.2.1"\n'
WANTS = "etc/systemd/system/multi-user.target.wants"
# What the journal may say, at most as a warning, because of a jump or of this host, and why.
EXPECTED = {
    r"hibjump\.[01]: PM: (not prepared for power transition: code|device_prepare\(\): prepare(\+\S+)? \[hibjump\] returns) -125": "how the module ends the kernel's sequence",
    r"kernel: (Restarting tasks \.\.\. )?done\.$": "the kernel's line about tasks that go on, continued without a level",
    r"kernel: clocksource: Long readout interval, skipping watchdog check: cs_nsec: (\d{3})\d+ wd_nsec: \1\d+$": "a host so busy that a timer came late, by both clocks",
}


def configured(target="/dev/disk/by-partlabel/hibernation", **settings):
    """/etc/hibtool.conf."""
    text = (ROOT / "kernel-glue/integration/hibtool.conf").read_text()
    for name, value in {"TARGET": target, **settings}.items():
        text, changed = re.subn(f"^{name}=.*$", f"{name}={value}", text, flags=re.M)
        assert changed == 1, name
    return text


def place(device="/dev/disk/by-partlabel/hibernation", offset=0, kernel="no"):
    """What arm leaves for the initramfs."""
    return f"DEVICE='{device}'\nOFFSET={offset}\nDRIVERS='nvme'\n# The initramfs has the kernel: {kernel}"


def packaged():
    """The files of hibtool-hibernate, by the package's own list."""
    files = {UNIT: ROOT / "kernel-glue/integration/systemd/hibtool-arm.service"}
    for line in INSTALLED_BY.read_text().splitlines():
        if line.startswith("usr/share/man/"):
            continue  # where CMake has put it
        pattern, folder = line.split()
        for source in ROOT.glob(pattern):
            files |= {f"{folder}/{path.relative_to(source.parent)}": path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()}
    return files


def module_for(release):
    """hibjump.ko, built in that Debian, with its headers and its compiler."""
    root = tree(CACHE, release=release, purpose="build")
    module, note = root.parent / "hibjump.ko", root.parent / "made-of"
    made_of = digest_of(SOURCE.rglob("*"))
    with open(root.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not module.exists() or note.read_text() != made_of:
            shutil.rmtree(root / "tmp/kernel-glue", ignore_errors=True)
            shutil.copytree(SOURCE, root / "tmp/kernel-glue")
            headers = next((root / "usr/src").glob("linux-headers-*-amd64"))
            run("chroot", root, "make", "-C", "/tmp/kernel-glue", f"KDIR=/usr/src/{headers.name}")
            run("objcopy", "--strip-debug", root / "tmp/kernel-glue/hibjump.ko", module)
            note.write_text(made_of)
    return module


def missing_libraries(root):
    """What this hibtool is linked with, and the guest's Debian lacks: libraries that have another name there."""
    libraries = Path("usr/lib/x86_64-linux-gnu")
    said = subprocess.run(["ldd", HIBTOOL], capture_output=True, text=True, check=True).stdout
    return {str(libraries / name): Path(path).resolve() for name, path in re.findall(r"(\S+) => (/\S+)", said) if not (root / libraries / name).exists()}


def installed(variant, folder):
    """The files of a system with hibtool's packages, and of somebody who works on it."""
    root = tree(CACHE, variant.maker, variant.release, variant.purpose)
    kernel = next((root / "lib/modules").iterdir()).name
    program = folder / "hibtool"
    run("strip", "-o", program, HIBTOOL)
    program.chmod(0o755)
    return {
        "usr/bin/hibtool": program, **missing_libraries(root),
        f"usr/lib/modules/{kernel}/updates/hibjump.ko": module_for(variant.release),
        **packaged(),
        "etc/hibtool.conf": configured(), **dict.fromkeys((PLACE, KNOWN), place()),
        f"{WANTS}/hibtool-arm.service": Link(f"/{UNIT}"),
        "etc/systemd/system/getty@tty1.service.d/autologin.conf": AUTOLOGIN.format(USER),
        f"{WANTS}/systemd-networkd.service": Link("/usr/lib/systemd/system/systemd-networkd.service"),
        "etc/systemd/network/10-wired.network": NETWORK,
        f"home/{USER}/.bash_profile": PROFILE,
        "etc/default/locale": "LANG=C.UTF-8",  # without it PAM warns at each su
        "usr/local/bin/worker": HERE / "worker.py",
    }


class Peer:
    """The machine at the other end of the network."""

    def __init__(self, folder):
        self._folder = folder
        (folder / "peer").unlink(missing_ok=True)

    def __enter__(self):
        self._process = subprocess.Popen(["unshare", "--net", sys.executable, str(HERE / "peer.py"), str(self._folder)], stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "READY\n":
            raise RuntimeError("the peer did not start")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def cable(self, card="virtio-net-pci"):
        (self._folder / "guest").unlink(missing_ok=True)  # of the guest before this one
        return ["-netdev", f"dgram,id=net0,local.type=unix,local.path={self._folder}/guest,remote.type=unix,remote.path={self._folder}/peer",
                "-device", f"{card},netdev=net0,mac=52:54:00:12:34:56,romfile="]


class WholeSystem:
    variant = Variant(purpose="work", release="trixie", uefi=True, bus="nvme", image_mib=1024, memory_mib=1024, drivers=DRIVERS, resume="none",
                      fstab=NO_SWAP, append="crashkernel=192M")
    card = "virtio-net-pci"
    devices = ()  # more of QEMU's
    resume = ""  # what is said to the boot that resumes
    hibernate = "systemctl hibernate"
    goes_ten_times = False  # for the table of docs/jump-matrix.md

    def setUp(self):
        folder = os.environ.get("FULL_FOLDER")
        if not folder:
            folder = tempfile.mkdtemp(prefix="hibvm-")
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = Path(folder) / type(self).__name__
        self.folder.mkdir(parents=True, exist_ok=True)
        self.figures, self.warnings, self.consoles = [], set(), 0
        self.peer = self.enterContext(Peer(self.folder))
        self.guest = FullGuest(CACHE, self.folder, self.made())

    def made(self):
        return replace(self.variant, files={**installed(self.variant, self.folder), **self.variant.files})

    def boot(self, append=""):
        self.consoles += 1
        return self.guest.boot(f"{self.variant.append} {append}", extra=[*self.peer.cable(self.card), *self.devices], console=self.folder / f"console-{self.consoles}")

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {type(self).__name__}: {text}", flush=True)

    # ---- what is true of a machine that goes on

    def work(self, boot):
        return ast.literal_eval(boot.do("cat /dev/shm/worker"))

    def note(self, boot):
        """What a later look is compared with."""
        cursor = re.search(r"cursor: (\S+)", boot.do("journalctl -n0 --show-cursor"))[1]
        return {"work": self.work(boot), "cursor": cursor, "boot": boot.do("cat /proc/sys/kernel/random/boot_id"),
                "variables": boot.do(VARIABLES) if self.variant.uefi else ""}

    def assert_goes_on(self, boot, before):
        now = self.work(boot)
        limit = time.monotonic() + 60
        while not now["errors"] and time.monotonic() < limit and any(now[name] <= before["work"][name] for name in ("counter", "memory", "network", "files", "clocks")):
            now = self.work(boot)
        self.assertEqual(now["errors"], [])
        for name in ("counter", "memory", "network", "files", "clocks"):
            self.assertGreater(now[name], before["work"][name], f"{name}: {before['work']}, then {now}")
        self.assertEqual(now["pid"], before["work"]["pid"])
        self.assertLess(abs(int(boot.do("date +%s")) - time.time()), 5, "the time of day")
        self.assertEqual(boot.do("cat /proc/sys/kernel/random/boot_id"), before["boot"])
        self.assertEqual(boot.do("nproc"), str(self.variant.cpus))
        self.assertRegex(boot.do("loginctl list-sessions --no-legend"), rf"{USER}.*tty1")
        self.assertIn("work: 1 windows", boot.do(f"su {USER} -c 'tmux list-sessions'"))
        self.assertEqual(boot.do("systemctl --failed --no-legend"), "")
        boot.do("/usr/lib/systemd/systemd-networkd-wait-online --timeout=60")  # a card has its cable back when the ends have agreed
        self.assertIn("routable", boot.do("networkctl --no-legend list"))
        if self.variant.uefi:
            self.assertEqual(boot.do(VARIABLES), before["variables"])
            word = str(time.time())
            self.assertEqual(boot.do(f"printf '\\7\\0\\0\\0%s' {word} > {VARIABLE} && cat {VARIABLE} | tail -c +5 && echo && chattr -i {VARIABLE} && rm {VARIABLE}"), word)
        said = boot.do(f"journalctl -p warning -o short --no-hostname --after-cursor='{before['cursor']}'").splitlines()
        new = {re.sub(r"^\w+ \d+ [\d:]+ ", "", line) for line in said}
        self.warnings |= {line for line in new if not any(re.search(pattern, line) for pattern in EXPECTED)}

    def assert_ends_well(self, boot):
        boot.power_off()
        code, said = self.guest.check_root()
        self.assertEqual(code, 0, said)

    def ready(self, boot, timeout=600):
        self.assertEqual(boot.wait(timeout), "READY")
        boot.do(f"until grep -q \"'network': [1-9]\" /dev/shm/worker && su {USER} -c 'tmux has-session'; do sleep 1; done", timeout=300)
        self.assertEqual(boot.do("systemctl is-active hibtool-arm", code=None), "active", boot.do("journalctl -b -u hibtool-arm -o cat", code=None))

    def arm_again(self, boot):
        boot.do("systemctl restart hibtool-arm", timeout=300)

    def wait_armed(self, boot, before):
        """After each resume it is armed again."""
        boot.do(f"until journalctl -q -u hibtool-arm --after-cursor='{before['cursor']}' -o cat | grep -q '^Finished'; do sleep 1; done", timeout=300)

    # ---- the steps

    def rehearse(self, boot):
        before = self.note(boot)
        self.say("rehearses")
        self.assertIn("came back", boot.do("hibtool hibernate --rehearse", timeout=300))
        self.assert_goes_on(boot, before)
        self.say("rehearsed")

    def checkpoint(self, boot):
        before = self.note(boot)
        self.assertIn("goes on", boot.do("hibtool hibernate --return", timeout=300))
        self.assert_goes_on(boot, before)
        self.say("checkpoint")

    def save(self, boot):
        before = self.note(boot)
        begin = time.monotonic()
        boot.guest.send(self.hibernate)
        boot.guest.wait_end(600)
        self.figures.append([time.monotonic() - begin])
        return before

    def came_back(self, boot, before, begin):
        said = boot.guest.read_until(r"^(WOKE post .*|READY)$", 600)
        self.assertEqual(said[-1], f"WOKE post {self.hibernate.split()[-1]}", "\n".join(line for line in boot.console().splitlines() if "hib" in line))
        boot.guest.send("echo BACK")
        boot.guest.read_until("^BACK$")
        boot.guest.read_until(r"^CODE \d+$")
        self.figures[-1].append(time.monotonic() - begin)
        self.assert_goes_on(boot, before)
        self.say(f"cycle {len(self.figures)}: saved in {self.figures[-1][0]:.1f} s, back in {self.figures[-1][1]:.1f} s")

    def cycles(self, count):
        with self.boot() as boot:
            self.ready(boot)
            self.say("booted")
            self.assertEqual(boot.do("busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager CanHibernate"), 's "yes"')
            self.rehearse(boot)
            self.arm_again(boot)
            self.checkpoint(boot)
            self.arm_again(boot)
            before = self.save(boot)
        for number in range(count):
            begin = time.monotonic()
            with self.boot(self.resume) as boot:
                self.came_back(boot, before, begin)
                self.wait_armed(boot, before)
                if number + 1 < count:
                    before = self.save(boot)
                else:
                    self.assert_ends_well(boot)
        self.say(f"warnings: {sorted(self.warnings)}")
        self.assertEqual(sorted(self.warnings), [])

    def wait_for_writing(self, mib=8, timeout=120):
        """Until so much of the first image has reached the disk."""
        limit = time.monotonic() + timeout
        with open(self.guest.disks[0], "rb", buffering=0) as disk:
            while not any(os.pread(disk.fileno(), 4096, self.guest.image_begin + (mib << 20))):
                if time.monotonic() > limit:
                    raise TimeoutError(f"less than {mib} MiB after {timeout} s")
                time.sleep(0.01)  # to look all the time would take the guest's processor

    def test_the_saver_panics_while_it_saves(self):
        with self.boot() as boot:
            self.ready(boot)
            boot.do("hibtool arm -q --append unknown_nmi_panic --target /dev/disk/by-partlabel/hibernation", timeout=300)
            before = self.note(boot)
            boot.guest.send("hibtool hibernate")
            self.wait_for_writing()
            boot.guest.qmp.execute("inject-nmi")
            said = boot.guest.read_until(r"^CODE \d+$", 300)
            self.assertEqual(said[-1], "CODE 2", said)
            self.assertIn("saver: panic: NMI: Not continuing", said[-2])
            self.assert_goes_on(boot, before)
            self.arm_again(boot)
            self.checkpoint(boot)
            self.assert_ends_well(boot)
        self.assertEqual(sorted(self.warnings), [])

    def test_a_boot_that_does_not_go_back_says_why_and_keeps_the_image(self):
        with self.boot() as boot:
            self.ready(boot)
            self.save(boot)
        with self.boot("noresume") as boot:
            self.assertEqual(boot.wait(600), "READY")
            self.assertEqual(boot.do("systemctl is-active hibtool-arm", code=3), "failed")
            self.assertIn("an image that nobody has resumed from", boot.do("journalctl -b -o cat -u hibtool-arm"))
            boot.power_off()
        with self.boot() as boot:
            self.assertEqual(boot.wait(600), "READY")
            reason = r"device \S+ \(ext4 mounted at /\): written since"
            self.assertRegex(boot.do("journalctl -b -t hibtool -o cat"), reason)
            self.assertRegex(boot.console(), reason)
            boot.do("hibtool arm -q --force --target /dev/disk/by-partlabel/hibernation", timeout=300)
            self.assert_ends_well(boot)

    def test_one_power_cycle(self):
        self.cycles(1)

    def test_ten_power_cycles(self):
        self.cycles(10)


class Trixie(WholeSystem, unittest.TestCase):
    """UEFI, an ext4 root on a partition of an NVMe disk, the image on another partition of it."""
    goes_ten_times = True


class Bookworm(WholeSystem, unittest.TestCase):
    """UEFI, an ext4 root on a partition of an NVMe disk, the image on another partition of it."""
    goes_ten_times = True
    variant = replace(WholeSystem.variant, release="bookworm")


class Luks(WholeSystem, unittest.TestCase):
    """The root is ext4 in LUKS, which the initramfs unlocks with a key file of its own."""
    goes_ten_times = True
    variant = replace(WholeSystem.variant, root="luks", drivers=DRIVERS + "dm_crypt\naesni_intel\nxts\n", fstab=NO_SWAP.replace(f"UUID={ROOT_UUID}", "/dev/mapper/croot"))

    def made(self):
        made = super().made()
        return replace(made, files={**made.files, **self.unlocking()})

    def unlocking(self):
        key = self.folder / "key"
        key.write_text(KEY)
        key.chmod(0o600)
        return {"etc/keys/root.key": key, "etc/crypttab": "croot PARTLABEL=root /etc/keys/root.key luks,initramfs\n",
                "etc/cryptsetup-initramfs/conf-hook": "KEYFILE_PATTERN=/etc/keys/*.key\n", "etc/initramfs-tools/conf.d/umask": "UMASK=0077\n"}


class Passphrase(Luks):
    """The root is ext4 in LUKS, and somebody types the passphrase on the serial console at each boot."""
    variant = replace(Luks.variant, types=True)

    def unlocking(self):
        return {"etc/crypttab": "croot PARTLABEL=root none luks,initramfs\n"}

    @contextmanager
    def boot(self, append=""):
        with super().boot(append) as boot:
            self.guest.type(boot, "Please unlock disk croot", KEY, "croot: set up successfully")
            yield boot


class Btrfs(WholeSystem, unittest.TestCase):
    """The root is btrfs."""
    goes_ten_times = True
    variant = replace(WholeSystem.variant, root="btrfs", fstab=NO_SWAP.replace("ext4 errors=remount-ro 0 1", "btrfs defaults 0 0"))


class BookwormLuks(Luks):
    variant = replace(Luks.variant, release="bookworm")


class BookwormPassphrase(Passphrase):
    variant = replace(Passphrase.variant, release="bookworm")


class BookwormBtrfs(Btrfs):
    variant = replace(Btrfs.variant, release="bookworm")


class SwapDevice(WholeSystem, unittest.TestCase):
    """The image goes to a swap device, which is one again after each way back."""
    SWAP = "/dev/disk/by-partlabel/swap"
    variant = replace(WholeSystem.variant, swap_mib=1024, image_mib=16, files={"etc/hibtool.conf": configured(SWAP), **dict.fromkeys((PLACE, KNOWN), place(SWAP))})

    def came_back(self, boot, before, begin):
        super().came_back(boot, before, begin)
        self.wait_armed(boot, before)
        boot.do(f"systemctl stop hibtool-arm && udevadm settle && swapon UUID={SWAP_UUID}")
        self.assertIn("in use", boot.do(f"hibtool arm --target {self.SWAP} 2>&1", code=4))
        boot.do("swapoff -a && systemctl start hibtool-arm")


class SwapFile(WholeSystem, unittest.TestCase):
    """The image goes to the blocks of a file on the ext4 root, which was a swap file. Arming tells the initramfs where they lie."""
    variant = replace(WholeSystem.variant, image_mib=16, files={"etc/hibtool.conf": configured("/swapfile")})

    def setUp(self):
        super().setUp()
        with self.boot() as boot:
            self.assertEqual(boot.wait(600), "READY")
            boot.do("fallocate -l 640M /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile")
            self.assertIn("in use: the machine swaps to it", boot.do("hibtool arm --force --target /swapfile 2>&1", code=4))
            boot.do("swapoff /swapfile")
            self.assertIn("a file with something in it, expected a preallocated one; --force overwrites it", boot.do("hibtool arm --target /swapfile 2>&1", code=4))
            boot.do("rm /swapfile && fallocate -l 640M /swapfile && systemctl restart hibtool-arm", timeout=600)
            self.assertRegex(boot.do(f"cat /{PLACE}"), rf"^DEVICE='/dev/disk/by-uuid/{ROOT_UUID}'\nOFFSET=[1-9]\d*\n")
            boot.power_off()
        self.guest.take_initramfs()


class StandBy(WholeSystem, unittest.TestCase):
    """The saver stands by."""
    goes_ten_times = True
    variant = replace(WholeSystem.variant, files={"etc/hibtool.conf": configured(STANDBY="yes")})


class ThroughTheSaver(WholeSystem, unittest.TestCase):
    """The restorer lacks the module: the saver goes back."""
    variant = replace(WholeSystem.variant, files={"etc/hibtool.conf": configured(KERNEL="yes"), **dict.fromkeys((PLACE, KNOWN), place(kernel="yes"))})
    resume = "module_blacklist=hibjump"


class LuksStandBy(Luks):
    """The root is in LUKS, and the saver stands by."""
    goes_ten_times = False
    variant = replace(Luks.variant, files=StandBy.variant.files)


class LuksThroughTheSaver(Luks):
    """The root is in LUKS, and the restorer lacks the module: the saver goes back."""
    goes_ten_times = False
    variant = replace(Luks.variant, files=ThroughTheSaver.variant.files)
    resume = ThroughTheSaver.resume


class Dracut(WholeSystem, unittest.TestCase):
    """dracut has made the initramfs, in which systemd runs."""
    variant = replace(WholeSystem.variant, maker="dracut", modules="hibtool")


class SuspendThenHibernate(WholeSystem, unittest.TestCase):
    """It sleeps at first, and hibernates when the clock wakes it."""
    variant = replace(WholeSystem.variant, files={"etc/systemd/sleep.conf.d/test.conf": "[Sleep]\nHibernateDelaySec=20s"})
    hibernate = "systemctl suspend-then-hibernate"


class FallsBack(WholeSystem, unittest.TestCase):
    """No memory is set aside for the saver, so that the kernel hibernates by itself, into its swap area."""
    variant = replace(WholeSystem.variant, append=f"resume=UUID={SWAP_UUID}", resume=f"UUID={SWAP_UUID}", fstab=FSTAB, swap_mib=1024)

    def cycles(self, count):
        with self.boot() as boot:
            self.assertEqual(boot.wait(600), "READY")
            boot.do("until grep -q \"'network': [1-9]\" /dev/shm/worker; do sleep 1; done", timeout=300)
            before = self.save(boot)
        for number in range(count):
            begin = time.monotonic()
            with self.boot() as boot:
                self.came_back(boot, before, begin)
                said = boot.do("journalctl -b -o cat -u systemd-hibernate")
                self.assertIn("region: no memory is set aside for the saver", said)
                self.assertIn("hibtool did not hibernate, as said above: the kernel does, by itself", said)
                if number + 1 < count:
                    before = self.save(boot)
                else:
                    self.assert_ends_well(boot)


class Crowded(WholeSystem, unittest.TestCase):
    """4 processors, PCI Express, a graphics card with a console on it, a keyboard and a disk on USB, e1000e."""
    variant = replace(WholeSystem.variant, cpus=4, machine="q35")
    card = "e1000e"

    def setUp(self):
        super().setUp()
        stick = self.folder / "stick"
        with open(stick, "wb") as made:
            made.truncate(64 << 20)
        self.devices = ["-device", "VGA", "-device", "qemu-xhci", "-device", "usb-kbd", "-drive", f"if=none,id=stick,format=raw,file={stick}",
                        "-device", "usb-storage,drive=stick,serial=stick"]


class Roomy(WholeSystem, unittest.TestCase):
    """8 GiB of memory, 4 processors, PCI Express."""
    variant = replace(WholeSystem.variant, memory_mib=8192, cpus=4, machine="q35", image_mib=2048)


if __name__ == "__main__":
    unittest.main(verbosity=2)
