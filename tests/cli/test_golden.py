#!/usr/bin/python3
"""Golden texts: what a user reads, word for word, so that a review sees it when it changes.

Each file of tests/golden holds commands and what they print. After a change of a text, write the files anew, and read
the difference before you commit it:

    UPDATE_GOLDEN=1 python3 tests/cli/test_golden.py

The same texts must come out on Debian 12 and 13. Therefore:
* Devices are printed with --numeric. Their names come from pci.ids and usb.ids, which grow.
* Help texts are compared without white space and the case of headings. CLI11, which prints them, lays them out as its
  version pleases.
* Sizes and hashes of what was packed here are masked: each version of libzstd packs differently.
"""

import difflib
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import unittest

from support import HIBTOOL, PAGE, ROOT, CliTest

GOLDEN = ROOT / "tests" / "golden"
SAMPLES = ROOT / "samples"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
HOW_TO_ACCEPT = "If the new text is right: UPDATE_GOLDEN=1 python3 tests/cli/test_golden.py\n"
unpack = runpy.run_path(str(SAMPLES / "machines" / "unpack"))["unpack"]

IMAGE, LATER = "debian-6.1-cloud.hib", "debian-6.1-cloud-later.hib"
VERBS = ("inspect", "verify", "create", "restore", "mount", "diff", "rearm", "diagnose", "probe", "arm", "disarm", "hibernate", "resume")
# What depends on the version of libzstd: the size of an image that was packed here, and the hash of its bytes.
MASKED = re.compile(r"^(  file +|  integrity +xxh3-128 root ).*$", re.MULTILINE)


def words_of_help(text):
    """A help text without its layout. CLI11 2.1 prints the default of an option as "=1", 2.4 as " [1]"; later ones print
    "OPTIONS:", no "Usage:", and break lines and footers."""
    text = re.sub(r"(\.\.\d+) \[(-?\d+)\]", r"\1=\2", text)
    text = re.sub(r"^(Positionals|Options|Verbs):$", lambda found: found[0].upper(), text, flags=re.MULTILINE)
    text = re.sub(r"^Usage: ", "", text, flags=re.MULTILINE)
    return re.sub(r"(?<=\s-\w,)\s+(?=--)", "", text).split()


