#!/usr/bin/python3
"""The pages that --report of diagnose, inspect and diff writes: they stand alone, run nothing, and say what the JSON says."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from support import CliTest, memory

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "corpus" / "diagnose"
EARLIER, LATER = (str(ROOT / "samples" / f"debian-6.1-cloud{more}.hib") for more in ("", "-later"))
HOSTILE = "<script>alert(1)</script><img src=x onerror=\"alert(2)\">'&lt;"
BROWSER = shutil.which("chromium")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr")


class Page(HTMLParser):
    """The page as a browser reads it; `problems` has what does not fit together."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.tags, self.attributes, self.texts = [], [], [], [], []
        self.titles, self.rows, self.parts, self.part = [], [], {}, ""  # of pictures; of tables; text of each section by its id
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("header", "section", "footer"):
            self.part = dict(attrs).get("id", tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes another element, at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] == "title" and "svg" in self.open:
            self.titles.append(data)
        if self.open[-1:] in (["td"], ["th"]) or self.open[-2:] == ["td", "span"]:
            self.rows[-1][-1] += data
        self.parts[self.part] = self.parts.get(self.part, "") + data

    @property
    def text(self):
        return "".join(self.texts)


def logs_of(case):
    names = ("journal.export",) if (CORPUS / case / "journal.export").exists() else ("saving.log", "restoring.log")
    return [part for name in names for part in ("--log", str(CORPUS / case / name))]


class PageTest(CliTest):
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

    def page_of(self, verb, *arguments, code=0):
        """The page, and the document beside it, of one run."""
        path = self.path("report.html")
        said = self.run_tool(verb, *arguments, "--json", "--force", "--report", path, code=code).stdout
        self.html = Path(path).read_text()
        return self.assert_stands_alone(self.html), json.loads(said)


class Report(PageTest):
    def report(self, *arguments, code=1):
        path = self.path("report.html")
        self.said = self.run_tool("diagnose", *arguments, "--force", "--report", path, code=code).stdout.decode()
        return Path(path).read_text()

    def hostile_log(self):
        return self.write("hostile.log", ("[    0.000000] Linux version 6.12.43 (x@y)\n[    0.000000] Command line: root=/dev/vda1 " + HOSTILE + "\n"
                                          "[    2.000000] Hibernate inconsistent memory map detected!\n"
                                          "[    3.000000] PM: hibernation: Image mismatch: " + HOSTILE + "\n").encode())

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

    def test_an_earlier_report_is_replaced_with_force_alone(self):
        old = self.write("report.html", b"<!DOCTYPE html>old")
        self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", old, code=4)
        self.assertEqual(Path(old).read_bytes(), b"<!DOCTYPE html>old")
        self.report(*logs_of("healthy-6.12"), code=0)
        self.assertTrue(Path(old).read_text().startswith("<!DOCTYPE html>"))
        self.assertNotIn("html>old", Path(old).read_text())

    def test_what_is_no_page_is_never_replaced_nor_is_a_link(self):
        kept = {name: self.write(name, content) for name, content in (("disk", bytes(9000)), ("short", b"<!"), ("empty", b""))}
        for path in kept.values():
            self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", path, "--force", code=4)
        self.assertEqual([Path(path).stat().st_size for path in kept.values()], [9000, 2, 0])
        page = self.write("page.html", b"<!DOCTYPE html>old")
        for name, target in (("to-page", page), ("to-nothing", "gone"), ("to-stdout", "/proc/self/fd/1")):
            (self.folder / name).symlink_to(target)
            self.run_tool("diagnose", *logs_of("healthy-6.12"), "--report", self.path(name), "--force", code=4)
            self.assertTrue((self.folder / name).is_symlink())
        self.assertEqual(Path(page).read_bytes(), b"<!DOCTYPE html>old")

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

    def test_memory_that_was_packed_is_no_session_and_a_damaged_one_is_not_whole(self):
        hurt = bytearray(Path(EARLIER).read_bytes())
        hurt[0x2b1800] ^= 1
        for image in (EARLIER, self.write("hurt.hib", bytes(hurt))):
            said = self.json("diagnose", image, code=None)
            self.assertEqual(said["session"]["state"], "none")
            self.assertNotIn("resume", json.dumps(said["session"]))
            self.assertNotIn("whole image", json.dumps(said))

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


def grouped(number):
    return f"{number:,}"


def human(size):
    if size < 1024:
        return f"{size} B"
    units = ["KiB", "MiB", "GiB", "TiB"]
    value = size / 1024
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}" if value < 100 else f"{value:.0f} {units[0]}"


