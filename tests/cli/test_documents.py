#!/usr/bin/python3
"""Documents tell the truth: every command of a document that calls hibtool is run, and prints what the document shows.

A command stands behind "$ " in an indented or fenced block; the lines behind it, up to the next command, are what it
prints. A line that is "…" stands for any number of lines, and "…" in a line for any text. A command without output has to end with 0, 1 or 3.
A document's commands run one after the other in a folder of their own. What a command reads is made when a command names it
for the first time (INPUTS); devices and folders of a machine are stand-ins in that folder. CANNOT_RUN is all that is not run.

    UPDATE_DOCUMENTS=1 python3 tests/cli/test_documents.py   # writes what is printed into the documents, where no "…" stands
"""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple

from support import HIBTOOL, PAGE, ROOT
from test_man import MAN_PAGES

SAMPLES = ROOT / "samples"
FAILURE = ROOT / "tests" / "corpus" / "diagnose" / "damaged-length-6.12"
UPDATE = os.environ.get("UPDATE_DOCUMENTS") == "1"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((SAMPLES).rglob("*.md")), *MAN_PAGES]
unpack = runpy.run_path(str(SAMPLES / "machines" / "unpack"))["unpack"]

# Commands that cannot be run here, and why. A pattern has to match a command, or the test says that it is of no use.
CANNOT_RUN = {
    r"hibtool (arm(?! --check)|disarm|hibernate|resume)": "needs root, the kernel module, and jumps (tests/vm does)",
    r"hibtool mount": "needs FUSE, and stays until it is unmounted (cli.mount does)",
    r"hibtool create --live": "needs root, and reads all memory of the machine (tests/vm does)",
    r"hibtool (restore disk --as|verify a61)": "needs the disk of the case study (docs/cases says when it was run)",
    r"hibtool .*nbd\+unix": "needs the server that the command before it leaves running (cli.inputs does)",
}
STANDS_IN = re.compile(r"(?<![\w.])/(dev/(?:sd|vd|nvme)\w+|proc/vmcore|mnt(?:/usb)?|tmp/laptop)(?![\w])")
OUTPUT_OPTIONS = ("-o", "--output", "--report", "--capture", ">")
ANY = "…"
# What depends on the version of libzstd: sizes of what was packed here, and hashes of its bytes.
MASKED = re.compile(r"in [\d.,]+ [KM]iB, 1/[\d.]+ of the memory|root hash [0-9a-f]{32}|file +[\d.]+ [KM]iB \([\d,]+ bytes\)|xxh3-128 root [0-9a-f]{32}")


class Command(NamedTuple):
    line: int  # its first, from 0
    text: str
    printed: list  # lines
    indent: str
    end: int  # the line behind the last one of `printed`


# ---- documents


def blocks(lines):
    """(first line, lines, indent) of each indented or fenced block."""
    at = 0
    while at < len(lines):
        if lines[at].startswith("```"):
            end = next(n for n in range(at + 1, len(lines)) if lines[n].startswith("```"))
            yield at + 1, lines[at + 1:end], ""
            at = end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield at, [line[4:] for line in lines[at:end]], "    "
            at = end
        else:
            at += 1


def commands(text):
    r"""Each command, and what it prints.

    >>> text = "Do:\n\n    $ a \\\n      b # c\n    one\n\n    two\n\n    # d\n\nelse\n"
    >>> [(c.text, c.printed, c.end) for c in commands(text)]
    [('a \\\n  b # c', ['one', '', 'two'], 7), ('d', [], 9)]
    """
    for first, block, indent in blocks(text.split("\n")):
        starts = [n for n, line in enumerate(block) if re.match(r"[$#] \S", line)]
        for start, behind in zip(starts, [*starts[1:], len(block)]):
            begin = start
            while block[begin].endswith("\\"):
                begin += 1
            printed = block[begin + 1:behind]
            while printed and not printed[-1].strip():
                printed.pop()
            yield Command(first + start, "\n".join(block[start:begin + 1])[2:], printed, indent, first + begin + 1 + len(printed))


def line_fits(printed, expected):
    return re.fullmatch(".*".join(map(re.escape, expected.rstrip().split(ANY))), printed.rstrip()) is not None


