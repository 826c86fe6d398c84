"""A small initramfs: busybox, kernel modules, an init script, and whatever a test adds. The same input gives the same
bytes."""

import shutil
import stat
from pathlib import Path

from kernel import read_module

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
"""


def build(path, kernel, modules=(), files=None, commands="", busybox=None):
    """Writes an initramfs to `path`. `files`: name in the guest -> bytes or Path. `commands`: what init does after the
    basic file systems are mounted and the modules loaded. `busybox`: one for another architecture than this machine's."""
    archive = _Cpio()
    for folder in ("bin", "dev", "modules"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", (busybox or _busybox()).read_bytes(), 0o755)
    loaded = kernel.module_files(modules)
    for module in loaded:
        archive.file(f"modules/{_name(module)}", read_module(module))
    archive.file("modules/order", "".join(_name(m) + "\n" for m in loaded).encode())
    archive.file("init", (INIT + commands).encode(), 0o755)
    for name, content in sorted((files or {}).items()):
        data = content.read_bytes() if isinstance(content, Path) else content
        archive.file(name, data, 0o755)
    Path(path).write_bytes(archive.finish())
    return Path(path)


def _name(module):
    return module.name.removesuffix(".xz")


def _busybox():
    found = shutil.which("busybox", path="/bin:/usr/bin")
    if found is None:
        raise FileNotFoundError("busybox: install busybox-static")
    return Path(found)


class _Cpio:
    """The "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self._data = bytearray()
        self._inode = 0
        self._folders = set()

    def folder(self, name):
        if name in self._folders:
            return
        self._folders.add(name)
        self._add(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, mode=0o644):
        for folder in reversed([str(p) for p in Path(name).parents if str(p) != "."]):
            self.folder(folder)
        self._add(name, stat.S_IFREG | mode, data)

    def device(self, name, major, minor):
        self._add(name, stat.S_IFCHR | 0o600, b"", major, minor)

    def finish(self):
        self._add("TRAILER!!!", 0, b"")
        return bytes(self._data)

    def _add(self, name, mode, data, major=0, minor=0):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(encoded), 0]
        self._data += b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
        self._pad()
        self._data += data
        self._pad()

    def _pad(self):
        self._data += b"\0" * (-len(self._data) % 4)
