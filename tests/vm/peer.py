#!/usr/bin/env python3
"""A machine on the network of a guest, which stays when QEMU ends: the host's own TCP, in a network namespace, behind a tap.
It sends back what it gets on port 7. Its frames go over datagram sockets: `peer.py FOLDER` reads FOLDER/peer, and writes to FOLDER/guest.

    unshare --net tests/vm/peer.py FOLDER       QEMU: -netdev dgram,id=net0,local.type=unix,local.path=FOLDER/guest,
                                                      remote.type=unix,remote.path=FOLDER/peer
"""

import fcntl
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading

ADDRESS = "192.0.2.1"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionResetError:  # a guest that was shut down
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def main(folder):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", b"peer", IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/24", "dev", "peer"], check=True)
    subprocess.run(["ip", "link", "set", "peer", "up"], check=True)
    frames = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    frames.bind(f"{folder}/peer")

    def from_guest():
        while True:
            os.write(tap, frames.recv(65536))

    def to_guest():
        while True:
            frame = os.read(tap, 65536)
            try:
                frames.sendto(frame, socket.MSG_DONTWAIT, f"{folder}/guest")
            except OSError:  # no guest is there: a cable that is not plugged in
                pass

    for run in (from_guest, to_guest):
        threading.Thread(target=run, daemon=True).start()
    with Server((ADDRESS, 7), Echo) as server:
        print("READY", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
