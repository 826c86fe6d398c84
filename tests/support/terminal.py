"""Programs on a terminal, as a test sees them."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


def size(columns, rows=25):
    return struct.pack("HHHH", rows, columns, 0, 0)


@contextlib.contextmanager
def terminal(columns=80, rows=25):
    """(the end that a test reads and types at, the end that a program has)"""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size(columns, rows))
        yield master, slave
    finally:
        os.close(master)
        with contextlib.suppress(OSError):
            os.close(slave)


def read_all(master, seconds=120):
    """Until the last process has closed the terminal."""
    said, end = b"", time.monotonic() + seconds
    while select.select([master], [], [], max(0, end - time.monotonic()))[0]:
        try:
            piece = os.read(master, 65536)
        except OSError:  # EIO, as Linux says it
            return said
        if not piece:
            return said
        said += piece
    raise AssertionError(f"still running after {seconds} s: {said!r}")


def read_until(master, text, seconds=60):
    """What was said up to `text`, and with it."""
    said, end = b"", time.monotonic() + seconds
    while text not in said:
        if not select.select([master], [], [], max(0, end - time.monotonic()))[0]:
            raise AssertionError(f"no {text!r} after {seconds} s: {said!r}")
        said += os.read(master, 65536)
    return said


def environment(**changes):
    """That of this process, as a usual terminal has it. A variable that is None is not set."""
    gone = ("COLUMNS", "LINES", "NO_COLOR", "PAGER", "HIBTOOL_PAGER", "LESS", "MANPAGER", "SUDO_UID", "PKEXEC_UID")
    found = {**os.environ, **dict.fromkeys(gone), "TERM": "xterm", "LC_ALL": "C.UTF-8", **changes}
    return {name: value for name, value in found.items() if value is not None}


def run_on_terminal(command, columns=80, rows=25, cwd=None, out=None, **changes):
    """(what was said, exit code): standard output (but for `out`) and standard error are one terminal."""
    with terminal(columns, rows) as (master, slave):
        process = subprocess.Popen(command, stdin=slave, stdout=slave if out is None else out, stderr=slave, start_new_session=True,
                                   cwd=cwd, env=environment(**changes))
        os.close(slave)
        said = read_all(master)
        return said.replace(b"\r\n", b"\n"), process.wait()
