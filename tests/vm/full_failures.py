"""Hibernations of a whole Debian 13 (full_guest.py) that fail, and one that does not: what systemd and initramfs-tools do and say.
Like failures.py, but what is left includes the journal and a captured tree. make_failures.py keeps it."""

import base64
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from failures import Failure
from full_guest import NO_UUID, ROOT_UUID, SWAP_UUID, FullGuest, FullGuestError, Variant

# The journal's messages that are kept: the kernel's, and of those who have to do with sleep, swap and disks.
SPEAKERS = ("systemd", "systemd-sleep", "systemd-logind", "systemd-hibernate-resume", "systemd-hibernate-resume-generator", "systemd-journald",
            "systemd-fsck", "systemd-cryptsetup", "systemd-fstab-generator", "systemd-gpt-auto-generator", "swapon", "mkswap")
LUKS_UUID = "30303030-3030-4030-8030-303030303030"
KEY = "/root/swap.key"
VARIABLE = "HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"


@dataclass
class Remains:
    guest: FullGuest
    logs: dict = field(default_factory=dict)      # console name -> text
    captured: dict = field(default_factory=dict)  # name of the tree -> its folder
    offset: int = 0
    note: str = ""
    disk: Path = None  # where the image is; the swap disk otherwise


FULL_FAILURES = {}


def full(code, disk, also=()):
    def add(make):
        name = f"full-{make.__name__.replace('_', '-')}"
        FULL_FAILURES[name] = Failure(name, "trixie", make, code, tuple(also), disk, " ".join((make.__doc__ or "").split()))
        return make
    return add


def save(remains, append=None, name="saving", disks=None, before="true"):
    """Boots, does `before`, hibernates. What systemctl said where it refused."""
    guest = remains.guest
    with guest.boot(append, disks=disks) as boot:
        if boot.wait(600) != "READY":
            raise FullGuestError("the saving boot did not start")
        boot.do(before, timeout=300)
        remains.captured[name] = captured(remains, boot, name)
        refusal = boot.hibernate()
        if refusal is not None:
            boot.do("journalctl -b -u systemd-hibernate -u systemd-logind > /dev/null; sync", code=None)
            boot.power_off()
        remains.logs[name] = boot.console()
    return refusal


def restore(remains, append=None, name="restoring", then="true", timeout=300, disks=None):
    """Boots again. "READY" or "WOKE", and what the line said that is run then."""
    with remains.guest.boot(append, disks=disks) as boot:
        came = boot.wait(timeout)
        if came == "WOKE":  # the line that hibernated may not have ended yet
            boot.guest.send("echo awake")
            boot.guest.read_until("^awake$")
            boot.guest.read_until("^CODE 0$")
        said = boot.do(then, code=None, timeout=300)
        remains.captured[name] = captured(remains, boot, name)
        boot.power_off()
        remains.logs[name] = boot.console()
    return came, said


def captured(remains, boot, name):
    folder = remains.guest.folder / "captured" / name
    boot.capture(folder)
    return folder


# ---- the scenarios


@full("resumed", "consumed")
def healthy(folder, cache):
    """RESUME= and resume= name the swap area. The machine saved, and came back."""
    remains = Remains(FullGuest(cache, folder, Variant()))
    refused(save(remains))
    came, _ = restore(remains)
    remains.note = f"The restoring boot: {came}."
    return remains


@full("wrong-place", "consumed", also=("not-tried", "consumed"))
def uuid_of_nothing(folder, cache):
    """The command line of the restoring boot names a UUID that no device has. The boot went on, and swapon put the swap signature back."""
    remains = Remains(FullGuest(cache, folder, Variant()))
    refused(save(remains))
    came, said = restore(remains, append=f"resume=UUID={NO_UUID}", then="swapon --show; journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; swapon said: {said!r}."
    return remains


@full("policy", "none", also=("wrong-place", "not-tried"))
def uuid_of_nothing_when_saving(folder, cache):
    """RESUME= and resume= name a UUID that no device has, already when the machine is asked to hibernate."""
    remains = Remains(FullGuest(cache, folder, Variant(resume=f"UUID={NO_UUID}", append=f"resume=UUID={NO_UUID}")))
    refusal = save(remains)
    remains.note = f"systemctl hibernate: {refusal!r}."
    return remains


@full("resumed", "consumed")
def resume_in_the_initramfs_alone(folder, cache):
    """RESUME= of the initramfs names the swap area, as Debian's installer leaves it; the command line has no resume=. A PC with a BIOS."""
    remains = Remains(FullGuest(cache, folder, Variant(append="")))
    refused(save(remains))
    came, _ = restore(remains)
    remains.note = f"The initramfs writes to /sys/power/resume at each boot, so that systemd finds it set. The restoring boot: {came}."
    return remains


@full("policy", "none", also=("not-tried",))
def resume_nowhere(folder, cache):
    """RESUME=none in the initramfs, and no resume= on the command line. A PC with a BIOS."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", append="")))
    refusal = save(remains)
    remains.note = f"systemctl hibernate: {refusal!r}."
    return remains


@full("not-tried", "consumed", also=("consumed",))
def resume_none(folder, cache):
    """RESUME=none in the initramfs; the saving boot had resume= on its command line, the restoring boot has not."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="none")))
    refused(save(remains))
    came, said = restore(remains, append="", then="journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; swapon said: {said!r}."
    return remains


@full("wrong-place", "consumed", also=("swap-file", "consumed"))
def wrong_offset(folder, cache):
    """A swap file; the restoring boot has another resume_offset= on its command line."""
    remains, right, offset = with_swap_file(folder, cache)
    refused(save(remains, append=right))
    came, said = restore(remains, append=f"resume=UUID={ROOT_UUID} resume_offset={offset + 33}", then="journalctl -b -o cat -t swapon")
    remains.note = f"The file begins at {offset}. The restoring boot: {came}; swapon said: {said!r}."
    return remains


@full("file-system-written", "consumed", also=("resumed", "broke-after"))
def root_written_in_between(folder, cache):
    """A boot with noresume (and systemd.swap=0, so that the image stays) mounted the root file system and wrote to it. The next one resumed."""
    remains = Remains(FullGuest(cache, folder, Variant()))
    refused(save(remains))
    came, _ = restore(remains, append=f"resume=UUID={SWAP_UUID} noresume systemd.swap=0", name="between",
                      then="for n in 1 2 3 4 5 6; do dd if=/dev/urandom of=/root/between$n bs=1M count=4; done; rm -rf /usr/share/doc; sync")
    try:
        second, said = restore(remains, then="ls /root /usr/share/doc | head -n 20; for n in 1 2 3 4; do dd if=/dev/urandom of=/root/after$n bs=1M count=4; done; sync; "
                                              "echo 3 > /proc/sys/vm/drop_caches; ls -la /root")
    except Exception as error:  # a machine with a ruined file system may do anything
        second, said = f"{type(error).__name__}: {str(error).splitlines()[0]}", ""
    check = subprocess.run(["e2fsck", "-f", "-n", str(remains.guest.root)], capture_output=True, text=True)
    remains.note = (f"The boot in between: {came}. The restoring boot: {second}. e2fsck -n afterwards: exit {check.returncode}, "
                    f"{len(check.stdout.splitlines())} lines.")
    return remains


@full("efi-variable", "consumed", also=("not-tried", "consumed"))
def efi_variable_that_nobody_reads(folder, cache):
    """UEFI, no resume= anywhere: systemd hibernates and sets HibernateLocation, initramfs-tools does not read it."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", append="", uefi=True)))
    refused(save(remains))
    came, said = restore(remains, then="journalctl -b -o cat -t swapon; journalctl -b -o cat -u systemd-hibernate-clear.service; ls /sys/firmware/efi/efivars | grep -i hibern",
                         timeout=600)
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("resumed", "consumed", also=("memory-map",))
def uefi_healthy(folder, cache):
    """UEFI, and resume= on the command line."""
    remains = Remains(FullGuest(cache, folder, Variant(uefi=True)))
    refused(save(remains))
    came, _ = restore(remains, timeout=600)
    remains.note = f"The restoring boot: {came}."
    return remains


@full("ephemeral-swap", "none", also=("swap-locked", "not-tried", "efi-variable"))
def random_key(folder, cache):
    """Swap with a random key by /etc/crypttab, UEFI, no resume=: the image is written, and the key is lost with the power."""
    crypttab = "cswap /dev/vdb /dev/urandom swap,cipher=aes-xts-plain64,size=256\n"
    fstab = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n/dev/mapper/cswap none swap sw 0 0\n"
    variant = Variant(resume="none", append="", fstab=fstab, files={"etc/crypttab": crypttab}, uefi=True)
    remains = Remains(FullGuest(cache, folder, variant))
    refusal = save(remains)
    remains.note = f"systemctl hibernate: {refusal!r}."
    if refusal is None:
        came, said = restore(remains, then="swapon --show; journalctl -b -o cat -u systemd-hibernate-clear.service", timeout=600)
        remains.note += f" The restoring boot: {came}; {said!r}."
    return remains


@full("memory-size", "consumed", also=("memory-map", "consumed"))
def other_memory_size(folder, cache):
    """512 MiB saved, 640 MiB restoring. The boot went on, and swapon used the area."""
    remains = Remains(FullGuest(cache, folder, Variant()))
    refused(save(remains))
    remains.guest.variant = replace(remains.guest.variant, memory_mib=640)
    came, said = restore(remains, then="journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; swapon said: {said!r}."
    return remains


@full("efi-variable", "consumed", also=("not-tried", "consumed"))
def dracut_efi_variable(folder, cache):
    """UEFI, an initramfs of dracut with systemd in it, no resume= anywhere: HibernateLocation is all that says where the image is.
    Debian 13's dracut names itself as the system (ID=dracut) in the initramfs."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", append="", maker="dracut", uefi=True)))
    refused(save(remains))
    came, said = restore(remains, then="journalctl -b -o cat -t systemd-hibernate-resume-generator -t systemd-hibernate-resume -t swapon", timeout=600)
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("resumed", "consumed")
def dracut_healthy(folder, cache):
    """A PC with a BIOS, dracut, and resume= on the command line."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", maker="dracut")))
    refused(save(remains))
    came, said = restore(remains, then="journalctl -b -o cat -t systemd-hibernate-resume-generator -t systemd-hibernate-resume -t swapon")
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("efi-variable", "none", also=("never", "wrong-place"))
def dracut_stale_efi_variable(folder, cache):
    """UEFI, dracut. HibernateLocation names a UUID that no device has, and Debian: an earlier installation left it. Nobody hibernated."""
    return stale_efi_variable(folder, cache, "debian")


@full("efi-variable", "none", also=("never", "wrong-place"))
def dracut_waits_for_efi_variable(folder, cache):
    """The same, and it names the system that dracut's initramfs says to be, so that the boot waits for the device."""
    return stale_efi_variable(folder, cache, "dracut")


def stale_efi_variable(folder, cache, system):
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", append="", maker="dracut", uefi=True)))
    value = f'{{"uuid":"{NO_UUID}","offset":0,"kernelVersion":"6.5.3","osReleaseId":"{system}"}}'
    data = b"\x07\0\0\0" + (value + "\0").encode("utf-16-le")
    with remains.guest.boot() as boot:
        boot.wait(600)
        boot.do(f"echo {base64.b64encode(data).decode()} | base64 -d > /tmp/variable && cat /tmp/variable > /sys/firmware/efi/efivars/{VARIABLE}")
        remains.captured["between"] = captured(remains, boot, "between")
        boot.power_off()
        remains.logs["between"] = boot.console()
    came, said = restore(remains, then="journalctl -b -o cat -t systemd-hibernate-resume-generator -t systemd-hibernate-resume", timeout=900)
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("no-space", "none", also=("policy",))
def swap_too_small(folder, cache):
    """A swap area of 16 MiB: logind refuses."""
    remains = Remains(FullGuest(cache, folder, Variant(swap_mib=16)))
    with remains.guest.boot() as boot:
        boot.wait()
        boot.do("awk 'BEGIN { for (i = 0; i < 1200000; i++) a[i] = i; print \"FILLED\"; fflush(); while (1) system(\"sleep 1000\") }' > /tmp/filled & "
                "until grep -q FILLED /tmp/filled; do sleep 1; done", timeout=300)
        remains.captured["saving"] = captured(remains, boot, "saving")
        remains.note = f"systemctl hibernate: {boot.hibernate()!r}. Active(anon): {boot.do('grep anon /proc/meminfo')!r}."
        boot.do("journalctl --sync", code=None)
        boot.power_off()
        remains.logs["saving"] = boot.console()
    return remains


@full("lockdown", "none", also=("policy",))
def lockdown(folder, cache):
    """lockdown=integrity on the command line, as Secure Boot sets it."""
    remains = Remains(FullGuest(cache, folder, Variant(append=f"resume=UUID={SWAP_UUID} lockdown=integrity")))
    remains.note = f"systemctl hibernate: {save(remains)!r}."
    return remains


@full("swap-locked", "armed", also=("not-tried",))
def dracut_swap_not_unlocked(folder, cache):
    """Swap in LUKS. The machine saved with it open; nobody gave the passphrase to the next boot, which went on without (nofail)."""
    remains, opened = with_locked_swap(folder, cache, f"cswap UUID={LUKS_UUID} none luks,nofail,timeout=10\n", maker="dracut", modules="resume crypt")
    told = f"resume=/dev/mapper/cswap rd.luks.name={LUKS_UUID}=cswap rd.luks.options=timeout=10 resumeflags=x-systemd.device-timeout=20"
    opening = f"cryptsetup open --key-file {KEY} /dev/vdb cswap"
    # Who saves has given the passphrase, as a person does it; after the time was over, as there is nobody at the console of this guest.
    refused(save(remains, told, before=f"{opening}; swapon /dev/mapper/cswap; cat /sys/class/block/dm-0/dev > /sys/power/resume"))
    came, said = restore(remains, told, timeout=600, disks=(remains.guest.root, remains.guest.swap, opened),
                         then=f"ls /dev/mapper; {opening}; dd if=/dev/mapper/cswap of=/dev/vdc bs=1M; sync")
    remains.note = f"The restoring boot: {came}; {said!r}. What was looked at is the area as it is when opened."
    return remains


@full("swap-locked", "consumed", also=("not-tried",))
def swap_opened_too_late(folder, cache):
    """Swap in LUKS, its key a file on the root file system: the initramfs cannot open it before it resumes, and systemd does later. swapon then put
    the swap signature back."""
    remains, opened = with_locked_swap(folder, cache, f"cswap UUID={LUKS_UUID} {KEY} luks,nofail\n")
    told = "resume=/dev/mapper/cswap"
    refused(save(remains, told, before="until grep -q dm- /proc/swaps; do sleep 1; done; cat /sys/class/block/dm-0/dev > /sys/power/resume"))
    came, said = restore(remains, told, timeout=600, disks=(remains.guest.root, remains.guest.swap, opened),
                         then="until grep -q dm- /proc/swaps; do sleep 1; done; swapon --show; swapoff -a; dd if=/dev/mapper/cswap of=/dev/vdc bs=1M; sync")
    remains.note = f"The restoring boot: {came}; {said!r}. What was looked at is the area as it is when opened."
    return remains


@full("device-moved", "consumed", also=("wrong-place", "not-tried"))
def disks_exchanged(folder, cache):
    """resume= and RESUME= say /dev/vdb. At the next boot the disks come in the other order: /dev/vdb is the root disk. fstab has UUIDs, so that
    swapon found the area."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="/dev/vdb", append="resume=/dev/vdb")))
    refused(save(remains))
    came, said = restore(remains, disks=(remains.guest.swap, remains.guest.root), then="swapon --show; journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("device-moved", "consumed", also=("wrong-place", "not-tried"))
def disk_has_another_name(folder, cache):
    """resume= and RESUME= say /dev/vdc. A disk before it was taken out, and it is /dev/vdb at the next boot: no device has the name."""
    remains = Remains(FullGuest(cache, folder, Variant(resume="/dev/vdc", append="resume=/dev/vdc")))
    between = empty_disk(folder, 64)
    refused(save(remains, disks=(remains.guest.root, between, remains.guest.swap)))
    came, said = restore(remains, then="swapon --show; journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("device-moved", "armed", also=("wrong-place",))
def missing_disk(folder, cache):
    """The disk with the swap area is not there at the next boot. resume= and fstab name it by its UUID, with nofail."""
    fstab = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\nUUID={SWAP_UUID} none swap sw,nofail,x-systemd.device-timeout=20 0 0\n"
    remains = Remains(FullGuest(cache, folder, Variant(fstab=fstab)))
    refused(save(remains))
    came, said = restore(remains, disks=(remains.guest.root,), then="swapon --show; systemctl is-system-running --wait; systemctl list-jobs")
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


@full("not-tried", "consumed", also=("consumed",))
def hook_missing(folder, cache):
    """resume= and RESUME= name the swap area; the initramfs lacks the script that asks the kernel to resume (another one has its place)."""
    files = {"etc/initramfs-tools/scripts/local-premount/resume": "#!/bin/sh\n"}
    remains = Remains(FullGuest(cache, folder, Variant(files=files)))
    refused(save(remains, before="cat /sys/class/block/vdb/dev > /sys/power/resume"))
    came, said = restore(remains, then="journalctl -b -o cat -t swapon")
    remains.note = f"The restoring boot: {came}; {said!r}."
    return remains


# ---- helpers


def refused(said):
    if said is not None:
        raise FullGuestError(f"systemctl hibernate: {said}")


def with_swap_file(folder, cache):
    """A guest with /swapfile instead of the swap area; the command line that is right for it, and where the file begins."""
    guest = FullGuest(cache, folder, Variant(resume=f"UUID={ROOT_UUID}", append="", fstab=f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n/swapfile none swap sw,nofail 0 0\n"))
    remains = Remains(guest)
    with guest.boot() as boot:
        boot.wait()
        boot.do("dd if=/dev/zero of=/swapfile bs=1M count=512 && chmod 600 /swapfile && mkswap /swapfile && sync", timeout=300)
        said = boot.do("filefrag -v /swapfile | awk '$1 == \"0:\" { print $4 }'")
        offset = int(said.strip().rstrip("."))
        boot.power_off()
    remains.offset, remains.disk = offset, guest.root
    return remains, f"resume=UUID={ROOT_UUID} resume_offset={offset}", offset


def with_locked_swap(folder, cache, crypttab, **variant):
    """A guest whose swap disk holds a LUKS container with a swap area in it; and a disk for a copy of that, opened."""
    fstab = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n/dev/mapper/cswap none swap sw,nofail,x-systemd.device-timeout=20 0 0\n"
    files = {"etc/crypttab": crypttab, KEY.lstrip("/"): "no secret"}
    remains = Remains(FullGuest(cache, folder, Variant(resume="none", append="", fstab=fstab, files=files, swap_mib=256, **variant)))
    with remains.guest.boot("systemd.swap=0 rd.luks=0 luks=0") as boot:
        boot.wait()
        boot.do(f"cryptsetup luksFormat --batch-mode --type luks2 --uuid {LUKS_UUID} --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file {KEY} /dev/vdb && "
                f"cryptsetup open --key-file {KEY} /dev/vdb cswap && mkswap -q -U {SWAP_UUID} /dev/mapper/cswap && cryptsetup close cswap", timeout=300)
        boot.do("journalctl --rotate && journalctl --vacuum-time=1s", code=None)  # that boot is no part of the story
        boot.power_off()
    remains.disk = empty_disk(folder, remains.guest.variant.swap_mib)
    return remains, remains.disk


def empty_disk(folder, mib):
    path = Path(folder) / f"disk-of-{mib}"
    with open(path, "wb") as disk:
        disk.truncate(mib << 20)
    return path
