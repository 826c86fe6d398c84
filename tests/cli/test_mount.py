#!/usr/bin/python3
"""Mounted images, for real: every file is what restore and inspect give, whatever the format and wherever the image comes from;
what is broken is an error for its own pages; and the server survives its clients."""

import errno
import json
import mmap
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, CliTest, json_schema, memory

SAMPLE = ROOT / "samples" / "debian-6.1-cloud.hib"
FORMATS = ("hib", "elf", "kdump", "lime", "avml", "raw")
PATIENCE = 60  # seconds, for what ends by itself

# A client: MOUNT MEMORY SEED. Reads pieces of the memory in a random order, and compares them with the same memory in a file; every
# now and then it opens one of the texts. Ends with 3 where a byte is wrong, and with 0 at the first error.
CLIENT = r"""
import os, random, sys
mount, source = sys.argv[1], random.Random(sys.argv[3])
with open(sys.argv[2], "rb") as file:
    expected = file.read()
try:
    file = os.open(mount + "/memory.raw", os.O_RDONLY)
    for step in range(1 << 40):
        at, size = source.randrange(len(expected)), source.randrange(1, 100_000)
        read = os.pread(file, size, at)  # fewer bytes where the mount ended on the way
        if not read or read != expected[at:at + len(read)]:
            sys.exit(3)
        if step % 8 == 0:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            with open(mount + "/" + source.choice(("map.txt", "records.json", "vmcore")), "rb") as other:
                other.read(50_000)
        if step == 50:
            print("reading", flush=True)
except OSError:
    pass
"""


def why_not():
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse here: the kernel has no FUSE, or the container does not let it in"
    if shutil.which("fusermount3") is None:
        return "no fusermount3 here: apt install fuse3"
    if os.geteuid() != 0 and not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse may not be opened by this user"
    return None


WHY_NOT = why_not()


def run_apart():
    """Goes on in a mount namespace of its own, where that is allowed: one that anybody else begins meanwhile would have a copy of a
    mount that it sees, and its server would go on for it."""
    apart = ["unshare", "--mount", "--propagation", "private"]
    if "HIBTOOL_APART" in os.environ or WHY_NOT or subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        return
    os.execvpe(apart[0], [*apart, sys.executable, *sys.argv], {**os.environ, "HIBTOOL_APART": "1"})


