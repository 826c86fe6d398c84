#!/usr/bin/env python3
"""Jumps on many machines: every kernel with each number of processors, number of paging levels, chipset and size of memory.
Prints docs/jump-matrix.md; with --whole the end of it, which is about whole systems.

    HIBTOOL=build/hibtool tests/vm/matrix.py > docs/jump-matrix.md
    HIBTOOL=build/hibtool tests/vm/matrix.py --whole >> docs/jump-matrix.md
"""

import io
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import test_full_jump  # noqa: E402
from living import Machine  # noqa: E402
from test_jump import Cycles, JumpTest  # noqa: E402

AT_ONCE = 2
FOUR_LEVELS = "no5lvl"
# processors, paging, chipset, MiB, does the restorer have a crash region of its own, does it go through the saver
HARDWARE = [
    (1, "", "pc", 512, True, False),
    (2, FOUR_LEVELS, "q35", 2048, True, True),
    (4, "", "q35", 6144, True, False),
    (1, FOUR_LEVELS, "q35", 6144, False, True),
    (2, "", "pc", 2048, False, False),
    (4, FOUR_LEVELS, "pc", 512, False, True),
]
HEADING = """# The kernel jump on many machines

`tests/vm/matrix.py` makes this table, with Debian's stock kernels in QEMU under software emulation. Each machine makes
a checkpoint, has the saver stand by, makes a rehearsal with it, and goes through a power cycle into a new QEMU process.
Afterwards its processes, its TCP connection, its clocks, the data in its tmpfs and its mounted file system have gone on
without an error, all processors are back, the kernel log has no warning, and fsck finds nothing.

"Way back" says whether the restorer went back straight or through the saver. The seconds are those of an emulated
machine on two shared processors. At best they compare with each other. "backports" and "next" are the newest kernels
for Debian 13 and of the Debian after it.

| kernel | processors | paging | chipset | memory | restorer's crash region | way back | save | restore | image | result |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def case_for(series, hardware):
    cpus, append, chipset, memory, own_region, through_saver = hardware
    machine = Machine(series=series, cpus=cpus, append=append, machine=chipset, memory_mib=memory, target_mib=memory + 512, modules=("button",))

    class Combination(Cycles, JumpTest):
        pass

    Combination.machine = machine
    Combination.fill_mib = memory // 8
    Combination.through_saver = through_saver
    Combination.restoring = None if own_region else replace(machine, crashkernel="")
    return Combination("test_a_machine_goes_on_after_a_checkpoint_a_rehearsal_and_a_power_cycle")


def run(series, hardware):
    case = case_for(series, hardware)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(case)
    problem = "".join(text for _, text in result.failures + result.errors)
    cpus, append, chipset, memory, own_region, through_saver = hardware
    figures = getattr(case, "figures", {})
    cells = [series, cpus, "4 levels" if append else "5 levels", chipset, f"{memory} MiB", "yes" if own_region else "no", "through the saver" if through_saver else "straight",
             *(f"{figures[key]:.1f} s" if key in figures else "–" for key in ("save", "restore")),
             f"{figures['bytes'] / 2**20:.0f} MiB" if "bytes" in figures else "–", "failed" if problem else "goes on"]
    print(f"{series} {hardware}: {cells[-1]}", file=sys.stderr)
    return "| " + " | ".join(map(str, cells)) + " |", problem


WHOLE_HEADING = """\
| system | kernel | memory | setup | cycles | save | back | result |
| --- | --- | --- | --- | --- | --- | --- | --- |"""
NAMES = {"bookworm": "Debian 12", "trixie": "Debian 13"}


def whole(kind):
    """A row of the table of whole systems."""
    case = kind("test_ten_power_cycles" if kind.goes_ten_times else "test_one_power_cycle")
    with redirect_stdout(sys.stderr):
        result = unittest.TextTestRunner(stream=sys.stderr).run(case)
    return whole_row(kind, case.guest.kernel.release, case.figures, 10 if kind.goes_ten_times else 1, result.wasSuccessful()), result.wasSuccessful()


def whole_row(kind, release, figures, cycles, good):
    seconds = [f"{max(column):.0f} s" for column in zip(*figures)] or ["–", "–"]
    about = " ".join(kind.__doc__.split()).rstrip(".")
    cells = [NAMES[kind.variant.release], release, f"{kind.variant.memory_mib} MiB", about, cycles, *seconds, "goes on" if good else "failed"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main_whole():
    kinds = [kind for kind in vars(test_full_jump).values() if isinstance(kind, type) and issubclass(kind, test_full_jump.WholeSystem) and issubclass(kind, unittest.TestCase)]
    rows = [whole(kind) for kind in kinds]
    print(WHOLE_HEADING)
    print("\n".join(row for row, _ in rows))
    return 0 if all(good for _, good in rows) else 1


def main():
    wanted = [(series, hardware) for series in ("6.1", "6.12") for hardware in HARDWARE]
    wanted += [("backports", HARDWARE[1]), ("next", HARDWARE[2])]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda combination: run(*combination), wanted))
    print(HEADING)
    print("\n".join(row for row, _ in rows))
    problems = [problem for _, problem in rows if problem]
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main_whole() if "--whole" in sys.argv[1:] else main())