def in_rows(titles):
    """{kind: pages} of all rows of a strip, and the first and last page of each row."""
    pages, spans = {}, []
    for title in titles:
        first, last, counts = re.fullmatch(r"PFN (\S+) to (\S+): (.*)", title).groups()
        spans.append((int(first, 16), int(last, 16)))
        for count, kind in re.findall(r"([\d,]+) ([a-z ]+)", counts):
            pages[kind] = pages.get(kind, 0) + int(count.replace(",", ""))
    return pages, spans


class Inspected(PageTest):
    """What a page shows of an image is what the document beside it has."""

    PARTS = ("--pages", "--map", "--devices", "--records")

    def machine(self):
        tree = self.path("tree")
        machines = ROOT / "samples" / "machines"
        subprocess.run(["/usr/bin/python3", str(machines / "unpack"), str(machines / "luks-lvm.tree"), tree], check=True)
        self.run_tool("probe", "--root", tree, "-o", self.path("probe.json"))
        self.run_tool("create", "-f", "raw", self.write("memory", memory(300)), "--records", self.path("probe.json"), "-o", self.path("a.hib"))
        return self.path("a.hib")

    def check_numbers(self, page, said):
        """Each count in tables and pictures, and each size, is one of the document's."""
        pages, size = said["pages"], said["page_size"]
        for row in page.rows:
            if row[0] in ("data", "zero", "absent", "unreadable") and len(row) == 3:
                self.assertEqual(row[1:], [grouped(pages[row[0]]), human(pages[row[0]] * size)])
        drawn, spans = in_rows(page.titles[:len([t for t in page.titles if t.startswith("PFN")])])
        self.assertEqual(drawn, {kind: pages[kind] for kind in ("data", "zero", "absent", "unreadable") if pages[kind]})
        runs = [(int(run["first_pfn"], 16), run["count"]) for run in said["runs"]]
        for (first, last), title in zip(spans, page.titles):
            inside = sum(max(0, min(pfn + count, last + 1) - max(pfn, first)) for pfn, count in runs)
            self.assertEqual(sum(int(count.replace(",", "")) for count in re.findall(r"([\d,]+) [a-z]", title.split(":")[1])), inside, title)
        labels = {}
        for part in said["map"]:
            name = re.split(r"[0-9,:(]", part["label"])[0].strip() or "other"
            name = "nothing of the image" if name == "unlabelled" else name
            count, total = labels.get(name, (0, 0))
            labels[name] = (count + 1, total + part["bytes"])
        for name, (count, total) in labels.items():
            self.assertIn([name, grouped(count), human(total)], page.rows)

    def test_the_numbers_are_those_of_the_document(self):
        for image in (EARLIER, self.machine()):
            with self.subTest(image):
                self.check_numbers(*self.page_of("inspect", *self.PARTS, image))

    def test_no_number_is_in_a_table_that_is_not_in_the_document(self):
        page, said = self.page_of("inspect", *self.PARTS, EARLIER)
        known = json.dumps(said)
        numbers = {int(number) for number in re.findall(r"\b\d+\b", known)} | {int(number, 16) for number in re.findall(r"0x[0-9a-f]+", known)}
        for row in page.rows:
            for cell in row[1:]:
                if re.fullmatch(r"[\d,]+", cell):
                    counted = int(cell.replace(",", ""))
                    of_map = [len([part for part in said["map"] if part["label"].startswith(row[0])])]
                    self.assertIn(counted, numbers | set(of_map), row)

    def test_what_the_text_says_in_its_summary_is_there(self):
        page, _ = self.page_of("inspect", EARLIER)
        for line in self.run_tool("inspect", EARLIER).stdout.decode().splitlines()[1:]:
            name, value = line[2:16].strip(), line[16:]
            self.assertIn(value, page.parts["summary"])
            self.assertIn(name, page.parts["summary"])

    def test_devices_are_a_tree_in_which_each_lies_below_what_it_hangs_from(self):
        page, said = self.page_of("inspect", "--devices", self.machine())
        names = {one["path"]: one["name"] for one in said["devices"]}
        self.assertGreater(len(names), 10)
        order, depth = [], {}
        for tag, name, value in page.attributes:
            if tag == "td" and name == "class" and value.startswith("branch d"):
                order.append(int(value[8:]))
        shown = [row[0] for row in page.rows if len(row) == 5 and row[0] != "name"]
        self.assertEqual(sorted(shown), sorted(names.values()))
        above = []
        for name, level in zip(shown, order):
            above = above[:level] + [name]
            depth[name] = above[-2] if level else None
        for one in said["devices"]:
            if one["parent"] in names:
                self.assertEqual(depth[one["name"]], names[one["parent"]])

    def test_damage_is_said_and_pointed_at(self):
        self.run_tool("restore", EARLIER, "--as", "elf", "-o", self.path("whole.elf"))
        hurt = self.write("hurt.elf", Path(self.path("whole.elf")).read_bytes()[:20_000_000])
        page, said = self.page_of("inspect", *self.PARTS, hurt, code=3)
        self.assertIn("2 damaged places", page.parts["file"])
        self.assertEqual(len(said["findings"]), 2)
        for finding in said["findings"]:
            self.assertIn(finding["text"], page.parts["header"])
        self.assertEqual(len([one for one in page.attributes if one[:2] == ("line", "class") and "damage" in one[2]]), 2)
        self.check_numbers(page, said)
        self.assertGreater(said["pages"]["unreadable"], 0)
        self.assertIn(("path", "class", "wedge"), page.attributes)

    def test_an_image_whose_pages_nobody_can_read_has_a_page_too(self):
        subprocess.run(["/usr/bin/python3", str(ROOT / "samples" / "swsusp" / "generate"), str(self.folder / "swsusp"), "uswsusp-encrypted"],
                       check=True, capture_output=True)
        page, _ = self.page_of("inspect", str(self.folder / "swsusp" / "uswsusp-encrypted.img"), code=5)
        self.assertIn("its pages are not known", page.parts["header"])
        self.assertNotIn("memory", page.parts)

    def test_what_a_hostile_record_says_is_text_and_nothing_else(self):
        records = self.write("records.json", json.dumps([{"type": HOSTILE[:40], "fields": {"<b>": HOSTILE}}]).encode())
        self.run_tool("create", EARLIER, "--records", records, "-o", self.path("x.hib"))
        page, _ = self.page_of("inspect", self.path("x.hib"))
        self.assertIn(HOSTILE, page.parts["records"])
        self.assertNotIn("<script", self.html)

    def test_a_page_has_an_end_whatever_the_records_hold(self):
        name = '"' * 255
        leaves = {f"{number}": "<" * 5000 for number in range(1100)}
        nested = {name: {name: {name: {name: leaves}}}}
        records = [{"type": f"x{number}", "fields": nested} for number in range(3)]
        records += [{"type": "<" * 200 + str(number), "fields": {}} for number in range(5000)]
        self.run_tool("create", EARLIER, "--records", self.write("records.json", json.dumps(records).encode()), "-o", self.path("x.hib"))
        self.page_of("inspect", self.path("x.hib"))
        self.assertLess(len(self.html), 5_000_000)
        self.assertIn("too much for a page", self.html)

    def test_no_byte_of_a_page_is_in_it(self):
        secret = b"correct horse battery staple"
        self.run_tool("create", "-f", "raw", self.write("memory", memory(8) + secret * 200), "--page-size", "4096", "-o", self.path("s.hib"), code=None)
        self.page_of("inspect", self.path("s.hib"))
        self.assertNotIn(secret.decode(), self.html)

    def test_a_picture_of_many_small_runs_stays_small(self):
        self.run_tool("create", "-f", "raw", self.write("memory", (bytes(4096) + b"x" * 4096) * 20000), "-o", self.path("stripes.hib"))
        self.page_of("inspect", self.path("stripes.hib"))
        self.assertLess(len(self.html), 400_000)

    def test_a_report_is_of_one_image_and_of_no_part_of_it(self):
        for options in (["--page", "0"], ["--device", "sda"], ["--carve"]):
            self.run_tool("inspect", EARLIER, *options, "--report", self.path("r.html"), code=64)
        self.run_tool("inspect", EARLIER, LATER, "--report", self.path("r.html"), code=64)
        self.assertEqual(self.names(), [])

    def test_it_never_replaces_the_image(self):
        image = self.write("a.hib", Path(EARLIER).read_bytes())
        self.run_tool("inspect", image, "--report", image, "--force", code=4)
        self.assertEqual(Path(image).read_bytes(), Path(EARLIER).read_bytes())


