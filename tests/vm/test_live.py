#!/usr/bin/env python3
"""The running machine, taken from within: which pages, whose kernel, and who may."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
from living import Machine  # noqa: E402
from support import HIBTOOL, PAGE  # noqa: E402
from test_jump import JumpTest  # noqa: E402


def tool(*arguments, codes=(0,)):
    done = subprocess.run([HIBTOOL, *map(str, arguments), "--json"], capture_output=True, text=True)
    assert done.returncode in codes, done.stderr
    return json_schema.loads(done.stdout)


def system_ram_pages(iomem):
    """Whole pages of /proc/iomem's System RAM."""
    pages = 0
    for first, last in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) : System RAM$", iomem, re.MULTILINE):
        pages += (int(last, 16) + 1) // PAGE - -(-int(first, 16) // PAGE)
    return pages


class Live(JumpTest):
    def test_the_running_machine_is_what_its_hypervisor_sees(self):
        living = self.living(Machine())
        with living.boot() as guest:
            self.begin(guest, living.machine)
            iomem = self.run_in(guest, "cat /proc/iomem")
            made = json_schema.loads(self.run_in(guest, "hibtool create --live --force -o /dev/vda --json 2> /dev/null", timeout=300))
            self.assertGreater(made["live"]["sampled_pages"], 5000)
            self.assertLess(made["live"]["changed_pages"], made["live"]["sampled_pages"] // 4)
            dump = living.folder / "qemu.elf"
            guest.dump(dump)
            self.run_in(guest, "mkdir -p /etc; echo nobody:x:65534:65534::/:/bin/sh > /etc/passwd")
            nobody = "start-stop-daemon -S -c nobody -x $(which hibtool) -- create --live -o /tmp/no.hib 2>&1"
            self.assertIn("no permission", self.run_in(guest, nobody, code=2))
            self.run_in(guest, "mount -t securityfs none /sys/kernel/security 2> /dev/null; echo confidentiality > /sys/kernel/security/lockdown")
            refused = self.run_in(guest, "hibtool create --live -o /tmp/no.hib 2>&1", code=4)
            self.assertIn("locked down (confidentiality)", refused)
            self.run_in(guest, "ls /tmp/no.hib", code=1)
        self.assert_image_is_good(living)
        image, seen = tool("inspect", living.target), tool("inspect", "--search", dump)
        self.assertEqual(made["pages"]["total"], system_ram_pages(iomem))
        self.assertEqual(image["kernel"], seen["kernel"])
        pages = tool("diff", living.target, dump, codes=(1,))["pages"]
        self.assertLess(pages["changed"], made["pages"]["total"] // 4)
        self.assertEqual(pages["only_a"], 0)


if __name__ == "__main__":
    unittest.main()
