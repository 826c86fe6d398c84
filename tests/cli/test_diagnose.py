#!/usr/bin/python3
"""Real hibernations that failed, judged: what `hibtool diagnose` says of each of tests/corpus/diagnose, by its logs."""

import json
import os
import re
import shutil
import unittest
from pathlib import Path

from support import PAGE, ROOT, CliTest, json_schema

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "diagnose"
# What no log tells: the kernel forbids hibernating without a word, or the log ends before the system is up.
SILENT = {"mkswap-over-it-6.12", "secret-memory-6.1", "secret-memory-6.12", "full-resume-nowhere", "full-swap-too-small", "full-uuid-of-nothing-when-saving"}
QUIET = "healthy-and-quiet-6.12"  # booted with "quiet": its consoles are empty
FINE = ("resumed", "never", "armed", "consumed", "unknown")


def cases():
    return sorted(path.parent for path in CORPUS.glob("*/case.json") if path.parent.name != QUIET)


def logs_of(case):
    """The journal where there is one; consoles otherwise, the oldest boot first."""
    if (case / "journal.export").exists():
        return [case / "journal.export"]
    return [case / name for name in ("saving.log", "between.log", "restoring.log") if (case / name).exists()]


DOCS = ROOT / "docs" / "diagnose.md"
TABLE = re.compile(r"(<!-- failures -->\n).*?(<!-- end -->\n)", re.S)


def in_table(text):
    return "`" + text.replace("|", "\\|")[:90].strip() + "`"


