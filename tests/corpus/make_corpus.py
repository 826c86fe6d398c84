#!/usr/bin/python3
"""Makes the corpus files from eight pages of memory. usage: make_corpus.py [HIBTOOL]"""

import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HIBTOOL = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parent.parent / "build" / "hibtool")
PAGE = 4096


def page(text):
    return (text * PAGE)[:PAGE].encode()


MEMORY = page("one ") + bytes(PAGE) + page("two ") + b"\x5a" * PAGE + page("one ") + bytes(2 * PAGE) + page("end ")


def tool(*arguments):
    subprocess.run([HIBTOOL, *map(str, arguments), "-q", "--force"], check=True)


def patched(data, offset, value):
    out = bytearray(data)
    out[offset:offset + len(value)] = value
    return bytes(out)


def put(kind, name, data):
    (HERE / kind / f"{kind}-{name}").write_bytes(data)


def main():
    raw = HERE / "raw" / "raw-good"
    raw.write_bytes(MEMORY)
    images = {}
    for kind in ("hib", "elf", "lime", "kdump"):
        path = HERE / kind / f"{kind}-good"
        tool("restore", "-f", "raw", raw, "--as", kind, "-o", path, *(["--chunk-size", "8"] if kind == "hib" else []))
        images[kind] = path.read_bytes()
    for codec in ("zlib", "snappy", "zstd", "none"):
        tool("restore", "-f", "raw", raw, "--as", "kdump", "--codec", codec, "-o", HERE / "kdump" / f"kdump-good-{codec}")
    flat = subprocess.run([HIBTOOL, "restore", "-f", "raw", str(raw), "--as", "kdump", "-o", "-", "-q"], check=True, capture_output=True).stdout
    put("kdump", "good-flattened", flat)
    put("kdump", "truncated-flattened", flat[:len(flat) * 2 // 3])
    put("kdump", "block-size-0", patched(images["kdump"], 428, struct.pack("<I", 0)))
    put("kdump", "bitmap-huge", patched(images["kdump"], 436, struct.pack("<I", 0xFFFFFFFE)))
    put("kdump", "mapnr-max", patched(images["kdump"], 4096 + 96, struct.pack("<Q", (1 << 64) - 1)))
    put("kdump", "descriptor-outside", patched(images["kdump"], 4 * PAGE, struct.pack("<Q", 1 << 63)))
    put("kdump", "truncated", images["kdump"][:4 * PAGE + 40])
    put("elf", "phnum-xnum", patched(images["elf"], 56, struct.pack("<H", 0xFFFF)))
    put("elf", "filesz-huge", patched(images["elf"], 64 + 56 + 32, struct.pack("<QQ", 1 << 62, 1 << 62)))
    put("elf", "paddr-wraps", patched(images["elf"], 64 + 56 + 24, struct.pack("<Q", (1 << 64) - PAGE)))
    put("elf", "note-huge", patched(images["elf"], 64 + 32, struct.pack("<QQ", 1 << 40, 0)))
    put("elf", "truncated", images["elf"][:2 * PAGE + 100])
    put("lime", "range-wraps", patched(images["lime"], 8, struct.pack("<QQ", 0, (1 << 64) - 1)))
    put("lime", "range-backwards", patched(images["lime"], 8, struct.pack("<QQ", 8192, 0)))
    put("lime", "truncated", images["lime"][:PAGE])
    put("hib", "truncated", images["hib"][:-200])
    put("hib", "header-only", images["hib"][:8192])
    put("hib", "payload-huge", patched(images["hib"], 8192 + 16, struct.pack("<Q", (1 << 64) - 1)))


main()
