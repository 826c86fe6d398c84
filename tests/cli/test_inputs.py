"""Images inside of something else, each made by its own tool: compressed files, disk images of virtual machines, NBD."""

import gzip
import http.server
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, CliTest, memory

SAMPLE = ROOT / "samples" / "debian-6.1-cloud.hib"
COMPRESSORS = {"gzip": ["gzip", "-1"], "bzip2": ["bzip2", "-1"], "xz": ["xz", "-0"], "zstd": ["zstd", "-q"], "lz4": ["lz4", "-q", "-B4"]}
DISK_IMAGES = {"qcow2": "qcow2", "vmdk": "vmdk", "vhdx": "vhdx", "vhd": "vpc", "vdi": "vdi"}


class InputTest(CliTest):
    def setUp(self):
        super().setUp()
        self.servers = []
        self.addCleanup(self.stop_servers)

    def compressed(self, name, data):
        done = subprocess.run([*COMPRESSORS[name], "-c"], input=data, capture_output=True, check=True)
        return done.stdout

    def digest(self, path, *arguments, code=0, stdin=None):
        return self.json("verify", path, *arguments, code=code, stdin=stdin)["content_digest"]

    def swap_area(self, name="area.img"):
        """A swap area with a hibernation image."""
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder, "data-33"], check=True,
                       stdout=subprocess.DEVNULL)
        made = self.folder / "data-33.img"
        made.rename(self.folder / name)
        return self.path(name)

    def disk(self, area, logical=False):
        """A disk with a partition table, as sfdisk makes it, and the swap area in its last partition."""
        content = Path(area).read_bytes()
        sectors = -(-len(content) // 512)
        table = f"start=2048, size=2048, type=83\nstart=4096, size={sectors + 8192}, type=5\nstart=6144, size={sectors}, type=82\n"
        if not logical:
            table = f"start=2048, size=2048, type=83\nstart=6144, size={sectors}, type=82\n"
        path = self.write("disk.img", b"")
        os.truncate(path, (sectors + 16384) * 512)
        subprocess.run(["sfdisk", "-q", path], input=f"label: dos\n{table}".encode(), check=True, capture_output=True)
        with open(path, "r+b") as file:
            file.seek(6144 * 512)
            file.write(content)
        return path

    def assert_cannot_be_rearmed(self, path, inside):
        """Only the swap area of a machine can be: one inside of something else was never this machine's."""
        before = Path(path).read_bytes()
        for options in ((), ("--yes",)):
            refused = self.json("rearm", path, *options, code=4)
            self.assertEqual((refused["kind"], refused["where"], refused["found"]), ("refused", "rearm", f"an image in {inside}"))
            self.assertEqual(refused["allowed"], "a swap area of this machine, where the signature can be put back")
        self.assertEqual(Path(path).read_bytes(), before)

    def serve(self, *arguments):
        """nbdkit, for as long as the test runs; the URI of what it serves."""
        socket = self.path("nbd.sock")
        # It answers while the command of --run does: this one says so, and ends with its standard input.
        server = subprocess.Popen(["nbdkit", "-r", "-U", socket, *arguments, "--run", "echo ready; cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.servers.append(server)
        self.assertEqual(server.stdout.readline(), b"ready\n")
        return f"nbd+unix:///?socket={socket}"

    def stop_servers(self):
        while self.servers:
            self.servers.pop().communicate()


class Compressed(InputTest):
    def test_what_each_compressor_writes_is_the_image_inside(self):
        raw = memory(300)
        digest = self.digest(self.write("memory.raw", raw), "-f", "raw")
        for name in COMPRESSORS:
            with self.subTest(name):
                path = self.write(f"memory.{name}", self.compressed(name, raw))
                self.assertEqual(self.digest(path, "-f", "raw"), digest)
                self.assertEqual(self.json("inspect", path, "-f", "raw")["found_in"], [name])

    def test_a_compressed_container_keeps_its_records_and_proves_itself(self):
        path = self.write("laptop.hib.zst", self.compressed("zstd", SAMPLE.read_bytes()))
        self.assertEqual(self.run_tool("verify", path).stdout, self.run_tool("verify", str(SAMPLE)).stdout.replace(
            str(SAMPLE).encode(), path.encode()))
        self.assertIn(b"found in      zstd\n", self.run_tool("inspect", path).stdout)

    def test_a_pipe_is_unpacked_too(self):
        path = self.compressed("gzip", SAMPLE.read_bytes())
        self.assertEqual(self.digest("-", stdin=path), self.digest(str(SAMPLE)))

    def test_several_streams_in_a_row_are_one_content(self):
        raw = memory(64)
        digest = self.digest(self.write("memory.raw", raw), "-f", "raw")
        for name in COMPRESSORS:
            with self.subTest(name):
                parts = [self.compressed(name, raw[at:at + 16 * PAGE]) for at in range(0, len(raw), 16 * PAGE)]
                self.assertEqual(self.digest(self.write("parts", b"".join(parts)), "-f", "raw"), digest)

    def test_zeros_behind_a_stream_are_padding_and_anything_else_is_not(self):
        raw = memory(16)
        packed = self.compressed("gzip", raw)
        digest = self.digest(self.write("memory.raw", raw), "-f", "raw")
        self.assertEqual(self.digest(self.write("padded", packed + bytes(1000)), "-f", "raw"), digest)
        said = self.run_tool("create", self.write("trailing", packed + b"x" * 1000), "-f", "raw", "-o", self.path("o.hib"),
                             code=2).stderr.decode()
        self.assertIn("behind the gzip stream: 1,000 bytes that belong to nothing", said)

    def test_a_stream_that_is_cut_off_is_refused_and_salvaged_as_far_as_it_goes(self):
        raw = memory(300)
        for name in COMPRESSORS:
            with self.subTest(name):
                packed = self.compressed(name, raw)
                path = self.write("cut", packed[:len(packed) * 2 // 3])
                said = self.run_tool("create", path, "-f", "raw", "-o", self.path("o.hib"), code=2).stderr.decode()
                self.assertIn("the file ends before the stream does", said)
                self.assertIn("--salvage", said)
                self.run_tool("create", path, "-f", "raw", "--salvage", "--force", "-o", self.path(f"{name}.hib"), code=3)
                self.assertEqual(self.json("verify", path, "-f", "raw", code=1)["verdict"], "damaged")

    def test_a_changed_byte_is_found_by_the_checksum_of_the_compressor(self):
        raw = memory(300)
        for name in COMPRESSORS:
            with self.subTest(name):
                packed = bytearray(self.compressed(name, raw))
                packed[len(packed) // 2] ^= 1
                path = self.write("changed", bytes(packed))
                self.assertEqual(self.json("verify", path, "-f", "raw", code=1)["verdict"], "damaged")
                self.run_tool("create", path, "-f", "raw", "-o", self.path("o.hib"), code=2)
        self.assertNotIn("o.hib", self.names())

    def test_files_packed_into_one_another_without_end_are_refused(self):
        data = memory(4)
        for _ in range(6):
            data = gzip.compress(data)
        said = self.run_tool("inspect", self.write("many", data), code=2).stderr.decode()
        self.assertIn("more compressed files in one another", said)

    def test_no_room_for_the_content_is_said_with_what_to_do(self):
        said = self.run_tool("inspect", self.write("x.gz", gzip.compress(memory(4))), code=2,
                             env={"TMPDIR": "/proc/self"}).stderr.decode()
        self.assertIn("temporary copy", said)

    def test_an_image_in_a_compressed_file_cannot_be_rearmed(self):
        area = self.swap_area()
        path = self.write("area.gz", gzip.compress(Path(area).read_bytes(), 1))
        self.assert_cannot_be_rearmed(path, "gzip")


class DiskImages(InputTest):
    def convert(self, source, name, *options):
        path = self.path(f"disk.{name}")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", DISK_IMAGES[name], *options, source, path], check=True,
                       stdout=subprocess.DEVNULL)
        return path

    def test_a_hibernation_image_is_found_in_the_partition_of_each_kind_of_disk_image(self):
        disk = self.disk(self.swap_area())
        digest = self.digest(disk)
        for name in DISK_IMAGES:
            with self.subTest(name):
                path = self.convert(disk, name)
                self.assertEqual(self.digest(path), digest)
                seen = self.json("inspect", path)
                self.assertEqual((seen["found_in"], seen["format"]), ([name], "swsusp"))
                self.assertIn("partition 2", seen["variant"])

    def test_a_logical_partition_is_found_too(self):
        disk = self.disk(self.swap_area(), logical=True)
        path = self.convert(disk, "qcow2")
        self.assertIn("partition 5", self.json("inspect", path)["variant"])
        self.assertEqual(self.digest(path), self.digest(disk))

    def test_a_swap_file_is_found_in_the_file_system_of_a_disk_image(self):
        root = self.folder / "root"
        root.mkdir()
        subprocess.run(["mkswap", "-q", self.write("root/swapfile", bytes(1 << 20))], check=True, capture_output=True)
        disk = self.write("disk.img", b"")
        os.truncate(disk, 64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-d", root, disk], check=True, capture_output=True)
        plain, packed = self.json("inspect", disk), self.json("inspect", self.convert(disk, "qcow2"))
        self.assertIn("swap file", plain["variant"])
        self.assertEqual((packed["variant"], packed["details"]), (plain["variant"], plain["details"]))

    def test_an_image_in_a_disk_image_cannot_be_rearmed(self):
        for disk in (self.swap_area(), self.disk(self.swap_area("other.img"))):
            self.assert_cannot_be_rearmed(self.convert(disk, "qcow2"), "a qcow2 disk image")
            self.run_tool("rearm", disk)

    def test_a_compressed_disk_image_is_unpacked_first(self):
        disk = self.disk(self.swap_area())
        path = self.write("disk.qcow2.gz", gzip.compress(Path(self.convert(disk, "qcow2")).read_bytes(), 1))
        self.assertEqual(self.json("inspect", path)["found_in"], ["gzip", "qcow2"])
        self.assertIn(b"a qcow2 disk image, in gzip\n", self.run_tool("inspect", path).stdout)

    def test_an_image_on_top_of_its_neighbour_is_read_and_one_on_top_of_anything_else_refused(self):
        disk = self.disk(self.swap_area())
        base = self.convert(disk, "qcow2")
        top = self.path("top.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", top], check=True,
                       cwd=self.folder)
        self.assertEqual(self.digest(top), self.digest(base))
        # However the image is named, and its backing file too.
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", self.path("absolute.qcow2")], check=True)
        (self.folder / "elsewhere").mkdir()
        for name, where in (("absolute.qcow2", self.folder), ("./absolute.qcow2", self.folder), ("./top.qcow2", self.folder),
                            ("../absolute.qcow2", self.folder / "elsewhere"), (self.path("absolute.qcow2"), self.folder)):
            with self.subTest(name):
                done = subprocess.run([HIBTOOL, "inspect", name, "--json"], cwd=where, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        moved = self.path("elsewhere/top.qcow2")
        for name in ("../disk.qcow2", "/etc/shadow", "json:{}", "nbd:localhost:10809"):
            with self.subTest(name):
                subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", name, "-F", "raw", moved, "1M"],
                               check=True)
                said = self.run_tool("inspect", moved, code=4).stderr.decode()
                self.assertIn("it names another file", said)
                self.assertIn("qemu-nbd --read-only", said)

    def test_a_circle_of_images_on_top_of_each_other_is_said(self):
        for name, below in (("a", "b.qcow2"), ("b", "a.qcow2"), ("alone", "alone.qcow2")):
            subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", below, "-F", "qcow2", self.path(f"{name}.qcow2"), "1M"],
                           check=True)
        for name, below in (("a", "a.qcow2"), ("alone", "alone.qcow2")):
            said = self.run_tool("inspect", self.path(f"{name}.qcow2"), code=2).stderr.decode()
            self.assertIn(f'it lies on top of "{below}", which lies on top of it', said)

    def test_a_vmdk_made_of_files_from_elsewhere_is_refused(self):
        text = '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/shadow" 0\n'
        self.assertIn(b"it names another file", self.run_tool("inspect", self.write("x.vmdk", text.encode()), code=4).stderr)

    def test_what_qemu_says_of_a_broken_image_reaches_the_user(self):
        broken = bytearray(Path(self.convert(self.disk(self.swap_area()), "qcow2")).read_bytes())
        struct.pack_into(">I", broken, 20, 63)  # cluster_bits
        said = self.run_tool("inspect", self.write("broken.qcow2", bytes(broken)), code=2).stderr.decode()
        self.assertIn("luster size", said)
        self.assertEqual(said.count("\n"), 1)
        cut = self.write("cut.vmdk", Path(self.convert(self.disk(self.swap_area()), "vmdk")).read_bytes()[:300])
        said = self.run_tool("inspect", cut, code=2).stderr.decode()
        self.assertTrue(said.startswith(f"hibtool: {cut}: a VMDK disk image, which qemu-nbd opens: "), said)
        self.assertNotIn("blk_new_open", said)

    def test_without_qemu_nbd_its_package_is_named(self):
        path = self.convert(self.disk(self.swap_area()), "qcow2")
        said = self.run_tool("inspect", path, code=2, env={"PATH": self.path("")}).stderr.decode()
        self.assertIn("apt install qemu-utils", said)

    def test_a_forensic_image_is_named_with_the_way_to_read_it(self):
        said = self.run_tool("inspect", self.write("x.E01", b"EVF\x09\x0d\x0a\xff\x00" + bytes(5000)), code=2).stderr.decode()
        self.assertIn("E01", said)
        self.assertIn("ewfmount", said)


class Nbd(InputTest):
    def test_every_verb_reads_from_a_server_what_it_reads_from_the_file(self):
        uri = self.serve("file", str(SAMPLE))
        self.assertEqual(self.digest(uri), self.digest(str(SAMPLE)))
        self.assertEqual(self.json("inspect", uri)["found_in"], ["nbd"])
        self.run_tool("diff", uri, str(SAMPLE))
        self.run_tool("restore", uri, "-o", self.path("copy.hib"), "--as", "hib")
        self.assertEqual(self.digest(self.path("copy.hib")), self.digest(str(SAMPLE)))

    def test_the_partitions_of_a_served_disk_are_found(self):
        disk = self.disk(self.swap_area(), logical=True)
        self.assertEqual(self.digest(self.serve("file", disk)), self.digest(disk))

    def test_a_server_that_takes_whole_blocks_only_is_read(self):
        disk = self.disk(self.swap_area())
        uri = self.serve("--filter=blocksize-policy", "file", disk, "blocksize-minimum=4096", "blocksize-preferred=4096",
                         "blocksize-maximum=65536", "blocksize-error-policy=error")
        self.assertEqual(self.digest(uri), self.digest(disk))

    def test_an_image_on_a_server_of_whole_sectors_is_whole(self):
        raw = self.write("memory.raw", memory(40))
        image = self.path("image.hib")
        self.run_tool("create", raw, "-f", "raw", "-o", image)
        self.assertNotEqual(os.path.getsize(image) % 512, 0)
        uri = self.serve("--filter=truncate", "file", image, "round-up=512")
        self.run_tool("verify", uri)
        self.assertEqual(self.digest(uri), self.digest(image))

    def test_holes_that_the_server_tells_are_zero_pages_without_being_read(self):
        raw = self.write("sparse.raw", b"")
        os.truncate(raw, 1 << 30)
        with open(raw, "r+b") as file:
            file.write(memory(16))
        stats = self.path("stats")
        uri = self.serve("--filter=stats", "file", raw, f"statsfile={stats}")
        self.assertEqual(self.digest(uri, "-f", "raw"), self.digest(raw, "-f", "raw"))
        self.stop_servers()
        self.assertLess(self.bytes_read(stats), 8 << 20)

    def test_a_read_error_of_the_server_is_damage_at_its_place(self):
        uri = self.serve("--filter=error", "file", str(SAMPLE), "error-pread-rate=100%", f"error-file={self.path('now')}")
        self.run_tool("inspect", uri)
        self.write("now", b"")
        said = self.run_tool("inspect", uri, code=2).stderr.decode()
        self.assertIn("read", said)
        self.assertEqual(said.count("\n"), 1)

    def test_no_server_is_one_line(self):
        said = self.run_tool("inspect", f"nbd+unix:///?socket={self.path('none')}", code=2).stderr.decode()
        self.assertIn("NBD connection", said)
        self.assertEqual(said.count("\n"), 1)

    def test_inspecting_an_image_in_an_object_store_reads_little_of_it(self):
        size = 2 << 30
        if shutil.disk_usage(self.folder).free < 4 * size:
            size = 64 << 20  # no room here for two files of 2 GiB
        source, image = self.path("memory.raw"), self.path("large.hib")
        with open(source, "wb") as file:
            for _ in range(size >> 24):
                file.write(os.urandom(1 << 24))
        self.run_tool("create", source, "-f", "raw", "-o", image)
        os.unlink(source)
        stats = self.path("stats")
        uri = self.serve("--filter=stats", "curl", self.serve_http(image), f"statsfile={stats}")
        self.assertEqual(self.json("inspect", uri)["pages"]["total"], size // PAGE)
        self.stop_servers()
        self.assertLess(self.bytes_read(stats), 200 << 10)

    def serve_http(self, path):
        """A URL of the file, from a server that answers ranges as object stores do."""
        size = os.path.getsize(path)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.answer(200, size)

            def do_GET(self):
                first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
                with open(path, "rb") as file:
                    file.seek(first)
                    piece = file.read(last + 1 - first)
                self.answer(206, len(piece))
                self.wfile.write(piece)

            def answer(self, code, size):
                self.send_response(code)
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(size))
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True  # a client may keep its connection
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/image"

    def bytes_read(self, stats):
        """What nbdkit-stats-filter(1) has counted."""
        line = next(line for line in Path(stats).read_text().splitlines() if line.startswith("read:"))
        number, unit = re.search(r"([\d.]+) (bytes|KiB|MiB|GiB)", line).groups()
        return float(number) * {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]


if __name__ == "__main__":
    unittest.main()