class Compared(PageTest):
    """What a page shows of two images, or more."""

    def test_the_numbers_are_those_of_the_document(self):
        page, said = self.page_of("diff", EARLIER, LATER, code=1)
        names = {"same": "same", "changed": "changed", "only before": "only_a", "only now": "only_b", "unreadable": "unknown"}
        rows = {row[0]: row[1:] for row in page.rows if row[0] in names and len(row) == 4 and not row[1].startswith("0x")}
        for name, field in names.items():
            count = said["pages"][field]
            self.assertEqual(rows[name][:2], [grouped(count), human(count * 4096)])
            if field != "same":
                self.assertEqual(rows[name][2], grouped(len(said["ranges"][field if field != "unknown" else "unknown"])))
        drawn, _ = in_rows(page.titles)
        self.assertEqual(drawn, {name: said["pages"][field] for name, field in names.items() if said["pages"][field]})
        where = [(row[1], int(row[2].replace(",", ""))) for row in page.rows if len(row) == 4 and row[1].startswith("0x")]
        self.assertEqual(where, [(first, count) for first, count in said["ranges"]["changed"]])

    def test_equal_images_are_said_to_be(self):
        page, said = self.page_of("diff", EARLIER, EARLIER)
        self.assertTrue(said["identical"])
        self.assertIn("identical memory", page.parts["header"])

    def test_devices_that_changed_are_listed_with_the_reason(self):
        for name, serial in (("before", "SN-1"), ("now", "SN-2")):
            disk = {"path": "devices/pci0000:00/0000:00:1f.2/block/sda", "kind": "disk", "bus": "ata", "name": "sda", "state": [],
                    "identity": [{"name": "serial", "text": serial, "from": "test", "strength": "strong"},
                                 {"name": "place", "text": "pci0000:00/1f.2/0", "from": "test", "strength": "place"}]}
            self.write(name, json.dumps({"schema": "hibtool.probe", "schema_version": 1,
                                         "records": [{"type": "devices", "version": 1, "fields": {"device": [disk]}}]}).encode())
        page, said = self.page_of("diff", self.path("before"), self.path("now"), code=1)
        changed = [one for verdict, all_of_it in said["devices"].items() if verdict != "same" for one in all_of_it]
        self.assertEqual(len(changed), 1)
        for one in changed:
            self.assertIn(one["reason"], page.parts["devices"])

    def test_many_images_are_a_matrix(self):
        page, said = self.page_of("diff", EARLIER, LATER, EARLIER)
        for i, counts in enumerate(said["shared"]):
            self.assertIn([grouped(i + 1), *map(grouped, counts)], page.rows)
        for i, image in enumerate(said["images"]):
            self.assertIn([grouped(i + 1), image["path"], image["format"], grouped(image["data_pages"]), grouped(image["contents"]), image["compared_by"]], page.rows)

    def test_it_never_replaces_an_image(self):
        image = self.write("a.hib", Path(EARLIER).read_bytes())
        for images in ([image, LATER], [LATER, image], [LATER, LATER, image]):
            self.run_tool("diff", *images, "--report", image, "--force", code=4)
        self.assertEqual(Path(image).read_bytes(), Path(EARLIER).read_bytes())


