#!/usr/bin/env python3
"""The manual page says what the program can do: every format, verb and option that --help shows."""

import re
import subprocess
import unittest

from support import HIBTOOL, ROOT

PAGE = (ROOT / "docs" / "man" / "hibtool.1.scd").read_text()


def help_of(*verb):
    return subprocess.run([HIBTOOL, *verb, "--help"], capture_output=True, text=True, check=True).stdout


def verbs():
    text = help_of()
    table = text[re.search(r"^verbs:", text, re.I | re.M).end():text.index("hibtool help VERB")]
    return re.findall(r"^  ([a-z]+) ", table, re.M)


class ManualPage(unittest.TestCase):
    def test_it_lists_every_format(self):
        formats = re.search(r"Formats: ([^;]+);", help_of())[1].split(", ")
        self.assertGreaterEqual(len(formats), 7)
        for name in formats:
            self.assertTrue(re.search(rf"(?m)^\*{name}\*$", PAGE), f"format {name}")

    def test_it_has_every_verb(self):
        found = verbs()
        self.assertIn("inspect", found)
        for verb in found:
            self.assertTrue(re.search(rf"(?m)^\*{verb}\*$", PAGE), f"verb {verb}")

    def test_it_has_every_option_of_every_verb(self):
        for verb in verbs():
            shown = set(re.findall(r"--[a-z][a-z-]+", help_of(verb).split("Examples:")[0])) - {"--help"}
            missing = sorted(option for option in shown if option not in PAGE)
            self.assertEqual(missing, [], verb)

    def test_every_text_calls_an_exit_code_by_the_same_name(self):
        line = " ".join(re.search(r"Exit codes: ([^.]+)\.", help_of())[1].split())
        names = dict(re.fullmatch(r"(\d+(?:\+N)?) (.+)", part).groups() for part in line.split(", "))
        self.assertGreaterEqual(set(names), {"0", "1", "2", "3", "4", "5", "64", "128+N"})
        readme = (ROOT / "README.md").read_text()
        table = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
        for code, name in names.items():
            if code == "0":
                continue  # what is good differs by verb
            with self.subTest(code):
                if code != "128+N":
                    self.assertIn(f"{code} {name}", " ".join(readme.split()))
                self.assertIn(name, re.search(rf"(?m)^\| {re.escape(code)} \| ([^|]+) \|", table)[1])
                self.assertIn(name.lower(), re.search(rf"(?m)^\*{re.escape(code)}\*\n\t(.+)$", PAGE)[1].lower())


if __name__ == "__main__":
    unittest.main()
