#!/usr/bin/python3
"""Every document of every verb is as docs/schema and docs/json.md say: the verbs run for real, and each document is validated.
What needs the kernel module is validated where it runs, in tests/vm; here are its errors."""

import functools
import json
import re
import runpy
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple

import jsonschema
import xxhash

from support import HIBTOOL, PAGE, ROOT, json_schema, memory
from test_diff_devices import machine as devices_of_a_machine
from test_diff_devices import device, value
from test_elf import core64
import test_mount

DOCS = ROOT / "docs" / "json.md"
SAMPLES = ROOT / "samples"
MACHINES = sorted((SAMPLES / "machines").glob("*.tree"))
FAILURES = ROOT / "tests" / "corpus" / "diagnose"
ARM_CHECK = ROOT / "tests" / "corpus" / "arm-check"
FIRST, LATER = SAMPLES / "debian-6.1-cloud.hib", SAMPLES / "debian-6.1-cloud-later.hib"
ALL = ("--pages", "--map", "--records", "--devices")
MODULE = Path("/dev/hibjump")
# Emitted only by a machine with the kernel module.
NEED_THE_MODULE = ("hibtool.arm", "hibtool.disarm", "hibtool.hibernate")
# Sections of docs/json.md without a document or a shared object.
NO_SCHEMA = ("Verdicts", "JSON documents", "Rules", "Shared objects", "Documents")

unpack = runpy.run_path(str(SAMPLES / "machines" / "unpack"))["unpack"]


# ---- the verbs at work


class Document(NamedTuple):
    command: str
    code: int
    content: dict


