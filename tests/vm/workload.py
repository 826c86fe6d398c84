"""What workload.c puts into memory, so that a test can say which bytes a page must have."""

import re
import struct
import subprocess
from dataclasses import dataclass

PAGE = 4096
KIND_NUMBERS = {"marked": 1, "zero": 2, "repeated": 3, "random": 4, "filled": 5, "process": 6}
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class KnownPage:
    kind: str
    index: int
    pfn: int
    seed: int

    def content(self):
        return page_content(self.kind, self.index, self.seed)


def compile_workload(source, target):
    subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-o", str(target), str(source)], check=True)


def parse_report(lines):
    """The PAGE lines of the control channel."""
    pages = []
    for line in lines:
        match = re.fullmatch(r"PAGE (\w+) (\d+) pfn 0x([0-9a-f]+) seed (\d+)", line)
        if match:
            pages.append(KnownPage(match[1], int(match[2]), int(match[3], 16), int(match[4])))
    return pages


def page_content(kind, index, seed):
    number = KIND_NUMBERS[kind]
    if kind == "zero":
        return bytes(PAGE)
    if kind == "filled":
        return b"\x5a" * PAGE
    if kind == "repeated":
        return _words(PAGE, number, 0, seed)
    if kind == "random":
        return _words(PAGE, number, index, seed)
    header = f"HIBTOOL-PAGE kind={kind} index={index} seed={seed}\n".encode().ljust(64, b"\0")
    return header + _words(PAGE - 64, number, index, seed)


def _words(size, number, index, seed):
    """xorshift64 words, as fill_words() in workload.c."""
    state = ((number << 48 ^ index << 16 ^ seed) * 0x9E3779B97F4A7C15 + 1) & _MASK
    words = []
    for _ in range(size // 8):
        state ^= state << 13 & _MASK
        state ^= state >> 7
        state ^= state << 17 & _MASK
        words.append(state)
    return struct.pack(f"<{len(words)}Q", *words)


def check_raw(path, pages):
    """Pages of a raw dump that are not what the guest said; empty when all agree."""
    wrong = []
    with open(path, "rb") as raw:
        for page in pages:
            raw.seek(page.pfn * PAGE)
            if page.pfn == 0 or raw.read(PAGE) != page.content():
                wrong.append(page)
    return wrong
