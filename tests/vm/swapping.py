#!/usr/bin/env python3
"""Machines that hibernate with a used swap area: a program that needs more memory than there is (swapper.c) has filled it.

swapping.py FOLDER NAME [--series 6.12] [--layout disk]   makes FOLDER/NAME.img, resumes from it, and keeps what the
guest said beside it"""

import argparse
import json
import re
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from hibernation import Hibernation, Machine  # noqa: E402

PAGE = 4096
ZERO_EVERY = 16
_MASK = (1 << 64) - 1


@dataclass
class SwappedMachine:
    """A machine that has hibernated, and what its kernel said of its swap areas."""
    guest: Hibernation
    snapshot: object      # of hibernation.py
    used_kib: dict        # path -> Used of /proc/swaps, just before
    pages: int            # of the program: 0 … pages - 1
    lines: list = field(default_factory=list)


def swapping_machine(series, layout="gpt", memory_mib=256, workload_mib=320, swap_mib=640, rehearse=True, **more):
    return Machine(series, layout, memory_mib=memory_mib, swap_mib=swap_mib, program="swapper.c",
                   arguments=f"{workload_mib}{' rehearse' if rehearse else ''}", **more)


def hibernate_swapping(machine, folder, cache):
    """Makes the disk, boots, fills the memory and hibernates. SwappedMachine.guest.resume() brings it back and checks every
    page; its disk is guest.disk."""
    guest = Hibernation(machine, folder, cache)
    guest.make_disk()
    snapshot = guest.hibernate()
    if "NOT REHEARSED" in snapshot.lines:
        raise RuntimeError("the guest could not rehearse:\n" + "\n".join(snapshot.console.splitlines()[-20:]))
    return SwappedMachine(guest, snapshot, used_kib(snapshot.lines), int(machine.arguments.split()[0]) << 8, snapshot.lines)


@dataclass
class Resumed:
    """What a machine said that came back."""
    used_kib: dict     # of /proc/swaps, before anything else was done
    wrong_pages: int   # of the program, all of them read


def resume_swapping(made, disk=None):
    """Boots a machine from `disk`: Resumed, or None where it did not come back. What it writes, to any disk, is thrown away."""
    append = f"hib.offset={made.snapshot.resume_offset}" if made.snapshot.resume_offset else ""
    with made.guest.boot(append=append, disk=disk, extra=["-snapshot"]) as guest:
        lines = guest.read_until("^(RESUMED|NORESUME|NOT HIBERNATED)$", timeout=300)
        if lines[-1] != "RESUMED":
            return None
        guest.send("check")
        wrong = guest.read_until(r"^WRONG \d+$", timeout=600)[-1]
        return Resumed(used_kib(lines), int(wrong.split()[1]))


def used_kib(lines):
    """path -> Used of the SWAP lines, which are those of /proc/swaps: path, type, size, used, priority."""
    found = {}
    for line in lines:
        match = re.fullmatch(r"SWAP (\S+)\s+\S+\s+\d+\s+(\d+)\s+-?\d+", line)
        if match:
            found[match[1]] = int(match[2])
    return found


def is_given_back(index, pages):
    return index < pages // 4 and index % 64 < 24


def page_content(index, pages, seed=1):
    """What swapper.c expects in a page, of so many."""
    if index % ZERO_EVERY == ZERO_EVERY - 1 or is_given_back(index, pages):
        return bytes(PAGE)
    state = ((index << 16 ^ seed) * 0x9E3779B97F4A7C15 + 1) & _MASK
    words = []
    for _ in range((PAGE - 64) // 8):
        state ^= state << 13 & _MASK
        state ^= state >> 7
        state ^= state << 17 & _MASK
        words.append(state)
    return f"HIBTOOL-SWAPPED index={index} seed={seed}\n".encode().ljust(64, b"\0") + struct.pack(f"<{len(words)}Q", *words)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--series", default="6.1")
    parser.add_argument("--layout", default="gpt")
    parser.add_argument("--append", default="")
    parser.add_argument("--cache", type=Path, default=HERE.parent.parent / "build" / "vm-cache")
    arguments = parser.parse_args()
    machine = swapping_machine(arguments.series, arguments.layout, append=arguments.append)
    made = hibernate_swapping(machine, arguments.folder / f"{arguments.name}.d", arguments.cache)
    image = arguments.folder / f"{arguments.name}.img"
    subprocess.run(["cp", "--sparse=always", made.guest.disk, image], check=True)
    resumed = resume_swapping(made)
    truth = {"series": machine.series, "layout": machine.layout, "used_kib": made.used_kib, "pages": made.pages,
             "resume_offset": made.snapshot.resume_offset, "came_back": resumed is not None}
    if resumed:
        truth |= {"used_kib_after": resumed.used_kib, "wrong_pages": resumed.wrong_pages}
    image.with_suffix(".json").write_text(json.dumps(truth, indent=1) + "\n")
    image.with_suffix(".console").write_text(made.snapshot.console)
    image.with_suffix(".lines").write_text("\n".join(made.lines) + "\n")
    print(image, truth)


if __name__ == "__main__":
    main()