def fits(printed, expected):
    """Are these the expected lines, of which each "…" stands for any number of lines?"""
    for at, line in enumerate(expected):
        if line.strip() == ANY:
            rest = expected[at + 1:]
            return any(fits(printed[n:], rest) for n in range(at, len(printed) + 1))
        if at >= len(printed) or not line_fits(MASKED.sub("*", printed[at]), MASKED.sub("*", line)):
            return False
    return len(printed) == len(expected)


# ---- what the commands read


class Inputs:
    """Makes what a command names, in a folder."""

    def __init__(self, folder, document):
        self.folder, self.document = folder, document
        self.made = {
            **dict.fromkeys(("crash.hib", "monday.hib", "debian-6.1-cloud.hib"), lambda to: shutil.copy(SAMPLES / "debian-6.1-cloud.hib", to)),
            "debian-6.1-cloud-later.hib": self.later,
            "damaged.hib": self.damaged,
            **dict.fromkeys(("vmcore", "guest.elf", "monday.elf", "proc/vmcore"), lambda to: self.restored("crash.hib", "elf", to)),
            "tuesday.elf": lambda to: self.restored("debian-6.1-cloud-later.hib", "elf", to),
            "tuesday.hib": lambda to: self.run("create", self.need("tuesday.elf"), "--base", self.need("monday.hib"), "-o", to),
            **dict.fromkeys(("memory", "memory.raw"), lambda to: self.restored("crash.hib", "raw", to)),
            "laptop.hib": lambda to: self.run("create", self.need("dev/sda3"), "-o", to),
            "disk.img": self.disk,
            "dev/sda": lambda to: self.wiped("kernel", to),
            **dict.fromkeys(("dev/sda3", "swap.img"), lambda to: self.case("kernel", to)),
            **dict.fromkeys(("before.json", "laptop.json", "monday.json", "old.json"), lambda to: self.run("probe", "--root", self.need("old-pc"), "-o", to)),
            **dict.fromkeys(("now.json", "tuesday.json"), self.exchanged),
            **dict.fromkeys(("old-pc", "odd-machine", "mnt", "tmp/laptop"), lambda to: unpack(SAMPLES / "machines" / "old-pc.tree", to)),
            "ec2": lambda to: unpack(ROOT / "tests" / "corpus" / "arm-check" / "ec2.tree", to),
            **dict.fromkeys(("saving.log", "restoring.log"), lambda to: shutil.copy(FAILURE / to.name, to)),
        }

    def run(self, *arguments):
        subprocess.run([HIBTOOL, *arguments, "-q"], check=True, stdin=subprocess.DEVNULL)

    def need(self, name):
        """The path of an input, which is made if it is not there."""
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            if name in self.made:
                self.made[name](path)
            else:
                self.case(name.removesuffix(".img"), path)
        return path

    def knows(self, name):
        return name in self.made or (name.endswith(".img") and (SAMPLES / "swsusp" / "cases" / name).with_suffix(".txt").exists())

    def restored(self, image, kind, to):
        self.run("restore", self.need(image), "--as", kind, "-o", to)

    def later(self, to):
        self.need("debian-6.1-cloud.hib")
        shutil.copy(SAMPLES / "debian-6.1-cloud-later.hib", to)

    def damaged(self, to):
        """One byte is changed in block 10."""
        content = bytearray((SAMPLES / "debian-6.1-cloud.hib").read_bytes())
        content[0x2b17f0 + 0x1000] ^= 0xFF
        to.write_bytes(content)

    def case(self, name, to):
        """A conformance image."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, SAMPLES / "swsusp" / "generate", folder, name], check=True, stdout=subprocess.DEVNULL)
            shutil.copy(Path(folder) / f"{name}.img", to)

    def wiped(self, name, to):
        self.case(name, to)
        to.write_bytes(bytes(PAGE) + to.read_bytes()[PAGE:])

    def disk(self, to):
        """Of the page on recovering: an image whose header is gone. Elsewhere: a disk with a partition."""
        if self.document in ("recover.md",):
            self.wiped("kernel", to)
        else:
            self.case("mbr-partition", to)

    def exchanged(self, to):
        """The probe of old-pc, whose disk was exchanged for one of the same model; what was on it was copied."""
        to.write_text((SAMPLES / "machines" / "old-pc.json").read_text().replace("3JX0AAAA", "3JX0CCCC"))


# ---- the commands at work


class Session:
    """A folder in which the commands of one document run."""

    def __init__(self, folder, document):
        self.folder = folder
        self.inputs = Inputs(folder, document.name)
        self.outside = folder / "outside"  # programs that stand in for others
        self.outside.mkdir()
        (self.outside / "hibtool").symlink_to(Path(HIBTOOL).resolve())
        (self.outside / "ssh").write_text("#!/bin/sh\nshift\nexec sh -c \"$*\"\n")
        (self.outside / "ssh").chmod(0o755)

    def run(self, text):
        """(lines, exit code)"""
        text = STANDS_IN.sub(rf"{self.folder}/\1", text)
        words = [word.rstrip(";") for word in shlex.split(text, comments=True)]
        outputs = {words[n + 1] for n, word in enumerate(words[:-1]) if word in OUTPUT_OPTIONS}
        for name in {word.removeprefix(f"{self.folder}/") for word in words} - outputs:
            if self.inputs.knows(name):
                self.inputs.need(name)
        self.take_away(outputs)
        for name in outputs:
            if name.startswith(f"{self.folder}/dev/"):
                self.swap_area(Path(name))
        path = f"{self.outside}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", text], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={"PATH": path, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}, timeout=120)
        self.take_away({name for name in outputs if self.inputs.knows(name)})
        said = done.stdout.decode(errors="backslashreplace").replace(f"{self.folder}/", "/").rstrip()
        return said.split("\n") if said else [], done.returncode

    def swap_area(self, path):
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["/usr/sbin/mkswap", path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def take_away(self, names):
        for name in names:
            path = self.folder / name
            if name != "-" and path.is_dir():
                shutil.rmtree(path)
            elif name != "-":
                path.unlink(missing_ok=True)


def why_not(text):
    """The pattern of CANNOT_RUN that matches the command."""
    return next((pattern for pattern in CANNOT_RUN if re.search(pattern, text)), None)


class Documents(unittest.TestCase):
    def check(self, document):
        """Runs what the document shows; the document as it should be."""
        text = document.read_text()
        lines, shift = text.split("\n"), 0
        folder = Path(tempfile.mkdtemp(prefix="hibdoc-"))
        self.addCleanup(shutil.rmtree, folder)
        session = Session(folder, document)
        for command in commands(text):
            if not re.search(r"\bhibtool\b", command.text) or why_not(command.text):
                continue
            with self.subTest(f"{document.relative_to(ROOT)}:{command.line + 1}", command=command.text):
                printed, code = session.run(command.text)
                if UPDATE and command.printed and not fits(printed, command.printed) and ANY not in map(str.strip, command.printed):
                    fresh = [f"{command.indent}{line}".rstrip() for line in printed]
                    lines[command.end - len(command.printed) + shift:command.end + shift] = fresh
                    shift += len(fresh) - len(command.printed)
                    continue
                shown = "\n".join(printed)
                if command.printed:
                    self.assertTrue(fits(printed, command.printed), f"it printed:\n{shown}\nthe document shows:\n" + "\n".join(command.printed))
                else:
                    self.assertIn(code, (0, 1, 3), shown)
        return "\n".join(lines)

    def test_every_command_that_they_show_prints_what_they_show(self):
        only = os.environ.get("DOCUMENT", "")
        for document in DOCUMENTS:
            if only in str(document):
                text = self.check(document)
                if UPDATE:
                    document.write_text(text)

    def test_each_exception_is_needed(self):
        shown = [command.text for document in DOCUMENTS for command in commands(document.read_text())]
        used = {why_not(text) for text in shown if re.search(r"\bhibtool\b", text)}
        self.assertEqual(set(CANNOT_RUN) - used, set())

    def test_there_are_commands_to_run(self):
        self.assertGreater(sum(1 for document in DOCUMENTS for _ in commands(document.read_text())), 100)


def load_tests(loader, tests, pattern):
    import doctest
    tests.addTests(doctest.DocTestSuite())
    return tests


if __name__ == "__main__":
    unittest.main()
