#!/usr/bin/python3
"""help shows the manual page of a verb, and the text of --help where there is none."""

import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from support import HIBTOOL, CliTest
from terminal import run_on_terminal

PAGES = Path(HIBTOOL).resolve().parent / "man"


class Help(CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.run_tool("inspect", "--help").stdout

    def on_terminal(self, program=HIBTOOL, **changes):
        said, code = run_on_terminal([program, "help", "inspect"], MANPAGER="cat", MAN_KEEP_FORMATTING=None, columns=200, **changes)
        self.assertEqual(code, 0, said)
        return re.sub(rb".\x08", b"", said)  # bold, by typing over

    def needs_man(self):
        if shutil.which("man") is None or not PAGES.exists():
            self.skipTest("no man, or its pages were not built")

    def test_in_a_pipe_it_is_the_manual_page_in_plain_letters(self):
        self.needs_man()
        said = self.run_tool("help", "inspect").stdout
        self.assertIn(b"\nEXIT STATUS\n", said)
        self.assertNotRegex(said, rb"[\x08\x1b]")
        before_examples = said.decode().split("\nEXAMPLES\n")[0]
        self.assertLessEqual(max(len(line) for line in before_examples.splitlines()), 80)

    def test_on_a_terminal_it_is_the_manual_page(self):
        self.needs_man()
        said = self.on_terminal()
        self.assertIn(b"say what an image of memory is", said)
        self.assertIn(b"EXIT STATUS", said)

    def test_an_installed_program_has_its_pages_beside_it(self):
        self.needs_man()
        for folder in ("bin", "share/man/man1"):
            (self.folder / folder).mkdir(parents=True)
        shutil.copy(HIBTOOL, self.path("bin"))
        shutil.copy(PAGES / "hibtool-inspect.1", self.path("share/man/man1"))
        subprocess.run(["gzip", self.path("share/man/man1/hibtool-inspect.1")], check=True)
        self.assertIn(b"EXIT STATUS", self.on_terminal(self.path("bin/hibtool")))

    def test_where_there_is_no_page_or_no_man_it_is_the_text(self):
        shutil.copy(HIBTOOL, self.path("hibtool"))
        self.assertEqual(self.on_terminal(self.path("hibtool")), self.text)
        os.mkdir(self.path("empty"))
        self.assertEqual(self.on_terminal(PATH=self.path("empty")), self.text)
        self.assertEqual(self.run_tool("help", "inspect", env={**os.environ, "PATH": self.path("empty")}).stdout, self.text)

    def test_whoever_acts_for_another_user_runs_no_program_of_that_users_environment(self):
        if os.geteuid() == 0:
            self.assertEqual(self.on_terminal(SUDO_UID="1000"), self.text)

    def test_a_word_that_is_no_verb_is_an_error(self):
        said, code = run_on_terminal([HIBTOOL, "help", "inspekt"])
        self.assertEqual(code, 64)
        self.assertIn(b'did you mean "inspect"?', said)


if __name__ == "__main__":
    unittest.main()
