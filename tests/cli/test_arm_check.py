#!/usr/bin/python3
"""`hibtool arm --check` over captured machines and this one: the exit code is its answer, and it changes nothing."""

import os
import runpy
import subprocess
import unittest
from pathlib import Path

from support import HIBTOOL, CliTest, json_schema

ROOT = Path(__file__).resolve().parent.parent.parent
TREES = sorted((ROOT / "tests" / "corpus" / "arm-check").glob("*.tree"))
# What refuses on each machine of the corpus.
REFUSED = {
    "azure": {"region", "lockdown", "hypervisor"},
    "ec2": {"hypervisor"},
    "laptop-amd": set(),
    "laptop-intel": set(),
    "qemu": set(),
    "server-cxl": {"region", "crash-kernel", "hibernation", "cpusets", "memory"},
}
NOBODY = 65534

unpack = runpy.run_path(str(ROOT / "samples" / "machines" / "unpack"))["unpack"]


class ArmCheck(CliTest):
    def check(self, *arguments, code=None):
        return self.answer(self.run_tool("arm", "--check", "--json", *arguments, code=code))

    def answer(self, done):
        """The document, which agrees with the exit code, and the checks that refuse."""
        self.assertIn(done.returncode, (0, 1), done.stderr)
        document = json_schema.loads(done.stdout)
        self.assertEqual(document["schema"], "hibtool.arm-check")
        self.assertEqual(done.returncode, 0 if document["allowed"] else 1)
        refused = {check["code"] for check in document["checks"] if check["result"] == "refused"}
        self.assertEqual(document["allowed"], not refused)
        return document, refused

    def machine(self, tree):
        root = Path(self.path(tree.stem))
        unpack(tree, root)
        return root

    def test_each_machine_is_refused_by_what_is_wrong_with_it_and_by_nothing_else(self):
        self.assertEqual({tree.stem for tree in TREES}, set(REFUSED))
        for tree in TREES:
            with self.subTest(tree.stem):
                document, refused = self.check("--root", str(self.machine(tree)), code=1 if REFUSED[tree.stem] else 0)
                self.assertEqual(refused, REFUSED[tree.stem])
                self.assertEqual([check["code"] for check in document["checks"] if check["result"] == "unknown"], ["module"])

    def test_the_table_is_no_wider_than_a_mail_and_begins_with_the_worst(self):
        order = ["REFUSED", "warning", "not known", "ok"]
        for tree in TREES:
            lines = self.run_tool("arm", "--check", "--root", str(self.machine(tree)), code=None).stdout.decode().splitlines()
            self.assertEqual([line for line in lines if len(line) > 80], [])
            marks = [line[:10].strip() for line in lines[1:] if not line.startswith(" ")]
            self.assertEqual(marks, sorted(marks, key=order.index), tree.stem)

    def test_quiet_leaves_the_code(self):
        for tree in TREES:
            done = self.run_tool("arm", "--check", "-q", "--root", str(self.machine(tree)), code=1 if REFUSED[tree.stem] else 0)
            self.assertEqual((done.stdout, done.stderr), (b"", b""))

    def test_it_looks_at_this_machine_with_and_without_root(self):
        document, _ = self.check()
        self.assertEqual(document["kernel"], os.uname().release)
        codes = {check["code"] for check in document["checks"]}
        self.assertLessEqual({"module", "kernel", "region", "lockdown", "hibernation", "kexec", "hypervisor", "encryption", "memory"}, codes)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_without_root_it_says_what_it_does_not_know(self):
        try:
            done = subprocess.run([HIBTOOL, "arm", "--check", "--json"], user=NOBODY, capture_output=True, cwd="/", timeout=300)
        except PermissionError:
            self.skipTest("the program lies where only root sees it")
        document, _ = self.answer(done)
        memory = next(check for check in document["checks"] if check["code"] == "memory")
        self.assertIn(memory["result"], ("unknown", "refused"))
        if memory["result"] == "unknown":
            self.assertIn("needs root", memory["text"])

    def test_a_folder_that_is_no_machine_cannot_be_looked_at(self):
        self.assertIn(b"nothing", self.run_tool("arm", "--check", "--root", self.path("nothing"), code=2).stderr)

    def test_a_target_that_is_put_together_by_software_is_refused_and_nothing_is_written_to_it(self):
        target = Path(self.path("target"))
        target.write_bytes(bytes(1 << 20))
        before = target.stat()
        document, _ = self.check("--target", str(target))
        self.assertIn("target", {check["code"] for check in document["checks"]})
        self.assertEqual(target.read_bytes(), bytes(1 << 20))
        self.assertEqual(target.stat().st_mtime_ns, before.st_mtime_ns)
        for nowhere in ("/dev/null", self.path("missing")):
            _, refused = self.check("--target", nowhere, code=1)
            self.assertIn("target", refused)

    def test_no_line_has_a_serial_number_or_a_uuid(self):
        root = self.machine(next(tree for tree in TREES if tree.stem == "laptop-amd"))
        (root / "sys/class/dmi/id/product_serial").write_text("SERIAL-4711\n")
        (root / "proc/cmdline").write_text("root=UUID=20202020-2020-4020-8020-202020202020 crashkernel=192M\n")
        for form in ([], ["--json"]):
            said = self.run_tool("arm", "--check", *form, "--root", str(root), code=0).stdout.decode()
            self.assertNotIn("4711", said)
            self.assertNotIn("20202020", said)

    def test_options_of_arming_are_of_no_use_with_it(self):
        for option in (["--standby"], ["--verify", "--target", "/dev/null"], ["--kernel", "x"], ["--timeout", "5"]):
            self.run_tool("arm", "--check", *option, code=64)
        self.run_tool("arm", "--root", "/", code=64)
        self.run_tool("arm", "--check", "--root", "/", "--target", "/dev/null", code=64)


if __name__ == "__main__":
    unittest.main()
