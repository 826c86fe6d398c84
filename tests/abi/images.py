"""Images for the tests of the library, made once for all tests of a process."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "cli"))
from support import HIBTOOL, memory  # noqa: E402

SAMPLE = str(ROOT / "samples" / "debian-6.1-cloud.hib")
LIBRARY = os.environ.get("LIBHIBTOOL", str(ROOT / "build" / "libhibtool.so.0"))
SANITIZE = os.environ.get("HIBTOOL_SANITIZE", "")


@functools.cache
def folder():
    made = tempfile.mkdtemp(prefix="hibtest-abi-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def tool(*arguments, code=0):
    done = subprocess.run([HIBTOOL, *map(str, arguments)], capture_output=True)
    assert code is None or done.returncode == code, (arguments, done.stderr.decode())
    return done


@functools.cache
def restored(kind):
    """The sample in another format."""
    path = folder() / f"sample.{kind}"
    tool("restore", SAMPLE, "--as", kind, "-o", path, "-q")
    return str(path)


@functools.cache
def raw():
    path = folder() / "memory.raw"
    path.write_bytes(memory(600))
    return str(path)


@functools.cache
def small():
    """A .hib of the raw memory in small chunks."""
    path = folder() / "small.hib"
    tool("create", "-f", "raw", raw(), "-o", path, "--chunk-size", "16", "-q")
    return str(path)


@functools.cache
def small_damaged():
    """The same with a byte of a chunk changed: its pages are lost, which only reading finds."""
    path = folder() / "broken-chunk.hib"
    data = bytearray(Path(small()).read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    return str(path)


@functools.cache
def incremental():
    """The sample upon a base that is not beside it: what equals a page of the base cannot be read."""
    made = folder() / "alone"
    made.mkdir()
    base = folder() / "base.hib"
    shutil.copy(SAMPLE, base)
    tool("create", SAMPLE, "--base", base, "-o", made / "later.hib", "-q")
    return str(made / "later.hib")


@functools.cache
def cut():
    """The same without its end: it opens with salvage alone."""
    path = folder() / "cut.hib"
    data = Path(small()).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return str(path)


@functools.cache
def swsusp():
    """The conformance images."""
    made = folder() / "swsusp"
    subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", made], check=True, stdout=subprocess.DEVNULL)
    return sorted(str(path) for path in made.iterdir() if path.suffix != ".json")


def corpus():
    """Good and damaged files of each format."""
    return sorted(str(path) for name in ("avml", "elf", "hib", "kdump", "lime", "raw") for path in (ROOT / "tests" / "corpus" / name).iterdir())
