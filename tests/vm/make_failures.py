#!/usr/bin/env python3
"""Makes tests/corpus/diagnose: lets hibernations fail in guests, and keeps what is left of each: the consoles, the page of the swap
header, and what `hibtool inspect` says of the disk. usage: make_failures.py [-o FOLDER] NAME... (or --all, --list, --table)"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import failures  # noqa: E402
import full_failures  # noqa: E402
from support import ROOT  # noqa: E402
from tool import tool, tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
# What logs lose, line by line: messages that have nothing to do with sleep, memory, disks or the firmware's map.
BULK = re.compile(r"pci |pci_bus |pnp|ACPI|clocksource: |rcu: |RCU|NET: |TCP|UDP|IP |IPI |x86/|input: |serio: |RAMDISK|audit: |LSM|Mount|Dentry|Inode|io sched|Key type|integrity: |evm: |ima: |NetLabel|Load"
                  r"|drop_monitor|IPv6|Segment|In-situ|mip6|squashfs|9p|zbud|Spectre|Spec|Freeing|process: |micro|libata|Write prot|pid_max|landlock|Yama|AppArmor|TOMOYO|kfence|Started |Starting |Reached "
                  r"|Stopped |Stopping |Listening |Mounting |Mounted |Finished |Created |Set up |Queued |Expecting |Unmount|Closed |Removed |Unset |.*: Deactivated|.*: Consumed|.*skipped|PCI|usb|Serial|APIC"
                  r"|IOAPIC|smp|sched|tsc|percpu|pcpu|setup_percpu|Policy|mem auto|SLUB|NR_IRQS|Console|hpet|apic|IRQ|devtmpfs|futex|pinctrl|HugeTLB|iommu|SCSI|EDAC|VFS|hw perf|Initialise|workingset|cryptd"
                  r"|i8042|rtc|intel_pstate|ledtrig|registered|Bridge|alg|found SMP|Using GB|AGP|CPU topo|Calibrating|Last level|thermal_sys|acpi|shpchp|ftrace|DMA: pre|cpuidle|kprobes|vgaarb|pps_core|PTP"
                  r"|tcp_|Table-perturb|MPTCP|fuse|Asymmetric|Block layer|mousedev|Linux agpgart|amd_pstate|mpls|Demotion|RAS|clk|kvm|FDC|piix4|i2c|ata|scsi|powernow|MTRR|\tTrampo|\tRude|\tTracing"
                  r"|\.\.TIMER|signal|NMI|printk: (?!Susp)|random: (?!crng reseeded)|efi: mem|zswap|LSM|MDS|MMIO|TAA|SRBDS|Fallback|Performance|sysfs|Last|Trying|PnP|EISA|ip_|MCE|mce|CPU0|hash|raid|xor|async"
                  r"|bus:|ehci|uhci|ohci|xhci|AES|libphy|mdio|\t|intel|SGI|Btrfs|xhci|tun|NTFS|isa|parport|lp:|ppdev|nvme_|dca|hid|sd |drm|agp|floppy|cfg80211|aer|Unknown|cat used|Rounding|efifb|VMCI|pstore|On node|Watching|Startup|Time spent|Inserted module|Detected|Failed to open libbpf|No host"
                  r"|Hostname|Initializing|System is tainted|Successfully made|secureboot|SMBIOS|DMI: Mem|\[mem |Booting para|Dynamic|node 0|Faking|NODE_DATA|Movable|No NUMA|Runtime Journal|System Journal|Collecting")
KEPT = re.compile(r"ibern|[Ss]wap(?!per)|[Ss]leep|[Rr]esum|vd[a-z]|[Rr]oot|EXT4|fsck|[Cc]ryptset|PM: |FACS|ACPI: (RSDP|FACP)")
PROGRESS = re.compile(r"Job \S+ running \(")  # once a second, on the console
WHOLE = ("healthy-6.1", "healthy-6.12")  # these show what was left out elsewhere
STATUS = re.compile(r"\W*\[\W*(\d+;\d+m)?  OK  |         (Starting|Mounting|Stopping|Unmounting|Deactivating) |.*start running \(")  # of systemd, on the console
TIME = re.compile(r"^\[ *\d+\.\d+\] ")
JOURNAL_FIELDS = "MESSAGE,MESSAGE_ID,PRIORITY,SYSLOG_IDENTIFIER,_TRANSPORT,_SOURCE_MONOTONIC_TIMESTAMP,_PID,_UID,_COMM,_SYSTEMD_UNIT,UNIT,SLEEP"
MATTERS_IN_INITRAMFS = re.compile(r"resume|conf/|local-|init-|scripts/|cryptroot|lzo|lz4|hibern|bin/(blkid|swapon|udevadm|cryptsetup)|virtio|ext4")


def shortened(text):
    """The log from the kernel's first line on; less what is bulk. No line is altered."""
    text = text[text.index("[    0.000000] Linux version"):] if "[    0.000000] Linux version" in text else text
    return "\n".join(line for line in text.split("\n") if matters(line))