class Work:
    """A folder with images of every kind, and methods that yield what hibtool says of them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.raw = self.write("m.raw", memory(400))
        self.hib = self.path("m.hib")
        self.run("create", "-f", "raw", self.raw, "-o", self.hib, "--chunk-size", "16")
        subprocess.run([sys.executable, SAMPLES / "swsusp" / "generate", self.path("swsusp")], check=True)
        self.cases = {path.stem: json.loads(path.read_text()) for path in sorted(self.path("swsusp").glob("*.json"))}
        for tree in MACHINES:
            unpack(tree, self.path(tree.stem))

    def path(self, name):
        return self.folder / name

    def write(self, name, content):
        self.path(name).write_bytes(content)
        return self.path(name)

    def run(self, *arguments, codes=(0,)):
        """The documents that it prints."""
        command = [str(argument) for argument in (*arguments, "--json")]
        done = subprocess.run([HIBTOOL, *command], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        if done.returncode not in codes:
            raise AssertionError(f"hibtool {' '.join(command)}: exit {done.returncode}\n{done.stderr}{done.stdout[:1000]}")
        found, rest = [], done.stdout
        while rest.strip():
            content, end = json.JSONDecoder().raw_decode(rest)
            found.append(Document(" ".join(command), done.returncode, content))
            rest = rest[end:].lstrip()
        return found

    # ---- images

    def damaged(self, label, name):
        """A copy of the image with one byte changed in the first block of this kind."""
        parts = self.run("inspect", self.hib, "--map")[0].content["map"]
        place = next(int(part["offset"], 16) + part["bytes"] // 2 for part in parts if part["label"].startswith(label))
        content = bytearray(self.hib.read_bytes())
        content[place] ^= 1
        return self.write(name, content)

    def with_history(self):
        """The image with a breadcrumb (docs/format/hib.md, 7) of each phase, and of one that nobody knows."""
        content = bytearray(self.hib.read_bytes())
        for number, phase in enumerate((*range(1, 15), 99)):
            text = {12: "no room", 13: "sda (sd): -5 in resume", 14: "sda=moved"}.get(phase, "")
            entry = struct.pack("<4sHHQII96s", b"CRMB", phase, len(text), 1764000000123456789 + number, number, 0, text.encode())
            content[4096 + 128 * number:4096 + 128 * (number + 1)] = entry + struct.pack("<Q", xxhash.xxh3_64_intdigest(entry))
        return self.write("history.hib", content)

    def dumps(self, source, stem):
        """format -> file for each format that restore writes, and the documents of writing them."""
        files, documents = {}, []
        for kind in ("raw", "elf", "kdump", "lime", "avml", "hib"):
            path = self.path(f"{stem}.{kind}")
            documents += self.run("restore", source, "--as", kind, "-o", path)
            files[kind] = path
        return files, documents

    @functools.cached_property
    def sample(self):
        return self.dumps(FIRST, "sample")[0]

    @functools.cached_property
    def small(self):
        return self.dumps(self.hib, "small")[0]

    def case(self, name):
        return self.path("swsusp") / f"{name}.img"

    def case_options(self, name):
        case = self.cases[name]
        if case["passphrase"]:
            return ["--passphrase-file", self.write("passphrase", case["passphrase"].encode() + b"\n")]
        return ["--offset", case["offset_pages"]] if case["offset_pages"] else []

    def readable_cases(self):
        return [name for name, case in self.cases.items() if not case["error"] and case["verdict"] != "none"]

    def with_devices(self, name, devices):
        records = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "devices", "version": 1, "fields": {"device": devices}}]}
        return self.image(name, self.write(f"{name}.json", json.dumps(records).encode()))

    def image(self, name, records):
        path = self.path(f"{name}.hib")
        self.run("create", "-f", "raw", self.write("eight.raw", memory(8)), "-o", path, "--records", records, "--force")
        return path

    def swap_area(self, name):
        path = self.path(name)
        with open(path, "wb") as file:
            file.truncate(1024 * PAGE)
        subprocess.run(["mkswap", "-q", path], check=True, capture_output=True)
        return path

    # ---- documents, by what they are about

    def inspect_of_dumps(self):
        for path in (FIRST, LATER):
            yield from self.run("inspect", path)
            yield from self.run("inspect", path, *ALL)
        for kind, path in (*self.sample.items(), *self.small.items()):
            yield from self.run("inspect", path, "-f", kind, *ALL)
        yield from self.run("inspect", self.with_history(), *ALL)
        yield from self.run("inspect", FIRST, "--page", "0x6")
        yield from self.run("inspect", FIRST, "--dmesg")

    def inspect_of_broken_dumps(self):
        for kind, path in self.small.items():
            content = path.read_bytes()
            cut = self.write(f"cut.{kind}", content[:len(content) * 2 // 3 // 16 * 16])
            yield from self.run("inspect", cut, "-f", kind, *ALL)
            yield from self.run("inspect", cut, "-f", kind, *ALL, "--salvage", codes=(0, 3))
        for label in ("RECORD", "breadcrumbs", "INDEX", "ROOT"):
            for more in ([], ["--salvage"]):
                yield from self.run("inspect", self.damaged(label, "broken.hib"), *ALL, *more, codes=(0, 2, 3))

    def inspect_of_odd_dumps(self):
        core = bytearray(core64([0, 0, 8 * PAGE], [b"\1" * PAGE, b"\2" * PAGE, b"\3" * PAGE]))
        struct.pack_into("<Q", core, 64 + 2 * 56 + 40, 5 * PAGE)  # p_memsz: four pages more than the file holds
        yield from self.run("inspect", self.write("overlap.elf", core), *ALL)
        sample = bytearray(self.sample["elf"].read_bytes()[:4 << 20])
        table, count = struct.unpack_from("<Q", sample, 32)[0], struct.unpack_from("<H", sample, 56)[0]
        notes = next(struct.unpack_from("<Q", sample, table + 56 * n + 8)[0] for n in range(count) if struct.unpack_from("<I", sample, table + 56 * n)[0] == 4)
        sample[notes:notes + 4] = b"\xff" * 4
        yield from self.run("inspect", self.write("note.elf", sample), *ALL)
        kdump = bytearray(self.small["kdump"].read_bytes())
        kdump[424] |= 8  # not finished
        yield from self.run("inspect", self.write("incomplete.kdump", kdump), *ALL)
        yield from self.run("inspect", self.write("range.lime", self.small["lime"].read_bytes() + b"\xff" * 32), *ALL)
        avml = Path(self.small["avml"]).read_bytes()
        yield from self.run("inspect", self.write("cut.avml", avml[:-20]), *ALL)
        yield from self.run("verify", self.write("cut.avml", avml[:-20]), codes=(1,))
        for codec in ("none", "zlib", "snappy", "zstd"):
            yield from self.run("restore", self.hib, "--as", "kdump", "--codec", codec, "-o", self.path(f"{codec}.kdump"))
            yield from self.run("inspect", self.path(f"{codec}.kdump"), *ALL)

    def inspect_of_hibernation_images(self):
        for name in self.cases:
            yield from self.run("inspect", self.case(name), *ALL, *self.case_options(name), codes=(0, 2))
        tuxonice = bytes.fromhex("edc302e99856e50c") + struct.pack("<IIQii", 8 << 20 | 3, 0, 4096, 1, 0)
        yield from self.run("inspect", self.write("tuxonice", tuxonice.ljust(1 << 20, b"\0")), "--map")

    def carving(self):
        for name in ("kernel", "none", "uswsusp-md5", "uswsusp-encrypted", "fault-length-zero"):
            wiped = self.write("wiped.img", bytes(PAGE) + self.case(name).read_bytes()[PAGE:])
            for document in self.run("inspect", "--carve", wiped):
                yield document
                for image in document.content["images"]:
                    yield from self.run("inspect", wiped, "--at", image["at"], *self.case_options(name))
        yield from self.run("inspect", "--carve", self.case("consumed"))
        info_page = self.case("data-33").read_bytes()[2 * PAGE:3 * PAGE]
        yield from self.run("inspect", "--carve", self.write("info-pages", info_page * 20))
        area = self.path("new-area")
        area.write_bytes(self.case("kernel").read_bytes())
        subprocess.run(["mkswap", "-q", area], check=True, capture_output=True)
        yield from self.run("inspect", area)

    def inspect_of_devices(self):
        for tree in MACHINES:
            yield from self.run("probe", "--root", self.path(tree.stem), "-o", self.path("records.json"), "--force")
            image = self.image(tree.stem, self.path("records.json"))
            listed = self.run("inspect", image, "--devices")
            yield from listed
            for one in listed[0].content["devices"]:
                yield from self.run("inspect", image, "--device", one["path"])
        odd = devices_of_a_machine(serial="\x1b[31m\u202e")
        odd[1]["identity"] += [value("wwn", "EACCES", "strong", "unreadable"), value("eui", "", "strong", "absent")]
        odd[1]["name"] = {"hex": "ff1b5b41", "text": True}
        image = self.with_devices("odd", odd)
        yield from self.run("inspect", image, *ALL)
        yield from self.run("inspect", image, "--device", "00:1f.2", "--config")

    def inspect_of_free_form_records(self):
        records = [{"type": "odd", "version": 65535, "fields": {"n": 2**64 - 1, "blob": {"hex": "00ff"}, "empty": {}, "text": "", "list": [1, "two", {"hex": "03"}, {"four": [4, 5]}]}}]
        yield from self.run("inspect", self.image("odd-records", self.write("odd-records.json", json.dumps(records).encode())), *ALL)

    def probes(self):
        yield from self.run("probe")
        for tree in MACHINES:
            yield from self.run("probe", "--root", self.path(tree.stem))
        yield from self.run("probe", "--root", self.path("old-pc"), "--capture", self.path("captured"))
        yield from self.run("probe", "--root", self.path("old-pc"), "-o", self.path("probe.json"))
        yield Document("probe -o FILE", 0, json.loads(self.path("probe.json").read_text()))

    def verify_of_dumps(self):
        yield from self.run("verify", FIRST, LATER, self.path("nothing"), codes=(2,))
        for kind, path in (*self.small.items(), *self.sample.items()):
            if path != self.sample["raw"]:  # 4 GiB of holes take long
                yield from self.run("verify", path, "-f", kind)
        for kind, path in self.small.items():
            content = path.read_bytes()
            yield from self.run("verify", self.write(f"cut.{kind}", content[:len(content) * 2 // 3 // 16 * 16]), "-f", kind, codes=(0, 1))
        for label in ("PAGES", "RECORD", "breadcrumbs", "INDEX", "ROOT"):
            yield from self.run("verify", self.damaged(label, "broken.hib"), codes=(0, 1, 2))

    def verify_of_hibernation_images(self):
        for name in self.cases:
            yield from self.run("verify", self.case(name), *self.case_options(name), codes=(0, 1, 2))
        for name in ("lz4", "none", "zero-middle"):
            yield from self.run("verify", "--against-running", self.case(name), codes=(0, 1))
            for tree in MACHINES[:3]:
                yield from self.run("verify", "--against-running", "--root", self.path(tree.stem), self.case(name), codes=(0, 1))

    def diff_of_images(self):
        yield from self.run("diff", FIRST, LATER, codes=(1,))
        yield from self.run("diff", self.case("consumed"), self.case("consumed"))
        for kind in self.small:
            yield from self.run("diff", self.hib, self.small[kind], "-f", f"auto,{kind}")
            if kind != "raw":  # 4 GiB of holes take long
                yield from self.run("diff", FIRST, self.sample[kind])
        shorter = self.write("shorter.raw", b"\1" * PAGE + self.raw.read_bytes()[PAGE:-5 * PAGE])
        yield from self.run("diff", self.hib, shorter, "-f", "auto,raw", codes=(1,))
        yield from self.run("diff", self.raw, self.write("longer.raw", self.raw.read_bytes() + b"\1" * PAGE), "-f", "raw", codes=(1,))
        for label in ("PAGES", "INDEX"):
            damaged = self.damaged(label, "broken.hib")
            yield from self.run("diff", self.hib, damaged, "--salvage", codes=(0, 1))
            yield from self.run("diff", self.small["elf"], damaged, "--salvage", codes=(0, 1))

    def diff_of_many_images(self):
        yield from self.run("diff", FIRST, LATER, FIRST)
        yield from self.run("diff", self.hib, *(self.small[kind] for kind in self.small if kind != "raw"))
        damaged = self.damaged("PAGES", "broken-of-many.hib")
        yield from self.run("diff", self.small["elf"], self.hib, damaged, "--salvage", codes=(0, 3))
        yield from self.run("diff", self.small["elf"], self.hib, self.sample["kdump"], self.path("nothing"), codes=(2,))

    def inspect_of_many_images(self):
        yield from self.run("inspect", self.hib, self.path("nothing"), self.case("consumed"), codes=(2,))
        yield from self.run("inspect", *ALL, self.path("swsusp"), codes=(2, 5))

    def diff_of_devices(self):
        for tree in MACHINES:
            self.run("probe", "--root", self.path(tree.stem), "-o", self.path(f"{tree.stem}.probe"))
        probes = [self.path(f"{tree.stem}.probe") for tree in MACHINES]
        for a, b in zip(probes, [*probes[1:], probes[0]]):
            yield from self.run("diff", a, b, codes=(1,))
            yield from self.run("diff", a, a)
        old, new = self.with_devices("one", devices_of_a_machine()), self.with_devices("two", devices_of_a_machine(serial="SN-2", place="pci0000:00/1f.2/1"))
        for pair in ((old, new), (old, old), (old, self.hib), (self.hib, old), (old, probes[0]), (probes[0], new)):
            yield from self.run("diff", *pair, codes=(0, 1))
        yield from self.run("diff", old, "--against-running", codes=(1,))
        yield from self.run("diff", old, "--against-running", "--root", self.path("usb-twins"), codes=(1,))
        twins = [device(f"block/sd{n}", "disk", f"sd{n}", f"p{n}", medium=[("model", "M")]) for n in "ab"]
        swapped = [twins[0], device("block/sdb", "disk", "sdb", "p9", medium=[("model", "M")]), device("block/sdc", "disk", "sdc", "p8", medium=[("model", "M")])]
        a, b = self.with_devices("twins", twins), self.with_devices("swapped", swapped)
        for pair in ((a, b), (b, a), (a, a)):
            yield from self.run("diff", *pair, codes=(0, 1))

    def create_and_restore(self):
        yield from self.run("create", FIRST, "-o", self.path("again.hib"))
        yield from self.run("create", "-f", "raw", self.raw, "-o", self.path("probed.hib"), "--probe")
        yield from self.run("create", self.small["elf"], "-o", self.path("more.hib"), "--base", self.hib)
        areas = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "swap-areas", "version": 1, "fields": {"area": {"kind": "file", "slots": 50, "used": 20}}}]}
        swapped_out = self.image("swapped-out", self.write("swap-areas.json", json.dumps(areas).encode()))
        yield from self.run("create", swapped_out, "-o", self.path("without-them.hib"))
        yield from self.run("restore", swapped_out, "--as", "hib", "-o", self.path("again-without-them.hib"))
        for source, name in ((FIRST, "sample-again"), (self.hib, "small-again")):
            yield from self.dumps(source, name)[1]
        for name in ("lz4", "none"):
            yield from self.run("create", self.case(name), "-o", self.path(f"{name}.hib"))
            for source in (self.case(name), self.path(f"{name}.hib")):
                yield from self.run("restore", source, "--as", "swsusp", "-o", self.swap_area("area"))
                yield from self.run("restore", source, "--as", "snapshot", "-o", self.path("stream"), "--force")
            yield from self.run("restore", self.case(name), "--as", "swsusp", "--codec", "lzo", "-o", self.swap_area("area"))

    def create_and_restore_with_damage(self):
        for label in ("PAGES", "INDEX"):
            damaged = self.damaged(label, "broken.hib")
            for verb in (["create"], *(["restore", "--as", kind] for kind in ("raw", "elf", "kdump", "lime", "avml", "hib"))):
                yield from self.run(*verb, damaged, "-o", self.path("saved"), "--salvage", "--force", codes=(3,))
                yield from self.run(*verb, damaged, "-o", self.path("saved"), "--force", codes=(2,))
        for name in self.readable_cases():
            codes = (3,) if self.cases[name]["verdict"] == "damaged" else (0,)
            yield from self.run("create", self.case(name), "-o", self.path("saved"), "--salvage", "--force", *self.case_options(name), codes=codes)

    def rearm(self):
        refused = self.write("consumed-none.img", self.case("none").read_bytes().replace(b"S1SUSPEND\0", b"SWAPSPACE2"))
        for verb in rearm_verbs():
            yield from self.run(*verb, self.case("consumed"))
            yield from self.run(*verb, self.case("lz4"))
            yield from self.run(*verb, self.write("consumed.img", self.case("consumed").read_bytes()), "--yes")
            yield from self.run(*verb, refused, codes=(4,))
            yield from self.run(*verb, self.case("plain"), codes=(4,))
            yield from self.run(*verb, self.hib, codes=(2,))

    def diagnoses(self):
        for name in self.readable_cases():
            yield from self.run("diagnose", self.case(name), *self.case_options(name), codes=(0, 1))
        for tree in MACHINES[:3]:
            yield from self.run("diagnose", "--root", self.path(tree.stem), self.case("lz4"), codes=(0, 1))
            yield from self.run("diagnose", "--preflight", "--root", self.path(tree.stem), codes=(0, 1))
        odd = self.path("odd-settings")
        shutil.copytree(FAILURES / "full-resume-nowhere" / "saving", odd)
        (odd / "etc" / "crypttab").unlink()
        (odd / "etc" / "crypttab").mkdir()  # not to be read, whoever asks
        yield from self.run("diagnose", "--preflight", "--root", odd, codes=(1,))
        yield from self.run("diagnose", self.case("consumed"), "--log", self.path("nothing"), codes=(2,))
        for case in sorted(FAILURES.glob("full-*")):
            for root in sorted(path for path in case.iterdir() if (path / "proc").exists()):
                yield from self.run("diagnose", "--preflight", "--root", root, codes=(0, 1))
        hidden = self.path("hidden")
        (hidden / "proc").mkdir(parents=True)
        (hidden / "hibtool").mkdir()
        (hidden / "hibtool" / "unreadable").write_text("/proc/cmdline=Permission denied\n")
        yield from self.run("diagnose", "--preflight", "--root", hidden, codes=(0, 1))
        for case in ("full-uuid-of-nothing", "memory-map-moved-6.12"):
            logs = sorted((FAILURES / case).glob("*.export")) or sorted((FAILURES / case).glob("*.log"), reverse=True)
            yield from self.run("diagnose", *(part for log in logs for part in ("--log", log)), codes=(1,))
            yield from self.run("diagnose", "--mask", *(part for log in logs for part in ("--log", log)), codes=(1,))

    def mounts(self):
        """An image that has a log, one that has none, and a damaged one."""
        folder = self.path("mnt")
        folder.mkdir()
        truncated = self.write("truncated.hib", self.hib.read_bytes()[:-200])
        for image, options, codes in ((FIRST, [], (0,)), (self.raw, ["-f", "raw", "-o", "absent=zero"], (0,)), (truncated, ["--salvage"], (3,))):
            yield from self.run("mount", image, folder, *options, codes=codes)
            subprocess.run(["fusermount3", "-u", folder], check=True)

    def errors(self):
        output = self.write("output.raw", self.raw.read_bytes())
        for arguments, code in (
                (["inspect", self.path("nothing")], 2), (["inspect", self.folder], 2), (["inspect", self.write("empty", b"")], 2), (["inspect", self.write("text", b"text\n")], 2),
                (["inspect", self.write("short.hib", self.hib.read_bytes()[:2000])], 2), (["inspect", self.hib, "-f", "elf"], 2), (["inspect", self.hib, "--page", "4000"], 1),
                (["inspect", self.hib, "--page", "x"], 64), (["inspect", self.hib, "--config"], 64), (["inspect", self.hib, "--device", "sda"], 2),
                (["create", "-f", "raw", self.raw, "-o", "-"], 64), (["create", "-f", "raw", self.raw, "-o", self.hib], 4), (["create", "-f", "raw", output, "-o", output, "--force"], 4),
                (["create", self.hib, "-o", self.path("x"), "--records", self.write("no-records", b"{")], 2), (["restore", self.hib, "-o", self.path("x")], 64),
                (["restore", self.hib, "--as", "swsusp", "-o", self.raw], 4), (["verify", self.path("nothing")], 2), (["verify", self.hib, "--against-running"], 64),
                (["verify", self.case("plain")], 2), (["diff", self.hib], 64), (["diff", self.hib, self.path("nothing")], 2),
                (["diff", self.hib, self.write("empty.json", b'{"schema": "hibtool.probe", "records": []}')], 2),
                (["probe", "--root", self.path("nothing")], 2), (["probe", "-o", self.hib], 4),
                (["inspect"], 64), (["inspect", "--no-such-option", FIRST], 64), (["no-such-verb"], 64), ([], 64)):
            yield from self.run(*arguments, codes=(code,))
        encrypted = next(name for name, case in self.cases.items() if case["passphrase"])
        yield from self.run("verify", self.case(encrypted), codes=(5,))
        elf = self.small["elf"]
        yield from self.run("create", elf, "-o", self.path("base.hib"))
        yield from self.run("create", elf, "-o", self.path("on-base.hib"), "--base", self.path("base.hib"))
        self.path("base.hib").unlink()
        yield from self.run("verify", self.path("on-base.hib"), codes=(4,))

    def checks_before_arming(self):
        for tree in sorted(ARM_CHECK.glob("*.tree")):
            unpack(tree, self.path(tree.stem))
            yield from self.run("arm", "--check", "--root", self.path(tree.stem), codes=(0, 1))
        hidden = self.path("hidden-from-arm")
        (hidden / "proc").mkdir(parents=True)
        (hidden / "hibtool").mkdir()
        (hidden / "hibtool" / "unreadable").write_text("/proc/iomem=Permission denied\n")
        yield from self.run("arm", "--check", "--root", hidden, codes=(0,))
        yield from self.run("arm", "--check", "--target", self.path("nothing"), codes=(1,))

    def errors_of_the_kernel_jump(self):
        if MODULE.exists():
            return  # this machine would jump
        for arguments in (["arm"], ["arm", "--target", self.path("nothing")], ["disarm"], ["hibernate", "--return"], ["hibernate", "--rehearse"]):
            yield from self.run(*arguments, codes=(2,))
        for verb in resume_verbs():
            yield from self.run(*verb, self.path("nothing"), codes=(2,))
            yield from self.run(*verb, self.hib, codes=(4,))

    def progress(self):
        for verb in (["verify", FIRST], ["create", FIRST, "-o", self.path("progress.hib"), "--threads", "1", "--level", "9"]):
            done = subprocess.run([HIBTOOL, *verb, "-q", "--progress=json"], capture_output=True, text=True, timeout=300, check=True)
            yield from (Document("progress of " + verb[0], 0, json.loads(line)) for line in done.stderr.splitlines())

    TOPICS = (progress, inspect_of_dumps, inspect_of_broken_dumps, inspect_of_odd_dumps, inspect_of_hibernation_images, carving, mounts, inspect_of_devices, inspect_of_free_form_records, probes, verify_of_dumps,
              verify_of_hibernation_images, diff_of_images, diff_of_many_images, inspect_of_many_images, diff_of_devices, create_and_restore, create_and_restore_with_damage, rearm, diagnoses, checks_before_arming, errors, errors_of_the_kernel_jump)

    @functools.cache
    def documents(self, topic):
        return list(topic(self))


def rearm_verbs():
    return [["restore", "--rearm"], ["rearm"]]


def resume_verbs():
    return [["restore", "--jump"], ["resume"]]


@functools.cache
def work():
    folder = tempfile.mkdtemp(prefix="hibtest-json-")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    return Work(folder)


class RealDocuments(unittest.TestCase):
    """A test for each topic is added below."""

    def check(self, topic):
        if topic is Work.mounts and test_mount.WHY_NOT:
            self.skipTest(test_mount.WHY_NOT)
        documents = work().documents(topic)
        self.assertTrue(documents or MODULE.exists())
        for document in documents:
            with self.subTest(document.command):
                self.assertEqual(json_schema.problems(document.content), [])
                self.assertEqual(list(document.content)[:2], ["schema", "schema_version"])
                self.assertIn(json_schema.schema_of(document.content), self.expected(document))

    def expected(self, document):
        """The schemas that the exit code allows."""
        verb = document.command.split()[0]
        names = {f"hibtool.{verb}"}
        if verb == "inspect":
            names |= {"hibtool.inspect-page", "hibtool.inspect-device", "hibtool.carve"}
        if verb == "diagnose":
            names |= {"hibtool.diagnose-preflight"}
        if verb == "diff":
            names |= {"hibtool.diff-matrix"}
        if document.command.startswith("arm --check"):
            names = {"hibtool.arm-check"}
        if "--rearm" in document.command or verb == "rearm":
            names = {"hibtool.rearm"}
        if "--jump" in document.command or verb == "resume":
            return {"hibtool.resume"}
        return {0: names, 3: names, 1: names | {"hibtool.error"}}.get(document.code, {"hibtool.error"} | (names if verb in ("verify", "inspect", "restore", "rearm") else set()))

    def test_every_field_of_every_schema_has_been_seen(self):
        if test_mount.WHY_NOT:
            self.skipTest(test_mount.WHY_NOT)
        seen = {field for topic in Work.TOPICS for document in work().documents(topic) for field in fields_in(document.content)}
        missing = {(section, field) for section, fields in rows().items() for field in fields if section not in NEED_THE_MODULE} - seen
        # Swap areas are known from a real kernel's memory: tests/vm/test_swapping.py. So is the running machine: test_live.py,
        # and how far its memory compresses: test_diagnose.py.
        # What a processor lacks for a resume: test_resume.py.
        elsewhere = ("refusals", "processor[]", "swapped_out.areas[]", "live", "space.area_bytes.")
        self.assertEqual({(section, field) for section, field in missing if not field.startswith(elsewhere)}, set())

    def test_the_exit_code_of_an_error_is_that_of_its_kind(self):
        codes = {kind: int(code) for kind, code in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", DOCS.read_text(), re.M)}
        seen = set()
        for topic in (Work.errors, Work.errors_of_the_kernel_jump):
            for document in work().documents(topic):
                if document.content["schema"] in ("hibtool.error", "hibtool.resume"):
                    self.assertEqual(document.code, codes[document.content["kind"]], document)
                    seen.add(document.content["kind"])
        self.assertGreaterEqual(len(seen), 8, seen)


def test_of(topic):
    return lambda self: self.check(topic)


for each in Work.TOPICS:
    setattr(RealDocuments, f"test_{each.__name__}", test_of(each))


# ---- schemas and docs/json.md


def common(name):
    return json_schema.schemas()["common"]["$defs"][name]


def resolved(schema):
    return common(schema["$ref"].rsplit("/", 1)[1]) if "$ref" in schema else schema


def fields_of(schema, prefix=""):
    """(path as docs/json.md spells it, schema, is it required) of each field; what a $ref names has a section of its own."""
    for name, one in schema.get("properties", {}).items():
        if prefix or name not in ("schema", "schema_version"):
            yield prefix + name, one, name in schema["required"]
            yield from fields_of(one, f"{prefix}{name}.")
            yield from fields_of(one.get("items") or {}, f"{prefix}{name}[].")
    for number, one in enumerate(schema.get("prefixItems", [])):
        yield f"{prefix}[{number}]", one, True


def fields_in(document):
    """(section of docs/json.md, field) of each field that a document has."""
    name = json_schema.schema_of(document)
    if name in json_schema.schemas():
        yield from walk(json_schema.schemas()[name], document, name, "")


def walk(schema, content, section, path):
    if "$ref" in schema:
        section, path, schema = schema["$ref"].rsplit("/", 1)[1], "", resolved(schema)
    for one in schema.get("anyOf", []):
        if may_be(resolved(one), content):
            yield from walk(one, content, section, path)
    if isinstance(content, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, one in content.items():
            if name in properties:
                yield section, path + name
                yield from walk(properties[name], one, section, f"{path}{name}.")
            elif isinstance(others, dict):
                yield from walk(others, one, section, path)
    if isinstance(content, list):
        items = schema.get("prefixItems") or [schema.get("items", {})] * len(content)
        for number, (one, inner) in enumerate(zip(items, content)):
            if "prefixItems" in schema:
                yield section, f"{path}[{number}]"
            yield from walk(one, inner, section, f"{path.rstrip('.')}[]." if path else "")


def may_be(schema, content):
    if not isinstance(content, dict):
        return True
    closed = schema.get("additionalProperties") is False and not set(content) <= set(schema["properties"])
    return set(schema.get("required", [])) <= set(content) and not closed


@functools.cache
def sections():
    """Heading of docs/json.md -> what is below it."""
    parts = re.split(r"^#+ (.*)$", DOCS.read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


class Row(NamedTuple):
    types: str
    meaning: str
    when: str


@functools.cache
def rows():
    """Section -> field -> what its row says."""
    row = re.compile(r"^\| `([^`]+)` \|([^|\n]*)\|[^|\n]*\|([^|\n]*)\|([^|\n]*)\|$", re.M)
    found = {heading: {name: Row(*rest) for name, *rest in row.findall(text)} for heading, text in sections().items()}
    return {heading: fields for heading, fields in found.items() if fields}


def described_schemas():
    """Section -> schema of the document or shared object that it describes."""
    found = {name: schema for name, schema in json_schema.schemas().items() if name != "common"}
    found.update({name: schema for name, schema in json_schema.schemas()["common"]["$defs"].items() if "properties" in schema or "prefixItems" in schema})
    return found


def types_of(schema):
    """In JSON's words."""
    schema = resolved(schema)
    if "anyOf" in schema:
        return set().union(*map(types_of, schema["anyOf"]))
    kinds = schema.get("type") or {bool: "boolean", str: "string", int: "number"}[type(schema["const"])]
    return {"number" if kind == "integer" else kind for kind in ([kinds] if isinstance(kinds, str) else kinds)}


