"""Hibernations that fail, made to happen in guests with Debian's own kernels. Each function below FAILURES makes one failure and
returns what a person would have afterwards: the serial console of each boot, and the disk. make_failures.py keeps that as
tests/corpus/diagnose."""

import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import initramfs
import jump
import kernel
import workload
from gdb import GdbStub
from guest import Guest, GuestError

HERE = Path(__file__).resolve().parent
PAGE = 4096
DISKS = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
LZ4 = ("lz4", "lz4_compress")

# A boot is a shell on the control channel: what it does, a failure says line by line.
SHELL = r"""
insert() { insmod /extra/$1.ko $2; }
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
mkdir -p /mnt /full
echo READY
while read -r line; do
  eval "$line"
  echo "CODE $?"
done
"""
SAVE = "echo disk > /sys/power/state; echo STATE $?"
RESUME = "cat /sys/class/block/{device}/dev > /sys/power/resume"
# Files in a ramfs cannot be swapped out.
FILL = "mount -t ramfs none /full; dd if=/dev/zero of=/full/file bs=1M count={mib}"


class FailureError(Exception):
    pass


@dataclass
class Evidence:
    """What is left of a hibernation."""
    kernel: str   # the release that saved
    disk: Path
    logs: dict = field(default_factory=dict)  # "saving" -> the console's text
    offset: int = 0  # of the swap header, in pages
    note: str = ""   # what was seen beside
    shows: str = ""  # what the disk alone shows, where that is not as expected of all kernels


@dataclass
class Failure:
    name: str
    series: str
    make: object
    code: str       # what diagnose should say
    also: tuple     # codes that are right, too
    disk: str       # what the disk alone shows: inspect's state, or a code
    note: str


FAILURES = {}


def failure(code, disk, series=("6.1", "6.12"), also=()):
    """Adds a function (bench, series) -> Evidence to FAILURES, once for each kernel."""
    def add(make):
        for one in series:
            name = f"{make.__name__.replace('_', '-')}-{one}"
            FAILURES[name] = Failure(name, one, make, code, tuple(also), disk, " ".join((make.__doc__ or "").split()))
        return make
    return add


class Bench:
    """A folder in which failures happen, and the images that several of them begin with. `files`: what every guest has besides, name
    in the guest -> Path."""

    def __init__(self, folder, cache, files=None):
        self.folder, self.cache, self.files = Path(folder), Path(cache), files or {}
        self._saved, self._initramfs, self._disks = {}, {}, 0

    # ---- disks

    def disk(self, mib=192, swap=True):
        """An empty one, or one that mkswap was run on."""
        self._disks += 1
        path = self.folder / f"disk{self._disks}"
        with open(path, "wb") as file:
            file.truncate(mib << 20)
        if swap:
            run("mkswap", "-q", "-L", "hibswap", path)
        return path

    def ext4(self, mib=64):
        disk = self.disk(mib, swap=False)
        run("mke2fs", "-q", "-t", "ext4", "-b", "4096", disk)
        return disk

    def copy(self, disk):
        self._disks += 1
        target = self.folder / f"disk{self._disks}"
        run("cp", "--sparse=always", disk, target)
        return target

    # ---- boots

    @contextmanager
    def boot(self, *disks, series="6.1", append="", modules=DISKS + LZ4, memory_mib=256, hardware_signature=None, extra=(), slow=False,
             forgetful=False, loglevel="ignore_loglevel", **machine):
        """A guest in its shell. `hardware_signature`: of its firmware, which has none otherwise. `slow`: its disks are.
        `forgetful`: what is written to its disks is lost with the power, as out of a disk's cache.
        `loglevel`: as usual, all that the kernel says, and not what gets through "quiet"."""
        found = kernel.fetch_headers(series, self.cache)
        options = (",throttling.bps-write=10000000" if slow else "") + (",snapshot=on" if forgetful else "")
        drives = [f"file={disk},if=virtio,format=raw{options}" for disk in disks]
        debugger = self.folder / "gdb"
        if hardware_signature is not None:
            extra = [*extra, "-gdb", f"unix:{debugger},server=on,wait=off"]
        with Guest(found, self._initramfs_for(series, tuple(modules)), memory_mib, append=f"{loglevel} {append}".strip(),
                   drives=drives, extra=extra, **machine) as guest:
            if hardware_signature is not None:
                put_hardware_signature(guest, debugger, hardware_signature)
            guest.read_until("^READY$", 180)
            yield Boot(guest)

    def _initramfs_for(self, series, modules):
        if (series, modules) not in self._initramfs:
            found = kernel.fetch_headers(series, self.cache)
            files = {"extra/badsleep.ko": jump.build_module(found, self.cache, HERE / "badsleep.c")}
            files.update(self.files)
            zram = found.module_files(["zram"])
            files["extra/zram"] = "".join(f"{module.name.split('.')[0]}\n" for module in zram).encode()
            for module in zram:
                files[f"extra/{module.name.removesuffix('.xz')}"] = kernel.read_module(module)
            for name, source in (("secret", "secret.c"), ("first-block", "workload.c")):
                files[f"bin/{name}"] = self.folder / name
                if not files[f"bin/{name}"].exists():
                    workload.compile_workload(HERE / source, files[f"bin/{name}"])
            path = self.folder / f"initrd{len(self._initramfs)}"
            self._initramfs[series, modules] = initramfs.build(path, found, modules, files, SHELL)
        return self._initramfs[series, modules]

    # ---- images

    def saved(self, series="6.1", append="", prepare=(), disks=None, **machine):
        """A machine that hibernated as it should: its disks are copies, and each caller has copies of its own."""
        key = repr((series, append, prepare, disks, sorted(machine.items())))
        if key not in self._saved or disks is not None:
            made = [self.disk(), *(make() for make in disks or ())]
            with self.boot(*made, series=series, append=append, **machine) as boot:
                for line in ("swapon /dev/vda", *prepare):
                    boot.do(line)
                boot.save()
                self._saved[key] = (made, boot.console(), release_of(boot.console()))
        made, console, release = self._saved[key]
        copies = [self.copy(disk) for disk in made]
        return Saved(release, console, copies)


