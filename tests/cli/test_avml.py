"""AVML against a reader and a writer of its own, in Python: what hibtool writes holds the memory, and what is laid out as
microsoft/avml does (src/image.rs, google/snappy's format_description.txt and framing_format.txt) is read."""

import struct
import unittest

from support import PAGE, CliTest, memory

MAGIC, VERSION = 0x4C4D5641, 2
IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"


def crc_table():
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        yield value


TABLE = list(crc_table())


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data, at=0):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def unsnap(data):
    size, at = varint(data)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                wide = length - 59
                length, at = int.from_bytes(data[at:at + wide], "little"), at + wide
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset, at = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at], at + 1
        else:
            wide = 2 if tag & 3 == 2 else 4
            length, offset, at = (tag >> 2) + 1, int.from_bytes(data[at:at + wide], "little"), at + wide
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def read_blocks(data):
    """(start, memory) of each block."""
    at = 0
    while at < len(data):
        magic, version, start, last, padding = struct.unpack_from("<IIQQQ", data, at)
        assert (magic, version, padding) == (MAGIC, VERSION, 0), hex(at)
        assert last >= start
        at += 32
        begin, content = at, b""
        while len(content) < last + 1 - start:
            kind, length = data[at], int.from_bytes(data[at + 1:at + 4], "little")
            body = data[at + 4:at + 4 + length]
            at += 4 + length
            if kind == 0xFF:
                assert body == b"sNaPpY"
                continue
            assert kind in (0, 1), kind
            chunk = unsnap(body[4:]) if kind == 0 else body[4:]
            assert len(chunk) <= 65536
            assert struct.unpack("<I", body[:4])[0] == masked_crc(chunk)
            content += chunk
        assert len(content) == last + 1 - start
        assert struct.unpack_from("<Q", data, at)[0] == at - begin
        at += 8
        yield start, content


def chunk(content):
    """One of literals and, where the content repeats its first byte, a copy."""
    size = len(content)
    head = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) if size >= 1 << 14 else bytes([size & 0x7F | 0x80, size >> 7]) if size > 127 else bytes([size])
    if content == content[:1] * size and size > 68:
        body = bytes([0]) + content[:1]
        left = size - 1
        while left:
            length = min(left, 64)
            body += bytes([(length - 1) << 2 | 2, 1, 0])
            left -= length
    else:
        body = bytes([61 << 2]) + struct.pack("<H", size - 1) + content
    data = struct.pack("<I", masked_crc(content)) + head + body
    return b"\x00" + len(data).to_bytes(3, "little") + data


def block(start, content):
    stream = IDENTIFIER + b"".join(chunk(content[at:at + 65536]) for at in range(0, len(content), 65536))
    return struct.pack("<IIQQQ", MAGIC, VERSION, start, start + len(content) - 1, 0) + stream + struct.pack("<Q", len(stream))


class Avml(CliTest):
    def setUp(self):
        super().setUp()
        self.memory = memory(90)
        self.raw = self.write("m.raw", self.memory)

    def test_what_is_written_holds_the_memory(self):
        out = self.path("m.avml")
        self.run_tool("restore", "-f", "raw", self.raw, "--as", "avml", "-o", out, "-q")
        content, end = b"", 0
        for start, part in read_blocks((self.folder / "m.avml").read_bytes()):
            self.assertEqual(start, end)
            content, end = content + part, start + len(part)
        self.assertEqual(content, self.memory)

    def test_what_another_program_writes_is_read_and_proven(self):
        dump = block(0x1000, self.memory[:30 * PAGE]) + block(0x40000000, self.memory[30 * PAGE:80 * PAGE]) + block(0x100000000, bytes(3 * PAGE))
        path = self.write("other.avml", dump)
        verify = self.json("verify", path)
        self.assertEqual((verify["format"], verify["verdict"], verify["pages"]["unreadable"]), ("avml", "good", 0))
        self.assertEqual(self.run_tool("inspect", "--page", "0x40005", "--raw", path).stdout, self.memory[35 * PAGE:36 * PAGE])
        lime = self.path("other.lime")
        self.run_tool("restore", path, "--as", "lime", "-o", lime, "-q")
        self.assertTrue(self.json("diff", path, lime)["identical"])

    def test_a_broken_chunk_costs_its_pages_and_is_named(self):
        dump = bytearray(block(0, self.memory[:48 * PAGE]))
        dump[len(dump) - 3000] ^= 1  # in the third chunk
        path = self.write("broken.avml", dump)
        verify = self.json("verify", path, code=1)
        self.assertEqual(verify["verdict"], "damaged")
        self.assertEqual([lost for damage in verify["damage"] for lost in damage["lost_pfns"]], [["0x20", 16]])
        self.run_tool("create", path, "-o", self.path("x.hib"), "-q", code=2)
        self.run_tool("create", path, "-o", self.path("x.hib"), "-q", "--salvage", code=3)

    def test_a_cut_dump_says_where_it_ends_and_keeps_what_is_whole(self):
        dump = block(0, self.memory[:48 * PAGE])
        path = self.write("cut.avml", dump[:-1000])
        self.assertEqual(self.json("inspect", path)["state"], "incomplete")
        verify = self.json("verify", path, code=1)
        self.assertEqual((verify["pages"]["unreadable"], verify["damage"][0]["lost_pfns"]), (16, [["0x20", 16]]))

    def test_another_version_is_refused(self):
        dump = bytearray(block(0, self.memory[:PAGE]))
        dump[4] = 3
        done = self.run_tool("inspect", self.write("v3.avml", dump), code=2)
        self.assertIn(b"offset 0x4: block: version: 0x3, expected 2", done.stderr)


if __name__ == "__main__":
    unittest.main()
