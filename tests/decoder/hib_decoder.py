#!/usr/bin/python3
"""An independent decoder of .hib images, written from docs/format/hib.md alone. It shares no code with hibtool: what
both say of an image must agree. Prints the content digest that it computes from the pages.

  hib_decoder.py IMAGE.hib [--raw OUT]
"""

import struct
import sys
from pathlib import Path

import xxhash
import zstandard

ABSENT, ZERO, UNREADABLE, FILL, STORED, EQUAL, BASE, HOLE = range(8)
PAGES, INDEX, RECORD, ROOT, COMMIT = range(1, 6)
FIRST_SWAPPED = 1 << 40


class FormatError(Exception):
    pass


def check(condition, what):
    if not condition:
        raise FormatError(what)


def hash128(data):
    """As stored: low half, high half, each little-endian."""
    value = xxhash.xxh3_128_intdigest(data)
    return struct.pack("<QQ", value & (1 << 64) - 1, value >> 64)


def hash64(data):
    return xxhash.xxh3_64_intdigest(data)


class Image:
    def __init__(self, path):
        self.path = Path(path)
        self.data = self.path.read_bytes()
        self._header()
        self._padding()
        self._tail()
        self._blocks()
        self.base = None
        if self.incompatible & 1:
            self.base = Image(self.path.parent / self.base_name)
            check(self.base.root_hash == self.base_root, "another base")

    def _header(self):
        d = self.data
        check(d[:8] == b"\x89HIB\r\n\x1a\n", "magic")
        major, _, header_bytes = struct.unpack_from("<HHI", d, 8)
        check(major == 1 and header_bytes == 4096, "version")
        self.incompatible = struct.unpack_from("<Q", d, 16)[0]
        check(self.incompatible & ~5 == 0, "incompatible feature")
        self.page_size, self.chunk_pages = struct.unpack_from("<II", d, 40)
        self.crumbs_at, self.crumbs_bytes, self.first_block = struct.unpack_from("<QQQ", d, 48)
        self.base_root = d[72:88]
        name_bytes = struct.unpack_from("<I", d, 88)[0]
        self.base_name = d[96:96 + name_bytes].decode()
        self.header_hash = d[4080:4096]
        check(hash128(d[:4080]) == self.header_hash, "file header hash")
        check(not any(d[352:1376]) and not any(d[3936:4080]), "reserved bytes of the file header")

    def block(self, at, kind=None):
        """(type, sequence, payload, end) of the block at an offset, every hash checked."""
        d = self.data
        header = d[at:at + 64]
        check(len(header) == 64 and header[:4] == b"HIBb", f"no block at {at:#x}")
        kind_found, zero, sequence, payload_bytes, previous = struct.unpack_from("<HHQQQ", header, 4)
        check(hash64(header[:56]) == struct.unpack_from("<Q", header, 56)[0], f"block header at {at:#x}")
        check(zero == 0 and header[48:56] == bytes(8), "reserved bytes of a block header")
        end = at + 64 + (payload_bytes + 15) // 16 * 16
        check(end <= len(d), "a block beyond the end")
        check(hash128(d[at + 64:end]) == header[32:48], f"payload at {at:#x}")
        check(not any(d[at + 64 + payload_bytes:end]), "padding")
        check(kind is None or kind == kind_found, f"type of the block at {at:#x}")
        return kind_found, sequence, d[at + 64:at + 64 + payload_bytes], end, previous, header

    def _padding(self):
        """Takes off the zero bytes that fill a sector behind the image: COMMIT says where it ends."""
        d = self.data
        for end in range(len(d), max(len(d) - 512, 128), -16):
            if d[end - 128:end - 124] == b"HIBb" and struct.unpack_from("<Q", d, end - 32)[0] == end:
                if len(d) % 512 == 0 and not any(d[end:]):
                    self.data = d[:end]
                return

    def _tail(self):
        d = self.data
        *_, payload, _, _, _ = self.block(len(d) - 128, COMMIT)
        root_at, root_bytes, self.root_hash, file_bytes = struct.unpack_from("<QQ16sQ", payload)
        check(file_bytes == len(d), "file_bytes")
        _, self.root_sequence, root, _, _, root_header = self.block(root_at, ROOT)
        check(len(root) == root_bytes and root_header[32:48] == self.root_hash, "root hash")
        fields = struct.unpack_from("<9Q16s16sQII", root)
        self.counts, self.stored_digest = fields[:9], fields[9]
        check(fields[10] == self.header_hash and fields[11] == self.root_sequence, "ROOT names another header")
        at = 120
        self.indexes = [struct.unpack_from("<6Q16s", root, at + 64 * i) for i in range(fields[12])]
        at += 64 * fields[12]
        self.records = [struct.unpack_from("<QQ16s", root, at + 32 * i) for i in range(fields[13])]
        at += 32 * fields[13]
        self.swapped_counts = self.swapped_digest = None
        if self.incompatible & 4:
            *counts, self.swapped_digest, reserved = struct.unpack_from("<5Q16s8s", root, at)
            self.swapped_counts, at = counts, at + 64
            check(not any(reserved), "reserved bytes of ROOT")
        check(at == len(root), "length of ROOT")

    def _blocks(self):
        """Every block from the first to the last: no gap, the sequence and the chain right, the index true."""
        at, expected, chain = self.first_block, 0, struct.unpack_from("<Q", self.header_hash)[0]
        named = {record[0] for record in self.records} | {index[0] for index in self.indexes}
        named |= {entry["offset"] for index in self.indexes for entry in self.entries(index)}
        seen, self.places = set(), []
        while at < len(self.data):
            kind, sequence, payload, end, previous, header = self.block(at)
            check(sequence == expected and previous == chain, f"chain at {at:#x}")
            if kind in (PAGES, INDEX, RECORD):
                seen.add(at)
            if kind == PAGES:
                self.places.append((at, payload))
            at, expected, chain = end, expected + 1, struct.unpack_from("<Q", header, 56)[0]
        check(seen == named, "blocks that the index does not name, or the other way round")

    def entries(self, index):
        _, _, payload, *_ = self.block(index[0], INDEX)
        first_slot, slot_count, count, zero, maps_bytes = struct.unpack_from("<QQIIQ", payload)
        check(zero == 0 and len(payload) == 32 + 56 * count + maps_bytes + 8 * slot_count, "length of INDEX")
        hashes_at, map_at, slot = 32 + 56 * count + maps_bytes, 32 + 56 * count, first_slot
        for i in range(count):
            offset, size, map_bytes, first, pages, slots, zero, digest = struct.unpack_from("<QIIQQII16s", payload, 32 + 56 * i)
            hashes = struct.unpack_from(f"<{slots}Q", payload, hashes_at + 8 * (slot - first_slot))
            yield {"offset": offset, "first": first, "pages": pages, "slot": slot, "map": payload[map_at:map_at + map_bytes], "hashes": hashes}
            map_at, slot = map_at + map_bytes, slot + slots

    def pages(self):
        """(number, bytes) of every present page in ascending order: PFNs, then FIRST_SWAPPED + slots."""
        slots = []  # bytes of every stored page, by slot
        hashes = [h for index in self.indexes for entry in self.entries(index) for h in entry["hashes"]]
        base = dict(self.base.pages()) if self.base else {}
        end = 0
        for at, payload in self.places:
            first, count, first_slot, slot_count, map_bytes, frame_bytes, codec = struct.unpack_from("<QQQIIIB", payload)
            check(first >= end and first_slot == len(slots), f"order of the PAGES block at {at:#x}")
            check(first >= FIRST_SWAPPED or first + count <= FIRST_SWAPPED, f"memory and slots in the PAGES block at {at:#x}")
            end = first + count
            frame = payload[48 + map_bytes:]
            check(len(frame) == frame_bytes, "frame_bytes")
            size = slot_count * self.page_size
            stored = frame if codec == 0 else zstandard.ZstdDecompressor().decompress(frame, max_output_size=size)
            check(len(stored) == size, "size of a frame")
            slots += [stored[i:i + self.page_size] for i in range(0, size, self.page_size)]
            pfn, next_slot = first, first_slot
            for kind, length, argument in self.runs(payload[48:48 + map_bytes]):
                for i in range(length):
                    if kind == ZERO:
                        yield pfn + i, bytes(self.page_size)
                    elif kind == FILL:
                        yield pfn + i, bytes([argument]) * self.page_size
                    elif kind == STORED:
                        check(hash64(slots[next_slot]) == hashes[next_slot], f"hash of page {pfn + i:#x}")
                        yield pfn + i, slots[next_slot]
                        next_slot += 1
                    elif kind == EQUAL:
                        yield pfn + i, slots[argument + i]
                    elif kind == BASE:
                        yield pfn + i, base[pfn + i]
                pfn += length
            check(pfn == end and next_slot == len(slots), f"page map at {at:#x}")

    @staticmethod
    def runs(data):
        at = 0

        def number():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return value

        while at < len(data):
            value = number()
            kind, argument = value & 7, 0
            if kind == FILL:
                argument = data[at]
                at += 1
            elif kind == EQUAL:
                argument = number()
            yield kind, value >> 3, argument