def subschemas(schema):
    """Those that describe a value; what only adds conditions is not among them."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", []), *schema.get("prefixItems", [])]
    inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for one in inner:
        yield from subschemas(one)


class Schemas(unittest.TestCase):
    def test_each_is_a_schema_of_its_own_name(self):
        for name, schema in json_schema.schemas().items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
                self.assertEqual((schema["$schema"], schema["$id"]), ("https://json-schema.org/draft/2020-12/schema", f"{name}.json"))
                if name != "common":
                    self.assertEqual(schema["properties"]["schema"]["const"], name)

    def test_each_object_is_closed_and_each_property_described(self):
        for name, schema in json_schema.schemas().items():
            for one in subschemas(schema):
                with self.subTest(name, schema=str(one)[:80]):
                    if "properties" in one:
                        self.assertIs(one["additionalProperties"], False)
                    elif "object" in (one.get("type") or ()):
                        self.assertIsInstance(one["additionalProperties"], dict)
                    for field in (*one.get("properties", {}).values(), *one.get("$defs", {}).values(), *one.get("prefixItems", [])):
                        self.assertTrue(field.get("description"), field)

    def test_what_does_not_follow_a_schema_is_a_problem(self):
        good = {"schema": "hibtool.inspect-page", "schema_version": 1, "pfn": "0x6", "hash": "0" * 32}
        self.assertEqual(json_schema.problems(good), [])
        for change in ({"more": 1}, {"pfn": 6}, {"pfn": "0x06"}, {"hash": "0"}, {"schema_version": 2}, {"schema": "hibtool.nothing"}, {"schema": "common"}):
            self.assertEqual(len(json_schema.problems({**good, **change})), 1, change)
        self.assertEqual(len(json_schema.problems({name: good[name] for name in ("schema", "schema_version", "pfn")})), 1)
        self.assertEqual(len(json_schema.problems([])), 1)
        with self.assertRaisesRegex(AssertionError, "hibtool.inspect-page does not follow docs/schema:\npfn: 6 is not of type 'string'"):
            json_schema.loads(json.dumps({**good, "pfn": 6}))


class Description(unittest.TestCase):
    """docs/json.md and docs/schema say the same."""

    def test_every_schema_has_a_section_and_every_section_a_schema(self):
        self.assertEqual(set(sections()) - set(NO_SCHEMA), set(described_schemas()))

    def test_every_field_has_a_row_with_its_type_and_every_row_a_field(self):
        for name, schema in described_schemas().items():
            with self.subTest(name):
                fields = {path: (one, required) for path, one, required in fields_of(schema)}
                self.assertEqual(set(rows().get(name, {})), set(fields))
                for path, (one, required) in fields.items():
                    row = rows()[name][path]
                    self.assertEqual(set(re.findall(r"\b(?:string|number|boolean|object|array|null)\b", row.types)), types_of(one), path)
                    self.assertEqual("missing:" in row.when, not required, path)
                    self.assertEqual("null:" in row.when, "null" in types_of(one), path)

    def test_every_value_of_an_enumeration_is_named(self):
        for name, schema in described_schemas().items():
            for path, one, _ in fields_of(schema):
                with self.subTest(name, field=path):
                    linked = re.findall(r"\]\(#(\w+)\)", rows()[name][path].meaning)
                    text = "".join(body for heading, body in sections().items() if heading == name or heading.lower().replace(".", "") in linked)
                    for allowed in resolved(one).get("enum", []):
                        self.assertTrue(f"`{allowed}`" in text or f"`{allowed.replace('-', '_')}`" in text, allowed)

    def test_every_link_leads_to_a_section(self):
        anchors = {heading.lower().replace(".", "").replace(" ", "-") for heading in sections()}
        self.assertEqual(set(re.findall(r"\]\(#([^)]+)\)", DOCS.read_text())) - anchors, set())
        for target in re.findall(r"\]\(([\w/.]+)\)", DOCS.read_text()):
            self.assertTrue((DOCS.parent / target).exists(), target)


if __name__ == "__main__":
    unittest.main()
