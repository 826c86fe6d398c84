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
from tool import tool_json  # noqa: E402

CACHE = ROOT / "build" / "vm-cache"
LOG_BYTES = 40 << 10
# What a log may lose when it is too long: nothing of it is about sleep, memory or disks.
BULK = re.compile(r"\] (pci 0000:|pci_bus 0000:|pnp 00:|ACPI: PCI: Interrupt link|clocksource: |rcu: |NET: |TCP|UDP|IPI shorthand|x86/fpu: |input: |serio: "
                  r"|RAMDISK|audit: |LSM: |Mount-cache|Mountpoint-cache|Dentry cache|Inode-cache|io scheduler|Key type|integrity: |evm: |ima: |NetLabel|Loading compiled-in"
                  r"|Loaded X\.509|drop_monitor|IPv6|Segment Routing|In-situ|mip6|squashfs|9p:|zbud|Spectre|MDS|MMIO|TAA|Speculative|Freeing SMP|process: |microcode|libata"
                  r"|x86/mm: Checked|Freeing unused|Write protecting|pid_max|landlock|Yama|AppArmor|TOMOYO|printk: |kfence|random: )")


# The same for the journal, where each line takes half a kilobyte.
BULK_ENTRY = re.compile(r"^MESSAGE=(pci |pci_bus |pnp |ACPI: (?!PM|Preparing|Waking)|clocksource: |rcu: |NET: |TCP|UDP|IPI |x86/|input: |serio: |RAMDISK|audit: |LSM: |Mount|Dentry|Inode|io sched"
                        r"|Key type|integrity: |evm: |ima: |NetLabel|Load|drop_monitor|IPv6|Segment|In-situ|mip6|squashfs|9p|zbud|Spectre|Spec|Freeing SMP|process: |micro|libata|Freeing unused|Write prot"
                        r"|pid_max|landlock|Yama|AppArmor|TOMOYO|printk: (?!Susp)|kfence|random: (?!crng reseeded)|Started |Starting |Reached |Stopped |Stopping |Listening |Mounting |Mounted |Finished |Created |Set up |Queued "
                        r"|Expecting |Unmount|Closed |Removed |Deactivated |.*: Deactivated|PCI|usb|Serial|APIC|IOAPIC|smp|sched|tsc|Zone|percpu|Policy|mem auto|SLUB|NR_IRQS|Console|hpet|apic|IRQ|devtmpfs|futex|pinctrl"
                        r"|HugeTLB|iommu|SCSI|EDAC|VFS|hw perf|Initialise|workingset|cryptd|i8042|rtc|intel_pstate|ledtrig|registered|Bridge|zswap|alg|On node|  |e820: (?!update)|DMI|SMBIOS|found SMP|Using GB|ACPI)", re.M)
KEPT_ENTRY = re.compile(r"ibern|[Ss]wap|[Ss]leep|[Rr]esum|dev-|[Rr]oot|ext4|EXT4|fsck|[Cc]ryptset")
MATTERS_IN_INITRAMFS = re.compile(r"resume|conf/|local-|init-|scripts/|cryptroot|lzo|lz4|hibern|bin/(blkid|swapon|udevadm|cryptsetup)|virtio|ext4")


def shortened(text):
    """The log from the kernel's first line on; bulk goes only where it has to. No line is altered."""
    text = text[text.index("[    0.000000] Linux version"):] if "[    0.000000] Linux version" in text else text
    if len(text) > LOG_BYTES:
        text = "".join(line for line in text.splitlines(keepends=True) if not BULK.search(line))
    return text


def keep(failure, evidence, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in evidence.logs.items():
        (folder / f"{name}.log").write_bytes(shortened(text).encode(errors="surrogateescape"))
    with open(evidence.disk, "rb") as disk:
        disk.seek(evidence.offset * failures.PAGE)
        (folder / "header").write_bytes(disk.read(failures.PAGE))
    # Code 1: there is no image.
    report = tool_json("inspect", *(["--offset", evidence.offset] if evidence.offset else []), evidence.disk, code=None)
    if "path" in report:
        report["path"] = "disk"
    (folder / "inspect.json").write_text(json.dumps(report, indent=1) + "\n")
    case = {"kernel": evidence.kernel, "failure": failure.name, "expected": failure.code, "also_right": list(failure.also),
            "expected_from_disk": failure.disk, "note": " ".join([failure.note, evidence.note]).strip()}
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
    (folder / "boots.txt").write_text(guest.journalctl(journal, "--list-boots", "--no-pager", "--utc"))
    speakers = [part for name in full_failures.SPEAKERS for part in ("+", f"SYSLOG_IDENTIFIER={name}")]
    entries = guest.journalctl(journal, "-o", "export", "--all", "_TRANSPORT=kernel", *speakers).split("\n\n")
    (folder / "journal.export").write_text("\n\n".join(entry for entry in entries if KEPT_ENTRY.search(entry) or not BULK_ENTRY.search(entry)))
    return report


# What tells in a boot's log; what every such boot says does not.
TELLS = re.compile(r"PM: |ibern|[Ll]ockdown|swap|ACPI BIOS|end of device|sector=|EXT4-fs error|Firmware Bug|Kernel panic|BUG|badsleep|refusing to freeze|resume=")
USUAL = re.compile(r"progress|Registered nosave|Marking nosave|bitmaps|ACPI: PM: |Preallocating|Allocated|Need to copy|Normal pages|Creating image|zswap|genpd|hibernation entry"
                   r"|hibernation: resume from|Command line|command line|Using \d+ thread|signature found|swapper|usercopy|crng")


def told(folder):
    """The telling lines of the last boot of a case, without their times."""
    logs = [folder / f"{name}.log" for name in ("restoring", "between", "saving")]
    lines = next(path for path in logs if path.exists()).read_text(errors="replace").replace("\r", "").splitlines()
    texts = [re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in lines]
    return [text for text in texts if TELLS.search(text) and not USUAL.search(text)]


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
