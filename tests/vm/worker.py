#!/usr/bin/env python3
"""What somebody's session runs in a whole guest: counts, looks at data in memory, sends numbers over one TCP connection, writes
into the home folder, watches the clocks. REPORT says what was done and what was wrong. It needs no more than python3-minimal."""

import hashlib
import os
import socket
import sys
import threading
import time

REPORT = "/dev/shm/worker"
CHUNK, CHUNKS = 1 << 16, 512
done = {"counter": 0, "memory": 0, "network": 0, "files": 0, "clocks": 0}
errors = []


def look_at_memory():
    number = done["memory"] % CHUNKS
    if hashlib.blake2b(data[number]).digest() != sums[number]:
        raise ValueError(f"chunk {number} is another one")


def send():
    said = b"%d\n" % done["network"]
    peer.sendall(said)
    heard = stream.readline()
    if heard != said:
        raise ValueError(f"sent {said}, heard {heard}")


def write():
    with open(os.path.expanduser("~/written"), "a+") as file:
        file.write(f"{done['files']}\n")
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        if file.read().split() != [str(number) for number in range(done["files"] + 1)]:
            raise ValueError("the file is another one")


def watch():
    now = (time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
    if any(new < old for new, old in zip(now, watch.last)):
        raise ValueError(f"a clock went back: {watch.last}, {now}")
    watch.last = now


watch.last = (0, 0, 0)


def forever(name, step, pause):
    while True:
        try:
            step()
            done[name] += 1
        except Exception as error:  # whatever it is, it is told, once, and the others go on
            errors.append(f"{name}: {type(error).__name__}: {error}")
            return
        time.sleep(pause)


data = [os.urandom(CHUNK) for _ in range(CHUNKS)]
sums = [hashlib.blake2b(chunk).digest() for chunk in data]
open(os.path.expanduser("~/written"), "w").close()
steps = [("memory", look_at_memory, 0.02), ("files", write, 1), ("clocks", watch, 0.02)]
if len(sys.argv) > 1:
    for _ in range(60):
        try:
            peer = socket.create_connection((sys.argv[1], 7))
            break
        except OSError:
            time.sleep(1)
    stream = peer.makefile("rb")
    steps.append(("network", send, 0.1))
for step in steps:
    threading.Thread(target=forever, args=step, daemon=True).start()
while True:
    done["counter"] += 1
    with open(REPORT + ".new", "w") as report:
        report.write(repr({**done, "pid": os.getpid(), "errors": errors}) + "\n")
    os.rename(REPORT + ".new", REPORT)
    time.sleep(0.2)
