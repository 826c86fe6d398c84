#!/usr/bin/python3
"""Makes a small file of a real initramfs or unified kernel image. usage: strip.py IMAGE OUTPUT [WITHOUT...]

The output has the wrapping of IMAGE: the same archives, open or compressed in the same way, and the sections of a unified
kernel image. Its entries have their names, modes, order and links. Two things are gone. What hibtool does not read is
empty (KEPT is what it reads). And entries are left out that there are hundreds of (CROWDS), but for what a resume may need
(NEEDED). WITHOUT names further paths to leave out, as an image would be where they were forgotten.

Needs zstd for what is compressed with it.
"""

import gzip
import lzma
import re
import struct
import subprocess
import sys
from pathlib import Path

KEPT = re.compile(r"(usr/)?(conf/.*|etc/(os-release|initrd-release|crypttab|cmdline.*|dracut\.conf|modprobe\.d/.*)|lib/(os-release|initrd-release|modprobe\.d/.*)"
                  r"|cryptroot/crypttab|config|lib/modules/[^/]*/modules\.builtin(\.bin)?)")
CROWDS = re.compile(r"(usr/)?(lib/modules/.*\.ko(\.\w+)?|lib/modules/.*/|lib/firmware/.*|s?bin/.*|lib/udev/.*|share/.*|lib/[^/]*-linux-gnu/.*\.so.*|lib/[^/]*\.so.*|lib/systemd/system/.*|lib/dracut/modules.*)")
NEEDED = re.compile(r".*(resume|hibern|libsystemd-shared|/(lzo|lz4|dm-crypt|dm-mod|nvme|ahci|sd_mod|virtio_blk|amdgpu|i915|nouveau)[^/]*\.ko).*")
HEADER = 110


def up(number, to=4):
    return -(-number // to) * to


def entries_of(data, at):
    """The archive at `at`: its entries, and where it ends."""
    found = []
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + HEADER:at + HEADER + fields[11] - 1].decode()
        content = up(at + HEADER + fields[11])
        end = up(content + fields[6])
        if name == "TRAILER!!!":
            return found, end
        found.append((name, fields, data[content:content + fields[6]]))
        at = end


def archive(entries):
    out = bytearray()
    for name, fields, content in [*entries, ("TRAILER!!!", [0] * 13, b"")]:
        fields = [*fields[:6], len(content), *fields[7:11], len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(up(len(out)) - len(out)) + content
        out += bytes(up(len(out)) - len(out))
    return bytes(out) + bytes(up(len(out), 512) - len(out))


def stripped_entries(entries, without):
    for name, fields, content in entries:
        path = name.removeprefix("./").removeprefix("/")
        is_file = fields[1] & 0o170000 == 0o100000
        is_folder = fields[1] & 0o170000 == 0o040000
        if path in without or ((is_folder or CROWDS.fullmatch(path)) and not NEEDED.fullmatch(path)):
            continue
        yield name, fields, content if not is_file or KEPT.fullmatch(path) else b""


def unpacked(data):
    """What the compressed stream at the beginning of `data` unpacks to, and how to pack it again."""
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        run = lambda content, *options: subprocess.run(["zstd", "-q", "-c", *options], input=content, capture_output=True, check=True).stdout
        return run(data, "-d"), lambda content: run(content, "-19")
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data), lambda content: gzip.compress(content, mtime=0)
    if data.startswith(b"\xfd7zXZ"):
        return lzma.decompress(data), lambda content: lzma.compress(content, check=lzma.CHECK_CRC32)
    sys.exit(f"not known: {data[:8].hex()}")


def stripped_initramfs(data, without):
    out, at = b"", 0
    while at < len(data):
        if data[at] == 0:
            at += 1
        elif data[at:at + 6] == b"070701":
            entries, at = entries_of(data, at)
            out += archive(stripped_entries(entries, without))
        else:
            content, pack = unpacked(data[at:])
            return out + pack(stripped_initramfs(content, without))
    return out


def stripped_program(data, without):
    """A unified kernel image: headers and texts as they are, the initramfs stripped, all else empty."""
    pe, = struct.unpack_from("<I", data, 0x3C)
    count, = struct.unpack_from("<H", data, pe + 6)
    optional, = struct.unpack_from("<H", data, pe + 20)
    table = pe + 24 + optional
    out = bytearray(data[:table + 40 * count])
    for row in range(table, table + 40 * count, 40):
        name = data[row:row + 8].rstrip(b"\0")
        size, _, raw, at = struct.unpack_from("<IIII", data, row + 8)
        content = b""
        if name in (b".cmdline", b".osrel", b".uname", b".profile"):
            content = data[at:at + min(size, raw)]
        if name == b".initrd":
            content = stripped_initramfs(data[at:at + min(size, raw)], without)
            struct.pack_into("<I", out, row + 8, len(content))
        out += bytes(up(len(out), 512) - len(out))
        struct.pack_into("<II", out, row + 16, up(len(content), 512), len(out) if content else 0)
        out += content
    return bytes(out) + bytes(up(len(out), 512) - len(out))


def main():
    data = Path(sys.argv[1]).read_bytes()
    strip = stripped_program if data.startswith(b"MZ") else stripped_initramfs
    Path(sys.argv[2]).write_bytes(strip(data, sys.argv[3:]))


main()