def matters(line):
    if PROGRESS.search(line):
        return False
    message, times = TIME.subn("", line, count=1)
    return worth(message) if times else KEPT.search(line) is not None or STATUS.match(line) is None


def worth(message):
    return KEPT.search(message) is not None or BULK.match(message) is None


def keep(failure, evidence, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in evidence.logs.items():
        (folder / f"{name}.log").write_bytes((text if failure.name in WHOLE else shortened(text)).encode(errors="surrogateescape"))
    with open(evidence.disk, "rb") as disk:
        disk.seek(evidence.offset * failures.PAGE)
        (folder / "header").write_bytes(disk.read(failures.PAGE))
    # Code 1: there is no image.
    report = tool_json("inspect", *(["--offset", evidence.offset] if evidence.offset else []), evidence.disk, code=None)
    (folder / "inspect.json").write_text(json.dumps(report, indent=1).replace(str(evidence.disk), "disk") + "\n")
    if failure.code in ("save-interrupted", "overwritten") or failure.disk == "overwritten":  # no header leads to what is left
        carved = tool("inspect", "--carve", "--json", evidence.disk, code=None).replace(str(evidence.disk), "disk")
        (folder / "carve.json").write_text(carved)
    case = {"kernel": evidence.kernel, "failure": failure.name, "expected": failure.code, "also_right": list(failure.also),
            "expected_from_disk": evidence.shows or failure.disk, "note": " ".join([failure.note, evidence.note]).strip()}
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    return report


def keep_full(failure, remains, folder):
    """A whole Debian's: the consoles, the journal of all boots, what mkinitramfs made, and a captured tree for each boot."""
    disk, guest = remains.disk or remains.guest.swap, remains.guest
    evidence = failures.Evidence(guest.kernel.release, disk, remains.logs, remains.offset, remains.note)
    report = keep(failure, evidence, folder)
    for name, tree in remains.captured.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(tree, folder / name)
    listing, texts = guest.initramfs_listing()
    (folder / "initramfs.txt").write_text("\n".join(line for line in listing.splitlines() if MATTERS_IN_INITRAMFS.search(line)) + "\n")
    for name, text in texts.items():
        target = folder / "initramfs" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    journal = guest.journal(guest.folder / "copied")
    if journal is None:
        return report
    (folder / "boots.txt").write_text(guest.journalctl(journal, "--list-boots", "--no-pager", "--utc"))
    speakers = [part for name in full_failures.SPEAKERS for part in ("+", f"SYSLOG_IDENTIFIER={name}")]
    data = guest.journalctl(journal, "-o", "export", "--all", f"--output-fields={JOURNAL_FIELDS}", "_TRANSPORT=kernel", *speakers, text=False)
    (folder / "journal.export").write_bytes(b"".join(entry for message, entry in entries_of(data) if worth(message)))
    return report


# What tells in a boot's log; what every such boot says does not.
TELLS = re.compile(r"PM: |ibern|[Ll]ockdown|swap|ACPI BIOS|end of device|sector=|EXT4-fs error|Firmware Bug|Kernel panic|BUG|badsleep|refusing to freeze|resume=|hibernat|EFI var|suspend data|systemd-sleep|corrupt")
USUAL = re.compile(r"progress|Registered nosave|Marking nosave|bitmaps|ACPI: PM: |Preallocating|Allocated|Need to copy|Normal pages|Creating image|zswap|genpd|hibernation entry"
                   r"|hibernation: resume from|Command line|command line|Using \d+ thread|signature found|swapper|usercopy|crng|LSM|Adding \d+k swap"
                   r"|loading out-of-tree|module verification|Loading (and|image)|Read \d+ kb|swap cache|swap  ?=|Image created|Compressing and|pages in swap|Image loading done|zswap")


def entries_of(data):
    """The entries of a journal in the export format, each with its message. A field whose value has control characters is a name,
    its length in 8 bytes, and the bytes."""
    at = begin = 0
    message = ""
    while at < len(data):
        end = data.index(b"\n", at)
        line, at = data[at:end], end + 1
        if not line:
            yield message, data[begin:at]
            begin, message = at, ""
            continue
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(data[at:at + 8], "little")
            value, at = data[at + 8:at + 8 + length], at + 8 + length + 1
        if name == b"MESSAGE":
            message = value.decode(errors="replace")


def told(folder):
    """The telling lines of the last boot of a case, without their times. Of a whole Debian: of its journal."""
    journal = folder / "journal.export"
    if journal.exists():
        texts = told_by_journal(journal.read_bytes())
    else:
        logs = [folder / f"{name}.log" for name in ("restoring", "between", "saving")]
        lines = next(path for path in logs if path.exists()).read_text(errors="replace").replace("\r", "").splitlines()
        texts = [TIME.sub("", line) for line in lines]
    return [text for text in texts if TELLS.search(text) and not USUAL.search(text)]


def told_by_journal(data):
    boots = {}
    for message, entry in entries_of(data):
        boot, speaker = (re.search(rb"^" + name + rb"=(.*)$", entry, re.M) for name in (b"_BOOT_ID", b"SYSLOG_IDENTIFIER"))
        if speaker and speaker[1] != b"systemd":  # which only starts and stops the others
            boots.setdefault(boot[1], []).append(f"{speaker[1].decode()}: {message}")
    return list(boots.values())[-1]


def table(folder):
    """README.md's table of what is there."""
    rows = ["| case | what the last boot printed | the disk afterwards | diagnose should say |", "| --- | --- | --- | --- |"]
    for path in sorted(folder.glob("*/case.json")):
        case, report = json.loads(path.read_text()), json.loads((path.parent / "inspect.json").read_text())
        lines = told(path.parent)
        shown = "<br>".join(f"`{line.replace('|', chr(92) + '|')}`" for line in lines[:12]) + (f"<br>and {len(lines) - 12} more" if len(lines) > 12 else "")
        state = report.get("state") or f"unreadable: {report.get('where', '')}: {report.get('found', '')}"
        rows.append(f"| [{path.parent.name}]({path.parent.name}/case.json) | {shown or 'nothing'} | {state} | `{case['expected']}` |")
    return "\n".join(rows) + "\n"


def write_table(folder):
    readme = folder / "README.md"
    before, _, rest = readme.read_text().partition("<!-- table -->\n")
    readme.write_text(before + "<!-- table -->\n" + table(folder) + "<!-- end -->" + rest.partition("<!-- end -->")[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true", help="only write the table in the folder's README.md anew")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "tests" / "corpus" / "diagnose")
    arguments = parser.parse_args()
    known = {**failures.FAILURES, **full_failures.FULL_FAILURES}
    if arguments.list:
        print("\n".join(known))
        return 0
    if arguments.table:
        write_table(arguments.output)
        return 0
    chosen = list(known) if arguments.all else [name for name in known if any(re.fullmatch(pattern, name) for pattern in arguments.names)]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="hibfail-") as folder:
        bench = failures.Bench(folder, CACHE)
        for name in chosen:
            failure, begin = known[name], time.monotonic()
            try:
                if name in failures.FAILURES:
                    evidence = failure.make(bench, failure.series)
                    report = keep(failure, evidence, arguments.output / name)
                else:
                    evidence = failure.make(Path(folder) / name, CACHE)
                    report = keep_full(failure, evidence, arguments.output / name)
                print(f"{name}: {report.get('state', report)}, {time.monotonic() - begin:.0f} s {evidence.note}", flush=True)
            except Exception as error:  # the others may still be made
                wrong += 1
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
