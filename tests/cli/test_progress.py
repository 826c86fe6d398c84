"""The progress line on a terminal: it fits in one line, is drawn seldom, and is no part of any other output."""

import re
import subprocess
import time
import unittest

from support import HIBTOOL, ROOT, CliTest
from terminal import environment, run_on_terminal

SAMPLE = ROOT / "samples" / "debian-6.1-cloud.hib"
SLOW, QUICK = "15", "12"  # levels: seconds, and at least one second, of one thread
ERASE = b"\r\x1b[K"


class Progress(CliTest):
    def command(self, level):
        return [HIBTOOL, "create", SAMPLE, "-o", self.path("again.hib"), "--force", "--level", level, "--threads", "1"]

    def on_terminal(self, columns, level, **changes):
        """What create says on a terminal of so many columns, and the seconds that it took."""
        begin = time.monotonic()
        said, code = run_on_terminal(self.command(level), columns, out=subprocess.DEVNULL, **changes)
        self.assertEqual(code, 0, said)
        return said, time.monotonic() - begin

    def test_it_is_never_wider_than_the_terminal_and_drawn_at_most_twice_a_second(self):
        for columns in (80, 40):
            with self.subTest(columns=columns):
                said, seconds = self.on_terminal(columns, SLOW)
                before, *lines = said.split(ERASE)
                self.assertEqual((before, lines[-1]), (b"", b""), "the line begins by taking away the one before, and is gone in the end")
                drawn = [line.decode() for line in lines[:-1]]
                self.assertTrue(drawn)
                self.assertLessEqual(len(drawn), 2 * seconds + 2)
                for line in drawn:
                    shown = re.sub(r"\x1b\[[0-9;]*m", "", line)
                    self.assertTrue(shown.isprintable(), repr(shown))
                    self.assertLessEqual(len(shown), columns, shown)
                    self.assertRegex(shown, r"^create .*\d+ %")

    def test_a_terminal_that_cannot_take_a_line_away_is_left_alone(self):
        for term in ("dumb", "", None):
            with self.subTest(TERM=term):
                self.assertEqual(self.on_terminal(80, QUICK, TERM=term)[0], b"")

    def test_what_is_no_terminal_is_left_alone(self):
        done = subprocess.run(self.command(QUICK), capture_output=True, env=environment())
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertNotIn(b"\r", done.stdout)


if __name__ == "__main__":
    unittest.main()