@dataclass
class Saved:
    kernel: str
    console: str
    disks: list

    @property
    def disk(self):
        return self.disks[0]

    def then(self, restoring, note="", **logs):
        return Evidence(self.kernel, self.disk, {"saving": self.console, **logs, "restoring": restoring}, note=note)


class Boot:
    """The shell of a guest."""

    def __init__(self, guest):
        self.guest = guest

    def console(self):
        return self.guest.console_path.read_bytes().decode(errors="surrogateescape")

    def do(self, line, timeout=180, code=0):
        """Runs a line; what it said. It has to end with that code, or with any if that is None."""
        self.guest.send(line)
        said = self.guest.read_until(r"^CODE \d+$", timeout)
        if code is not None and said[-1] != f"CODE {code}":
            raise FailureError(f"{line}: {said}")
        return "\n".join(said[:-1])

    def save(self, timeout=180):
        """Hibernates, and waits until the machine is off."""
        self.guest.send(SAVE)
        self.guest.wait_end(timeout)

    def save_in_vain(self):
        """Hibernates, and expects to be here still. What it said."""
        said = self.do(SAVE)
        if "STATE 0" in said:
            raise FailureError("it hibernated, and came back")
        return said

    def resume(self, device="vda", timeout=180):
        """Whether the machine of the image came back."""
        self.guest.send(RESUME.format(device=device))
        said = self.guest.read_until(r"^(CODE|STATE) \d+$", timeout)
        if said[-1].startswith("CODE"):
            return False
        self.guest.read_until(r"^CODE \d+$", timeout)
        return True

    def resume_in_vain(self, device="vda"):
        if self.resume(device):
            raise FailureError("it resumed")

    def resume_into_silence(self, said, seconds=20):
        """Jumps into a machine that says no more. There is no event to wait for: it is given some time."""
        self.guest.send(RESUME.format(device="vda"))
        self.guest.wait_console(said, 180)
        try:
            self.guest.read_until(r"^(CODE|STATE) \d+$", seconds)
        except GuestError as silence:  # as it should
            return str(silence).splitlines()[0]
        raise FailureError("it said something")


def resumes_in_vain(bench, saved, series, **machine):
    """What is left after a boot that asked its kernel to resume, and went on."""
    with bench.boot(saved.disk, series=series, **machine) as boot:
        boot.resume_in_vain()
        return saved.then(boot.console())


# ---- all goes well


@failure("resumed", "consumed")
def healthy(bench, series):
    """The machine saved, and came back."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series) as boot:
        if not boot.resume():
            raise FailureError("it did not resume")
        boot.do("true")
        return saved.then(boot.console())


@failure("never", "none", series=("6.12",))
def never(bench, series):
    """No boot hibernated. The boot asked its kernel to resume, as each boot does."""
    disk = bench.disk()
    with bench.boot(disk, series=series) as boot:
        boot.resume_in_vain()
        return Evidence(release_of(boot.console()), disk, {"restoring": boot.console()})


@failure("not-tried", "armed", series=("6.12",), also=("armed",))
def not_tried(bench, series):
    """The next boot did not ask its kernel to resume."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do("true")
        return saved.then(boot.console())


# ---- another machine


