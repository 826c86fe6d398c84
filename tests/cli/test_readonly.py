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

    def opened(self, *arguments):
        """Every file that the program opened, and how, by strace."""
        trace = self.path("trace")
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace, HIBTOOL, *arguments], capture_output=True)
        with open(trace) as lines:
            return list(lines)

    def opens_of(self, image, *arguments):
        found = [line for line in self.opened(*arguments) if f'"{image}"' in line or re.search(r'"/proc/self/fd/\d+"', line)]
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

    def test_a_device_that_no_list_names_is_not_looked_up_in_the_cache_of_a_user(self):
        machine = self.folder / "machine"
        subprocess.run([sys.executable, ROOT / "samples" / "machines" / "unpack", ROOT / "samples" / "machines" / "old-pc.tree", machine], check=True)
        for vendor in machine.glob("sys/devices/pci*/*/vendor"):
            vendor.write_text("0x0abc\n")
        lists = [line.split('"')[1] for line in self.opened("probe", "--root", machine) if re.search("pci-?ids|pci.ids", line)]
        self.assertIn("/usr/share/misc/pci.ids", lists)
        # Of Debian 12's libpci it is ~/.pciids-cache, of 13's ~/.cache/pci-ids.
        self.assertLessEqual(set(lists), {"/usr/share/misc/pci.ids", "/usr/share/misc/pci.ids.gz"})


if __name__ == "__main__":
    unittest.main()
