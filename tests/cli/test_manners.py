#!/usr/bin/python3
"""How the program behaves on a terminal, and away from one: colours, pager, lines, character sets, progress, -v."""

import json
import os
import re
import runpy
import shutil
import signal
import stat
import subprocess
import sys
import unittest
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, CliTest, json_schema, memory
from terminal import environment, read_all, read_until, run_on_terminal, terminal

SAMPLE = str(ROOT / "samples" / "debian-6.1-cloud.hib")
LATER = str(ROOT / "samples" / "debian-6.1-cloud-later.hib")
ESCAPE = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
VERBS = ("inspect", "verify", "create", "restore", "mount", "diff", "rearm", "diagnose", "probe", "arm", "disarm", "hibernate", "resume")
unpack = runpy.run_path(str(ROOT / "samples" / "machines" / "unpack"))["unpack"]


def case(folder, *names):
    subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", folder, *names], check=True, stdout=subprocess.DEVNULL)


class Colours(CliTest):
    def setUp(self):
        super().setUp()
        content = bytearray(Path(SAMPLE).read_bytes())
        content[0x2b17f0 + 0x1000] ^= 0xFF
        self.image = self.write("damaged.hib", content)

    def has_colours(self, *options, on_terminal=True, **changes):
        command = [HIBTOOL, "verify", "--no-pager", self.image, *options]
        if on_terminal:
            return ESCAPE.search(run_on_terminal(command, **changes)[0]) is not None
        return ESCAPE.search(subprocess.run(command, capture_output=True, env=environment(**changes)).stdout) is not None

    def test_a_terminal_has_them_and_a_pipe_does_not(self):
        self.assertTrue(self.has_colours("--progress=never"))
        self.assertFalse(self.has_colours(on_terminal=False))

    def test_no_color_and_a_dumb_terminal_have_none(self):
        self.assertFalse(self.has_colours("--progress=never", NO_COLOR="1"))
        self.assertFalse(self.has_colours("--progress=never", TERM="dumb"))
        self.assertTrue(self.has_colours("--progress=never", NO_COLOR=""))

    def test_the_option_wins_over_both(self):
        self.assertTrue(self.has_colours("--color=always", on_terminal=False, NO_COLOR="1", TERM="dumb"))
        self.assertFalse(self.has_colours("--color", "never", "--progress=never"))

    def test_every_verb_takes_the_options_and_a_wrong_value_is_an_error_that_suggests(self):
        for verb in VERBS:
            operands = [] if verb in ("probe", "arm", "disarm", "hibernate") else ["x"]
            said = self.run_tool(verb, "--color=alwyas", *operands, code=64).stderr
            self.assertIn(b'did you mean "always"?', said, verb)
        self.assertIn(b'did you mean "json"?', self.run_tool("verify", "--progress=jsn", SAMPLE, code=64).stderr)
        for arguments, meant in ((["restore", SAMPLE, "--as", "kdmp", "-o", "x"], b"kdump"), (["inspect", SAMPLE, "-f", "swsup"], b"swsusp"),
                                 (["restore", SAMPLE, "--as", "kdump", "--codec", "zstdd", "-o", "x"], b"zstd")):
            self.assertIn(b'did you mean "' + meant + b'"?', self.run_tool(*arguments, code=64).stderr)

    def test_documents_have_none(self):
        said = self.run_tool("verify", "--json", "--color=always", self.image, code=1).stdout
        self.assertNotIn(b"\x1b", said)
        json_schema.loads(said)