def mounts():
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_end(process):
    """Of a process that is nobody's child here; pidfds become readable when it ends."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE)[0])
    finally:
        os.close(descriptor)


def holders(device):
    """Processes that have this mount: those of a mount namespace that was begun meanwhile keep it, whoever unmounts it elsewhere."""
    number = f" {os.major(device)}:{os.minor(device)} "
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if number in (process / "mountinfo").read_text():
                found.append(process.name + " " + (process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended
            pass
    return found


def threads_of(process):
    """What each of its threads waits for."""
    return [(thread / "wchan").read_text() for thread in Path(f"/proc/{process}/task").glob("*")]


@unittest.skipIf(WHY_NOT, WHY_NOT)
class MountTest(CliTest):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.at = self.folder / "mnt"
        self.at.mkdir()
        self.addCleanup(self.unmount)

    def unmount(self):
        if str(self.at) in mounts():
            subprocess.run(["fusermount3", "-u", "-z", self.at], capture_output=True)

    def run_tool(self, *arguments, **options):
        return super().run_tool(*map(str, arguments), **options)

    def mount(self, image, *arguments, code=0):
        return self.json("mount", image, self.at, *arguments, code=code)

    def end(self, document):
        device = self.at.stat().st_dev
        subprocess.run(["fusermount3", "-u", self.at], check=True)
        if await_end(document["process"]):
            return
        self.fail(f"the server goes on: its threads wait in {threads_of(document['process'])}, and the mount is held by {holders(device)}")

    def restored(self, image, kind, *arguments):
        path = self.folder / f"restored.{kind}"
        self.run_tool("restore", image, "--as", kind, "-o", path, "-q", "--force", *arguments)
        return path.read_bytes()

    def assert_same_bytes(self, name, expected):
        found = (self.at / name).read_bytes()
        self.assertEqual(len(found), len(expected), name)
        self.assertTrue(found == expected, f"{name} is not what restore writes")

    def small(self, kind, pages=700):
        """The same memory in a format."""
        raw = self.write("memory", memory(pages))
        if kind == "raw":
            return raw, ("-f", "raw")
        path = self.path(f"image.{kind}")
        self.run_tool("restore", "-f", "raw", raw, "--as", kind, "-o", path, "-q")
        return path, ()


class EveryFormat(MountTest):
    def test_the_files_are_what_restore_and_inspect_give(self):
        for kind in FORMATS:
            with self.subTest(kind):
                image, options = self.small(kind)
                document = self.mount(image, *options)
                self.assert_same_bytes("vmcore", self.restored(image, "elf", *options))
                self.assert_same_bytes("memory.raw", self.restored(image, "raw", *options))
                said = self.run_tool("inspect", image, "--records", "--search", "--json", *options).stdout
                self.assert_same_bytes("records.json", said)
                self.assert_same_bytes("map.txt", self.run_tool("inspect", image, "-q", "--pages", "--map", *options).stdout)
                self.assertEqual([file["name"] for file in document["missing"]], ["log"])
                self.assertFalse((self.at / "log").exists())
                self.end(document)

    def test_a_kernels_memory_has_its_log_and_its_registers(self):
        document = self.mount(SAMPLE)
        self.assert_same_bytes("log", self.run_tool("inspect", SAMPLE, "--dmesg", "-q").stdout)
        self.assert_same_bytes("vmcore", self.restored(SAMPLE, "elf"))
        self.assert_same_bytes("records.json", self.run_tool("inspect", SAMPLE, "--records", "--json").stdout)
        self.assertEqual(document["missing"], [])
        self.assertEqual([file["name"] for file in document["files"]], ["vmcore", "memory.raw", "log", "records.json", "map.txt"])
        for file in document["files"]:
            status = (self.at / file["name"]).stat()
            self.assertIn(file["bytes"], (status.st_size, None), file["name"])
            self.assertEqual((status.st_mode & 0o7777, status.st_uid), (0o400, os.getuid()))
        self.assertEqual(self.at.stat().st_mode & 0o7777, 0o500)

    def test_hibernation_images(self):
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder / "swsusp"], check=True, stdout=subprocess.DEVNULL)
        tried = 0
        for case in sorted((self.folder / "swsusp").glob("*.json")):
            facts = json.loads(case.read_text())
            if facts["error"] or facts["verdict"] != "good" or facts["passphrase"] or facts["offset_pages"]:
                continue
            image = case.with_suffix(".img")
            with self.subTest(case.stem):
                tried += 1
                document = self.mount(image, "-o", "absent=zero")
                if document["files"][1]["bytes"] < 1 << 32:  # no file system here holds one that is larger
                    self.assert_same_bytes("memory.raw", self.restored(image, "raw"))
                self.assert_same_bytes("vmcore", self.restored(image, "elf"))
                self.end(document)
        self.assertGreater(tried, 10)

    def test_an_incremental_image_is_read_over_its_base(self):
        first = memory(600)
        second = bytearray(first)
        for page in range(0, 600, 7):
            second[page * PAGE:page * PAGE + 8] = b"changed!"
        self.run_tool("create", "-f", "raw", self.write("a", first), "-o", self.path("a.hib"), "-q")
        self.run_tool("create", "-f", "raw", self.write("b", second), "-o", self.path("b.hib"), "--base", self.path("a.hib"), "-q")
        self.mount(self.path("b.hib"))
        self.assert_same_bytes("memory.raw", bytes(second))

    @unittest.skipIf(shutil.which("nbdkit") is None, "no nbdkit here")
    def test_an_image_behind_an_nbd_server(self):
        image, _ = self.small("hib")
        socket = self.path("nbd.sock")
        server = subprocess.Popen(["nbdkit", "-r", "-U", socket, "file", image, "--run", "echo ready; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stdin.close)
        self.addCleanup(self.unmount)  # nbdkit waits for its clients
        self.assertEqual(server.stdout.readline(), b"ready\n")
        document = self.mount(f"nbd+unix:///?socket={socket}")
        self.assert_same_bytes("memory.raw", memory(700))
        self.end(document)

    @unittest.skipIf(shutil.which("qemu-img") is None or shutil.which("qemu-nbd") is None, "no qemu-utils here")
    def test_an_image_inside_a_disk_image_and_its_helper_ends_with_it(self):
        image, _ = self.small("elf")  # whole sectors, as a disk has
        disk = self.path("disk.qcow2")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, disk], check=True)
        document = self.mount(disk)
        self.assert_same_bytes("memory.raw", memory(700))
        helpers = Path(f"/proc/{document['process']}/task/{document['process']}/children").read_text().split()
        self.assertEqual(len(helpers), 1)
        self.end(document)
        self.assertTrue(await_end(int(helpers[0])))

    def test_a_mount_of_which_nobody_could_be_told_is_none(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([HIBTOOL, "mount", self.small("hib")[0], self.at], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertFalse(self.at.is_mount())

    def test_an_image_from_standard_input(self):
        image, _ = self.small("hib")
        with open(image, "rb") as given:
            done = subprocess.run([HIBTOOL, "mount", "-", self.at, "-q"], stdin=given, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assert_same_bytes("memory.raw", memory(700))


class WhatCannotBeRead(MountTest):
    def damaged(self):
        """An image of noise, which is stored as it is, with one byte of page 200 changed; and the memory."""
        noise = random.Random(3).randbytes(512 * PAGE)
        image = Path(self.path("image.hib"))
        self.run_tool("create", "-f", "raw", self.write("memory", noise), "-o", image, "-q", "--chunk-size", "64")
        content = bytearray(image.read_bytes())
        content[content.index(noise[200 * PAGE:200 * PAGE + 64])] ^= 1
        image.write_bytes(content)
        return image, noise

    def test_a_damaged_chunk_is_an_error_and_the_pages_beside_it_are_read(self):
        image, noise = self.damaged()
        for options in ((), ("-o", "absent=zero")):
            document = self.mount(image, *options)
            with open(self.at / "memory.raw", "rb") as file:
                for page in (0, 191, 208, 511):  # a chunk has 16 pages
                    self.assertEqual(os.pread(file.fileno(), PAGE, page * PAGE), noise[page * PAGE:(page + 1) * PAGE])
                for page in (200, 192, 207):
                    with self.assertRaises(OSError) as raised:
                        os.pread(file.fileno(), PAGE, page * PAGE)
                    self.assertEqual(raised.exception.errno, errno.EIO)
                self.assertEqual(os.fstat(file.fileno()).st_size, len(noise))
            self.end(document)

    def test_a_reader_in_order_gets_everything_up_to_the_damage(self):
        image, noise = self.damaged()
        self.mount(image)
        found = b""
        with open(self.at / "memory.raw", "rb", buffering=0) as file, self.assertRaises(OSError):
            while part := file.read(10_000):
                found += part
        self.assertTrue(noise.startswith(found))
        self.assertGreaterEqual(len(found), 191 * PAGE - 10_000)

    def test_pages_of_a_hibernation_image_that_were_not_saved_are_absent(self):
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder / "swsusp", "consumed"], check=True, stdout=subprocess.DEVNULL)
        image = str(self.folder / "swsusp" / "consumed.img")
        first = int(self.json("inspect", "--pages", image)["runs"][0]["first_pfn"], 16)
        document = self.mount(image)
        with open(self.at / "memory.raw", "rb") as file:
            self.assertEqual(len(os.pread(file.fileno(), PAGE, first * PAGE)), PAGE)
            with self.assertRaises(OSError) as raised:
                os.pread(file.fileno(), PAGE, (first - 1) * PAGE)
            self.assertEqual(raised.exception.errno, errno.EIO)
        self.end(document)
        document = self.mount(image, "-o", "absent=zero")
        with open(self.at / "memory.raw", "rb") as file:
            self.assertEqual(os.pread(file.fileno(), PAGE, (first - 1) * PAGE), bytes(PAGE))
        self.end(document)

    def absent(self):
        """A vmcore of 14 pages, of which 4 in the middle are memory and were not saved; and the memory, with zeros for them."""
        noise = random.Random(4).randbytes(10 * PAGE)
        segments = ((0, PAGE, 6 * PAGE, 10 * PAGE), (10 * PAGE, 7 * PAGE, 4 * PAGE, 4 * PAGE))  # physical, offset, in the file, in memory
        header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
        programs = b"".join(struct.pack("<IIQQQQQQ", 1, 7, offset, 0, physical, stored, size, 0) for physical, offset, stored, size in segments)
        image = self.write("absent.elf", (header + programs).ljust(PAGE, b"\0") + noise)
        return image, noise[:6 * PAGE] + bytes(4 * PAGE) + noise[6 * PAGE:]

    def test_absent_pages_are_an_error_unless_they_are_to_be_zeros(self):
        image, content = self.absent()
        document = self.mount(image)
        self.assertEqual(document["pages"]["absent"], 4)
        with open(self.at / "memory.raw", "rb") as file:
            with self.assertRaises(OSError) as raised:
                os.pread(file.fileno(), PAGE, 9 * PAGE)
            self.assertEqual(raised.exception.errno, errno.EIO)
            self.assertEqual(os.pread(file.fileno(), PAGE, 5 * PAGE), content[5 * PAGE:6 * PAGE])
            self.assertEqual(os.pread(file.fileno(), PAGE, 10 * PAGE), content[10 * PAGE:11 * PAGE])
        self.end(document)
        document = self.mount(image, "-o", "absent=zero")
        self.assert_same_bytes("memory.raw", content)
        self.assert_same_bytes("memory.raw", self.restored(image, "raw"))
        self.end(document)

    def test_a_truncated_image_is_refused_and_partly_mounted_with_salvage(self):
        image, noise = self.damaged()
        os.truncate(image, image.stat().st_size - 300_000)
        said = self.run_tool("mount", image, self.at, code=2).stderr.decode()
        self.assertIn("--salvage", said)
        self.assertEqual(list(self.at.iterdir()), [])
        self.mount(image, "--salvage", code=3)
        with open(self.at / "memory.raw", "rb") as file:
            self.assertEqual(file.read(100 * PAGE), noise[:100 * PAGE])

    def test_in_the_foreground_it_says_which_pages(self):
        image, _ = self.damaged()
        server = subprocess.Popen([HIBTOOL, "mount", image, self.at, "--foreground"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("memory.raw", server.stdout.readline())
        with self.assertRaises(OSError):
            with open(self.at / "memory.raw", "rb") as file:
                os.pread(file.fileno(), PAGE, 200 * PAGE)
        self.assertRegex(server.stderr.readline(), r"^hibtool: .*image\.hib: offset 0x")
        subprocess.run(["fusermount3", "-u", self.at], check=True)
        self.assertEqual(server.wait(PATIENCE), 0)
        server.stdout.close()
        server.stderr.close()


class Clients(MountTest):
    def test_holes_are_told(self):
        content = bytearray(64 * PAGE)
        content[10 * PAGE] = content[40 * PAGE] = 1
        self.run_tool("create", "-f", "raw", self.write("memory", content), "-o", self.path("a.hib"), "-q")
        self.mount(self.path("a.hib"))
        with open(self.at / "memory.raw", "rb") as file:
            seek = lambda offset, how: os.lseek(file.fileno(), offset, how) // PAGE
            self.assertEqual(seek(0, os.SEEK_DATA), 10)
            self.assertEqual(seek(10 * PAGE, os.SEEK_HOLE), 11)
            self.assertEqual(seek(11 * PAGE, os.SEEK_DATA), 40)
            with self.assertRaises(OSError) as raised:
                seek(41 * PAGE, os.SEEK_DATA)
            self.assertEqual(raised.exception.errno, errno.ENXIO)
        self.assertEqual((self.at / "memory.raw").stat().st_blocks, 2 * PAGE // 512)

    def test_nothing_can_be_changed(self):
        self.mount(self.small("hib")[0])
        file = self.at / "vmcore"
        attempts = {
            "write": lambda: open(file, "r+b"), "append": lambda: open(file, "ab"), "truncate": lambda: os.truncate(file, 0),
            "create": lambda: open(self.at / "new", "wb"), "unlink": lambda: os.unlink(file), "rename": lambda: os.rename(file, self.at / "x"),
            "mkdir": lambda: os.mkdir(self.at / "x"), "rmdir": lambda: os.rmdir(self.at / "x"), "link": lambda: os.link(file, self.at / "x"),
            "symlink": lambda: os.symlink("a", self.at / "x"), "chmod": lambda: os.chmod(file, 0o777), "utime": lambda: os.utime(file),
            "mkfifo": lambda: os.mkfifo(self.at / "x"), "setxattr": lambda: os.setxattr(file, "user.a", b"b"),
        }
        for name, attempt in attempts.items():
            with self.subTest(name), self.assertRaises(OSError) as raised:
                attempt()
            self.assertIn(raised.exception.errno, (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EOPNOTSUPP), name)
        with self.assertRaises(FileNotFoundError):
            open(self.at / "other")
        with self.assertRaises(NotADirectoryError):
            open(file / "below")
        self.assert_same_bytes("memory.raw", memory(700))

    def test_reads_at_and_beyond_the_end(self):
        self.mount(self.small("hib")[0])
        with open(self.at / "memory.raw", "rb") as file:
            end = 700 * PAGE
            read = lambda bytes, at: os.pread(file.fileno(), bytes, at)
            self.assertEqual(read(PAGE, end), b"")
            self.assertEqual(read(PAGE, end + 12345), b"")
            self.assertEqual(read(PAGE, 1 << 62), b"")
            self.assertEqual(read(1 << 20, end - 10), memory(700)[-10:])
            self.assertEqual(read(0, 0), b"")
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                self.assertEqual(mapped[end - 5000:end], memory(700)[-5000:])

    def test_many_threads_at_random_places(self):
        content = memory(3000)
        self.run_tool("create", "-f", "raw", self.write("memory", content), "-o", self.path("a.hib"), "-q", "--chunk-size", "64")
        self.mount(self.path("a.hib"))
        wrong = []

        def read(seed):
            source = random.Random(seed)
            with open(self.at / "memory.raw", "rb", buffering=0) as file:
                for _ in range(200):
                    at, size = source.randrange(len(content)), source.randrange(1, 200_000)
                    if os.pread(file.fileno(), size, at) != content[at:at + size]:
                        wrong.append(at)
        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def keep_reading(self, document):
        """A process that reads until it gets an error; it has read when this returns."""
        reader = subprocess.Popen([sys.executable, "-c", "import os, sys\n"
                                   "file = os.open(sys.argv[1], os.O_RDONLY)\n"
                                   "size = os.fstat(file).st_size\n"
                                   "step = 0\n"
                                   "while os.pread(file, 8192, step * 40960 % size):\n"
                                   "    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)\n"
                                   "    step += 1\n"
                                   "    step == 50 and print('reading', flush=True)\n", self.at / "memory.raw"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.assertEqual(reader.stdout.readline(), b"reading\n")
        return reader

    def test_unmounting_while_it_is_read(self):
        document = self.mount(self.small("hib", 3000)[0])
        reader = self.keep_reading(document)
        busy = subprocess.run(["fusermount3", "-u", self.at], capture_output=True)
        self.assertNotEqual(busy.returncode, 0)  # as with any file system
        subprocess.run(["fusermount3", "-u", "-z", self.at], check=True)
        self.assertNotIn(str(self.at), mounts())
        self.assertTrue(is_running(document["process"]))  # the reader still has its file
        reader.kill()
        self.assertTrue(await_end(document["process"]))

    @unittest.skipIf("HIBTOOL_APART" not in os.environ, "needs mount namespaces, which a chroot or a user without root may not begin")
    def test_the_server_stays_for_a_mount_namespace_that_has_a_copy_of_the_mount(self):
        document = self.mount(self.small("hib")[0])
        device = self.at.stat().st_dev
        other = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", 'echo ready; read -r line; exec cat "$0/memory.raw"', self.at],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(other.kill)
        self.assertEqual(other.stdout.readline(), b"ready\n")
        subprocess.run(["fusermount3", "-u", self.at], check=True)
        self.assertNotIn(str(self.at), mounts())
        self.assertIn(str(other.pid), [holder.split()[0] for holder in holders(device)])
        self.assertTrue(other.communicate(b"\n", timeout=PATIENCE)[0] == memory(700))
        self.assertTrue(await_end(document["process"]))

    def test_a_signal_unmounts_also_while_it_is_read(self):
        # What a shell begins in the background ignores the interrupt, and so would the server.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        for number in (signal.SIGTERM, signal.SIGINT):
            document = self.mount(self.small("hib", 3000)[0])
            reader = self.keep_reading(document)
            os.kill(document["process"], number)
            self.assertTrue(await_end(document["process"]))
            self.assertNotIn(str(self.at), mounts())
            self.assertNotEqual(reader.wait(PATIENCE), 0)
            self.assertEqual(list(self.at.iterdir()), [])
            for left in self.folder.glob("image.*"):
                left.unlink()

    def test_many_clients_read_at_random_while_another_unmounts(self):
        def unmount(server):
            subprocess.run(["fusermount3", "-u", "-z", self.at], check=True)

        for kind in ("hib", "kdump", "raw"):
            image, options = self.small(kind, 3000)
            for end, code, code_of_client in ((unmount, 0, -signal.SIGKILL), (subprocess.Popen.terminate, 128 + signal.SIGTERM, 0)):
                with self.subTest(f"{kind}, {code}"):
                    server = subprocess.Popen([HIBTOOL, "mount", image, self.at, "--foreground", "--threads", "4", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    self.addCleanup(server.kill)
                    self.assertIn(b"memory.raw", server.stdout.readline())
                    clients = [subprocess.Popen([sys.executable, "-c", CLIENT, self.at, self.path("memory"), str(seed)], stdout=subprocess.PIPE) for seed in range(6)]
                    for client in clients:
                        self.addCleanup(client.kill)
                        self.assertEqual(client.stdout.readline(), b"reading\n")
                    end(server)
                    if code_of_client != 0:  # the mount is gone for those that open it; who has a file open reads on
                        for client in clients:
                            client.kill()
                    for client in clients:
                        client.stdout.close()
                        self.assertIn(client.wait(PATIENCE), (code_of_client, 0))
                    said = server.communicate(timeout=PATIENCE)[1].decode()
                    self.assertEqual(server.returncode, code, said)
                    self.assertNotIn(str(self.at), mounts())

    def test_the_foreground_ends_with_the_code_of_its_signal(self):
        server = subprocess.Popen([HIBTOOL, "mount", self.small("hib")[0], self.at, "--foreground"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.stdout.close)
        server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(PATIENCE), 128 + signal.SIGTERM)
        self.assertNotIn(str(self.at), mounts())

    def test_a_killed_server_leaves_a_mount_that_fusermount3_ends(self):
        image = self.small("hib")[0]
        document = self.mount(image)
        os.kill(document["process"], signal.SIGKILL)
        self.assertTrue(await_end(document["process"]))
        with self.assertRaises(OSError) as raised:
            os.listdir(self.at)
        self.assertEqual(raised.exception.errno, errno.ENOTCONN)
        said = self.run_tool("mount", image, self.at, code=4).stderr.decode()
        self.assertIn("fusermount3 -u", said)
        subprocess.run(["fusermount3", "-u", self.at], check=True)
        self.end(self.mount(image))

    @unittest.skipIf(shutil.which("makedumpfile") is None, "no makedumpfile here")
    def test_makedumpfile_opens_it(self):
        self.mount(SAMPLE)
        subprocess.run(["makedumpfile", "--dump-dmesg", self.at / "vmcore", self.path("dmesg")], check=True, capture_output=True)
        first = Path(self.path("dmesg")).read_text().splitlines()[0]
        self.assertEqual(re.sub(r"\] \[ *[TC]\d+\] ", "] ", first), (self.at / "log").read_text().splitlines()[0])  # newer ones name the caller

    @unittest.skipIf(shutil.which("gdb") is None, "no gdb here")
    def test_gdb_opens_it(self):
        self.mount(SAMPLE)
        records = json.loads((self.at / "records.json").read_text())["records"]
        vmcoreinfo = bytes.fromhex(next(record["fields"]["vmcoreinfo"]["hex"] for record in records if "vmcoreinfo" in record["fields"])).decode()
        address = re.search(r"SYMBOL\(init_uts_ns\)=([0-9a-f]+)", vmcoreinfo)[1]
        said = subprocess.run(["gdb", "-batch", "-nx", "-ex", f"core-file {self.at}/vmcore", "-ex", f"find /b 0x{address}, +400, 'L', 'i', 'n', 'u', 'x'"],
                              capture_output=True, text=True).stdout
        self.assertIn("1 pattern found", said)


class Commands(MountTest):
    def test_a_folder_that_is_not_empty_is_refused_unless_that_is_said(self):
        image = self.small("hib")[0]
        (self.at / "file").write_text("seen again later")
        said = self.run_tool("mount", image, self.at, code=4).stderr.decode()
        self.assertIn("-o nonempty", said)
        document = self.mount(image, "-o", "nonempty")
        self.assertFalse((self.at / "file").exists())
        self.end(document)
        self.assertEqual((self.at / "file").read_text(), "seen again later")

    def test_errors_come_before_the_command_returns(self):
        image = self.small("hib")[0]
        for image_given, folder, code, text in ((image, self.path("none"), 2, "No such file"), (image, image, 2, "not a folder"),
                                                (self.path("none"), self.at, 2, "No such file"), (self.write("text", b"x" * 9000), self.at, 2, "")):
            document = self.json("mount", image_given, folder, code=code)
            self.assertIn(text, document["message"] if "message" in document else str(document))
        self.run_tool("mount", image, self.at, "-o", "absent=ones", code=64)
        self.run_tool("mount", "-o", "absent=zero", self.path("none"), self.at, code=2)  # an option takes one word
        self.run_tool("mount", image, self.at, "--page-size", "8192", code=64)
        self.assertEqual(list(self.at.iterdir()), [])

    def test_quiet_says_nothing_and_json_one_document(self):
        done = self.run_tool("mount", self.small("hib")[0], self.at, "-q")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.unmount()

    def test_it_does_not_keep_the_callers_streams_terminal_or_folder(self):
        image = self.small("hib")[0]
        done = subprocess.run([HIBTOOL, "mount", os.path.relpath(image, self.folder), "mnt", "--json"], cwd=self.folder, capture_output=True, timeout=PATIENCE)
        document = json_schema.loads(done.stdout)  # communicate() has seen the end of both streams
        process = document["process"]
        self.assertEqual(os.readlink(f"/proc/{process}/cwd"), "/")
        self.assertEqual({os.readlink(f"/proc/{process}/fd/{stream}") for stream in (0, 1, 2)}, {"/dev/null"})
        self.assertEqual(os.getsid(process), process)
        self.assertEqual(document["folder"], str(self.at))
        self.assert_same_bytes("memory.raw", memory(700))

    @unittest.skipIf(os.geteuid() != 0, "needs root, to become somebody else")
    def test_an_ordinary_user_mounts_and_nobody_else_may_read(self):
        image = self.small("hib")[0]
        os.chmod(image, 0o644)
        os.chown(self.at, 65534, 65534)
        done = subprocess.run([HIBTOOL, "mount", image, self.at, "--json"], capture_output=True, user=65534, group=65534, extra_groups=[], timeout=PATIENCE)
        if b"fusermount3" in done.stderr and b"not permitted" in done.stderr:
            self.skipTest("fusermount3 is not allowed to mount here: " + done.stderr.decode())
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        document = json_schema.loads(done.stdout)
        reading = subprocess.run(["sha256sum", self.at / "memory.raw"], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        expected = subprocess.run(["sha256sum"], input=memory(700), capture_output=True).stdout.decode()
        self.assertEqual(reading.stdout.split()[:1], expected.split()[:1], reading.stderr)
        with self.assertRaises(PermissionError):  # not even root
            open(self.at / "memory.raw", "rb")
        # Of anybody but root fusermount3 asks /etc/mtab who has mounted, which a minimal chroot does not have.
        who = {"user": 65534, "group": 65534, "extra_groups": []} if Path("/etc/mtab").exists() else {}
        subprocess.run(["fusermount3", "-u", self.at], check=True, **who)
        self.assertTrue(await_end(document["process"]))


if __name__ == "__main__":
    run_apart()
    unittest.main()