class Failures(CliTest):
    def diagnose(self, *arguments):
        done = self.run_tool("diagnose", "--json", *map(str, arguments), code=None)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, json_schema.loads(done.stdout)

    def by_logs(self, case):
        return self.diagnose(*(part for log in logs_of(case) for part in ("--log", log)))

    def test_every_failure_gets_the_verdict_that_is_true(self):
        self.assertGreater(len(cases()), 80)
        for case in cases():
            wanted = json.loads((case / "case.json").read_text())
            right = {wanted["expected"], *wanted["also_right"]} if case.name not in SILENT else {"unknown", "never"}
            with self.subTest(case.name):
                code, document = self.by_logs(case)
                self.assertIn(document["verdict"]["code"], right, document["verdict"])
                self.assertEqual(code, 0 if document["verdict"]["code"] in FINE else 1)

    def test_no_machine_that_came_back_gets_a_reason_why_it_did_not(self):
        for case in cases():
            if json.loads((case / "case.json").read_text())["expected"] != "resumed":
                continue
            with self.subTest(case.name):
                _, document = self.by_logs(case)
                self.assertEqual(document["other_verdicts"], [])

    def test_every_verdict_but_the_harmless_ones_is_shown_by_a_line_of_the_logs(self):
        for case in cases():
            with self.subTest(case.name):
                _, document = self.by_logs(case)
                if document["verdict"]["code"] in FINE:
                    continue
                texts = [one["text"] for one in document["evidence"] if one["code"] == document["verdict"]["code"]]
                self.assertTrue(texts)
                logs = b"".join(log.read_bytes() for log in logs_of(case))
                self.assertTrue(any(text.encode() in logs or text.startswith("Command line: ") for text in texts), texts)

    def row(self, name, members):
        """A failure in the table of the docs: what its kernels printed, the disk alone, the logs, the pre-flight."""
        wanted = json.loads((members[-1] / "case.json").read_text())
        found = [self.by_logs(case)[1] for case in members]
        printed = next((one["text"] for one in found[-1]["evidence"] if one["code"] == found[-1]["verdict"]["code"]), "")
        verdicts = dict.fromkeys(f"`{document['verdict']['code']}`" for document in found)
        foreseen = "–"
        if (members[-1] / "saving" / "proc").exists():
            checks = self.json("diagnose", "--preflight", "--root", str(members[-1] / "saving"), code=None)["checks"]
            foreseen = ", ".join(f"`{check['code']}`" for check in checks if check["result"] == "would-fail") or "nothing"
        return (f"| [{name}](../tests/corpus/diagnose/{members[-1].name}/case.json) | {in_table(printed) if printed else 'nothing'} | "
                f"{wanted['expected_from_disk']} | {', '.join(verdicts)} | {foreseen} |\n")

    def test_the_table_of_the_docs_is_what_the_program_says(self):
        groups = {}
        for case in cases():
            groups.setdefault(re.sub(r"-6\.\d+$", "", case.name), []).append(case)
        table = ("| failure | printed | by the disk alone | by the logs | foreseen by the pre-flight |\n| --- | --- | --- | --- | --- |\n"
                 + "".join(self.row(name, members) for name, members in groups.items()))
        text = DOCS.read_text()
        wanted = TABLE.sub(lambda match: match[1] + table + match[2], text)
        if os.environ.get("UPDATE_GOLDEN"):
            DOCS.write_text(wanted)
            return
        self.assertEqual(text, wanted, "UPDATE_GOLDEN=1 writes it anew")

    def test_the_regions_of_the_memory_map_that_moved_are_named(self):
        _, document = self.by_logs(CORPUS / "memory-map-moved-6.12")
        moved = [one["text"] for one in document["evidence"] if one["source"].startswith("memory maps")]
        self.assertTrue(any("System RAM" in text for text in moved), document["evidence"])
        self.assertIn("usable memory is not the same", document["verdict"]["text"])

    def test_a_driver_that_refused_is_named_and_the_image_is_called_sound(self):
        _, document = self.by_logs(CORPUS / "driver-refuses-to-restore-6.12")
        self.assertIn("the driver badsleep did not stop its device badsleep (error -5)", document["verdict"]["text"])
        self.assertIn("the image was sound", document["verdict"]["text"])
        self.assertIn("damaged", [one["code"] for one in document["exonerated"]])

    def test_what_the_journal_marks_as_the_kernels_is_certain_and_a_text_file_is_not(self):
        self.assertEqual(self.by_logs(CORPUS / "full-healthy")[1]["verdict"]["confidence"], "certain")
        self.assertEqual(self.by_logs(CORPUS / "healthy-6.12")[1]["verdict"]["confidence"], "likely")

    def test_what_is_exonerated_has_a_name(self):
        _, document = self.diagnose("--root", CORPUS / "full-healthy" / "saving")
        codes = [one["code"] for one in document["exonerated"]]
        self.assertIn("inhibited", codes)
        self.assertNotIn("unknown", codes)

    def test_what_has_many_reasons_is_not_cleared_by_one_check_that_is_well(self):
        _, document = self.diagnose("--root", CORPUS / "full-healthy" / "saving")
        self.assertFalse({"wrong-place", "not-tried", "efi-variable"} & {one["code"] for one in document["exonerated"]})

    def test_a_log_that_ends_where_the_snapshot_was_made_is_enough(self):
        """As every journal does."""
        for name in ("stale-offset-6.12", "other-swap-device-6.12", "wrong-offset-6.12"):
            saving = (CORPUS / name / "saving.log").read_bytes()
            cut = saving[:saving.index(b"\n", saving.index(b"hibernation: hibernation entry")) + 1]
            code, document = self.diagnose("--log", self.write("cut.log", cut), "--log", CORPUS / name / "restoring.log")
            self.assertEqual((code, document["verdict"]["code"]), (1, "wrong-place"), name)

    def test_the_order_in_which_logs_are_given_does_not_decide(self):
        for name in ("full-other-memory-size", "full-uuid-of-nothing", "full-wrong-offset"):
            entries = (CORPUS / name / "journal.export").read_bytes().strip(b"\n").split(b"\n\n")
            backwards = self.write("backwards.export", b"\n\n".join(reversed(entries)) + b"\n\n")
            self.assertEqual(self.diagnose("--log", backwards)[1]["verdict"]["code"],
                             self.by_logs(CORPUS / name)[1]["verdict"]["code"], name)
        case = CORPUS / "memory-map-moved-6.12"
        backwards = self.diagnose("--log", case / "restoring.log", "--log", case / "saving.log")[1]
        self.assertEqual(backwards["verdict"]["code"], "memory-map")

    def test_what_was_named_and_is_not_there_is_an_error(self):
        good, nothing = str(CORPUS / "healthy-6.12" / "restoring.log"), self.path("nothing")
        for arguments, code in ((["--log", nothing], 2), (["--log", good, "--log", nothing], 2), ([nothing, "--log", good], 2),
                                (["--log", good, "--device", nothing], 2), (["--root", ""], 64), (["", "--log", good], 64),
                                (["--preflight", "--device", good], 64)):
            self.run_tool("diagnose", *arguments, code=code)

    def test_a_log_in_the_place_of_the_image_is_told_how_it_is_given(self):
        log = self.write("night 1.log", (CORPUS / "healthy-6.12" / "saving.log").read_bytes())
        said = self.run_tool("diagnose", log, code=2).stderr.decode()
        self.assertIn("the text of a log", said)
        self.assertIn(f"this is a log: --log '{log}'", said)
        disk = bytes(PAGE) + b"\n" + Path(log).read_bytes()  # is not read through to find one
        for other in (b"no log at all\n", disk):
            self.assertNotIn("--log", self.run_tool("diagnose", self.write("other", other), code=2).stderr.decode())

    def test_a_mask_hides_the_paths_of_errors_too(self):
        place = self.folder / "AcmeSecret"
        place.mkdir()
        image = self.write("AcmeSecret/image", bytes(9000))
        for options in (["--device", str(place / "none")], ["--passphrase-file", str(place / "none")], ["--report", str(place / "none" / "x.html")],
                        ["--report", image, "--force"], ["--device", str(place)]):
            done = self.run_tool("diagnose", image, "--mask", *options, code=None)
            self.assertIn(done.returncode, (2, 4))
            self.assertNotIn(f"{self.folder}", done.stderr.decode())
            self.assertIn("without --mask", done.stderr.decode())

    def test_a_file_without_any_line_of_a_log_is_an_error_and_not_a_clean_bill(self):
        image = self.path("image")
        Path(image).write_bytes(bytes(4096))
        for log in (CORPUS / QUIET / "restoring.log", image):
            self.assertIn(b"no line of a log", self.run_tool("diagnose", "--log", str(log), code=2).stderr)
        self.assertIn(b"name the image first", self.run_tool("diagnose", "--journal", image, code=64).stderr)

    def test_a_failure_comes_with_something_to_do(self):
        for case in cases():
            code, document = self.by_logs(case)
            with self.subTest(case.name):
                self.assertTrue(code == 0 or document["advice"], document["verdict"])

    def test_where_the_machine_is_known_its_files_and_commands_are_named(self):
        case = CORPUS / "full-wrong-offset"
        machine = self.path("machine")
        shutil.copytree(case / "restoring", machine)
        (Path(machine) / "etc/default").mkdir()
        (Path(machine) / "etc/default/grub").write_text("GRUB_CMDLINE_LINUX=\n")
        document = self.diagnose("--log", case / "journal.export", "--root", machine)[1]
        told = [(one["text"], one["file"], one["command"]) for one in document["advice"]]
        place = "resume=UUID=10101010-1010-4010-8010-101010101010 resume_offset=94208"
        self.assertIn((f"put {place} into GRUB_CMDLINE_LINUX", "/etc/default/grub", "update-grub"), told)
        self.assertTrue(any((command or "").startswith("update-initramfs -u -k 6.12") for _, _, command in told), told)
        self.assertEqual(len(told), len(set(told)))

    def test_a_disk_that_resume_names_for_good_may_have_another_name(self):
        case = CORPUS / "names-exchanged-6.12"
        text = (case / "restoring.log").read_bytes().replace(b"ignore_loglevel", b"resume=UUID=20202020-2020-4020-8020-202020202020")
        _, document = self.diagnose("--log", case / "saving.log", "--log", self.write("by-uuid.log", text))
        self.assertEqual(document["verdict"]["code"], "wrong-place")

    def test_a_disk_that_moved_is_named_with_what_has_its_place(self):
        _, document = self.by_logs(CORPUS / "names-exchanged-6.12")
        self.assertIn("one of its size is vdb", document["verdict"]["text"])

    def test_a_disk_that_is_put_back_is_not_resumed_from_where_a_boot_has_mounted_file_systems(self):
        _, document = self.by_logs(CORPUS / "full-missing-disk")
        self.assertIn("noresume", document["advice"][0]["text"])
        _, document = self.by_logs(CORPUS / "disk-taken-out-6.12")
        self.assertEqual(document["advice"][0]["text"], "put the disk back, then boot")

    def test_encrypted_swap_that_the_system_opens_after_it_mounted_was_opened_too_late(self):
        mounted = "[    5.000000] EXT4-fs (vda): mounted filesystem 10101010-1010-4010-8010-101010101010 ro with ordered data mode. Quota mode: none.\n"
        opened = "[    5.000000] systemd[1]: Finished systemd-cryptsetup@my\\x2dswap.service - Cryptography Setup for my-swap.\n"
        saving = (CORPUS / "full-disks-exchanged" / "saving.log").read_bytes().replace(b"resume=/dev/vdb", b"resume=/dev/mapper/my-swap").replace(b"/dev/vdb.", b"/dev/mapper/my-swap.")
        for order, code in ((mounted + opened, "swap-locked"), (opened + mounted, "not-tried")):
            restoring = ("[    0.000000] Linux version 6.12.117+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP\n"
                         "[    0.000000] Command line: root=/dev/vda ro resume=/dev/mapper/my-swap\n" + order)
            _, document = self.diagnose("--log", self.write("saving.log", saving), "--log", self.write("restoring.log", restoring.encode()))
            self.assertEqual(document["verdict"]["code"], code, document["verdict"])

    def test_one_boot_that_hung_is_no_trap(self):
        case = CORPUS / "every-entry-tries-6.12"
        _, document = self.diagnose("--log", case / "saving.log", "--log", case / "between.log")
        self.assertEqual(document["verdict"]["code"], "hung")

    def test_the_way_out_of_a_trap_is_told(self):
        _, document = self.by_logs(CORPUS / "every-entry-tries-6.12")
        self.assertTrue(any("noresume" in one["text"] for one in document["advice"]), document["advice"])

    def test_evidence_of_a_journal_has_its_time_on_a_line_of_its_own(self):
        said = self.run_tool("diagnose", "--log", str(CORPUS / "full-wrong-offset" / "journal.export"), code=1).stdout.decode()
        self.assertNotRegex(said, r"(?m)^ +,")
        self.assertRegex(said, r"(?m)^ +2026-11-27 21:17:36\.640 UTC$")

    def advice_of(self, *arguments):
        return self.diagnose(*arguments)[1]["advice"]

    def refusing(self, driver):
        """A real console, as if another driver had refused."""
        case = CORPUS / "driver-refuses-to-restore-6.12"
        log = (case / "restoring.log").read_bytes().replace(b"badsleep", driver.encode())
        return ["--log", case / "saving.log", "--log", self.write(f"{driver}.log", log)]

    def test_the_driver_of_the_disk_is_never_left_out_of_the_initramfs(self):
        for driver in ("nvme", "ahci", "virtio_blk", "usb-storage", "dm_crypt", "sd"):
            told = " ".join(one["text"] for one in self.advice_of(*self.refusing(driver), "--root", CORPUS / "full-wrong-offset" / "restoring"))
            self.assertIn("cannot be left out", told)
            self.assertNotIn("blacklist", told)
            self.assertNotIn("hook", told)
        told = " ".join(one["text"] for one in self.advice_of(*self.refusing("amdgpu"), "--root", CORPUS / "full-wrong-offset" / "restoring"))
        self.assertIn("module_blacklist=amdgpu", told)
        self.assertIn("-name 'amdgpu.ko*'", told)

    def test_what_has_failed_is_not_advised_again(self):
        case = CORPUS / "full-wrong-offset"
        nothing = b"resume=UUID=deaddead-0000-4000-8000-000000000000"
        logs = []
        for name in ("saving.log", "restoring.log"):
            text = re.sub(rb"resume=\S+( resume_offset=\d+)?", nothing, (case / name).read_bytes())
            logs += ["--log", self.write("nowhere-" + name, text)]
        for one in self.advice_of(*logs):
            self.assertNotIn("deaddead", one["text"])
        case = CORPUS / "full-disks-exchanged"
        for one in self.advice_of("--log", case / "journal.export", "--root", case / "restoring"):
            self.assertNotIn("resume=/dev/", one["text"])

    def test_a_command_to_type_has_no_words_in_the_place_of_a_value(self):
        machine = self.path("fedora")
        for name in ("boot/grub2/grub.cfg", "usr/sbin/grubby", "usr/bin/dracut", "proc/cmdline", "etc/os-release"):
            path = Path(machine) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("ID=fedora\n" if name == "etc/os-release" else "")
        case = CORPUS / "wrong-offset-6.12"
        (Path(machine) / "sys").mkdir()
        for one in self.advice_of("--log", case / "restoring.log", "--root", machine):
            self.assertNotIn("with the swap area", one["command"] or "")

    def test_no_command_is_advised_that_would_be_refused(self):
        _, document = self.by_logs(CORPUS / "memory-map-moved-6.12")
        self.assertEqual([one["command"] for one in document["advice"] if one["command"]], [])

    def test_a_line_that_a_program_forged_in_the_journal_is_not_the_kernels(self):
        forged = (CORPUS / "full-healthy" / "journal.export").read_bytes()
        entry = (b"__CURSOR=forged\n__REALTIME_TIMESTAMP=9999999999000000\n__MONOTONIC_TIMESTAMP=999999999\n"
                 b"_BOOT_ID=99999999999999999999999999999999\n_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=kernel\n"
                 b"MESSAGE=Hibernate inconsistent memory map detected!\n\n")
        _, document = self.diagnose("--log", self.write("forged.export", forged.rstrip(b"\n") + b"\n\n" + entry))
        self.assertEqual(document["verdict"]["code"], "resumed")
        self.assertNotIn("memory-map", [one["code"] for one in document["other_verdicts"]])