def content_digests(image, raw=None):
    """Of memory, and of swapped-out pages."""
    memory, swapped = xxhash.xxh3_128(), xxhash.xxh3_128()
    for number, page in image.pages():
        digest = xxhash.xxh3_128_digest(page)
        if number >= FIRST_SWAPPED:
            swapped.update(struct.pack("<Q", number - FIRST_SWAPPED) + digest)
            continue
        memory.update(struct.pack("<Q", number) + digest)
        if raw:
            raw.seek(number * image.page_size)
            raw.write(page)
    return memory.digest(), swapped.digest()


def main():
    image = Image(sys.argv[1])
    raw = open(sys.argv[3], "wb") if len(sys.argv) > 3 and sys.argv[2] == "--raw" else None
    digest, swapped = content_digests(image, raw)
    if image.swapped_digest is not None:
        check(swapped == image.swapped_digest, f"digest of swapped-out pages: stored {image.swapped_digest.hex()}, computed {swapped.hex()}")
    check(digest == image.stored_digest, f"content digest: stored {image.stored_digest.hex()}, computed {digest.hex()}")
    print(f"xxh3-128:{digest.hex()}")


if __name__ == "__main__":
    try:
        main()
    except FormatError as error:
        sys.exit(f"hib_decoder: {sys.argv[1]}: {error}")
