#!/usr/bin/python3
"""`hibtool diagnose --preflight` over captured machines: no healthy one is told that it would fail, and each failure comes with a fix."""

import os
import runpy
import unittest
from pathlib import Path

from support import CliTest, json_schema

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "corpus" / "diagnose"
MACHINES = sorted((ROOT / "samples" / "machines").glob("*.tree"))
# Captured before a hibernation that went well.
HEALTHY = ("full-healthy", "full-resume-in-the-initramfs-alone", "full-root-written-in-between")
# PCs with a BIOS that nobody told where to resume from: systemd refused.
REFUSED = ("full-resume-nowhere", "full-uuid-of-nothing-when-saving")

unpack = runpy.run_path(str(ROOT / "samples" / "machines" / "unpack"))["unpack"]


def captured_trees():
    return sorted(path for name in ("saving", "between", "restoring") for path in CORPUS.glob(f"full-*/{name}"))


class Preflight(CliTest):
    def foresee(self, root):
        done = self.run_tool("diagnose", "--preflight", "--root", str(root), "--json", code=None)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        document = json_schema.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if document["would_fail"] else 0)
        return document

    def machines(self):
        for tree in MACHINES:
            root = Path(self.path(tree.stem))
            unpack(tree, root)
            yield root
        yield from captured_trees()

    def failing(self, document):
        return [check for check in document["checks"] if check["result"] == "would-fail"]

    def test_a_machine_that_came_back_is_not_told_that_it_would_fail(self):
        for case in HEALTHY:
            with self.subTest(case):
                document = self.foresee(CORPUS / case / "saving")
                self.assertEqual(self.failing(document), [])
                self.assertEqual([check["text"] for check in document["checks"] if check["result"] == "warning"], [])

    def test_a_pc_with_a_bios_that_was_not_told_where_to_resume_from_is_refused_by_systemd(self):
        for case, why in zip(REFUSED, ("was not told where to resume from", "did not find the device of resume=UUID=dead")):
            with self.subTest(case):
                failing = self.failing(self.foresee(CORPUS / case / "saving"))
                self.assertEqual([check["verdict"] for check in failing], ["policy"])
                self.assertIn(why, failing[0]["text"])
                self.assertIn("put resume=UUID=20202020-2020-4020-8020-202020202020 into", failing[0]["fix"])

    def test_a_place_that_is_switched_off_is_told_with_the_word_that_does_it(self):
        failing = self.failing(self.foresee(CORPUS / "full-root-written-in-between" / "between"))
        self.assertEqual([check["code"] for check in failing], ["swap-area", "resume-allowed"])
        self.assertEqual(failing[1]["fix"], "take noresume out of the kernel's command line")

    def test_of_the_sample_machines_only_those_without_swap_would_fail(self):
        for root in self.machines():
            has_swap = len((root / "proc" / "swaps").read_text().splitlines()) > 1
            with self.subTest(root.name):
                codes = [check["code"] for check in self.failing(self.foresee(root))]
                self.assertEqual("swap-area" in codes, not has_swap)

    def test_every_failure_comes_with_a_fix_and_no_check_says_the_same_twice(self):
        for root in self.machines():
            with self.subTest(str(root)):
                checks = self.foresee(root)["checks"]
                self.assertEqual([check["text"] for check in checks if check["result"] == "would-fail" and not check["fix"]], [])
                texts = [check["text"] for check in checks]
                self.assertEqual(len(texts), len(set(texts)))

    def memory_map(self, *arguments):
        done = self.run_tool("diagnose", "--preflight", "--root", str(CORPUS / "full-resume-nowhere" / "saving"), "--json", *map(str, arguments), code=1)
        return [check for check in json_schema.loads(done.stdout)["checks"] if check["code"] == "memory-map"]

    def test_logs_of_earlier_boots_tell_whether_the_firmwares_memory_map_moves(self):
        moved = CORPUS / "memory-map-moved-6.12"
        check, = self.memory_map("--log", moved / "saving.log", "--log", moved / "restoring.log")
        self.assertEqual((check["result"], check["verdict"]), ("warning", "memory-map"))
        self.assertIn("changed at 1 of the last 2 boots", check["text"])
        self.assertTrue(check["evidence"])
        steady = CORPUS / "full-healthy"
        self.assertEqual([one["result"] for one in self.memory_map("--log", steady / "saving.log", "--log", steady / "saving.log")], ["ok"])
        self.assertEqual(self.memory_map(), [])

    def test_what_probe_wrote_at_earlier_boots_tells_it_as_well(self):
        tree, probed = CORPUS / "full-resume-nowhere" / "saving", self.path("probed.json")
        self.run_tool("probe", "--root", str(tree), "-o", str(probed))
        self.assertEqual([one["result"] for one in self.memory_map("--probe", probed, "--probe", probed)], ["ok"])
        self.assertEqual([one["result"] for one in self.memory_map("--probe", probed, "--log", tree.parent / "saving.log")], ["ok"])
        self.assertEqual([one["result"] for one in self.memory_map("--probe", probed)], ["unknown"])
        self.run_tool("diagnose", "--preflight", "--probe", str(self.path("missing.json")), code=2)

    def test_a_command_line_is_read_from_where_one_stands_and_only_out_of_a_file(self):
        (self.folder / "etc").mkdir()
        (self.folder / "proc").mkdir()
        self.write("line", b"noresume\n")
        os.mkfifo(self.path("pipe"))
        relative = os.path.relpath(self.path("line"))
        said = self.run_tool("diagnose", "--preflight", "--root", str(self.folder), "--cmdline", relative, code=1)
        self.assertIn(b"noresume", said.stdout)
        said = self.run_tool("diagnose", "--preflight", "--root", str(self.folder), "--cmdline", self.path("pipe"), code=2)
        self.assertIn(b"not a regular file", said.stderr)
        said = self.run_tool("diagnose", "--preflight", "--root", str(self.folder), "--efivars", self.path("line"), code=2)
        self.assertIn(b"open: a file", said.stderr)

    def test_a_disk_that_is_not_running_is_read_without_proc_and_sys(self):
        (self.folder / "etc").mkdir()
        (self.folder / "boot" / "grub").mkdir(parents=True)
        (self.folder / "boot" / "grub" / "grub.cfg").write_text(
            "menuentry 'Debian' {\n linux /vmlinuz-6.12 resume=UUID=0a1b2c3d-1111-2222-3333-444455556666\n initrd /initrd.img-6.12\n}\n")
        done = self.run_tool("diagnose", "--preflight", "--root", str(self.folder), code=0)
        self.assertTrue(done.stdout.decode().startswith("not known: "), done.stdout)
        self.run_tool("diagnose", "--root", str(self.folder), "--log", str(CORPUS / "healthy-6.12" / "saving.log"), code=None)

    def test_a_tab_of_a_file_is_shown_as_a_space(self):
        (self.folder / "proc").mkdir()
        (self.folder / "proc" / "cmdline").write_text("quiet\tnoresume\n")
        done = self.run_tool("diagnose", "--preflight", "--root", str(self.folder), code=1)
        self.assertIn(b'"quiet noresume"', done.stdout)
        texts = [one["text"] for check in self.foresee(self.folder)["checks"] for one in check["evidence"]]
        self.assertIn("quiet noresume", texts)

    def test_the_text_says_first_how_it_stands_and_then_one_line_a_check(self):
        done = self.run_tool("diagnose", "--preflight", "--root", str(CORPUS / "full-healthy" / "saving"))
        text = done.stdout.decode()
        lines = text.splitlines()
        self.assertRegex(lines[0], r"^not known: whether the device to resume from is there could not be checked; \d+ things are not known$")
        self.assertNotIn("WOULD FAIL", text)
        self.assertNotIn("fix:", text)
        checks = [line for line in lines[1:] if not line.startswith(" " * 4)]
        self.assertTrue(all(line.startswith(("  ok          ", "  not known   ")) for line in checks), checks)


if __name__ == "__main__":
    unittest.main()
