"""Inputs are never written: every verb opens them for reading only, and leaves each byte as it was."""

import hashlib
import re
import shutil
import subprocess
import sys
import unittest

from support import HIBTOOL, ROOT, CliTest


@unittest.skipUnless(shutil.which("strace"), "needs strace")
class ReadOnly(CliTest):
    def setUp(self):
        super().setUp()
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder, "consumed", "mbr-partition", "none"], check=True)

    def opens_of(self, image, *arguments):
        """How the program opened the image, by strace."""
        trace = self.path("trace")
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace, HIBTOOL, *arguments], capture_output=True)
        with open(trace) as lines:
            found = [line for line in lines if f'"{image}"' in line or re.search(r'"/proc/self/fd/\d+"', line)]
        self.assertTrue(found)
        return found

    def test_no_verb_but_restore_into_it_opens_an_image_for_writing(self):
        for name in ("consumed", "mbr-partition", "none"):
            image = self.path(f"{name}.img")
            with open(image, "rb") as file:
                before = hashlib.sha256(file.read()).digest()
            for arguments in (["inspect", "--map", "--pages", "--records", image], ["verify", image], ["verify", "--against-running", image],
                              ["create", image, "-o", self.path("out.hib"), "--force"], ["diff", image, image],
                              ["restore", image, "--as", "raw", "-o", self.path("out"), "--force"], ["restore", "--rearm", image]):
                with self.subTest(name, arguments=arguments[:2]):
                    for line in self.opens_of(image, *arguments):
                        self.assertIn("O_RDONLY", line)
                        self.assertNotRegex(line, "O_RDWR|O_WRONLY|O_TRUNC|O_CREAT")
            with open(image, "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).digest(), before)


if __name__ == "__main__":
    unittest.main()