class Pager(CliTest):
    """The pager is a script that says what it was given."""

    LONG = ("inspect", "--map", SAMPLE)  # 60 lines
    SHORT = ("inspect", SAMPLE)

    def pager(self, name="pager", body="echo \"[pager LESS=$LESS $*]\"; cat; echo '[end]'"):
        path = self.write(name, f"#!/bin/sh\n{body}\n".encode())
        os.chmod(path, stat.S_IRWXU)
        return path

    def on_terminal(self, arguments, code=0, **changes):
        said, found = run_on_terminal([HIBTOOL, *arguments], **changes)
        self.assertEqual(found, code, said)
        return ESCAPE.sub(b"", said)

    def test_text_that_is_longer_than_the_screen_goes_through_it_whole(self):
        said = self.on_terminal(self.LONG, HIBTOOL_PAGER=self.pager() + " -o")
        self.assertTrue(said.startswith(b"[pager LESS=FRX -o]\n"), said[:100])
        self.assertTrue(said.endswith(b"[end]\n"))
        plain = self.on_terminal([*self.LONG, "--no-pager"], HIBTOOL_PAGER=self.pager())
        self.assertEqual(said.split(b"\n", 1)[1].removesuffix(b"[end]\n"), plain)

    def test_a_shell_runs_it(self):
        said = self.on_terminal(self.LONG, PAGER="cat | head -n 1 | sed 's/^/[first] /'")
        self.assertTrue(said.startswith(b"[first] "))
        self.assertEqual(said.count(b"\n"), 1)

    def test_short_text_documents_of_a_pipe_and_quiet_verbs_do_not(self):
        pager = self.pager()
        self.assertNotIn(b"[pager", self.on_terminal(self.SHORT, HIBTOOL_PAGER=pager))
        self.assertNotIn(b"[pager", self.on_terminal(["verify", "-q", SAMPLE], rows=2, HIBTOOL_PAGER=pager))
        done = subprocess.run([HIBTOOL, *self.LONG], capture_output=True, env=environment(HIBTOOL_PAGER=pager))
        self.assertNotIn(b"[pager", done.stdout)

    def test_the_screen_decides_what_is_long(self):
        self.assertIn(b"[pager", self.on_terminal(self.SHORT, rows=5, HIBTOOL_PAGER=self.pager()))
        self.assertNotIn(b"[pager", self.on_terminal(self.LONG, rows=200, HIBTOOL_PAGER=self.pager()))

    def test_the_first_variable_that_is_set_names_it_and_an_empty_one_or_cat_names_none(self):
        mine, other = self.pager("mine", "echo '[mine]'; cat"), self.pager("other", "echo '[other]'; cat")
        self.assertIn(b"[mine]", self.on_terminal(self.LONG, HIBTOOL_PAGER=mine, PAGER=other))
        self.assertIn(b"[other]", self.on_terminal(self.LONG, PAGER=other))
        for none in ("", "cat"):
            said = self.on_terminal(self.LONG, HIBTOOL_PAGER=none, PAGER=other)
            self.assertFalse(said.startswith(b"["), none)
            self.assertIn(b"COMMIT", said)

    def test_less_is_what_there_is_without_them(self):
        os.mkdir(self.path("bin"))
        self.pager("bin/less")
        self.assertIn(b"[pager LESS= -FRX]", self.on_terminal(self.LONG, PATH=f"{self.path('bin')}:{os.environ['PATH']}"))

    def test_where_it_is_not_there_the_text_is_printed_without_a_word(self):
        said = self.on_terminal(self.LONG, HIBTOOL_PAGER=self.path("nothing"))
        self.assertEqual(said, self.on_terminal([*self.LONG, "--no-pager"]))

    def test_the_exit_code_is_that_of_the_verb(self):
        self.assertIn(b"[end]", self.on_terminal(["diff", SAMPLE, LATER], code=1, rows=10, HIBTOOL_PAGER=self.pager()))
        self.on_terminal(["diff", SAMPLE, LATER], code=1, rows=10, HIBTOOL_PAGER=self.pager(body="cat; exit 7"))

    def test_leaving_it_early_is_no_error(self):
        pages = self.json("inspect", "--pages", "--map", SAMPLE)
        self.assertGreater(len(pages["runs"]) if "runs" in pages else 1000, 100)
        said = self.on_terminal(["inspect", "--pages", "--map", "--records", SAMPLE], HIBTOOL_PAGER=self.pager(body="head -1; exit 3"))
        self.assertEqual(said.count(b"\n"), 1, said[:300])

    def test_an_error_behind_long_text_comes_through_it_in_order(self):
        said = self.on_terminal(["verify", SAMPLE, self.path("missing"), "--progress=never"], code=2, rows=8, HIBTOOL_PAGER=self.pager())
        self.assertRegex(said, rb"(?s)\[pager.*content digest.*missing: open.*\[end\]")

    def test_a_document_and_a_terminal_that_does_not_say_how_large_it_is_are_not_paged(self):
        said = self.on_terminal([*self.LONG, "--json"], HIBTOOL_PAGER=self.pager())
        self.assertNotIn(b"[pager", said)
        said = self.on_terminal(self.LONG, rows=0, HIBTOOL_PAGER=self.pager())
        self.assertNotIn(b"[pager", said)
        said = self.on_terminal(self.LONG, TERM="dumb", HIBTOOL_PAGER=self.pager())
        self.assertNotIn(b"[pager", said)

    def test_bytes_that_are_no_text_are_not_paged(self):
        said = self.on_terminal(["inspect", "--page", "0x100", "--raw", SAMPLE], rows=3, HIBTOOL_PAGER=self.pager())
        self.assertNotIn(b"[pager", said)

    def test_root_by_sudo_gets_less_without_commands_whatever_the_user_says(self):
        if os.geteuid() != 0 or not os.path.exists("/usr/bin/less"):
            self.skipTest("needs root and less")
        with terminal() as (master, slave):
            process = subprocess.Popen([HIBTOOL, *self.LONG], stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=own_terminal,
                                       env=environment(HIBTOOL_PAGER=self.pager(), PAGER=self.pager(), SUDO_UID="1000", LESSOPEN="|false %s"))
            os.close(slave)
            read_until(master, b":")  # its prompt
            os.write(master, b"!")
            read_until(master, b"not available")
            os.write(master, b"\n")
            read_until(master, b":")
            os.write(master, b"q")
            said = read_all(master)
            self.assertEqual(process.wait(), 0)
        self.assertNotIn(b"[pager", said)

    def test_an_interrupt_does_not_part_the_verb_from_its_pager(self):
        pager = self.pager(body="trap '' INT; cat > /dev/null; echo '[ready]'; read line <&2; echo '[end]'")
        with terminal() as (master, slave):
            process = subprocess.Popen([HIBTOOL, *self.LONG], stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=own_terminal,
                                       env=environment(HIBTOOL_PAGER=pager))
            os.close(slave)
            read_until(master, b"[ready]")
            process.send_signal(signal.SIGINT)
            self.assertIsNone(process.poll())
            os.write(master, b"\n")
            self.assertIn(b"[end]", read_all(master))
            self.assertEqual(process.wait(), 0)


