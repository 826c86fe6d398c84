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


def flattened(dump, size, without=None):
    """As makedumpfile -F sends it: records of target offset, size and data; one may be missing."""
    out = struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(PAGE, b"\0")
    for at in range(0, len(dump), size):
        if at == without:
            continue
        out += struct.pack(">qq", at, len(dump[at:at + size])) + dump[at:at + size]
    return out + struct.pack(">qq", -1, -1)


def field(name, value):
    kind = 1 if isinstance(value, int) else 2 if isinstance(value, str) else 3 if isinstance(value, bytes) else 4
    raw = struct.pack("<Q", value) if kind == 1 else value.encode() if kind == 2 else value if kind == 3 else b"".join(value)
    return struct.pack("<BBHI", kind, len(name), 0, len(raw)) + name.encode() + raw


def devices(*fields):
    raw = b"".join(fields)
    return struct.pack("<HBBI", 1, 7, 0, len(raw)) + b"devices" + raw


def value(name, text, strength, presence="present"):
    return [field("name", name), field("text", text), field("from", "sysfs"), field("strength", strength), field("presence", presence)]


def device(path, kind, parent="", *more):
    return field("device", [field("path", path), field("kind", kind), field("name", path), *([field("parent", parent)] if parent else []), *more])


def put_devices():
    strong = lambda name, text: field("identity", value(name, text, "strong"))
    place = lambda text: field("identity", value("place", text, "place"))
    (HERE / "devices").mkdir(exist_ok=True)
    function = device("pci", "pci", "", place("00/1f.2"), field("identity", value("class", "0x010601", "medium")), field("state", value("driver", "ahci", "medium")), field("config", bytes(range(64))))
    disk = device("sda", "disk", "pci", place("00/1f.2/0"), strong("serial", "S1"), strong("content.ptuuid", "T1"))
    part = device("sda1", "partition", "sda", place("00/1f.2/0/1"), strong("content.partuuid", "P1"))
    raid = device("md0", "raid", "sda1", field("member", "sda1"), field("member", "sdb"), strong("md-uuid", "M1"))
    system = device("fs", "filesystem", "md0", strong("uuid", "F1"), field("state", value("mount", "/home", "medium")), field("state", value("MARK_GENERATION", "7", "medium")))
    put("devices", "good", devices(function, disk, part, raid, system))
    twin = lambda n: device(f"sd{n}", "disk", "", place(f"p{n}"), field("identity", value("model", "M", "medium")), field("identity", value("serial", "EACCES", "strong", "unreadable")))
    put("devices", "twins", devices(*map(twin, "abc")))
    put("devices", "circle", devices(device("a", "disk", "b"), device("b", "disk", "a")))
    put("devices", "members-circle", devices(device("a", "raid", "", field("member", "b")), device("b", "raid", "", field("member", "a"))))
    put("devices", "escapes", devices(device("\x1b[2J\u202e", "disk", "", strong("\r", "\x00\x7f"))))
    put("devices", "class-unknown", devices(device("pci", "pci", "", field("identity", value("class", "0x410601", "medium")))))
    put("devices", "kind-unknown", devices(device("a", "toaster")))
    put("devices", "path-twice", devices(device("a", "disk"), device("a", "disk")))
    put("devices", "truncated", devices(function, disk)[:-9])


def main():
    put_devices()
    raw = HERE / "raw" / "raw-good"
    raw.write_bytes(MEMORY)
    images = {}
    for kind in ("hib", "elf", "lime", "avml", "kdump"):
        (HERE / kind).mkdir(exist_ok=True)
        path = HERE / kind / f"{kind}-good"
        tool("restore", "-f", "raw", raw, "--as", kind, "-o", path, *(["--chunk-size", "8"] if kind == "hib" else []))
        images[kind] = path.read_bytes()
    for codec in ("zlib", "snappy", "zstd", "none"):
        tool("restore", "-f", "raw", raw, "--as", "kdump", "--codec", codec, "-o", HERE / "kdump" / f"kdump-good-{codec}")
    flat = subprocess.run([HIBTOOL, "restore", "-f", "raw", str(raw), "--as", "kdump", "-o", "-", "-q"], check=True, capture_output=True).stdout
    put("kdump", "good-flattened", flat)
    put("kdump", "truncated-flattened", flat[:len(flat) * 2 // 3])
    put("kdump", "part-alone", patched(images["kdump"], 4096 + 12, struct.pack("<I", 1)))
    put("elf", "good-flattened", flattened(images["elf"], 1 << 20))
    put("elf", "gap-flattened", flattened(images["elf"], 3000, without=9000))
    put("elf", "truncated-flattened", flattened(images["elf"], 3000)[:-5000])
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
    avml = images["avml"]
    put("avml", "version-3", patched(avml, 4, struct.pack("<I", 3)))
    put("avml", "range-huge", patched(avml, 16, struct.pack("<Q", (1 << 52) - 1)))
    put("avml", "range-backwards", patched(avml, 8, struct.pack("<QQ", 8192, 0)))
    put("avml", "chunk-reserved", patched(avml, 42, b"\x02"))
    put("avml", "chunk-huge", patched(avml, 43, b"\xff\xff\xff"))
    put("avml", "crc", patched(avml, 46, b"\0\0\0\0"))
    put("avml", "length-huge", patched(avml, len(avml) - 8, b"\xff" * 8))
    put("avml", "twice", avml + avml)
    put("avml", "truncated", avml[:-100])
    put("avml", "padding", avml[:42] + b"\xfe\x03\0\0abc" + avml[42:-8] + struct.pack("<Q", len(avml) - 40 + 7))
    put("hib", "truncated", images["hib"][:-200])
    put("hib", "header-only", images["hib"][:8192])
    put("hib", "payload-huge", patched(images["hib"], 8192 + 16, struct.pack("<Q", (1 << 64) - 1)))


main()