class Saving(CliTest):
    """What the boot that hibernated says of itself."""

    ENTRY = ("[    0.000000] Linux version 6.12.1 (x)\n[    0.100000] Command line: root=/dev/sda1 resume=/dev/sda2\n"
             "[    5.000000] PM: hibernation: hibernation entry\n")
    EXIT = "[   12.000000] PM: hibernation: hibernation exit\n"

    def judge(self, *lines, ends=EXIT):
        log = self.ENTRY + "".join(f"[    6.{number:06}] {line}\n" for number, line in enumerate(lines)) + ends
        done = self.run_tool("diagnose", "--json", "--log", self.write("saving.log", log.encode()), code=None)
        return done.returncode, json_schema.loads(done.stdout)

    def test_a_try_that_failed_is_not_called_resumed(self):
        creating = "PM: hibernation: Creating image:"
        for lines, code in (((creating, "PM: hibernation: Error -16 creating image"), "save-interrupted"),
                            ((creating, "PM: hibernation: Error -12 creating image"), "no-snapshot-memory"),
                            ((creating, "PM: hibernation: Some devices failed to power down, aborting"), "driver-refused"),
                            ((creating, "PM: Wakeup pending, aborting"), "save-interrupted"),
                            (("PM: hibernation: Filesystems sync failed",), "save-interrupted"),
                            ((creating, "PM: Cannot get swap writer"), "save-interrupted"),
                            ((creating, "PM: Compressing and saving image data (100 pages)...", "PM: Write-error on swap-device (8:0:1234)"),
                             "save-interrupted"),
                            ((), "save-interrupted")):
            with self.subTest(lines):
                exit_code, document = self.judge(*lines)
                self.assertEqual((exit_code, document["verdict"]["code"]), (1, code), document["verdict"])
                self.assertEqual(document["session"]["text"], "none: the image was never completed")

    def test_what_systemd_calls_failed_is_not_called_resumed(self):
        failed = "[   12.100000] systemd-sleep[9]: Failed to put system to sleep. System resumed again: Device or resource busy\n"
        begun = "[    4.900000] systemd-sleep[9]: Performing sleep operation 'hibernate'...\n"
        log = self.ENTRY.replace("[    5.0", begun + "[    5.0") + "[    6.000000] PM: hibernation: Creating image:\n" + self.EXIT + failed
        document = self.json("diagnose", "--log", self.write("saving.log", log.encode()), code=1)
        self.assertEqual(document["verdict"]["code"], "save-interrupted")

    def test_a_test_of_hibernation_is_neither_a_failure_nor_a_resume(self):
        for line in ("PM: hibernation: hibernation debug: Waiting for 5 seconds.", "PM: hibernation: debug: Waiting for 5 seconds.",
                     "PM: hibernation debug: Waiting for 5 seconds"):
            exit_code, document = self.judge(line)
            self.assertEqual((exit_code, document["verdict"]["code"]), (0, "never"), line)
            self.assertIn("pm_test", document["verdict"]["text"])

    def test_a_machine_that_went_on_where_its_snapshot_was_made_has_resumed(self):
        exit_code, document = self.judge("PM: hibernation: Creating image:")
        self.assertEqual((exit_code, document["verdict"]["code"]), (0, "resumed"))
        self.assertEqual(document["session"]["text"], "the session went on in the machine that came back: nothing to be had back")
        self.assertEqual(document["session"]["state"], "none")

    def test_the_task_that_did_not_freeze_is_named(self):
        case = CORPUS / "task-that-does-not-freeze-6.12"
        document = self.json("diagnose", "--log", str(case / "saving.log"), code=1)
        self.assertIn("init (PID 152)", document["verdict"]["text"])
        self.assertTrue(any(one["text"].startswith("task:init") for one in document["evidence"]), document["evidence"])
        self.assertFalse(any("which task it was" in one["text"] for one in document["advice"]))
        _, document = self.judge("Freezing user space processes failed after 20.008 seconds (1 tasks refusing to freeze, wq_busy=0):")
        self.assertIn("which task it was", document["advice"][0]["text"])