@failure("memory-size", "consumed", also=("memory-map",))
def other_memory_size(bench, series):
    """256 MiB saved, 320 MiB restoring."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, memory_mib=320)


@failure("memory-size", "consumed")
def memory_size_by_command_line(bench, series):
    """The restoring boot had mem=200M: the firmware's map is the same, the number of pages is not."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, append="mem=200M")


@failure("memory-size", "consumed", series=("6.1",), also=("memory-map",))
def firmware_took_memory(bench, series):
    """The firmware kept 15 pages more of RAM for itself (its tables have grown)."""
    saved = bench.saved(series)
    text = bench.folder / "text"
    text.write_text("x" * 60000)
    return resumes_in_vain(bench, saved, series, extra=("-smbios", f"type=11,path={text}"))


@failure("memory-map", "consumed")
def memory_map_moved(bench, series):
    """The same number of pages of RAM, half of them at another address (max-ram-below-4g=128M)."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, machine="pc,max-ram-below-4g=128M")


@failure("memory-map", "consumed")
def memory_map_moved_and_quiet(bench, series):
    """The same with "quiet", as Debian's boot loader has it: the console shows errors alone."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, machine="pc,max-ram-below-4g=128M", loglevel="quiet")


@failure("resumed", "consumed", series=("6.12",))
def healthy_and_quiet(bench, series):
    """Saved and came back with "quiet": the console shows nearly nothing."""
    disk = bench.disk()
    with bench.boot(disk, series=series, loglevel="quiet") as boot:
        boot.do("swapon /dev/vda")
        boot.save()
        saving = boot.console()
    with bench.boot(disk, series=series, loglevel="quiet") as boot:
        if not boot.resume():
            raise FailureError("it did not resume")
        boot.do("true")
        return Evidence(kernel.fetch(series, bench.cache).release, disk, {"saving": saving, "restoring": boot.console()})


@failure("memory-map", "consumed", series=("6.12",))
def reserved_regions_differ(bench, series):
    """The same RAM at the same addresses; two reserved regions more (machine q35 instead of pc)."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, machine="q35")


@failure("resumed", "consumed", series=("6.1",))
def restored_by_6_12(bench, series):
    """Saved by 6.1, restored by 6.12 on the same machine: on x86 any kernel may restore."""
    saved = bench.saved(series)
    return resumed_by_chance(saved, bench.boot(saved.disk, series="6.12"))


@failure("other-kernel", "consumed", series=("6.12",), also=("damaged",))
def restored_by_6_1(bench, series):
    """Saved by 6.12, restored by 6.1 on the same machine. 6.12 marks zero pages in the PFN list, which 6.1 takes for pages that
    it does not have: -14, and no other word."""
    saved = bench.saved(series)
    return resumed_by_chance(saved, bench.boot(saved.disk, series="6.1"))


@failure("other-processor", "consumed", also=("hung", "consumed"))
def other_processor(bench, series):
    """Saved on a processor with all that QEMU has, restored on one without (qemu64)."""
    saved = bench.saved(series)
    return resumed_by_chance(saved, bench.boot(saved.disk, series=series, processor="qemu64"))


@failure("resumed", "consumed", series=("6.1",))
def more_processors(bench, series):
    """Saved with one processor, restored with two."""
    saved = bench.saved(series)
    return resumed_by_chance(saved, bench.boot(saved.disk, series=series, cpus=2))


@failure("hardware-signature", "consumed")
def hardware_signature(bench, series):
    """acpi_sleep=s4_hwsig, and another hardware signature in the FACS of the restoring boot."""
    obeys = "acpi_sleep=s4_hwsig earlycon=uart8250,io,0x3f8"
    disk = bench.disk()
    logs = {}
    with bench.boot(disk, series=series, append=obeys, hardware_signature=0x11111111) as boot:
        boot.do("swapon /dev/vda")
        boot.save()
        logs["saving"] = boot.console()
    with bench.boot(disk, series=series, append=obeys, hardware_signature=0x22222222) as boot:
        boot.resume_in_vain()
        logs["restoring"] = boot.console()
    return Evidence(release_of(logs["saving"]), disk, logs)


@failure("resumed", "consumed", series=("6.12",))
def no_hardware_signature(bench, series):
    """acpi_sleep=s4_hwsig, and firmware that had no hardware signature (0) when the machine saved; it has one when it restores."""
    obeys = "acpi_sleep=s4_hwsig earlycon=uart8250,io,0x3f8"
    saved = bench.saved(series, append=obeys)
    with bench.boot(saved.disk, series=series, append=obeys, hardware_signature=0x22222222) as boot:
        if not boot.resume():
            raise FailureError("it did not resume")
        return saved.then(boot.console())


# ---- another place


@failure("wrong-place", "armed", also=("not-tried",))
def missing_device(bench, series):
    """resume= on the kernel's command line names a disk that is not there; nobody wrote to /sys/power/resume."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series, append="resume=/dev/vdz9") as boot:
        boot.do("true")
        return saved.then(boot.console())


