#!/usr/bin/env python3
"""The manual pages say what the program can do: a page for each verb, with exactly the options that --help shows."""

import re
import shutil
import subprocess
import unittest

from support import HIBTOOL, ROOT

MAN = ROOT / "docs" / "man"
MAN_PAGES = sorted(MAN.glob("*.scd"))
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"]


def source_of(page):
    """The page with its shared fragments, as CMake puts them in: @COMMON_OPTIONS@ is shared/common-options.scd."""
    def fragment(found):
        return (MAN / "shared" / f"{found[1].lower().replace('_', '-')}.scd").read_text()
    return re.sub(r"(?m)^@([A-Z0-9_]+)@$", fragment, page.read_text())


PAGE = source_of(MAN / "hibtool.1.scd")


def help_of(*verb):
    return subprocess.run([HIBTOOL, *verb, "--help"], capture_output=True, text=True, check=True).stdout


def verbs():
    text = help_of()
    table = text[re.search(r"^verbs:", text, re.I | re.M).end():text.index("hibtool help VERB")]
    return re.findall(r"^  ([a-z]+) ", table, re.M)


def page_of(verb):
    return source_of(MAN / f"hibtool-{verb}.1.scd")


def section(text, title):
    return re.search(rf"(?ms)^# {title}\n(.*?)(?=^# |\Z)", text)[1]


def options_of_help(text):
    r"""{names: placeholder}, of operands, too.

    >>> options_of_help("Options:\n  -f,--format NAME            read\n  --level N:-7..22=1  zstd\n  --log FILE ...  text\n  -h,--help   Print\n")
    {'-f --format': 'NAME', '--level': 'N', '--log': 'FILE', '-h --help': ''}
    >>> options_of_help("POSITIONALS:\n  IMAGE TEXT REQUIRED     the image\nOPTIONS:\n  -f,     --format NAME [1]\n")
    {'IMAGE': '', '-f --format': 'NAME'}
    """
    text = re.split(r"(?m)^(?:Examples|Exit code)", text)[0]
    found = {}
    for line in re.findall(r"(?m)^  (\S.*)$", text):
        words = re.split(r"\s{2,}", re.sub(r"(?<=-\w,)\s+(?=--)", "", line))[0].split()
        if words[0].startswith("-"):
            value = words[1].split(":")[0] if len(words) > 1 and words[1].split(":")[0].isupper() or len(words) > 1 and "." in words[1] else ""
            found[words[0].replace(",", " ")] = value
        elif words[0].isupper():
            found[words[0]] = ""
    return found


def options_of_page(text):
    r"""The same, of a section OPTIONS.

    >>> options_of_page("_IMAGE_\n\tx\n\n*-f*, *--format* _NAME_\n\tx\n\n*--target* _DEV_|_FILE_\n\tx *--no* x\n*--journal* [_DIR_]\n")
    {'IMAGE': '', '-f --format': 'NAME', '--target': 'DEV|FILE', '--journal': 'DIR'}
    """
    found = {}
    for line in re.findall(r"(?m)^([*_][^\t\n]*)$", text):
        names = re.findall(r"\*(-[^*]+)\*", line)
        value = re.sub(r"[\[\]_]", "", line.split("* ")[-1]) if names and "* " in line else ""
        value = "" if value.startswith("*") else value
        found[" ".join(names) or line.strip("_")] = value
    return found


class Pages(unittest.TestCase):
    def test_every_verb_has_one_with_all_sections(self):
        self.assertIn("inspect", verbs())
        pages = {page.name.removesuffix(".1.scd") for page in MAN_PAGES if page.name.startswith("hibtool-")}
        self.assertEqual(pages, {f"hibtool-{verb}" for verb in verbs()})
        for verb in verbs():
            with self.subTest(verb):
                self.assertEqual(re.findall(r"(?m)^# (.+)$", page_of(verb)), SECTIONS)
                self.assertIn(f"hibtool-{verb} - ", section(page_of(verb), "NAME"))
                self.assertRegex(section(page_of(verb), "EXAMPLES"), rf"\$ .*hibtool {verb}\b")

    def test_each_has_exactly_the_options_that_help_shows(self):
        for verb in verbs():
            with self.subTest(verb):
                self.assertEqual(options_of_page(section(page_of(verb), "OPTIONS")), options_of_help(help_of(verb)))

    def test_each_has_the_exit_codes_of_every_verb(self):
        for verb in verbs():
            with self.subTest(verb):
                codes = re.findall(r"(?m)^\*(\d+(?:\+N)?)\*$", section(page_of(verb), "EXIT STATUS"))
                self.assertEqual(codes, [code for code in ("0", "1", "2", "3", "4", "5", "64", "128+N") if code in codes])
                self.assertLessEqual({"2", "64", "128+N"}, set(codes))

    def test_what_they_refer_to_is_there(self):
        for page in MAN_PAGES:
            for name, number in re.findall(r"\*(hib[\w.-]*)\*\((\d)\)", source_of(page)):
                with self.subTest(page.name):
                    self.assertTrue((MAN / f"{name}.{number}.scd").exists(), f"{name}({number})")

    def test_scdoc_takes_each_and_no_fragment_is_left_over(self):
        used = {name for page in MAN_PAGES for name in re.findall(r"(?m)^@([A-Z0-9_]+)@$", page.read_text())}
        self.assertEqual(used, {path.stem.upper().replace("-", "_") for path in (MAN / "shared").iterdir()})
        if shutil.which("scdoc") is None:
            self.skipTest("no scdoc")
        for page in MAN_PAGES:
            done = subprocess.run(["scdoc"], input=source_of(page), capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)


class FormatPage(unittest.TestCase):
    def test_it_has_the_offsets_and_sizes_of_the_format(self):
        spec = (ROOT / "docs" / "format" / "hib.md").read_text()
        text = source_of(MAN / "hib.5.scd")
        parts = {"FILE HEADER": r"## 2\.", "BLOCKS": r"## 3\.", "PAGES": r"## 4\.", "COMMIT": r"COMMIT, a block", "BREADCRUMBS": r"## 7\."}
        for title, heading in parts.items():
            with self.subTest(title):
                rows = re.search(rf"(?ms)^{heading}.*?((?:^\| .*?\n)+)", spec)[1]
                expected = re.findall(r"(?m)^\| (\d+) \| (\d+) \|", rows)
                self.assertGreater(len(expected), 4)
                self.assertEqual(re.findall(r"(?m)^ *(\d+) +(\d+)  \w", section(text, title))[:len(expected)], expected)


class Overview(unittest.TestCase):
    def test_it_lists_every_format(self):
        formats = re.search(r"Formats: ([^;]+);", help_of())[1].split(", ")
        self.assertGreaterEqual(len(formats), 7)
        self.assertEqual(re.findall(r"(?m)^\*(\w+)\*$", section(PAGE, "FORMATS")), formats)

    def test_it_lists_every_verb_in_the_order_of_help(self):
        self.assertEqual(re.findall(r"(?m)^\*(\w+)\*$", section(PAGE, "VERBS")), verbs())

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


def load_tests(loader, tests, pattern):
    import doctest
    tests.addTests(doctest.DocTestSuite())
    return tests


if __name__ == "__main__":
    unittest.main()