@unittest.skipUnless(BROWSER, "chromium is not installed")
class Browser(CliTest):
    def browse(self, *options, html=None):
        home = tempfile.mkdtemp(prefix="hibtest-browser-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        return subprocess.run([BROWSER, *QUIET, f"--user-data-dir={home}", *options, f"file://{html or self.path('report.html')}"], capture_output=True,
                              text=True, timeout=240)

    def load(self, html):
        done = self.browse("--dump-dom", html=html)
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

    def test_a_browser_shows_the_pages_of_images_and_complains_of_nothing(self):
        for verb, images, sections in (("inspect", [EARLIER], ("memory", "file", "summary", "records")), ("diff", [EARLIER, LATER], ("memory", "devices")),
                                       ("diff", [EARLIER, LATER, EARLIER], ("matrix", "images"))):
            with self.subTest(verb):
                self.run_tool(verb, *images, "--report", self.path("report.html"), "--force", code=None)
                dom, complaints = self.load(self.path("report.html"))
                self.assertEqual(complaints, [])
                self.assertIn("</footer>", dom)
                for section in sections:
                    self.assertIn(f'<section id="{section}">', dom)

    def test_a_browser_draws_it_light_dark_and_on_paper(self):
        self.run_tool("inspect", EARLIER, "--report", self.path("report.html"))
        pictures = {}
        for name, options in (("light", []), ("dark", ["--blink-settings=preferredColorScheme=0"])):
            pictures[name] = self.path(f"{name}.png")
            self.browse("--window-size=1180,1600", "--hide-scrollbars", f"--screenshot={pictures[name]}", *options)
        self.browse("--no-pdf-header-footer", f"--print-to-pdf={self.path('paper.pdf')}")
        light, dark = (Path(pictures[name]).read_bytes() for name in ("light", "dark"))
        self.assertTrue(light.startswith(b"\x89PNG") and dark.startswith(b"\x89PNG"))
        self.assertNotEqual(light, dark)
        self.assertTrue(Path(self.path("paper.pdf")).read_bytes().startswith(b"%PDF"))

    def test_a_browser_makes_no_element_of_a_hostile_log(self):
        log = self.write("hostile.log", ("[    0.000000] Command line: " + HOSTILE + "\n[    2.000000] Hibernate inconsistent memory map detected!\n").encode())
        self.run_tool("diagnose", "--log", log, "--report", self.path("report.html"), code=1)
        dom, complaints = self.load(self.path("report.html"))
        self.assertEqual(complaints, [])
        self.assertNotIn("<script", dom)
        self.assertNotIn("<img", dom)


if __name__ == "__main__":
    unittest.main()