def own_terminal():
    """The terminal on standard input becomes that of the session, as less wants it."""
    import fcntl
    import termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Lines(CliTest):
    """No line is wider than the terminal, unless a word is."""

    def setUp(self):
        super().setUp()
        case(self.folder, "consumed", "consumed-overwritten", "none", "plain", "kernel", "hw-sig", "fault-length-lies", "fault-content")
        for name, source in (("debian-6.1-cloud.hib", SAMPLE), ("debian-6.1-cloud-later.hib", LATER)):
            (self.folder / name).symlink_to(source)
        for machine in ("luks-lvm", "old-pc", "usb-twins"):
            unpack(ROOT / "samples" / "machines" / f"{machine}.tree", self.folder / machine)
        unpack(ROOT / "tests" / "corpus" / "arm-check" / "azure.tree", self.folder / "azure")
        wiped = (self.folder / "kernel.img").read_bytes()
        self.write("wiped.img", bytes(PAGE) + wiped[PAGE:])
        before = (ROOT / "samples" / "machines" / "old-pc.json").read_text()
        self.write("before.json", before.encode())
        self.write("now.json", before.replace("3JX0BBBB", "3JX0CCCC").replace("/1f.2/ata3/", "/1f.2/ata4/").encode())

    COMMANDS = (("inspect", "consumed.img"), ("inspect", "--map", "consumed.img"), ("inspect", "debian-6.1-cloud.hib", "--records"), ("inspect", "--carve", "wiped.img"),
                ("inspect", "--pages", "--devices", "debian-6.1-cloud.hib"), ("inspect", "--page", "0x100", "debian-6.1-cloud.hib"),
                ("verify", "fault-length-lies.img", "fault-content.img", "debian-6.1-cloud.hib"), ("verify", "--against-running", "--root", "luks-lvm", "hw-sig.img"),
                ("diff", "debian-6.1-cloud.hib", "debian-6.1-cloud-later.hib"), ("diff", "before.json", "now.json"), ("rearm", "consumed.img"),
                ("rearm", "consumed-overwritten.img"), ("diagnose", "consumed.img"), ("diagnose", "consumed-overwritten.img"), ("diagnose", "plain.img"),
                ("diagnose", "--root", "luks-lvm", "hw-sig.img"), ("diagnose", "--preflight", "--root", "luks-lvm"), ("probe", "--root", "luks-lvm", "--numeric"),
                ("probe", "--root", "usb-twins", "--numeric"), ("arm", "--check", "--root", "azure"), ("--help",), *((verb, "--help") for verb in VERBS))

    def on_terminal(self, command, columns=80, **changes):
        said, code = run_on_terminal([HIBTOOL, *command], columns=columns, cwd=self.folder, HIBTOOL_PAGER="", **changes)
        self.assertIn(code, (0, 1, 4), said)
        text = ESCAPE.sub(b"", said).split(b"\r")[-1] if b"\r" in said else ESCAPE.sub(b"", said)
        return [line for line in text.decode().splitlines() if not line.startswith("hibtool: ")]

    def test_at_80_columns(self):
        for command in self.COMMANDS:
            with self.subTest(" ".join(command)):
                lines = self.on_terminal(command)
                self.assertGreater(len(lines), 2)
                for line in lines:
                    if len(line) > 80 and not line.strip().startswith("hibtool "):
                        self.assertNotIn(" ", line.strip(), f"{len(line)} columns and not a single word")

    def test_what_is_broken_has_the_words_of_the_whole_line_in_their_order(self):
        for command in (("verify", "fault-length-lies.img"), ("inspect", "consumed.img"), ("diagnose", "--root", "luks-lvm", "hw-sig.img")):
            whole = subprocess.run([HIBTOOL, *command], cwd=self.folder, capture_output=True, text=True, env=environment()).stdout
            self.assertEqual(" ".join(self.on_terminal(command)).split(), whole.split())

    def test_a_line_goes_on_below_the_column_that_it_was_in(self):
        lines = self.on_terminal(("inspect", "consumed.img"))
        at = next(n for n, line in enumerate(lines) if line.startswith("  swapped out"))
        self.assertRegex(lines[at + 1], r"^ {16}\S")

    def test_a_command_to_be_copied_stays_in_one_line(self):
        lines = self.on_terminal(("diagnose", "consumed-overwritten.img"), columns=40)
        self.assertIn("hibtool create consumed-overwritten.img -o session.hib --salvage", [line.strip() for line in lines])

    def test_an_example_that_is_too_wide_has_its_comment_above(self):
        lines = self.on_terminal(["restore", "--help"])
        self.assertIn("  # into an existing swap area: the kernel resumes from it", lines)
        self.assertIn("  hibtool restore laptop.hib -o /dev/sda3 --as swsusp", lines)
        self.assertLessEqual(max(map(len, self.on_terminal(["inspect", "--help"], columns=90))), 90)

    def test_a_pipe_gets_whole_lines(self):
        done = subprocess.run([HIBTOOL, "inspect", "consumed.img"], cwd=self.folder, capture_output=True, text=True, env=environment(COLUMNS="40"))
        self.assertGreater(max(map(len, done.stdout.splitlines())), 100)


