"""Core files that other programs write differently: more pieces than a header can count, and 32-bit machines."""

import shutil
import struct
import subprocess
import sys
import unittest

from support import PAGE, CliTest, memory

PN_XNUM = 0xFFFF
EM_386, EM_X86_64 = 3, 62


def core64(segments, pages, header_count=None):
    """A core file whose segment i is page i of `pages` at the physical address segments[i]."""
    count = len(segments)
    table = 64
    section = table + count * 56
    data = (section + 64 + PAGE - 1) // PAGE * PAGE
    shown = min(count, PN_XNUM) if header_count is None else header_count
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, EM_X86_64, 1, 0, table, section, 0, 64, 56, shown, 64, 1, 0)
    programs = b"".join(struct.pack("<IIQQQQQQ", 1, 7, data + i % len(pages) * PAGE, 0, physical, PAGE, PAGE, 0) for i, physical in enumerate(segments))
    sections = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
    return (header + programs + sections).ljust(data, b"\0") + b"".join(pages)


def core32(segments):
    """(physical address, bytes) pairs."""
    table, data = 52, PAGE
    header = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 4, EM_386, 1, 0, table, 0, 0, 52, 32, len(segments), 0, 0, 0)
    body = b""
    for physical, content in segments:
        header += struct.pack("<IIIIIIII", 1, data + len(body), 0, physical, len(content), len(content), 7, 0)
        body += content
    return header.ljust(data, b"\0") + body


def pages_of(content):
    return [content[i:i + PAGE] for i in range(0, len(content), PAGE)]


def note(name, kind, content=b""):
    name += b"\0"
    pad = lambda data: data + bytes(-len(data) % 4)  # noqa: E731
    return struct.pack("<III", len(name), len(content), kind) + pad(name) + pad(content)


class Processes(CliTest):
    NAMES = {3: "NT_PRPSINFO", 6: "NT_AUXV", 0x53494749: "NT_SIGINFO", 0x46494C45: "NT_FILE"}

    def core(self, *notes):
        """A core file of three pages, whose last program header is of notes."""
        core = bytearray(core64([0, PAGE, 2 * PAGE], pages_of(memory(3))))
        notes = b"".join(notes)
        core[40:48], core[56:64] = bytes(8), struct.pack("<HHHH", 4, 0, 0, 0)  # no section headers, one program header more
        core[64 + 3 * 56:64 + 4 * 56] = struct.pack("<IIQQQQQQ", 4, 4, len(core), 0, 0, len(notes), 0, 4)
        return self.write("core", bytes(core) + notes)

    def test_the_core_of_a_process_is_no_memory_of_a_machine(self):
        for kind, name in self.NAMES.items():
            core = self.core(note(b"CORE", 1, bytes(336)), note(b"CORE", kind, bytes(16)))
            for arguments in (["inspect"], ["verify"], ["inspect", "-f", "elf"]):
                said = self.run_tool(*arguments, core, code=2).stderr.decode()
                self.assertIn(f"offset 0x40: notes: the core of a process ({name}), expected a vmcore: the memory of a whole machine; gdb reads it", said)

    def test_a_core_that_a_kernel_wrote_of_a_process_is_refused(self):
        done = subprocess.run([sys.executable, "-c", "import os, resource as r; r.setrlimit(r.RLIMIT_CORE, (r.RLIM_INFINITY, r.RLIM_INFINITY)); os.abort()"], cwd=self.folder)
        cores = list(self.folder.glob("core*"))
        if done.returncode >= 0 or not cores:
            self.skipTest("this machine's core files lie elsewhere")
        self.assertIn(b"the core of a process (NT_PRPSINFO, NT_AUXV, NT_SIGINFO, NT_FILE)", self.run_tool("inspect", str(cores[0]), code=2).stderr)

    def test_a_vmcore_with_such_notes_is_one(self):
        for notes in ((note(b"CORE", 1, bytes(336)),), (note(b"CORE", 3, bytes(136)), note(b"CORE", 4, bytes(64))),
                      (note(b"CORE", 3, bytes(136)), note(b"QEMU", 0, bytes(64))),
                      (note(b"CORE", 3, bytes(136)), note(b"VMCOREINFO", 0, b"OSRELEASE=6.1\n"))):
            self.run_tool("inspect", self.core(*notes))

    def test_segments_are_counted_as_readelf_counts_them(self):
        layers = {layer["name"]: layer["text"] for layer in self.json("verify", self.core(note(b"CORE", 1, bytes(336))))["layers"]}
        self.assertEqual((layers["headers"], layers["segments"]), ("ELF64 core, 3 PT_LOAD segments", "all inside the file"))


class ManyPieces(CliTest):
    COUNT = 70_000

    def setUp(self):
        super().setUp()
        self.core = self.write("many.elf", core64([2 * i * PAGE for i in range(self.COUNT)], pages_of(memory(64))))

    def test_more_than_65535_segments_are_read_and_written_again(self):
        self.assertEqual(self.json("inspect", self.core)["pages"]["total"], self.COUNT)
        created = self.json("create", self.core, "-o", self.path("many.hib"))
        restored = self.json("restore", self.path("many.hib"), "--as", "elf", "-o", self.path("again.elf"))
        self.assertEqual(restored["content_digest"], created["content_digest"])
        self.assertTrue(self.json("diff", self.core, self.path("again.elf"))["identical"])

    @unittest.skipUnless(shutil.which("readelf"), "readelf is not installed")
    def test_readelf_counts_the_same_segments(self):
        self.run_tool("restore", self.core, "--as", "elf", "-o", self.path("again.elf"))
        done = subprocess.run(["readelf", "-lW", self.path("again.elf")], capture_output=True, text=True, check=True)
        self.assertEqual(sum(line.split()[:1] == ["LOAD"] for line in done.stdout.splitlines()), self.COUNT)
        self.assertEqual(done.stderr, "")

    def test_a_count_that_the_file_cannot_hold_is_refused_where_it_stands(self):
        core = bytearray((self.folder / "many.elf").read_bytes())
        section = 64 + self.COUNT * 56
        core[section + 44:section + 48] = struct.pack("<I", 0xFFFFFFFF)
        error = self.json("inspect", self.write("lies.elf", core), code=2)
        self.assertIn("4294967295", error["found"])


class ThirtyTwoBits(CliTest):
    def test_memory_of_a_32_bit_machine_is_read(self):
        low, high = memory(30, seed=3), memory(20, seed=4)
        core = self.write("small.elf", core32([(0x100000, low), (0xFFF00000, high)]))
        inspect = self.json("inspect", core)
        self.assertEqual((inspect["pages"]["total"], inspect["kernel"]["machine"]), (50, "i686"))
        self.run_tool("create", core, "-o", self.path("small.hib"))
        for pfn, expected in ((0x100, low[:PAGE]), (0xFFF00 + 19, high[-PAGE:])):
            shown = self.run_tool("inspect", "--page", hex(pfn), "--raw", self.path("small.hib")).stdout
            self.assertEqual(shown, expected)

    def test_a_truncated_32_bit_core_yields_no_page_past_its_end(self):
        content = memory(30, seed=3)
        core = core32([(0x100000, content)])[:-PAGE - 1]
        verify = self.json("verify", self.write("short.elf", core), code=1)
        self.assertEqual(verify["damage"][0]["lost_pfns"], [["0x11c", 2]])


if __name__ == "__main__":
    unittest.main()