class InBetween(CliTest):
    """What lies between the image and the boot that was to resume."""

    def test_a_boot_that_replayed_a_journal_and_then_resumed_has_written_to_it(self):
        for name in ("mounted-before-the-resume-6.1", "mounted-before-the-resume-6.12"):
            case = CORPUS / name
            document = self.json("diagnose", "--log", str(case / "saving.log"), "--log", str(case / "restoring.log"), code=1)
            self.assertEqual(document["verdict"]["code"], "file-system-written")
        document = self.json("diagnose", "--log", str(CORPUS / "mounted-before-the-resume-6.1" / "saving.log"),
                             "--log", str(CORPUS / "mounted-before-the-resume-6.1" / "restoring.log"), code=1)
        self.assertIn("replayed the journal of vda", document["verdict"]["text"])
        self.assertIn("the session went on", document["session"]["text"])

    def test_the_disk_of_a_key_that_was_mounted_before_the_resume_is_no_harm(self):
        case = CORPUS / "healthy-6.12"
        mounted = b"[    3.000000] EXT4-fs (sdz1): mounted filesystem 0a1b r/w with ordered data mode. Quota mode: none.\n"
        log = (case / "restoring.log").read_bytes()
        at = log.index(b"\n", log.index(b"virtio_blk virtio0: [")) + 1
        document = self.json("diagnose", "--log", str(case / "saving.log"), "--log", self.write("restoring.log", log[:at] + mounted + log[at:]))
        self.assertEqual(document["verdict"]["code"], "resumed")

    def test_a_log_that_ends_before_the_system_is_up_does_not_tell_that_nobody_tried(self):
        case = CORPUS / "healthy-6.12"
        log = (case / "restoring.log").read_bytes()
        early = log[:log.index(b"Image signature found")]
        early = early[:early.rindex(b"\n") + 1]
        mounted = b"[    9.000000] EXT4-fs (vda): mounted filesystem 0a1b ro with ordered data mode. Quota mode: none.\n"
        for text, wanted, code in ((early, "unknown", 0), (early + mounted, "not-tried", 1)):
            document = self.json("diagnose", "--log", str(case / "saving.log"), "--log", self.write("restoring.log", text), code=code)
            self.assertEqual(document["verdict"]["code"], wanted, document["verdict"])

    def test_an_image_that_died_with_its_key_needs_no_other_reason(self):
        case = CORPUS / "full-random-key"
        document = self.json("diagnose", "--root", str(case / "restoring"), "--log", str(case / "journal.export"), code=1)
        self.assertEqual(document["verdict"]["code"], "ephemeral-swap")
        self.assertEqual((document["session"]["state"], document["session"]["text"]), ("gone", "gone: the image was lost with the power"))

    def test_reasons_not_to_hibernate_are_told_where_somebody_was_refused(self):
        case = CORPUS / "full-lockdown"
        machine = ("--root", str(case / "saving"))
        refused = self.write("refused.log", b"[    0.000000] Linux version 6.12.1 (x)\n"
                             b"[    9.000000] systemd-sleep[9]: Failed to open /sys/power/state: Operation not permitted\n")
        quiet = self.write("quiet.log", b"[    0.000000] Linux version 6.12.1 (x)\n")
        told = [[document["verdict"]["code"], *(one["code"] for one in document["other_verdicts"])]
                for document in (self.json("diagnose", *machine, "--log", log, code=None) for log in (refused, quiet))]
        self.assertIn("lockdown", told[0])
        self.assertNotIn("lockdown", told[1])


