#!/usr/bin/python3
"""The page that `hibtool diagnose --report` writes: it stands alone, runs nothing, and shows what the text shows."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from support import CliTest

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "corpus" / "diagnose"
HOSTILE = "<script>alert(1)</script><img src=x onerror=\"alert(2)\">'&lt;"
BROWSER = shutil.which("chromium")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-logging=stderr")


class Page(HTMLParser):
    """The page as a browser reads it; `problems` has what does not fit together."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.tags, self.attributes, self.texts = [], [], [], [], []
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes another element, at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def logs_of(case):
    names = ("journal.export",) if (CORPUS / case / "journal.export").exists() else ("saving.log", "restoring.log")
    return [part for name in names for part in ("--log", str(CORPUS / case / name))]


class Report(CliTest):
    def report(self, *arguments, code=1):
        path = self.path("report.html")
        self.said = self.run_tool("diagnose", *arguments, "--force", "--report", path, code=code).stdout.decode()
        return Path(path).read_text()

    def hostile_log(self):
        return self.write("hostile.log", ("[    0.000000] Linux version 6.12.43 (x@y)\n[    0.000000] Command line: root=/dev/vda1 " + HOSTILE + "\n"
                                          "[    2.000000] Hibernate inconsistent memory map detected!\n"
                                          "[    3.000000] PM: hibernation: Image mismatch: " + HOSTILE + "\n").encode())

    def assert_stands_alone(self, text):
        page = Page(text)
        self.assertEqual(page.problems, [])
        self.assertFalse({"script", "img", "link", "iframe", "object", "embed", "base", "form", "foreignobject", "use", "image", "a"} & set(page.tags))
        for tag, name, value in page.attributes:
            self.assertFalse(name.startswith("on") or name in ("src", "href", "xlink:href", "style", "action", "srcset"), (tag, name, value))
        style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
        self.assertNotRegex(style, r"url\(|@import|https?:|expression")
        self.assertIn(("meta", "content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"), page.attributes)
        return page

    def test_every_report_is_well_formed_and_refers_to_nothing(self):
        for case in ("full-wrong-offset", "memory-map-moved-6.12", "healthy-6.12", "full-healthy", "driver-refuses-to-restore-6.1", "damaged-control-6.12"):
            with self.subTest(case):
                self.assert_stands_alone(self.report(*logs_of(case), code=None))

    def test_it_says_what_the_text_says(self):
        page = self.assert_stands_alone(self.report(*logs_of("memory-map-moved-6.12")))
        for wanted in ("memory-map", "likely", "Hibernate inconsistent memory map detected!", "usable memory is not the same", "restoring.log at 0x", "System RAM",
                       "name the device or the file"):
            self.assertIn(wanted, page.text)
            self.assertIn(wanted, self.said)

    def test_the_terminal_says_where_the_report_is(self):
        self.report(*logs_of("memory-map-moved-6.12"))
        self.assertIn("verdict", self.said)
        self.assertEqual(self.said.splitlines()[-1].split(), ["report", self.path("report.html")])

    def test_what_a_hostile_log_says_is_text_and_nothing_else(self):
        text = self.report("--log", self.hostile_log())
        page = self.assert_stands_alone(text)
        self.assertIn("<script>alert(1)</script><img src=x onerror=", page.text)
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertNotIn('onerror="', text)

    def test_a_mask_hides_in_the_page_what_it_hides_in_the_text(self):
        log = self.write("secret.log", b"[    0.000000] Linux version 6.12.43 (jane@thinkpad)\n"
                         b"[    0.000000] Command line: root=UUID=8a1b2c3d-1111-2222-3333-444455556666\n"
                         b"[    2.000000] Hibernate inconsistent memory map detected!\n")
        self.assertIn("8a1b2c3d", self.report("--log", log))
        text = self.report("--mask", "--log", log)
        for secret in ("8a1b2c3d", "jane", "thinkpad", str(self.folder)):
            self.assertNotIn(secret, text + self.said)
        self.assertIn("UUID=uuid-1", text)
        self.assertIn("commands have to be filled in", text)

    def test_only_its_owner_may_read_it(self):
        self.report(*logs_of("healthy-6.12"), code=0)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("report.html")).st_mode), 0o600)

    def test_a_file_that_exists_is_replaced_with_force_alone(self):
        old = self.write("report.html", b"old")
        self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", old, code=4)
        self.assertEqual(Path(old).read_bytes(), b"old")
        self.report(*logs_of("healthy-6.12"), code=0)
        self.assertTrue(Path(old).read_text().startswith("<!DOCTYPE html>"))

    def test_no_input_is_replaced_even_with_force(self):
        log = self.hostile_log()
        before = Path(log).read_bytes()
        self.run_tool("diagnose", "--log", log, "--report", log, "--force", code=4)
        self.assertEqual(Path(log).read_bytes(), before)

    def test_nothing_is_written_below_the_tree_that_is_looked_at(self):
        root = self.folder / "root"
        (root / "etc" / "default").mkdir(parents=True)
        (root / "proc").mkdir()
        grub = root / "etc" / "default" / "grub"
        grub.write_text("GRUB_CMDLINE_LINUX=quiet\n")
        (self.folder / "link").symlink_to(grub)
        for place in (grub, root / "new.html", root / "etc" / ".." / "new.html", self.folder / "link"):
            for option in (("--root", str(root)), ("--efivars", str(root))):
                self.run_tool("diagnose", "--preflight", *option, "--report", str(place), "--force", code=4)
        self.assertEqual(grub.read_text(), "GRUB_CMDLINE_LINUX=quiet\n")
        log = self.hostile_log()
        self.run_tool("diagnose", "--preflight", "--root", str(root), "--log", log, "--report", log, "--force", code=4)
        self.assertIn(b"Linux version", Path(log).read_bytes())
        self.report("--preflight", "--root", str(root), code=None)

    def test_a_report_goes_into_a_file_and_nowhere_else(self):
        os.mkfifo(self.path("pipe"))
        for place in ("-", "/dev/null", self.path("pipe"), str(self.folder)):
            self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", place, "--force", code=4)

    def test_nothing_is_left_behind_when_it_fails(self):
        self.run_tool("diagnose", self.path("nothing.img"), "--report", self.path("report.html"), code=2)
        self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", self.path("nowhere/report.html"), code=2)
        self.assertEqual(self.names(), [])

    def test_force_says_something_only_with_a_report(self):
        self.run_tool("diagnose", *logs_of("healthy-6.12"), "--force", code=64)

    def test_the_answer_of_the_preflight_is_a_page_too(self):
        root = self.folder / "jane" / "root"
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "fstab").write_text("UUID=8a1b2c3d-1111-2222-3333-444455556666 none swap sw 0 0\n")
        (root / "proc").mkdir()
        (root / "proc" / "cmdline").write_text("noresume resume=UUID=8a1b2c3d-1111-2222-3333-444455556666 " + HOSTILE + "\n")
        text = self.report("--preflight", "--mask", "--root", str(root), code=None)
        page = self.assert_stands_alone(text)
        for check in self.json("diagnose", "--preflight", "--mask", "--root", str(root), code=None)["checks"]:
            self.assertIn(check["text"], page.text)
        self.assertIn("noresume", page.text)
        self.assertNotIn("8a1b2c3d", text)
        self.assertNotIn("jane", text)


