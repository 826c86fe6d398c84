"""Blowfish in CFB mode, for making encrypted uswsusp images without any library. Its tables are the digits of pi."""

import struct


def _pi_words(count):
    """The first hexadecimal digits of pi's fraction, 32 bits each (Machin's formula in fixed point)."""
    bits = 32 * count + 64
    one = 1 << bits

    def arctan_of_inverse(x):
        term = total = one // x
        n, sign = 1, -1
        while term:
            term //= x * x
            n += 2
            total += sign * (term // n)
            sign = -sign
        return total

    fraction = (4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))) - 3 * one
    return [fraction >> (bits - 32 * (i + 1)) & 0xFFFFFFFF for i in range(count)]


class Blowfish:
    _tables = None

    def __init__(self, key):
        if Blowfish._tables is None:
            Blowfish._tables = _pi_words(18 + 4 * 256)
        words = list(Blowfish._tables)
        self.p, self.s = words[:18], [words[18 + 256 * i:18 + 256 * (i + 1)] for i in range(4)]
        stream = (key * (72 // len(key) + 1))[:72]
        self.p = [p ^ k for p, k in zip(self.p, struct.unpack(">18I", stream))]
        left = right = 0
        for i in range(0, 18, 2):
            left, right = self.p[i:i + 2] = self._rounds(left, right)
        for box in self.s:
            for i in range(0, 256, 2):
                left, right = box[i:i + 2] = self._rounds(left, right)

    def _rounds(self, left, right):
        s0, s1, s2, s3 = self.s
        for p in self.p[:16]:
            left ^= p
            right ^= ((s0[left >> 24] + s1[left >> 16 & 255] & 0xFFFFFFFF) ^ s2[left >> 8 & 255]) + s3[left & 255] & 0xFFFFFFFF
            left, right = right, left
        left, right = right, left
        return left ^ self.p[17], right ^ self.p[16]

    def encrypt_block(self, block):
        return struct.pack(">II", *self._rounds(*struct.unpack(">II", block)))

    def encrypt_cfb(self, iv, data):
        out = bytearray()
        for at in range(0, len(data), 8):
            iv = bytes(a ^ b for a, b in zip(self.encrypt_block(iv), data[at:at + 8]))
            out += iv
        return bytes(out)


assert Blowfish(bytes(8)).encrypt_block(bytes(8)).hex() == "4ef997456198dd78"  # Eric Young's first test vector
