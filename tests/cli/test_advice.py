#!/usr/bin/python3
"""An error says in its line what to do next."""

import os
import stat
import subprocess
import unittest

from support import HIBTOOL, ROOT, CliTest, loop_device_over, memory

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


class Advice(CliTest):
    def setUp(self):
        super().setUp()
        raw = self.write("memory.raw", memory(20))
        (self.folder / "images").mkdir()
        self.run_tool("create", "-q", "-f", "raw", raw, "-o", self.path("images/laptop.hib"))

    def said(self, *arguments, code=2, **how):
        done = subprocess.run([HIBTOOL, *arguments], cwd=self.folder, capture_output=True, text=True, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_a_name_beside_the_missing_one_is_suggested(self):
        for given, meant in (("images/laptp.hib", "images/laptop.hib"), ("images/LAPTOP.hib", "images/laptop.hib"), ("images/laptop", "images/laptop.hib"),
                             ("image/laptop.hib", "images/laptop.hib"), ("memroy.raw", "memory.raw"), (self.path("images/laptop.hbi"), self.path("images/laptop.hib"))):
            for verb in ("inspect", "verify", "diagnose"):
                self.assertIn(f'; did you mean "{meant}"?', self.said(verb, given))
        (self.folder / "empty").mkdir()
        self.assertIn('did you mean "images/laptop.hib"?', self.said("mount", "images/laptp.hib", "empty"))
        self.assertIn('did you mean "images"?', self.said("mount", "images/laptop.hib", "imagse"))
        self.assertIn('did you mean "memory.raw"?', self.said("diagnose", "--log", "memoryraw"))

    def test_where_nothing_is_like_it_the_way_to_look_is_said(self):
        self.assertIn("; ls images shows what is there", self.said("verify", "images/quarterly-report"))
        self.assertIn("; ls shows what is there", self.said("verify", "quarterly-report"))
        self.assertIn("there is no folder quarterly", self.said("verify", "quarterly/report"))
        self.assertIn("; lsblk lists the disks", self.said("verify", "/dev/nvme99n1"))
        self.assertIn("; lsblk lists the disks", self.said("resume", "/dev/nvme99n1"))

    def test_a_document_has_the_advice_too(self):
        self.assertEqual(self.json("verify", self.path("images/laptp.hib"), code=2)["advice"], f'did you mean "{self.path("images/laptop.hib")}"?')

    def test_a_folder_in_the_place_of_an_image(self):
        for arguments in (("verify", "images"), ("create", "images", "-o", "x.hib"), ("restore", "images", "--as", "raw", "-o", "x"), ("diff", "images", "images"),
                          ("rearm", "images"), ("diagnose", "images")):
            self.assertIn("a directory, expected a regular file", self.said(*arguments))
            self.assertIn("; hibtool inspect images looks for images in it", self.said(*arguments))
        self.assertIn("images/laptop.hib: .hib image", self.run_tool("inspect", self.path("images")).stdout.decode())

    def test_an_output_in_a_folder_that_is_not_there(self):
        self.assertIn("; mkdir -p archive", self.said("create", "images/laptop.hib", "-o", "archive/a.hib"))
        self.assertIn('; did you mean "images"?', self.said("create", "images/laptop.hib", "-o", "imagse/a.hib"))

    @unittest.skipIf(os.geteuid() != 0, "needs root, to become somebody else")
    def test_what_may_not_be_read_says_who_may(self):
        self.folder.chmod(0o755)
        (self.folder / "images").chmod(0o755)
        image = self.folder / "images" / "laptop.hib"
        image.chmod(0o600)
        self.assertIn("Permission denied; run it with sudo", self.said("verify", "images/laptop.hib", **NOBODY))
        os.chown(image, 1, 1)
        self.assertIn("; images/laptop.hib belongs to daemon: run it with sudo", self.said("verify", "images/laptop.hib", **NOBODY))
        image.chmod(0o644)
        self.assertIn("; you may not write to .: name another folder, or run it with sudo", self.said("create", "images/laptop.hib", "-o", "b.hib", **NOBODY))
        (self.folder / "images").chmod(0o700)
        self.assertIn("a folder on the way may not be entered: run it with sudo", self.said("verify", "images/laptop.hib", **NOBODY))

    def test_a_device_that_may_not_be_read_says_which_group_may(self):
        device = loop_device_over(self, self.path("memory.raw"))
        self.folder.chmod(0o755)
        for mode, group, advice in ((0o660, 6, "; run it with sudo, or as a member of the group disk"), (0o600, 0, "; run it with sudo")):
            before = os.stat(device)
            self.addCleanup(os.chown, device, before.st_uid, before.st_gid)
            self.addCleanup(os.chmod, device, stat.S_IMODE(before.st_mode))
            os.chown(device, 0, group)
            os.chmod(device, mode)
            for verb in ("inspect", "verify", "diagnose", "rearm"):
                self.assertTrue(self.said(verb, device, **NOBODY).rstrip().endswith("Permission denied" + advice))

    def test_what_is_no_image_says_what_to_do(self):
        self.assertIn("; whatever wrote it has failed: write it again", self.said("verify", self.write("empty", b"")))
        self.assertIn("; name the image: it is no text", self.said("verify", self.write("notes.txt", b"hello\n")))

    def test_an_argument_too_many_and_a_missing_one_lead_to_the_help(self):
        self.assertIn('"/dev/sda"; "hibtool arm --help" lists what there is', self.said("arm", "/dev/sda", code=64))
        for verb in ("inspect", "verify", "restore", "mount", "diff", "rearm", "resume", "create"):
            self.assertIn(f'; "hibtool {verb} --help" lists what there is', self.said(verb, code=64))

    def test_a_mistyped_device_and_a_mistyped_type_of_record(self):
        machine = ROOT / "samples" / "machines" / "old-pc.json"
        self.run_tool("create", "-q", self.path("images/laptop.hib"), "-o", self.path("pc.hib"), "--records", str(machine))
        self.assertIn('no such device, expected a name, PCI address or path of --devices; did you mean "sda1"?', self.said("inspect", "pc.hib", "--device", "sda11"))
        typo = self.write("typo.json", machine.read_bytes().replace(b'"type": "devices"', b'"type": "device"').replace(b'"type":"devices"', b'"type":"device"'))
        self.assertNotEqual(machine.read_bytes(), (self.folder / "typo.json").read_bytes())
        done = self.run_tool("create", self.path("images/laptop.hib"), "-o", self.path("typo.hib"), "--records", typo)
        self.assertIn('record type "device" is none that hibtool knows; did you mean "devices"?', done.stderr.decode())
        other = self.write("other.json", machine.read_bytes().replace(b'"devices"', b'"inventory"'))
        self.assertEqual(self.run_tool("create", self.path("images/laptop.hib"), "-o", self.path("other.hib"), "--records", other).stderr, b"")


if __name__ == "__main__":
    unittest.main()