class GoldenTest(CliTest):
    """Runs commands in a folder where every path is relative, so that no text names a folder of this machine."""

    def setUp(self):
        super().setUp()
        self.text = ""

    def cases(self, *names):
        """Conformance images: NAME.img"""
        subprocess.run([sys.executable, SAMPLES / "swsusp" / "generate", self.folder, *names], check=True,
                       stdout=subprocess.DEVNULL)

    def samples(self):
        for name in (IMAGE, LATER):
            (self.folder / name).symlink_to(SAMPLES / name)

    def machine(self, name):
        unpack(SAMPLES / "machines" / f"{name}.tree", self.folder / name)
        return name

    def run_here(self, *arguments):
        gone = ("COLUMNS", "LINES", "TERM")
        environment = {name: value for name, value in os.environ.items() if name not in gone}
        environment.update(NO_COLOR="1", LC_ALL="C.UTF-8")
        return subprocess.run([HIBTOOL, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              env=environment, timeout=300, text=True, encoding="utf-8")

    def show(self, *arguments, mask=False):
        """Appends a command and what it prints to the text of this test."""
        done = self.run_here(*arguments)
        printed = MASKED.sub(r"\1[masked]", done.stdout) if mask else done.stdout
        errors = "".join(f"stderr: {line}\n" for line in done.stderr.splitlines())
        self.text += f"$ hibtool {shlex.join(arguments)}\n{printed}{errors}[exit code {done.returncode}]\n\n"

    def compare(self, name, form=str):
        """The text of this test is that of tests/golden/NAME.txt. `form` takes what does not matter out of both."""
        text = self.text.rstrip("\n") + "\n"
        self.assertNotIn(str(self.folder), text)
        path = GOLDEN / f"{name}.txt"
        if UPDATE:
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if form(text) == form(expected):
            return
        lines = difflib.unified_diff(expected.splitlines(keepends=True), text.splitlines(keepends=True),
                                     f"tests/golden/{name}.txt", "what it prints")
        self.fail(f"\n{''.join(lines)}\n{HOW_TO_ACCEPT}")


class Images(GoldenTest):
    def test_inspect_says_what_an_image_is(self):
        self.samples()
        self.cases("consumed", "none", "plain", "mbr-partition", "snapshot", "uswsusp-encrypted", "fault-pfn-twice",
                   "fault-image-pages-more", "kernel-32")
        for image in (IMAGE, LATER, "consumed.img", "none.img", "plain.img", "mbr-partition.img", "snapshot.img",
                      "uswsusp-encrypted.img", "fault-pfn-twice.img", "fault-image-pages-more.img", "kernel-32.img", "missing.hib"):
            self.show("inspect", image)
        self.compare("inspect")

    def test_inspect_map_labels_every_byte_of_the_file(self):
        self.samples()
        self.cases("consumed", "mbr-partition", "snapshot")
        for image in (LATER, "consumed.img", "mbr-partition.img", "snapshot.img"):
            self.show("inspect", "--map", image)
        self.compare("inspect-map")

    def test_inspect_carve_lists_images_and_what_they_lack(self):
        self.cases("kernel", "uswsusp-md5", "fault-length-zero", "consumed", "plain")
        for name in ("kernel", "uswsusp-md5", "fault-length-zero"):
            image = self.folder / f"{name}.img"
            image.write_bytes(bytes(PAGE) + image.read_bytes()[PAGE:])
        self.show("inspect", "kernel.img")
        for name in ("kernel", "uswsusp-md5", "fault-length-zero", "consumed", "plain"):
            self.show("inspect", "--carve", f"{name}.img")
        self.show("inspect", "--at", "1", "kernel.img")
        self.show("inspect", "--at", "5", "kernel.img")
        self.show("inspect", "--at", "five", "kernel.img")
        self.compare("inspect-carve")

    def test_inspect_devices_shows_the_tree_of_an_image(self):
        self.samples()
        memory = self.write("memory.raw", bytes(4 * PAGE))
        records = str(SAMPLES / "machines" / "old-pc.json")
        self.run_tool("create", "-q", "-f", "raw", memory, "-o", self.path("old-pc.hib"), "--records", records)
        self.show("inspect", "--devices", "--numeric", "old-pc.hib", mask=True)
        self.show("inspect", "--device", "sda", "old-pc.hib")
        self.show("inspect", "--devices", IMAGE)
        self.compare("inspect-devices")

    def test_verify_of_good_damaged_and_unverifiable_images(self):
        self.samples()
        self.cases("consumed", "fault-content", "fault-lzo-cut", "fault-map-loop", "no-crc", "plain", "kernel",
                   "fault-image-pages-more", "fault-kernel-magic", "record-unknown")
        whole = (SAMPLES / LATER).read_bytes()
        (self.folder / "changed.hib").write_bytes(whole[:0x4000] + b"\xff" + whole[0x4001:])
        (self.folder / "cut.hib").write_bytes(whole[:0x10000])
        for images in ([IMAGE, LATER], ["consumed.img"], ["fault-content.img"], ["fault-lzo-cut.img"],
                       ["fault-map-loop.img"], ["kernel.img"], ["fault-image-pages-more.img"], ["fault-kernel-magic.img"],
                       ["record-unknown.img"], ["changed.hib"], ["cut.hib"], ["no-crc.img"], ["plain.img"]):
            self.show("verify", *images)
        self.compare("verify")

    def test_verify_says_why_a_machine_would_not_accept_an_image(self):
        self.cases("hw-sig", "record-uts")
        for image, machine in (("hw-sig.img", "luks-lvm"), ("record-uts.img", "cloud-virtio")):
            self.show("verify", "--against-running", "--root", self.machine(machine), image)
        self.compare("verify-against-running")

    def test_rearm_says_what_it_would_do_and_does_nothing(self):
        self.cases("consumed", "consumed-overwritten", "none", "plain")
        before = (self.folder / "consumed.img").read_bytes()
        for image in ("consumed.img", "consumed-overwritten.img", "none.img", "plain.img"):
            self.show("rearm", image)
        self.assertEqual((self.folder / "consumed.img").read_bytes(), before)
        self.compare("rearm")


    def test_diagnose_says_first_whether_the_session_is_still_there(self):
        self.cases("consumed", "consumed-overwritten", "lz4", "plain", "hw-sig")
        for image in ("consumed.img", "consumed-overwritten.img", "lz4.img", "plain.img"):
            self.show("diagnose", image)
        self.show("diagnose", "--root", self.machine("luks-lvm"), "hw-sig.img")
        self.compare("diagnose")

    def test_arm_check_says_what_refuses_the_jump_and_what_may_spoil_it(self):
        for tree in sorted((ROOT / "tests" / "corpus" / "arm-check").glob("*.tree")):
            unpack(tree, self.folder / tree.stem)
            self.show("arm", "--check", "--root", tree.stem)
        self.compare("arm-check")

    def test_preflight_says_what_would_fail_and_how_to_mend_it(self):
        shutil.copytree(ROOT / "tests" / "corpus" / "diagnose" / "full-resume-nowhere" / "saving", self.folder / "laptop")
        moved = ROOT / "tests" / "corpus" / "diagnose" / "memory-map-moved-6.12"
        for name in ("saving.log", "restoring.log"):
            shutil.copy(moved / name, self.folder)
        self.show("diagnose", "--preflight", "--root", "laptop", "--log", "saving.log", "--log", "restoring.log")
        self.compare("diagnose-preflight")


class Comparisons(GoldenTest):
    def test_diff_of_memory(self):
        self.samples()
        self.write("memory.raw", bytes(4 * PAGE))
        self.show("diff", IMAGE, IMAGE)
        self.show("diff", IMAGE, LATER)
        self.show("diff", "-f", "auto,raw", IMAGE, "memory.raw")
        self.compare("diff")

    def test_diff_of_devices(self):
        before = (SAMPLES / "machines" / "old-pc.json").read_text()
        # The second disk is another one, the third hangs on another port, and the drive is gone.
        document = json.loads(before.replace("3JX0BBBB", "3JX0CCCC").replace("/1f.2/ata3/", "/1f.2/ata4/"))
        fields = next(record["fields"] for record in document["records"] if record["type"] == "devices")
        fields["device"] = [device for device in fields["device"] if device["name"] != "sr0"]
        self.write("before.json", before.encode())
        self.write("now.json", json.dumps(document).encode())
        self.show("diff", "before.json", "now.json")
        self.show("diff", "now.json", "before.json")
        self.show("diff", "before.json", "--against-running", "--root", self.machine("old-pc"))
        self.compare("diff-devices")

    def test_probe_of_two_machines(self):
        for machine in ("luks-lvm", "usb-twins"):
            self.show("probe", "--root", self.machine(machine), "--numeric")
        self.compare("probe")


class Help(GoldenTest):
    def test_the_help_of_the_program_and_of_every_verb(self):
        self.show("--help")
        for verb in VERBS:
            self.show(verb, "--help")
        self.compare("help", words_of_help)

    def test_the_help_of_the_program_names_the_verbs_of_which_the_help_is_compared(self):
        listed = self.run_here("--help").stdout.split("erbs:")[-1].split("VERBS:")[-1]
        self.assertEqual(tuple(re.findall(r"^  ([a-z]+) ", listed.split("\n\n")[0], re.MULTILINE)), VERBS)


if __name__ == "__main__":
    unittest.main()