class Images(CliTest):
    """What a page shows of an image."""

    def page_of(self, *arguments):
        self.run_tool("diagnose", *arguments, "--report", self.path("report.html"), code=None)
        return (self.folder / "report.html").read_text()

    def case(self, name):
        corpus = self.folder / "swsusp"
        if not corpus.exists():
            subprocess.run(["/usr/bin/python3", str(ROOT / "samples" / "swsusp" / "generate"), str(corpus), name], check=True, capture_output=True)
        return str(corpus / f"{name}.img")

    def test_the_parts_of_an_image_and_its_damage_are_drawn(self):
        text = self.page_of(self.case("consumed-overwritten"))
        page = Page(text)
        self.assertEqual(page.problems, [])
        for label in ("swap header", "map page", "info page", "chunk", "2 damaged places"):
            self.assertIn(label, page.text)
        self.assertEqual(len([one for one in page.attributes if one[:2] == ("line", "class") and "damage" in one[2]]), 2)

    def test_an_image_without_damage_has_no_mark_of_it(self):
        self.assertNotIn('class="damage"', self.page_of(self.case("plain")))

    def test_the_devices_of_the_machine_are_listed(self):
        tree = self.path("tree")
        machines = ROOT / "samples" / "machines"
        subprocess.run(["/usr/bin/python3", str(machines / "unpack"), str(machines / "luks-lvm.tree"), tree], check=True)
        page = Page(self.page_of("--root", tree, self.case("plain")))
        self.assertIn("Devices of the machine that was looked at", page.text)
        self.assertIn("nvme", page.text)
        self.assertEqual(page.problems, [])


@unittest.skipUnless(BROWSER, "chromium is not installed")
class Browser(CliTest):
    def load(self, html):
        home = tempfile.mkdtemp(prefix="hibtest-browser-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        done = subprocess.run([BROWSER, *QUIET, f"--user-data-dir={home}", "--dump-dom", f"file://{html}"], capture_output=True, text=True, timeout=240)
        return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    def test_a_browser_loads_it_and_complains_of_nothing(self):
        report = self.path("report.html")
        for case in ("full-wrong-offset", "memory-map-moved-6.12"):
            with self.subTest(case):
                self.run_tool("diagnose", *logs_of(case), "--report", report, "--force", code=1)
                dom, complaints = self.load(report)
                self.assertEqual(complaints, [])
                self.assertIn("</footer>", dom)
                for section in ("verdict", "timeline"):
                    self.assertIn(f'<section id="{section}">', dom)

    def test_a_browser_makes_no_element_of_a_hostile_log(self):
        log = self.write("hostile.log", ("[    0.000000] Command line: " + HOSTILE + "\n[    2.000000] Hibernate inconsistent memory map detected!\n").encode())
        self.run_tool("diagnose", "--log", log, "--report", self.path("report.html"), code=1)
        dom, complaints = self.load(self.path("report.html"))
        self.assertEqual(complaints, [])
        self.assertNotIn("<script", dom)
        self.assertNotIn("<img", dom)


if __name__ == "__main__":
    unittest.main()
