#!/usr/bin/python3
"""Makes the corpus files from eight pages of memory. usage: make_corpus.py [HIBTOOL]"""

import bz2
import gzip
import lzma
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


def cpio(*entries):
    out = b""
    for name, content in [*entries, ("TRAILER!!!", b"")]:
        mode = 0 if name == "TRAILER!!!" else 0o100644
        out += b"070701" + b"".join(b"%08x" % number for number in (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0))
        out += name.encode() + b"\0"
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return out


def program(*sections):
    """A PE program with these sections, as a unified kernel image is one."""
    out = bytearray(b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<2xH12xHxx", len(sections), 0))
    at, contents = len(out) + 40 * len(sections), b""
    for name, content in sections:
        out += struct.pack("<8sIIII16x", name.encode(), len(content), 0, len(content), at + len(contents))
        contents += content
    return bytes(out) + contents


def put_initramfs():
    """Small ones, and open ones, which mutants get further into than into those of real generators beside them."""
    index = struct.pack(">III", 0xB007F457, 0x20001, 0xA000000C) + b"lz\0" + b"no" + struct.pack(">II", 0x4000000C, 0x4000000C)
    debian = cpio(("conf/conf.d/resume", b"RESUME=UUID=aa\n"), ("scripts/local-premount/resume", b""), ("cryptroot/crypttab", b"swap UUID=bb none luks\n"),
                  ("lib/modules/6.1.0/kernel/a-b.ko.xz", b""), ("lib/modules/6.1.0/modules.builtin", b"kernel/crypto/lzo.ko\n"), ("etc/modprobe.d/a", b"options nvidia a=1\n"))
    arch = cpio(("buildconfig", b""), ("config", b'HOOKS="udev resume"\n'), ("hooks/resume", b""), ("usr/lib/modules/6.12.1/modules.builtin.bin", index))
    booster = cpio(("etc/booster.init.yaml", b"builtinmodules:\n    lzo: true\nkernel: 6.12.1\n"), ("usr/lib/modules/dm_crypt.ko", b""))
    dracut = cpio(("usr/lib/systemd/systemd", b""), ("lib/dracut/a", b""), ("etc/cmdline.d/a.conf", b" resume=/dev/sda2 resume_offset=7x\n"), ("usr/lib/os-release", b"ID=dracut\n"))
    lz4 = lambda data: subprocess.run(["lz4", "-q", "-l", "-c"], input=data, check=True, capture_output=True).stdout
    for name, data in {"open": debian, "two": arch + bytes(512) + gzip.compress(dracut, mtime=0), "booster": booster, "gzip": gzip.compress(debian, mtime=0),
                       "xz": lzma.compress(arch), "bzip2": bz2.compress(dracut), "lz4": lz4(debian),
                       "unified": program((".osrel", b"ID=a\n"), (".cmdline", b"resume=UUID=dd"), (".initrd", dracut), (".profile", b"ID=b"), (".cmdline", b"noresume"))}.items():
        put("initramfs", f"good-{name}", data)
    put("initramfs", "index-circle", arch.replace(struct.pack(">II", 0x4000000C, 0x4000000C), struct.pack(">II", 0xA000000C, 0x2000000C)))
    put("initramfs", "truncated", debian[:-200])
    put("initramfs", "second-name-size", patched(arch, 124 + 94, b"99999999"))


def efi(text, encoding="utf-16-le"):
    return struct.pack("<I", 7) + text.encode(encoding) + b"\0\0"


def files(**contents):
    """As tests/fuzz/fuzz_configuration.cpp reads them."""
    return b"".join(f"==> {path} <==\n".encode() + (text if isinstance(text, bytes) else text.encode()) for path, text in contents.items())


def put_configuration():
    (HERE / "configuration").mkdir(exist_ok=True)
    uuid = "0a1b2c3d-1111-2222-3333-444455556666"
    machine = {"/proc/swaps": "Filename Type Size Used Priority\n/dev/sda1 partition 8388604 0 -2\n/swap\\040file file 1024 0 -3\n", "/proc/meminfo": "MemTotal: 16318412 kB\n",
               "/sys/class/block/sda1/dev": "8:1\n", "/hibtool/block/sda1": f"TYPE=swap\nUUID={uuid}\n", "/proc/sys/kernel/osrelease": "6.1.0-44-amd64\n"}
    grub = (f"set default=\"${{saved_entry}}\"\nmenuentry 'A' --class a $menuentry_id_option 'a' {{\n\tlinux /boot/vmlinuz-6.1.0-44-amd64 root=/dev/sda2 resume=UUID={uuid} $kernelopts\n"
            "\tinitrd /boot/initrd.img-6.1.0-44-amd64\n}\nsubmenu 'More' {\n\tmenuentry \"B\" --id b {\n\t\tlinux16 /vmlinuz noresume\n\t}\n}\n")
    put("configuration", "good-grub", files(**machine, **{
        "/boot/grub/grub.cfg": grub, "/boot/grub/grubenv": "# GRUB Environment Block\nsaved_entry=More>b\nkernelopts=quiet\n####\n",
        "/etc/default/grub": 'GRUB_CMDLINE_LINUX="$X resume=/dev/sda1 \\\nquiet"\nGRUB_CMDLINE_LINUX_DEFAULT=\'hibernate=nocompress\'\n',
        "/etc/initramfs-tools/conf.d/resume": f"RESUME=UUID={uuid}\n", "/etc/os-release": 'PRETTY_NAME="Debian"\nID=debian\n', "/sys/power/resume": "8:1\n", "/sys/power/resume_offset": "0\n"}))
    put("configuration", "good-systemd-boot", files(**machine, **{
        "/boot/loader/loader.conf": "default a*\n", "/boot/loader/entries/a.conf": f"title A\nversion 6.12.1\nlinux /vmlinuz\ninitrd /ucode.img\ninitrd /initrd\noptions resume=UUID={uuid} resume_offset=34816\noptions quiet\n",
        "/boot/loader/entries/b.conf": "title B\nlinux /vmlinuz-6.1\noptions noresume\n", "/etc/mkinitcpio.conf": "HOOKS=(base udev # x\n  'resume' fsck)\nMODULES+=(\"i915\")\n",
        "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": efi("b.conf"),
        "/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67":
            efi(f'{{"uuid":"{uuid}","offset":34816,"kernelVersion":"6.12.1","osReleaseId":"a\\u00e9"}}')}))
    put("configuration", "good-crypt", files(**machine, **{
        "/etc/crypttab": "swap UUID=bb /dev/urandom swap\n", "/etc/fstab": "/dev/mapper/swap none swap sw 0 0\n/swapfile none swap defaults 0 0\n", "/sys/class/block/dm-0/dev": "254:0\n",
        "/sys/class/block/dm-0/dm/name": "swap\n", "/sys/class/block/dm-0/dm/uuid": "CRYPT-LUKS2-0-swap\n", "/proc/self/mountinfo": "22 1 8:2 / / rw shared:1 - ext4 /dev/sda2 rw\n",
        "/etc/dracut.conf.d/a.conf": 'add_dracutmodules+=" resume "\nkernel_cmdline="resume=/dev/dm-0"\n', "/etc/systemd/sleep.conf": "[Sleep]\nAllowHibernation=no\n",
        "/etc/systemd/zram-generator.conf": "[zram0]\n", "/proc/cmdline": 'a="b c" resume=LABEL=x -- resume=y\n', "/etc/kernel/cmdline": "# x\nresume=8:1 resume_offset=1..\n"}))
    for name, path, text in (("extlinux", "/boot/extlinux/extlinux.conf", "label a\n  APPEND resume=/dev/mmcblk0p2\n"), ("limine", "/boot/limine.conf", "/A\n  cmdline: resume=8:2\n"),
                             ("refind", "/boot/refind_linux.conf", '"A" "ro resume=/dev/sda2"\n'), ("pi", "/boot/firmware/cmdline.txt", "console=tty1 noresume\n\n")):
        put("configuration", f"good-{name}", files(**{path: text}))


def main():
    put_devices()
    put_initramfs()
    put_configuration()
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
