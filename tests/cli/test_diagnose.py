#!/usr/bin/python3
"""Real hibernations that failed, judged: what `hibtool diagnose` says of each of tests/corpus/diagnose, by its logs."""

import json
import unittest
from pathlib import Path

from support import CliTest, json_schema

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "diagnose"
# What no log tells: the kernel forbids hibernating without a word, or the console was quiet.
SILENT = {"healthy-and-quiet-6.12", "secret-memory-6.1", "secret-memory-6.12", "full-resume-nowhere", "full-swap-too-small", "full-uuid-of-nothing-when-saving"}
FINE = ("resumed", "never", "armed", "consumed", "unknown")


def cases():
    return sorted(path.parent for path in CORPUS.glob("*/case.json"))


def logs_of(case):
    """The journal where there is one; consoles otherwise, the oldest boot first."""
    if (case / "journal.export").exists():
        return [case / "journal.export"]
    return [case / name for name in ("saving.log", "between.log", "restoring.log") if (case / name).exists()]


class Failures(CliTest):
    def diagnose(self, *arguments):
        done = self.run_tool("diagnose", "--json", *map(str, arguments), code=None)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, json_schema.loads(done.stdout)

    def by_logs(self, case):
        return self.diagnose(*(part for log in logs_of(case) for part in ("--log", log)))

    def test_every_failure_gets_the_verdict_that_is_true(self):
        self.assertGreater(len(cases()), 80)
        for case in cases():
            wanted = json.loads((case / "case.json").read_text())
            right = {wanted["expected"], *wanted["also_right"]} if case.name not in SILENT else {"unknown", "never"}
            with self.subTest(case.name):
                code, document = self.by_logs(case)
                self.assertIn(document["verdict"]["code"], right, document["verdict"])
                self.assertEqual(code, 0 if document["verdict"]["code"] in FINE else 1)

    def test_no_machine_that_came_back_gets_a_reason_why_it_did_not(self):
        for case in cases():
            if json.loads((case / "case.json").read_text())["expected"] != "resumed":
                continue
            with self.subTest(case.name):
                _, document = self.by_logs(case)
                self.assertEqual(document["other_verdicts"], [])

    def test_every_verdict_but_the_harmless_ones_is_shown_by_a_line_of_the_logs(self):
        for case in cases():
            with self.subTest(case.name):
                _, document = self.by_logs(case)
                if document["verdict"]["code"] in FINE:
                    continue
                texts = [one["text"] for one in document["evidence"] if one["code"] == document["verdict"]["code"]]
                self.assertTrue(texts)
                logs = b"".join(log.read_bytes() for log in logs_of(case))
                self.assertTrue(any(text.encode() in logs or text.startswith("Command line: ") for text in texts), texts)

    def test_the_regions_of_the_memory_map_that_moved_are_named(self):
        _, document = self.by_logs(CORPUS / "memory-map-moved-6.12")
        moved = [one["text"] for one in document["evidence"] if one["source"].startswith("memory maps")]
        self.assertTrue(any("System RAM" in text for text in moved), document["evidence"])
        self.assertIn("usable memory is not the same", document["verdict"]["text"])

    def test_a_driver_that_refused_is_named_and_the_image_is_called_sound(self):
        _, document = self.by_logs(CORPUS / "driver-refuses-to-restore-6.12")
        self.assertIn("the driver badsleep did not stop its device badsleep (error -5)", document["verdict"]["text"])
        self.assertIn("the image was sound", document["verdict"]["text"])
        self.assertIn("damaged", [one["code"] for one in document["exonerated"]])

    def test_what_the_journal_marks_as_the_kernels_is_certain_and_a_text_file_is_not(self):
        self.assertEqual(self.by_logs(CORPUS / "full-healthy")[1]["verdict"]["confidence"], "certain")
        self.assertEqual(self.by_logs(CORPUS / "healthy-6.12")[1]["verdict"]["confidence"], "likely")

    def test_a_line_that_a_program_forged_in_the_journal_is_not_the_kernels(self):
        forged = (CORPUS / "full-healthy" / "journal.export").read_bytes()
        entry = (b"__CURSOR=forged\n__REALTIME_TIMESTAMP=9999999999000000\n__MONOTONIC_TIMESTAMP=999999999\n"
                 b"_BOOT_ID=99999999999999999999999999999999\n_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=kernel\n"
                 b"MESSAGE=Hibernate inconsistent memory map detected!\n\n")
        _, document = self.diagnose("--log", self.write("forged.export", forged.rstrip(b"\n") + b"\n\n" + entry))
        self.assertEqual(document["verdict"]["code"], "resumed")
        self.assertNotIn("memory-map", [one["code"] for one in document["other_verdicts"]])


if __name__ == "__main__":
    unittest.main()