class CharacterSets(CliTest):
    def setUp(self):
        super().setUp()
        case(self.folder, "fault-length-lies")

    def run_in(self, locale, *arguments, code=None):
        env = environment(LC_ALL=locale)
        return subprocess.run([HIBTOOL, *arguments], cwd=self.folder, capture_output=True, env=env)

    def test_where_it_is_not_utf_8_all_text_is_ascii(self):
        for locale in ("C", "POSIX", "no_SUCH.locale"):
            said = self.run_in(locale, "verify", "fault-length-lies.img").stdout
            self.assertIn(b"PFN 0x200...0x21f", said, locale)
            self.assertTrue(said.isascii())

    def test_where_it_is_utf_8_text_has_its_own_characters(self):
        self.assertIn("PFN 0x200…0x21f", self.run_in("C.UTF-8", "verify", "fault-length-lies.img").stdout.decode())

    def test_names_are_escaped_in_text_and_errors_and_whole_in_documents(self):
        shutil.copy(self.path("fault-length-lies.img"), self.path("größe.img"))
        self.assertIn(rb"gr\xc3\xb6\xc3\x9fe.img: DAMAGED", self.run_in("C", "verify", "größe.img").stdout)
        self.assertIn(rb"hibtool: gr\xc3\xb6.img: ", self.run_in("C", "verify", "grö.img").stderr)
        self.assertEqual(json.loads(self.run_in("C", "verify", "--json", "größe.img").stdout)["path"], "größe.img")

    def test_a_tree_on_a_terminal_is_drawn_with_what_there_is(self):
        unpack(ROOT / "samples" / "machines" / "old-pc.tree", self.folder / "old-pc")
        for locale, branch in (("C", "|-sda"), ("C.UTF-8", "├─sda")):
            said, code = run_on_terminal([HIBTOOL, "probe", "--root", "old-pc", "--no-pager"], cwd=self.folder, LC_ALL=locale)
            self.assertEqual(code, 0)
            self.assertIn(branch, ESCAPE.sub(b"", said).decode())

    def test_bytes_of_a_page_are_left_alone(self):
        page = "…ß".encode() * (PAGE // 5) + b"\n"
        raw = self.write("m.raw", page.ljust(PAGE, b"x"))
        done = self.run_in("C", "inspect", "-f", "raw", "--page", "0", "--raw", raw)
        self.assertEqual(done.stdout, page.ljust(PAGE, b"x"))


class Progress(CliTest):
    def documents(self, *arguments):
        done = self.run_tool(*arguments, "--progress=json")
        return [json_schema.loads(line.encode()) for line in done.stderr.decode().splitlines()]

    def test_as_documents_it_has_a_first_one_a_last_one_and_never_goes_back(self):
        for arguments in (("verify", SAMPLE), ("create", SAMPLE, "-o", self.path("x.hib"), "--json"), ("restore", SAMPLE, "--as", "raw", "-o", self.path("x.raw"), "-q")):
            found = self.documents(*arguments)
            self.assertGreaterEqual(len(found), 2, arguments)
            self.assertEqual([each["ended"] for each in found], [False] * (len(found) - 1) + [True])
            self.assertEqual(found[-1]["what"], arguments[0])
            done = [each["done_bytes"] for each in found]
            self.assertEqual(done, sorted(done))
            self.assertEqual(found[-1]["done_bytes"], found[-1]["total_bytes"])

    def test_a_front_end_that_compares_two_images_reads_it_too(self):
        raw = self.write("m.raw", memory(200))
        said = self.run_tool("diff", "-f", "raw", raw, raw, "--progress=json", "--json").stderr
        self.assertEqual({json.loads(line)["schema"] for line in said.splitlines()}, {"hibtool.progress"})

    def test_never_is_never(self):
        said, code = run_on_terminal([HIBTOOL, "create", SAMPLE, "-o", self.path("x.hib"), "--level", "12", "--threads", "1", "--progress=never"], out=subprocess.DEVNULL)
        self.assertEqual((said, code), (b"", 0))


class Verbose(CliTest):
    def test_it_says_on_standard_error_how_an_image_was_found(self):
        raw = self.write("m.raw", memory(20))
        packed = self.path("m.raw.gz")
        with open(packed, "wb") as out:
            subprocess.run(["gzip", "-c", raw], stdout=out, check=True)
        plain = self.run_tool("verify", SAMPLE)
        said = self.run_tool("verify", "-v", "--threads", "3", SAMPLE)
        self.assertEqual(said.stdout, plain.stdout)
        text = said.stderr.decode()
        self.assertIn("hibtool: verify: at most 3 worker threads\n", text)
        self.assertRegex(text, r"hibtool: \S+/debian-6.1-cloud.hib: opened as hib: .*, by its content\n")
        text = self.run_tool("diff", "-v", "-f", "raw", packed, raw).stderr.decode()
        self.assertRegex(text, r"m.raw.gz: taken out of gzip, into an unnamed file in /\S+\n")
        of_both = self.run_tool("verify", "-v", LATER).stderr.decode()
        self.assertRegex(of_both, r"/debian-6.1-cloud.hib: opened as hib: (?s:.*)/debian-6.1-cloud-later.hib: opened as hib: ")
        self.assertIn("m.raw: opened as raw: raw memory (physical memory from 0x0 on), as --format says\n", text)
        self.assertIn("create", self.run_tool("create", "--verbose", "-f", "raw", raw, "-o", self.path("m.hib")).stderr.decode())

    def test_it_says_nothing_of_what_is_in_the_image(self):
        secret = b"correct horse battery staple"
        raw = self.write("m.raw", (secret * 200)[:PAGE])
        said = self.run_tool("verify", "-v", "-f", "raw", raw).stderr
        self.assertNotIn(b"horse", said)

    def test_with_quiet_it_is_an_error(self):
        self.run_tool("verify", "-v", "-q", SAMPLE, code=64)


if __name__ == "__main__":
    unittest.main()
