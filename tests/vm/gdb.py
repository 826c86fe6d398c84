"""As much of gdb's remote protocol as stopping a QEMU guest at an address takes."""

import socket
import time


class GdbStub:
    def __init__(self, path, timeout=20):
        limit = time.monotonic() + timeout
        while True:
            try:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.connect(str(path))
                break
            except OSError:
                self._socket.close()
                if time.monotonic() > limit:
                    raise
                time.sleep(0.02)  # until QEMU has made its socket
        self._socket.settimeout(60)
        self._buffer = b""
        self.ask("?")  # connecting stops the guest, which may be reported twice

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def break_at(self, address):
        self._command(f"Z1,{address:x},1")  # a hardware breakpoint: memory stays as it is

    def clear(self, address):
        self._command(f"z1,{address:x},1")

    def run_to(self, address, timeout, is_there=lambda: True):
        """Until a processor is at the address, and it is the right kernel that has it there."""
        self.break_at(address)
        self.go_on()
        self.wait_stop(timeout)
        while not is_there():
            self.clear(address)
            self.ask("s")
            self.break_at(address)
            self.go_on()
            self.wait_stop(timeout)
        self.clear(address)

    def write_physical(self, address, data):
        self._command("Qqemu.PhyMemMode:1")
        self._command(f"M{address:x},{len(data):x}:{data.hex()}")

    def lead_astray(self, processor, stops=10_000):
        """Its next instruction in the kernel is at an address where there is none. (In a program it would be the program's
        fault, and some other processor's panic.)"""
        self._answer("qXfer:features:read:target.xml:0,ffb")  # without that QEMU knows no register
        for _ in range(stops):
            self._command(f"Hg{processor + 1}")
            if not int(self._answer("p12")[:2], 16) & 3:  # cs
                self._command("P10=" + bytes(8).hex())  # rip
                return
            self.go_on()
            self._socket.sendall(b"\x03")
            self.wait_stop(60)
        raise RuntimeError(f"gdb stub: processor {processor} was in a program at each of {stops} stops")

    def go_on(self):
        self._send("c")

    def wait_stop(self, timeout):
        self._socket.settimeout(timeout)
        return self._receive()

    def ask(self, packet):
        self._send(packet)
        return self._receive()

    def _answer(self, packet):
        answer = self.ask(packet)
        while answer.startswith("T"):
            answer = self._receive()
        return answer

    def _command(self, packet):
        answer = self._answer(packet)
        if answer != "OK":
            raise RuntimeError(f"gdb stub: {packet}: {answer!r}")

    def _send(self, packet):
        data = packet.encode()
        self._socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def _receive(self):
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start + 1)
            if start >= 0 and end >= 0 and len(self._buffer) >= end + 3:
                packet = self._buffer[start + 1:end]
                self._buffer = self._buffer[end + 3:]
                self._socket.sendall(b"+")
                return packet.decode()
            data = self._socket.recv(4096)
            if not data:
                raise RuntimeError("gdb stub: the connection ended")
            self._buffer += data
