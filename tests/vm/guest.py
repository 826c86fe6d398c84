"""A QEMU machine under software emulation, driven over QMP, its console and a control channel. Every wait is for an
event and has a limit; what ends in an error shows the console's last lines."""

import json
import os
import queue
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

# With a thread for each processor, and the host busy, QEMU 7.2 now and then goes on with code that the guest's kernel has patched
# ("Oops: int3" in a plain boot of 6.12, one in about a hundred). One thread for all of them takes less time, too, where several
# guests run at once. "multi" for measurements.
processor_threads = "single"
# QEMU stores what `rep movsb` copies byte by byte. Without these flags the guest's kernel and libc copy words, and `hibtool arm`
# takes half the time.
PROCESSOR = "max,-erms,-fsrm"
# Pointers are signed in a way that costs QEMU less than that of the architecture.
PROCESSOR_ARM64 = "max,pauth-impdef=on"
# What QEMU's machines of an architecture have: program, processor, console, and what adds the control channel.
PLATFORMS = {
    "amd64": ("qemu-system-x86_64", PROCESSOR, "ttyS0", ["-device", "vmcoreinfo", "-serial", "chardev:control"]),
    "arm64": ("qemu-system-aarch64", PROCESSOR_ARM64, "ttyAMA0", ["-device", "pci-serial,chardev=control"]),  # ttyS0 in the guest
}
PCI_HOLE_START = {"pc": 0xC0000000, "q35": 0x80000000}  # RAM above this address is moved above 4 GiB


class GuestError(Exception):
    pass


class Guest:
    """with Guest(kernel, initramfs, memory_mib=256) as guest: guest.wait_for("READY")"""

    def __init__(self, kernel, initramfs, memory_mib=256, cpus=1, machine="pc", append="", drives=(), extra=(), console=None,
                 processor=None):
        self.memory_mib, self.machine = memory_mib, machine
        self._folder = tempfile.TemporaryDirectory(prefix="hibvm-")
        folder = Path(self._folder.name)
        self.console_path = Path(console) if console else folder / "console.log"
        program, usual_processor, terminal, control = PLATFORMS[kernel.architecture]
        self.command = [
            program, "-accel", f"tcg,thread={processor_threads}", "-machine", machine, "-cpu", processor or usual_processor,
            "-smp", str(cpus), "-m", f"{memory_mib}M",
            "-kernel", str(kernel.vmlinuz), "-initrd", str(initramfs), "-append", f"console={terminal} panic=-1 {append}".strip(),
            "-nodefaults", "-no-reboot", "-display", "none",
            "-serial", f"file:{self.console_path}", "-chardev", f"socket,id=control,path={folder}/control,server=on,wait=off",
            *control, "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
        ]
        for number, drive in enumerate(drives):
            self.command += ["-drive", f"{drive},id=drive{number}"]
        self.command += list(extra)
        self._lines = queue.Queue()
        self._process = None

    def __enter__(self):
        folder = Path(self._folder.name)
        self.console_path.touch(mode=0o600)
        with open(folder / "stderr", "wb") as errors:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        self._control = self._connect(folder / "control")
        self.qmp = Qmp(self._connect(folder / "qmp"), self.fail)
        threading.Thread(target=self._read_control, daemon=True).start()
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._control.close()
        self.qmp.close()
        self._folder.cleanup()

    def fail(self, what):
        stderr = (Path(self._folder.name) / "stderr").read_text(errors="replace")
        console = self.console_path.read_text(errors="replace").splitlines()[-20:]
        return GuestError("\n".join([what, *stderr.splitlines()[-5:], "console:", *console]))

    # ---- control channel (ttyS1 in the guest, on arm64 ttyS0): lines both ways

    def send(self, line):
        self._control.sendall(line.encode() + b"\n")

    def read_until(self, pattern, timeout=60):
        """Lines from the control channel up to and with the one that matches."""
        lines = []
        limit = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, limit - time.monotonic()))
            except queue.Empty:
                raise self.fail(f"no line matching {pattern!r} within {timeout} s; last: {lines[-3:]}") from None
            if line is None:
                raise self.fail(f"the guest ended before a line matching {pattern!r}")
            lines.append(line)
            if re.search(pattern, line):
                return lines

    def wait_console(self, pattern, timeout=60):
        limit = time.monotonic() + timeout
        while not re.search(pattern, self.console_path.read_text(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > limit:
                raise self.fail(f"the console never said {pattern!r}")
            time.sleep(0.1)  # a file has no event to wait for

    def wait_end(self, timeout=60):
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.fail(f"still running after {timeout} s") from None

    # ---- memory

    def dump(self, path, kind="elf"):
        """QEMU's dump-guest-memory: "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy". The guest stands still meanwhile."""
        arguments = {"paging": False, "protocol": f"file:{path}"}
        if kind != "elf":
            arguments["format"] = kind
        # Not detached: QEMU 7.2 sends DUMP_COMPLETED before it has cleaned up, and the next dump then fails.
        self.qmp.execute("dump-guest-memory", timeout=600, **arguments)
        os.chmod(path, 0o600)

    def dump_raw(self, path):
        """Physical memory from address 0 on. Exact only where RAM is one piece, below the PCI hole."""
        size = self.memory_mib << 20
        if size > PCI_HOLE_START[self.machine.split(",")[0]]:
            raise GuestError(f"{self.memory_mib} MiB reach over the PCI hole; use an ELF dump")
        self.qmp.execute("pmemsave", val=0, size=size, filename=str(path))
        os.chmod(path, 0o600)

    def stop(self):
        self.qmp.execute("stop")

    def resume(self):
        self.qmp.execute("cont")

    def registers(self):
        """Of processor 0, by QEMU's names of them."""
        said = self.qmp.execute("human-monitor-command", **{"command-line": "info registers"})
        return {name: int(value, 16) for name, value in re.findall(r"\b(\w+) *=([0-9a-f]{16})\b", said)}

    # ---- inside

    def _connect(self, path, timeout=20):
        limit = time.monotonic() + timeout
        while True:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(str(path))
                return connection
            except OSError:
                connection.close()
                if self._process.poll() is not None or time.monotonic() > limit:
                    raise self.fail("QEMU did not start") from None
                time.sleep(0.02)  # until QEMU has made its socket

    def _read_control(self):
        buffer = b""
        while True:
            try:
                data = self._control.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._lines.put(None)
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self._lines.put(line.decode(errors="replace").rstrip("\r"))


class Qmp:
    def __init__(self, connection, fail):
        self._connection, self._fail = connection, fail
        self._stream = connection.makefile("rb")
        self._events = []
        self._read(20)  # greeting
        self.execute("qmp_capabilities")

    def close(self):
        self._stream.close()
        self._connection.close()

    def execute(self, command, timeout=120, **arguments):
        self._connection.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._read(timeout)
            if "error" in message:
                raise self._fail(f"QMP {command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
            self._events.append(message)

    def wait_event(self, name, timeout=60):
        for event in self._events:
            if event.get("event") == name:
                self._events.remove(event)
                return event
        while True:
            message = self._read(timeout)
            if message.get("event") == name:
                return message
            self._events.append(message)

    def _read(self, timeout):
        self._connection.settimeout(timeout)
        try:
            line = self._stream.readline()
        except TimeoutError:
            raise self._fail(f"no answer from QEMU within {timeout} s") from None
        if not line:
            raise self._fail("QEMU ended")
        return json.loads(line)