@failure("wrong-place", "armed")
def other_swap_device(bench, series):
    """The boot looked at another swap area (vdb), which is empty."""
    saved = bench.saved(series)
    other = bench.disk()
    with bench.boot(saved.disk, other, series=series) as boot:
        boot.resume_in_vain("vdb")
        return saved.then(boot.console())


@failure("device-moved", "armed", series=("6.12",), also=("wrong-place",))
def names_exchanged(bench, series):
    """Another disk is vda now; the one with the image is vdb. The boot looked at vda, as configured."""
    saved = bench.saved(series)
    with bench.boot(bench.ext4(), saved.disk, series=series) as boot:
        boot.resume_in_vain("vda")
        return saved.then(boot.console())


@failure("device-moved", "armed", also=("wrong-place",))
def number_of_nothing(bench, series):
    """resume= gives the device by its number, 254:16. A disk before it was taken out, and it is 254:0 now: no device has the number."""
    disks = [bench.ext4(), bench.disk()]
    with bench.boot(*disks, series=series, append="resume=254:16") as boot:
        boot.do("swapon /dev/vdb")
        boot.save()
        logs = {"saving": boot.console()}
    with bench.boot(disks[1], series=series, append="resume=254:16") as boot:
        said = boot.do("echo 254:16 > /sys/power/resume", code=None)
        logs["restoring"] = boot.console()
    return Evidence(release_of(logs["saving"]), disks[1], logs, note=f"The shell: {said}.")


@failure("device-moved", "armed", also=("wrong-place",))
def disk_taken_out(bench, series):
    """The disk with the swap area is not there at the next boot; another one has its name and number."""
    saved = bench.saved(series)
    with bench.boot(bench.ext4(), series=series, append="resume=/dev/vda") as boot:
        boot.resume_in_vain()
        return saved.then(boot.console())