class Masked(CliTest):
    """--mask: what goes into a bug ticket."""

    SECRET = {"uuid": "8a1b2c3d-1111-2222-3333-444455556666", "user": "jane", "host": "thinkpad", "mac": "aa:bb:cc:dd:ee:0f", "ip": "192.168.178.20",
              "serial": "4C530001230212116384"}

    def log(self, folder="home/jane"):
        path = Path(self.folder) / folder / "boot.log"
        path.parent.mkdir(parents=True)
        path.write_text("[    0.000000] Linux version 6.12.43 ({user}@{host}) (gcc 14.2.0) #1 SMP\n"
                        "[    0.000000] Command line: root=UUID={uuid} resume=/dev/mapper/{host}--vg-swap ip={ip} BOOTIF=01-{dashed} usb.serial={serial}\n"
                        "[    1.000000] EXT4-fs (sda1): mounted filesystem {upper} ro\n"
                        "[    2.000000] Hibernate inconsistent memory map detected!\n"
                        "[    2.000000] PM: hibernation: Image mismatch: architecture specific data\n"
                        .format(**self.SECRET, dashed=self.SECRET["mac"].replace(":", "-"), upper=self.SECRET["uuid"].upper()))
        return str(path)

    def told(self, *arguments, code=1):
        """All that is printed."""
        done = self.run_tool("diagnose", *map(str, arguments), code=code)
        return done.stdout.decode() + done.stderr.decode()

    def assert_hidden(self, text):
        for secret in self.SECRET.values():
            self.assertNotIn(secret.lower(), text.lower())

    def test_text_and_document_hide_who_and_which_machine_it_is(self):
        log = self.log()
        self.assertIn("thinkpad", self.told("--log", log))
        for options in ((), ("--json",)):
            text = self.told("--mask", "--log", log, *options)
            self.assert_hidden(text)
            self.assertNotIn(str(self.folder), text)
            for kept in ("resume=/dev/mapper/host-1--vg-swap", "boot.log", "6.12.43"):
                self.assertIn(kept, text)

    def test_the_host_that_a_log_has_a_column_for_is_hidden_in_all_texts(self):
        time = "Nov 27 20:26:18 thinkpad kernel: "
        log = self.write("syslog", (time + "[    0.000000] Linux version 6.12.43 (debian-kernel@lists.debian.org) #1 SMP\n" +
                                    time + "[    0.000000] Command line: root=/dev/sda1 resume=/dev/mapper/thinkpad--vg-swap\n" +
                                    time + "[    2.000000] Hibernate inconsistent memory map detected!\n").encode())
        self.assertIn("thinkpad", self.told("--log", log, code=None))
        for options in ((), ("--json",)):
            text = self.told("--mask", "--log", log, *options, code=None)
            self.assertNotIn("thinkpad", text)
            self.assertIn("resume=/dev/mapper/host-1--vg-swap", text)

    def test_one_secret_has_one_pseudonym(self):
        document = json_schema.loads(self.told("--mask", "--json", "--log", self.log()))
        texts = " ".join(entry["text"] for entry in document["timeline"])
        self.assertTrue(document["masked"])
        self.assertEqual(texts.count("uuid-1"), 2)
        self.assertNotIn("uuid-2", texts)

    def test_people_are_told_that_commands_have_to_be_filled_in(self):
        self.assertIn("commands have to be filled in", self.told("--mask", "--log", self.log()))
        self.assertNotIn("masked:", self.told("--log", self.log("b")))

    def test_an_error_hides_them_too(self):
        for arguments in (("/home/jane/x.img",), ("--preflight", "--root", "/home/jane/tree")):
            self.assertIn("jane", self.told(*arguments, "--json", code=2))
            self.assertNotIn("jane", self.told(*arguments, "--mask", "--json", code=2))

    def test_the_preflight_hides_the_names_of_the_machine(self):
        root = Path(self.folder) / "home" / "jane" / "root"
        for path, text in (("etc/hostname", "thinkpad\n"), ("etc/fstab", "/dev/mapper/thinkpad--vg-swap none swap sw 0 0\n"),
                           ("proc/cmdline", "root=UUID={uuid} resume=UUID={uuid} resume=/dev/mapper/thinkpad--vg-swap\n".format(**self.SECRET))):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for options in ((), ("--json",)):
            self.assertIn("thinkpad", self.told("--preflight", "--root", root, *options, code=None))
            text = self.told("--preflight", "--mask", "--root", root, *options, code=None)
            self.assert_hidden(text)
            self.assertIn("host-1", text)


if __name__ == "__main__":
    unittest.main()
