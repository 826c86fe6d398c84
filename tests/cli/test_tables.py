#!/usr/bin/python3
"""Tables on a narrow terminal: no column goes, the columns line up, and what is cut says so."""

import json
import re
import runpy
import subprocess
import unittest

from support import HIBTOOL, ROOT, CliTest, memory
from terminal import environment, run_on_terminal

unpack = runpy.run_path(str(ROOT / "samples" / "machines" / "unpack"))["unpack"]
MACHINES = ROOT / "samples" / "machines"
ESCAPE = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
WIDTHS = (80, 60)
DEVICES = ("NAME", "KIND", "WHAT", "SIZE", "ID", "STATE")
CHANGES = ("VERDICT", "KIND", "BEFORE", "NOW", "WHY")


def starts(header, titles):
    """The columns at which the cells of a table begin that stand below the start of their title."""
    return {title: header.index(title) for title in titles if title != "SIZE"}  # which stands to the right


class Tables(CliTest):
    def setUp(self):
        super().setUp()
        self.raw = self.write("memory.raw", memory(64))

    def image(self, name, document):
        records = self.write(f"{name}.json", json.dumps(document).encode())
        self.run_tool("create", "-q", "-f", "raw", self.raw, "-o", self.path(name), "--records", records, "--force")
        return name

    def on_terminal(self, command, columns, locale="C.UTF-8"):
        said, code = run_on_terminal([HIBTOOL, *command], columns=columns, cwd=self.folder, HIBTOOL_PAGER="", LC_ALL=locale)
        self.assertIn(code, (0, 1), said)
        return ESCAPE.sub(b"", said).decode().splitlines()

    def in_pipe(self, command):
        return subprocess.run([HIBTOOL, *command], cwd=self.folder, capture_output=True, text=True, env=environment()).stdout.splitlines()

    def table(self, lines, titles):
        """Its rows: the cells below each title. Whatever stands in front of a column is a blank."""
        at = next(n for n, line in enumerate(lines) if line.split() == list(titles))
        begin = starts(lines[at], titles)
        order = sorted(begin.values()) + [10_000]
        rows = []
        for line in lines[at + 1:]:
            for column in order[1:-1]:
                self.assertEqual(line.ljust(column)[column - 1], " ", f"column {column} of {line!r}")
            rows.append({title: line[column:order[order.index(column) + 1]].rstrip() for title, column in begin.items()})
        return rows

    def with_long_names(self, name):
        document = json.loads((MACHINES / f"{name}.json").read_text())
        for record in document["records"]:
            for device in record["fields"].get("device", []) if record["type"] == "devices" else []:
                for value in device["identity"]:
                    if value.get("text") and value["name"] in ("model", "serial", "label", "uuid", "wwid"):
                        value["text"] += " of a line of products whose names are long"
        return document

    def test_the_tree_of_devices_keeps_its_names_and_all_columns(self):
        for name in ("old-pc", "luks-lvm", "multipath-scsi", "usb-twins", "nvme-multipath", "thunderbolt-dock"):
            image = self.image(f"{name}.hib", self.with_long_names(name))
            command = ("inspect", "-q", "--devices", "--numeric", image)
            whole = self.table(self.in_pipe(command), DEVICES)
            for width in WIDTHS:
                with self.subTest(name, width=width):
                    lines = self.on_terminal(command, width)
                    self.assertLessEqual(max(map(len, lines)), width)
                    rows = self.table(lines, DEVICES)
                    self.assertEqual(len(rows), len(whole))
                    for row, full in zip(rows, whole):
                        branch = r"^[ |`├└─│-]*"
                        self.assertEqual(re.sub(branch, "", row["NAME"]), re.sub(branch, "", full["NAME"]))
                        for title in ("KIND", "ID", "STATE"):
                            shown = row[title]
                            self.assertTrue(shown == full[title] or (shown.endswith("…") and full[title].startswith(shown[:-1])), f"{shown!r} of {full[title]!r}")

    def test_where_there_is_no_utf_8_names_line_up_too(self):
        document = self.with_long_names("old-pc")
        for device in document["records"][1]["fields"]["device"]:
            if device["name"] in ("sda", "sdb"):
                device["identity"] = [{**value, "text": "Größe 日本"} if value["name"] == "model" else value for value in device["identity"]]
        command = ("inspect", "-q", "--devices", self.image("a.hib", document))
        for locale in ("C", "C.UTF-8"):
            lines = self.on_terminal(command, 100, locale)
            of_terminal = [line.replace("日本", "日本" + "\0\0") for line in lines]  # each takes two columns
            self.table(of_terminal, DEVICES)
            self.assertEqual(all(line.isascii() for line in lines), locale == "C")

    def test_differences_of_devices_say_why_in_full(self):
        before = self.with_long_names("old-pc")
        now = json.loads(json.dumps(before).replace("3JX0BBBB", "3JX0CCCC").replace("/1f.2/ata3/", "/1f.2/ata4/"))
        command = ("diff", self.image("before.hib", before), self.image("now.hib", now))
        whole = self.table(self.in_pipe(command), CHANGES)
        self.assertGreater(len(whole), 2)
        for width in WIDTHS:
            with self.subTest(width=width):
                lines = self.on_terminal(command, width)
                rows = self.table(lines, CHANGES)
                for line, row in zip(lines[-len(rows):], rows):  # a word that is too long stays whole
                    self.assertTrue(len(line) <= width or " " not in row["WHY"], line)
                joined = []
                for row in rows:
                    if row["VERDICT"]:
                        joined.append(row)
                    else:
                        joined[-1]["WHY"] += " " + row["WHY"]
                self.assertEqual(joined, whole)

    def test_a_matrix_is_shown_where_it_has_room(self):
        for seed in range(6):
            self.write(f"{seed}.raw", memory(64, seed))
        for count, width, is_shown in ((3, 60, True), (4, 60, True), (5, 60, False), (6, 80, True), (6, 60, False)):
            lines = self.on_terminal(("diff", "-f", ",".join(["raw"] * count), *(f"{n}.raw" for n in range(count))), width)
            numbers = [line for line in lines if line.split() == [str(n + 1) for n in range(count)]]
            self.assertEqual(len(numbers), 1 if is_shown else 0, (count, width))
            self.assertEqual(any("--json has it" in line for line in lines), not is_shown)
            if is_shown:
                at = lines.index(numbers[0])
                for line in lines[at + 1:at + 1 + count]:
                    self.assertEqual(len(line), len(numbers[0]), "numbers stand below each other")

    def test_labels_of_the_map_go_on_below_themselves(self):
        folder = self.folder / "swsusp"
        subprocess.run(["/usr/bin/python3", ROOT / "samples" / "swsusp" / "generate", folder, "consumed"], check=True)
        for width in WIDTHS:
            lines = self.on_terminal(("inspect", "-q", "--map", "swsusp/consumed.img"), width)
            column = lines[0].index("what")
            self.assertLessEqual(max(map(len, lines)), width)
            for line in lines[1:]:
                self.assertTrue(line[:column].isspace() or re.match(r" +0x[0-9a-f]+ +[0-9,]+  $", line[:column]), line)

    def test_checks_of_arm_keep_their_columns(self):
        unpack(ROOT / "tests" / "corpus" / "arm-check" / "azure.tree", self.folder / "azure")
        command = ("arm", "--check", "--root", "azure")
        whole = " ".join(self.in_pipe(command)).split()
        for width in WIDTHS:
            lines = self.on_terminal(command, width)
            self.assertEqual(" ".join(lines).split(), whole)
            for line in lines[1:]:
                self.assertRegex(line, r"^(\S.{8} \S.{14} | {26})\S")
                self.assertLessEqual(len(line), width)

    def test_runs_of_pages_fit(self):
        whole = self.in_pipe(("inspect", "-q", "--pages", "-f", "raw", self.raw))
        for width in WIDTHS:
            self.assertEqual(self.on_terminal(("inspect", "-q", "--pages", "-f", "raw", self.raw), width), whole)


if __name__ == "__main__":
    unittest.main()