@failure("file-system-written", "consumed", also=("resumed", "broke-after", "wrong-place"))
def mounted_before_the_resume(bench, series):
    """A swap file; the boot mounted its file system before it asked its kernel to resume."""
    saved = swap_file(bench, series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do(f"mount -t ext4 /dev/vda /mnt && echo {saved.offset} > /sys/power/resume_offset && echo x > /mnt/others/between && sync")
        came_back = boot.resume()
        boot.do("ls /mnt/others; echo x > /mnt/others/after; sync; umount /mnt", code=None)
        evidence = saved.then(boot.console(), note="The machine came back." if came_back else "The kernel refused.")
        evidence.shows = "consumed" if came_back else "armed"
        return evidence


@failure("wrong-place", "armed")
def wrong_offset(bench, series):
    """A swap file; the boot was given an offset that is none of it."""
    saved = swap_file(bench, series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do(f"echo {saved.offset + 17} > /sys/power/resume_offset")
        boot.resume_in_vain()
        return saved.then(boot.console(), note=f"The file begins at {saved.offset}, the boot looked at {saved.offset + 17}.")


@failure("wrong-place", "armed", also=("swap-file",))
def stale_offset(bench, series):
    """A swap file that was made anew before the machine hibernated; the boot was given the offset of the one before."""
    saved = swap_file(bench, series, anew=True)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do(f"echo {saved.earlier} > /sys/power/resume_offset")
        boot.resume_in_vain()
        return saved.then(boot.console(), note=f"The file begins at {saved.offset}, the boot looked at {saved.earlier}.")


@failure("wrong-place", "armed", series=("6.12",))
def offset_forgotten(bench, series):
    """A swap file; the boot was given its disk and no offset."""
    saved = swap_file(bench, series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.resume_in_vain()
        return saved.then(boot.console(), note=f"The file begins at {saved.offset}.")


@failure("resumed", "consumed", series=("6.12",))
def swap_file_resumes(bench, series):
    """A swap file, and the right offset."""
    saved = swap_file(bench, series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do(f"echo {saved.offset} > /sys/power/resume_offset")
        if not boot.resume():
            raise FailureError("it did not resume")
        return saved.then(boot.console(), note=f"The file begins at {saved.offset}.")


# ---- the image is damaged


@failure("damaged", "consumed")
def damaged_literal(bench, series):
    """A byte of a literal of an LZO chunk is another one."""
    return damaged(bench, series, "literal")


@failure("damaged", "consumed")
def damaged_control(bench, series):
    """Bytes in the middle of an LZO chunk are 0: what decides how it goes on is among them."""
    return damaged(bench, series, "control")


@failure("damaged", "consumed")
def damaged_length(bench, series):
    """The length of an LZO chunk is another one."""
    return damaged(bench, series, "length")


@failure("damaged", "consumed")
def damaged_map_page(bench, series):
    """An entry of the second map page leads behind the end of the disk."""
    return damaged(bench, series, "map")


@failure("damaged", "consumed", series=("6.12",), also=("memory-map",))
def damaged_pfn_list(bench, series):
    """hibernate=nocompress: an entry of the PFN list names a page that is no RAM."""
    return damaged(bench, series, "pfn", append="hibernate=nocompress")


@failure("damaged", "consumed", series=("6.12",), also=("resumed", "broke-after"))
def damaged_page_without_a_checksum(bench, series):
    """hibernate=nocompress: a page of the image is another one, and no checksum tells."""
    return damaged(bench, series, "page", append="hibernate=nocompress")


@failure("damaged", "consumed")
def truncated_disk(bench, series):
    """The disk ends in the middle of the image."""
    saved = bench.saved(series)
    blocks = image_blocks(saved.disk)
    with open(saved.disk, "r+b") as disk:
        disk.truncate(blocks[len(blocks) // 2] * PAGE)
    return resumes_in_vain(bench, saved, series)


@failure("memory-size", "overwritten", also=("overwritten",))
def swap_used_after_a_failed_resume(bench, series):
    """The resume failed (mem=200M); the boot used the swap area, and pages of its own lie over the image."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series, append="mem=200M") as boot:
        boot.resume_in_vain()
        boot.do("swapon /dev/vda")
        boot.do("mount -t tmpfs -o size=150M none /full && dd if=/dev/urandom of=/full/file bs=1M count=140", timeout=600)
        boot.do("grep vda /proc/swaps")
        return saved.then(boot.console(), note=boot.do("cat /proc/swaps | tail -n 1").replace("\t", " "))


@failure("overwritten", "none", series=("6.12",), also=("not-tried",))
def mkswap_over_it(bench, series):
    """The next boot did not try, and the swap area was made anew (mkswap of util-linux)."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do("true")
        restoring = boot.console()
    run("mkswap", "-q", saved.disk)
    return saved.then(restoring)


@failure("not-tried", "consumed", series=("6.12",), also=("overwritten", "consumed"))
def swapon_before_the_resume(bench, series):
    """The next boot did not try; a swapon like util-linux's put the swap signature back before it used the area."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do("dd if=/dev/vda of=/tmp/page bs=4096 count=1; printf SWAPSPACE2 | dd of=/tmp/page bs=1 seek=4086 conv=notrunc; "
                "dd if=/tmp/page of=/dev/vda bs=4096 conv=notrunc; sync; swapon /dev/vda")
        return saved.then(boot.console())


# ---- saving fails


def killed_at(percent):
    def make(bench, series):
        disk = bench.disk()
        with bench.boot(disk, series=series, slow=True) as boot:
            boot.do("swapon /dev/vda")
            boot.guest.send(SAVE)
            boot.guest.wait_console(rf"Image saving progress: +{percent}%", 120)
            boot.guest.qmp.execute("stop")  # what was not written by now never is
            logs = {"saving": boot.console()}
        with bench.boot(disk, series=series) as boot:
            boot.resume_in_vain()
            logs["restoring"] = boot.console()
        return Evidence(release_of(logs["saving"]), disk, logs)
    make.__name__ = f"killed_at_{percent}_percent"
    make.__doc__ = f"The power went when {percent} % of the image was written."
    return make


for percent, kernels in ((0, ("6.12",)), (50, ("6.1", "6.12")), (90, ("6.12",))):
    failure("save-interrupted", "none", kernels)(killed_at(percent))


@failure("no-space", "none")
def swap_too_small(bench, series):
    """A swap area of 16 MiB."""
    return saved_in_vain(bench, series, bench.disk(16))


@failure("no-space", "none")
def swap_too_small_without_compression(bench, series):
    """A swap area of 16 MiB, and hibernate=nocompress."""
    return saved_in_vain(bench, series, bench.disk(16), append="hibernate=nocompress")


@failure("no-space", "none", series=("6.12",))
def no_swap(bench, series):
    """No swap area at all."""
    return saved_in_vain(bench, series, bench.disk(), swapon=False)


@failure("no-snapshot-memory", "none")
def no_memory_for_the_snapshot(bench, series):
    """Files in a ramfs fill 60 % of the memory: there is no room for a copy of it."""
    return saved_in_vain(bench, series, bench.disk(), FILL.format(mib=120))


@failure("driver-refused", "none")
def driver_refuses_to_save(bench, series):
    """A driver does not stop its device for the snapshot."""
    return saved_in_vain(bench, series, bench.disk(), "insert badsleep fail_freeze=1")


@failure("unknown", "none", also=("driver-refused",))
def task_that_does_not_freeze(bench, series):
    """A process is in an uninterruptible sleep. There is no code for it."""
    return saved_in_vain(bench, series, bench.disk(), "insert badsleep; echo 1 > /sys/module/badsleep/parameters/stay &")


@failure("lockdown", "none")
def lockdown(bench, series):
    """lockdown=integrity on the command line, as Secure Boot sets it."""
    return saved_in_vain(bench, series, bench.disk(), append="lockdown=integrity")


@failure("lockdown", "armed")
def lockdown_when_restoring(bench, series):
    """Saved without lockdown, restoring with lockdown=integrity."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, append="lockdown=integrity")


@failure("inhibited", "none")
def nohibernate(bench, series):
    """nohibernate on the command line."""
    return saved_in_vain(bench, series, bench.disk(), append="nohibernate")


@failure("inhibited", "armed", series=("6.12",), also=("not-tried",))
def nohibernate_when_restoring(bench, series):
    """Saved without, restoring with nohibernate on the command line."""
    saved = bench.saved(series)
    return resumes_in_vain(bench, saved, series, append="nohibernate")


@failure("inhibited", "none")
def secret_memory(bench, series):
    """A process holds memory of memfd_secret(2)."""
    return saved_in_vain(bench, series, bench.disk(), "secret > /tmp/said & until grep -q . /tmp/said; do usleep 100000; done; cat /tmp/said",
                         append="secretmem.enable=1")


@failure("ephemeral-swap", "none")
def zram_alone(bench, series):
    """The only swap area is in memory (zram): if the image goes there, it dies with the power."""
    disk = bench.disk(16, swap=False)
    logs = {}
    with bench.boot(disk, series=series) as boot:
        boot.do("for name in $(cat /extra/zram); do insert $name; done; echo 400M > /sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0", code=0)
        boot.guest.send(SAVE)
        said = until_it_ends_or_says(boot, r"^CODE \d+$")
        logs["saving"] = boot.console()
    with bench.boot(disk, series=series) as boot:
        boot.resume_in_vain()
        logs["restoring"] = boot.console()
    return Evidence(release_of(logs["saving"]), disk, logs, note=said)


# ---- restoring fails


@failure("driver-refused", "consumed")
def driver_refuses_to_restore(bench, series):
    """A driver of the restoring boot does not stop its device; the image was read whole."""
    saved = bench.saved(series)
    with bench.boot(saved.disk, series=series) as boot:
        boot.do("insert badsleep fail_freeze=1")
        boot.resume_in_vain()
        return saved.then(boot.console())


@failure("codec-missing", "consumed", series=("6.12",))
def codec_missing(bench, series):
    """An lz4 image; the initramfs of the restoring boot has no lz4."""
    saved = bench.saved(series, append="hibernate.compressor=lz4")
    return resumes_in_vain(bench, saved, series, modules=DISKS)


@failure("resumed", "consumed", series=("6.12",))
def lz4_resumes(bench, series):
    """An lz4 image, and lz4 in the initramfs."""
    saved = bench.saved(series, append="hibernate.compressor=lz4")
    with bench.boot(saved.disk, series=series) as boot:
        if not boot.resume():
            raise FailureError("it did not resume")
        return saved.then(boot.console())


@failure("no-memory-to-load", "consumed")
def no_memory_to_load(bench, series):
    """Files in a ramfs fill the memory of the restoring boot before it asks its kernel to resume."""
    saved = bench.saved(series, prepare=("mount -t tmpfs none /tmp && dd if=/dev/urandom of=/tmp/file bs=1M count=50",))
    with bench.boot(saved.disk, series=series) as boot:
        boot.do(FILL.format(mib=130))
        boot.resume_in_vain()
        return saved.then(boot.console())


@failure("hung", "consumed", also=("consumed",))
def driver_hangs_after_the_jump(bench, series):
    """A driver of the machine that was saved hangs when it is woken; the console is silent after the jump."""
    saved = bench.saved(series, prepare=("insert badsleep hang_restore=1",))
    with bench.boot(saved.disk, series=series) as boot:
        silence = boot.resume_into_silence("Image successfully loaded")
        return saved.then(boot.console(), note=f"Then: {silence}.")


@failure("hung", "consumed", series=("6.12",), also=("consumed",))
def driver_hangs_and_the_console_is_not_suspended(bench, series):
    """The same with no_console_suspend in both boots: the restored machine's first lines are seen."""
    saved = bench.saved(series, append="no_console_suspend", prepare=("insert badsleep hang_restore=1",))
    with bench.boot(saved.disk, series=series, append="no_console_suspend") as boot:
        silence = boot.resume_into_silence("Image successfully loaded")
        return saved.then(boot.console(), note=f"Then: {silence}.")


@failure("every-entry-tries", "armed", also=("hung",))
def every_entry_tries(bench, series):
    """A driver of the machine that was saved hangs when it is woken. The kernel takes the signature away before it reads the image, but the disk
    has that in its cache only when the power is cut: the next boot tries again, and hangs again."""
    saved = bench.saved(series, prepare=("insert badsleep hang_restore=1",))
    logs = {}
    for name in ("between", "restoring"):
        with bench.boot(saved.disk, series=series, forgetful=True) as boot:
            boot.resume_into_silence("Image successfully loaded")
            logs[name] = boot.console()
    return saved.then(logs["restoring"], between=logs["between"])


@failure("broke-after", "consumed", series=("6.12",), also=("resumed",))
def driver_does_not_wake(bench, series):
    """The machine came back; one driver says that it did not wake its device."""
    saved = bench.saved(series, prepare=("insert badsleep fail_restore=1",))
    with bench.boot(saved.disk, series=series) as boot:
        if not boot.resume():
            raise FailureError("it did not resume")
        return saved.then(boot.console())


# ---- file systems


WRITE = "mount -t ext4 /dev/vdb /mnt && echo {text} > /mnt/{text} && sync"


@failure("memory-size", "consumed", also=("file-system-written",))
def written_after_a_failed_resume(bench, series):
    """The resume failed (mem=200M); the boot mounted a file system that the saved machine has mounted, and wrote to it."""
    saved = bench.saved(series, prepare=(WRITE.format(text="before"),), disks=(bench.ext4,))
    with bench.boot(*saved.disks, series=series, append="mem=200M") as boot:
        boot.resume_in_vain()
        boot.do(WRITE.format(text="between"))
        boot.do("umount /mnt")
        return saved.then(boot.console())


@failure("file-system-written", "consumed", also=("broke-after", "resumed"))
def written_in_between(bench, series):
    """A boot that did not try to resume mounted the machine's file system and wrote to it. The next one resumed."""
    saved = bench.saved(series, prepare=(WRITE.format(text="before"),), disks=(bench.ext4,))
    with bench.boot(*saved.disks, series=series, append="noresume") as boot:
        boot.do(WRITE.format(text="between"))
        boot.do("for name in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/mnt/$name bs=1M count=2; done; rm /mnt/before; umount /mnt")
        between = boot.console()
    with bench.boot(*saved.disks, series=series) as boot:
        came_back = boot.resume()
        said = boot.do("cat /mnt/before; ls /mnt; dd if=/dev/urandom of=/mnt/after bs=1M count=4; sync; ls /mnt", code=None) if came_back else ""
        evidence = saved.then(boot.console(), between=between)
    check = subprocess.run(["e2fsck", "-f", "-n", str(saved.disks[1])], capture_output=True, text=True)
    evidence.note = (f"It {'came back' if came_back else 'did not come back'}. e2fsck -n afterwards: exit {check.returncode}. "
                     f"In the machine that came back, /mnt/before (removed in between) and the names in /mnt (1 to 8 were made in between): {said!r}.")
    return evidence


@failure("other-boot", "armed", series=("6.12",), also=("not-tried", "file-system-written"))
def other_kernel_booted_in_between(bench, series):
    """Another kernel was booted, did not try, and wrote to the machine's file system."""
    saved = bench.saved(series, prepare=(WRITE.format(text="before"),), disks=(bench.ext4,))
    with bench.boot(*saved.disks, series="6.1", append="noresume") as boot:
        boot.do(WRITE.format(text="between"))
        boot.do("umount /mnt")
        return saved.then(boot.console())


# ---- helpers


def put_hardware_signature(guest, debugger, signature):
    """Into the FACS, once the kernel has said where that is, and before it reads it."""
    guest.wait_console(r"ACPI: FACS 0x[0-9A-F]+ ")
    address = int(re.search(r"ACPI: FACS 0x([0-9A-F]+) ", guest.console_path.read_text(errors="replace"))[1], 16)
    with GdbStub(debugger) as gdb:
        gdb.write_physical(address + 8, signature.to_bytes(4, "little"))
        gdb.go_on()


def resumed_by_chance(saved, booting):
    """A boot that may come back, be refused, or say no more."""
    with booting as boot:
        boot.guest.send(RESUME.format(device="vda"))
        outcome = until_it_ends_or_says(boot, r"^(CODE|STATE) \d+$", 60)
        return saved.then(boot.console(), note=outcome)


def until_it_ends_or_says(boot, pattern, timeout=120):
    try:
        said = boot.guest.read_until(pattern, timeout)[-1]
        return {"STATE 0": "The machine came back."}.get(said, f"The shell said {said}.")
    except GuestError as error:
        return f"The control channel: {str(error).splitlines()[0]}."


def saved_in_vain(bench, series, disk, prepare="true", append="", swapon=True):
    with bench.boot(disk, series=series, append=append) as boot:
        if swapon:
            boot.do("swapon /dev/vda")
        boot.do(prepare)
        said = boot.save_in_vain()
        state = boot.do("cat /sys/power/state /sys/power/disk")
        return Evidence(release_of(boot.console()), disk, {"saving": boot.console()},
                        note=f"The shell: {' / '.join(said.splitlines())}. /sys/power/state and disk: {' / '.join(state.splitlines())}.")


@dataclass
class SavedInFile(Saved):
    offset: int = 0   # of the swap file
    earlier: int = 0  # of the one before

    def then(self, restoring, note="", **logs):
        evidence = super().then(restoring, note, **logs)
        evidence.offset = self.offset
        return evidence


def swap_file(bench, series, anew=False):
    """A machine that hibernated into a swap file in an ext4 file system."""
    disk = bench.ext4(320)
    make = "dd if=/dev/zero of=/mnt/swapfile bs=1M count=128 && chmod 600 /mnt/swapfile && mkswap /mnt/swapfile && sync"
    offset = "first-block --first-block /mnt/swapfile"
    with bench.boot(disk, series=series) as boot:
        boot.do("mount -t ext4 /dev/vda /mnt && mkdir /mnt/others && echo x > /mnt/others/file")
        boot.do(make)
        earlier = int(boot.do(offset))
        if anew:
            boot.do("mv /mnt/swapfile /mnt/old; " + make + "; rm /mnt/old; sync")
        begin = int(boot.do(offset))
        boot.do("swapon /mnt/swapfile")
        boot.do(f"cat /sys/class/block/vda/dev > /sys/power/resume; echo {begin} > /sys/power/resume_offset; cat /sys/class/block/vda/dev > /sys/power/resume", code=None)
        boot.save()
        return SavedInFile(release_of(boot.console()), boot.console(), [disk], begin, earlier)


def image_blocks(disk):
    """The blocks that hold the image, in the order of reading."""
    return [int.from_bytes(entry, "little") for page in map_pages(disk) for entry in page[1]]


def map_pages(disk):
    """[(block of the map page, its entries)]"""
    pages = []
    with open(disk, "rb") as file:
        file.seek(PAGE - 32)  # struct swsusp_header ends with: u64 image, u32 flags, orig_sig[10], sig[10]
        block = int.from_bytes(file.read(8), "little")
        while block:
            file.seek(block * PAGE)
            words = file.read(PAGE)
            entries = [words[at:at + 8] for at in range(0, PAGE, 8)]
            pages.append((block, [entry for entry in entries[:-1] if any(entry)]))
            block = int.from_bytes(entries[-1], "little")
    return pages


def damaged(bench, series, what, append=""):
    saved = bench.saved(series, append=append)
    pages, blocks = map_pages(saved.disk), image_blocks(saved.disk)
    with open(saved.disk, "r+b") as disk:
        def change(offset, make):
            disk.seek(offset)
            before = disk.read(8)
            disk.seek(offset)
            disk.write(make(before))
            return f"At {offset:#x}: {before.hex()} before, {make(before).hex()} now."

        middle = blocks[len(blocks) // 2] * PAGE
        note = {
            # The first literal of a chunk follows its length and the byte that tells how many there are.
            "literal": lambda: change(chunk_start(disk, blocks, 3) + 8 + 4, lambda b: bytes([b[0] ^ 0x20]) + b[1:]),
            "control": lambda: change(middle + 2048, lambda b: bytes(8)),
            "length": lambda: change(chunk_start(disk, blocks, 3), lambda b: b[:2] + b"\xff" + b[3:]),
            "map": lambda: change(pages[1][0] * PAGE + 80, lambda b: b[:4] + b"\x01" + b[5:]),
            "pfn": lambda: change(blocks[1] * PAGE + 800, lambda b: b[:4] + b"\x01" + b[5:]),
            "page": lambda: change(middle, lambda b: bytes([b[0] ^ 1]) + b[1:]),
        }[what]()
    return restored_damaged(bench, series, saved, append, note)


def restored_damaged(bench, series, saved, append, note):
    with bench.boot(saved.disk, series=series, append=append) as boot:
        boot.guest.send(RESUME.format(device="vda"))
        outcome = until_it_ends_or_says(boot, r"^(CODE|STATE) \d+$", 60)
        return saved.then(boot.console(), note=f"{note} {outcome}")


def chunk_start(disk, blocks, number):
    """Where a chunk of a compressed image begins: block 0 is the info page, and each chunk is its length and its bytes, padded."""
    at = 1
    for _ in range(number):
        disk.seek(blocks[at] * PAGE)
        at += -(-(int.from_bytes(disk.read(8), "little") + 8) // PAGE)
    return blocks[at] * PAGE


def release_of(console):
    return re.search(r"Linux version (\S+)", console)[1]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise FailureError(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout
