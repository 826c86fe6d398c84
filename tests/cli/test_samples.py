"""The image in samples/: still readable, still the same memory, its known pages where the guest said."""

import json
import sys
import unittest

from support import PAGE, ROOT, CliTest

sys.path[:0] = [str(ROOT / "tests" / "decoder"), str(ROOT / "tests" / "vm")]
import hib_decoder  # noqa: E402
import workload  # noqa: E402

SAMPLES = ROOT / "samples"
FIRST, LATER = str(SAMPLES / "debian-6.1-cloud.hib"), str(SAMPLES / "debian-6.1-cloud-later.hib")


class Samples(CliTest):
    def test_both_are_good_and_have_the_digests_of_the_readme(self):
        readme = (SAMPLES / "README.md").read_text()
        for path in (FIRST, LATER):
            document = self.json("verify", path)
            self.assertEqual(document["verdict"], "good")
            self.assertIn(document["content_digest"], readme)

    def test_the_independent_decoder_agrees_on_both(self):
        for path in (FIRST, LATER):
            image = hib_decoder.Image(path)
            self.assertEqual(hib_decoder.content_digests(image)[0], image.stored_digest)

    def test_inspect_names_the_kernel(self):
        kernel = self.json("inspect", FIRST)["kernel"]
        self.assertRegex(kernel["release"], r"^6\.1\..*cloud-amd64$")
        self.assertRegex(kernel["version"], r"^#1 SMP.*Debian")
        self.assertEqual(kernel["machine"], "x86_64")

    def test_inspect_dmesg_prints_the_log_of_the_kernel(self):
        document = self.json("inspect", "--dmesg", FIRST)
        self.assertGreater(len(document["lines"]), 300)
        self.assertTrue(document["lines"][0]["text"].startswith("Linux version 6.1."))
        self.assertGreater(document["lines"][-1]["time_ns"], 1_000_000_000)
        printed = self.run_tool("inspect", "--dmesg", "-q", FIRST).stdout.decode().splitlines()
        self.assertEqual(printed[0], "[    0.000000] " + document["lines"][0]["text"])

    def test_every_known_page_has_the_bytes_that_the_guest_gave_it(self):
        report = json.loads((SAMPLES / "debian-6.1-cloud.json").read_text())
        for path, key in ((FIRST, "first"), (LATER, "second")):
            raw = self.path(key)
            self.run_tool("restore", path, "--as", "raw", "-o", raw, "-q")
            pages = [workload.KnownPage(**page) for page in report[key]]
            self.assertGreater(len(pages), 200)
            self.assertEqual(workload.check_raw(raw, pages), [])

    def test_diff_finds_the_pages_that_the_workload_changed(self):
        report = json.loads((SAMPLES / "debian-6.1-cloud.json").read_text())
        ranges = self.json("diff", FIRST, LATER, code=1)["ranges"]["changed"]
        changed = {pfn for first, count in ranges for pfn in range(int(first, 16), int(first, 16) + count)}
        self.assertTrue(set(report["changed_pfns"]) <= changed)
        steady = {p["pfn"] for p in report["first"]} - set(report["changed_pfns"])
        self.assertFalse(steady & changed)


if __name__ == "__main__":
    unittest.main()
