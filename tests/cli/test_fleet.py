#!/usr/bin/python3
"""What docs/fleet.md shows works: its commands and queries are run on 300 machines, as they stand there. DuckDB is tried where
it is installed: as the program duckdb, or as the npm package that DUCKDB_NODE names."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import HIBTOOL, PAGE, ROOT, json_schema

TEXT = (ROOT / "docs" / "fleet.md").read_text()
FAILURES = ROOT / "tests" / "corpus" / "diagnose"
MACHINES = 300
KERNELS = ("6.1.0-56-amd64", "6.12.94+deb13-amd64", "7.0.4-amd64")
# Whose logs the machines have.
CASES = ("healthy-6.1", "memory-map-moved-6.12", "codec-missing-6.12")


def page(*name):
    """A page that is like no other of another name."""
    return (" ".join(map(str, name)) + "\n").encode().ljust(64, b".") * (PAGE // 64)


def memory_of(number):
    """Pages of its kernel, of its group of ten, and its own; the machines 0 and 3 are copies but for one page."""
    kernel, group = number % len(KERNELS), number // 10
    own = [page("own", 0 if number == 3 else number, n) for n in range(3)] + [page("last", number)]
    return b"".join([page("kernel", kernel, n) for n in range(20)] + [page("group", group, kernel, n) for n in range(8)] + own + [bytes(PAGE)])


def case_of(number):
    """Half of those with 6.12 fail, some of those with 7.0, none with 6.1."""
    if number % 3 == 1 and number % 2 == 0:
        return "memory-map-moved-6.12"
    return "codec-missing-6.12" if number % 3 == 2 and number % 5 == 0 else "healthy-6.1"


def run(*arguments, codes=(0,), cwd=None):
    done = subprocess.run([HIBTOOL, *map(str, arguments)], capture_output=True, cwd=cwd)
    assert done.returncode in codes, (arguments, done.stderr.decode())
    return done.stdout


def diagnosis(case):
    logs = sorted((FAILURES / case).glob("*.export")) or sorted((FAILURES / case).glob("*.log"), reverse=True)
    return run("diagnose", "--json", *(part for log in logs for part in ("--log", log)), codes=(0, 1))


class Fleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="hibtest-fleet-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        diagnoses = {case: diagnosis(case) for case in CASES}
        cls.verdicts = {case: json.loads(text)["verdict"]["code"] for case, text in diagnoses.items()}
        for number, kernel in enumerate(KERNELS):
            records = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "machine", "version": 1, "fields": {"release": kernel}}]}
            (cls.folder / f"records-{number}.json").write_text(json.dumps(records))
        for number in range(MACHINES):
            machine = cls.folder / "fleet" / f"m{number:03}"
            machine.mkdir(parents=True)
            raw = cls.folder / "memory.raw"
            raw.write_bytes(memory_of(number))
            run("create", "-f", "raw", raw, "-o", machine / "image.hib", "--records", cls.folder / f"records-{number % 3}.json", "-q")
            (machine / "diagnose.json").write_bytes(diagnoses[case_of(number)])
        cls.env = {**os.environ, "PATH": f"{Path(HIBTOOL).resolve().parent}:{os.environ['PATH']}", "LC_ALL": "C"}
        cls.outputs = [cls.shell(command) for command in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)]

    @classmethod
    def shell(cls, command):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=cls.folder, env=cls.env, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def expected(self):
        """What the two questions have as answers, counted here."""
        kernels = []
        for k, kernel in enumerate(KERNELS):
            mine = [self.verdicts[case_of(n)] for n in range(MACHINES) if n % 3 == k]
            failed = [verdict for verdict in mine if verdict != "resumed"]
            kernels.append([kernel, str(len(mine)), str(len(failed)), ",".join(sorted(set(failed)))])
        kernels.sort(key=lambda row: (-int(row[2]), row[0]))
        contents = [{memory_of(n)[at:at + PAGE] for at in range(0, 32 * PAGE, PAGE)} for n in range(MACHINES)]
        pairs = [(len(contents[a] & contents[b]), a, b) for a in range(MACHINES) for b in range(a + 1, MACHINES)]
        pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
        best = [[f"fleet/m{a:03}/image.hib", f"fleet/m{b:03}/image.hib", str(shared), str(100 * shared // 32)] for shared, a, b in pairs[:5]]
        return kernels, best

    @staticmethod
    def rows(text):
        return [row.replace('"', "").replace("\r", "").split(",", 3) for row in text.splitlines()]

    def test_each_line_is_a_document_in_the_order_of_the_names(self):
        lines = (self.folder / "images.jsonl").read_text().splitlines()
        documents = [json_schema.loads(line) for line in lines]
        self.assertEqual([document["path"] for document in documents], [f"fleet/m{n:03}/image.hib" for n in range(MACHINES)])

    def test_the_answers_are_those_that_are_shown(self):
        after = re.findall(r"```sh\n.*?```\n\n((?:    [^\n]*\n)*)", TEXT, re.DOTALL)
        self.assertEqual([re.sub("(?m)^    ", "", shown) for shown in after], [output.replace("\r", "") for output in self.outputs])

    def test_sqlite_answers_both_questions(self):
        kernels, pairs = self.expected()
        self.assertEqual(self.rows(self.outputs[2]), kernels)
        self.assertEqual(self.rows(self.outputs[3]), pairs)
        self.assertGreater(int(kernels[0][2]), 0)
        self.assertEqual(pairs[0][:3], ["fleet/m000/image.hib", "fleet/m003/image.hib", "31"])

    def test_duckdb_answers_both_questions(self):
        node = os.environ.get("DUCKDB_NODE")
        command = ["node", ROOT / "tests" / "cli" / "duckdb.mjs"] if node else ["duckdb", "-csv", "-noheader"]
        if not node and not shutil.which("duckdb"):
            self.skipTest("DuckDB is not installed")
        answers = []
        for query in re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL):
            done = subprocess.run(command, input=query, cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            answers.append(self.rows(done.stdout))
        self.assertEqual(answers, list(self.expected()))


if __name__ == "__main__":
    unittest.main()
