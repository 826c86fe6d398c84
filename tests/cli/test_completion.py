#!/usr/bin/python3
"""Completion in the shells themselves: bash, zsh and fish are asked what they would offer behind a command line."""

import json
import os
import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

from support import HIBTOOL, ROOT, CliTest
from terminal import environment, read_until, terminal

VERBS = {"inspect", "verify", "create", "restore", "mount", "diff", "rearm", "diagnose", "probe", "arm", "disarm", "hibernate", "resume"}
OLD_PC = str(ROOT / "samples" / "machines" / "old-pc.json")

BASH = r"""
source "$SCRIPT"
line=$1
read -ra words <<<"${line//=/ = }"
[[ $line == *[[:space:]] ]] && words+=("")
COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
_hibtool
printf '%s\n' "${COMPREPLY[@]}"
"""

# zsh completes in an interactive shell only: one on a terminal, which prints what compadd is given.
ZSH = r"""
PS1='ready> ' ; PROMPT_SP='' ; unsetopt prompt_cr prompt_sp
fpath=($FOLDER $fpath) ; autoload -Uz compinit ; compinit -u -D -d $FOLDER/dump
zstyle ':completion:*' menu no ; zstyle ':completion:*' list-packed no ; LISTMAX=1000
compadd () {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
    typeset -a __hits ; builtin compadd -A __hits "$@" ; builtin compadd "$@"
    for hit in $__hits; do print -r -- "offer:$hit:" >> $FOLDER/offers; done
}
finish () { print -r -- end >> $FOLDER/offers; zle kill-whole-line ; print "done-"completing }
complete-all () { zle list-choices; finish }
zle -N complete-all ; bindkey '^T' complete-all
"""


class Shell:
    """What every shell has to offer."""

    def setUp(self):
        super().setUp()
        if shutil.which(self.shell) is None:
            self.skipTest(f"no {self.shell}")
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "hibtool").symlink_to(Path(HIBTOOL).resolve())
        self.script = self.path({"zsh": "_hibtool", "bash": "hibtool", "fish": "hibtool.fish"}[self.shell])
        Path(self.script).write_bytes(self.run_tool("completion", self.shell).stdout)
        for name in ("crash.hib", "with blank.hib"):
            self.write(name, b"")
        (self.folder / "captured").mkdir()
        memory = self.write("memory.raw", bytes(16384))
        self.run_tool("create", "-q", "-f", "raw", memory, "-o", self.path("old-pc.hib"), "--records", OLD_PC)
        self.environment = environment(PATH=f"{self.path('bin')}:{os.environ['PATH']}", SCRIPT=self.script, FOLDER=str(self.folder), HOME=str(self.folder),
                                       XDG_CONFIG_HOME=str(self.folder), XDG_DATA_HOME=str(self.folder), ZDOTDIR=str(self.folder))

    def test_it_offers_every_verb_that_help_shows_and_no_other(self):
        offered = self.offered("hibtool ")
        self.assertLessEqual(VERBS | {"help"}, offered)
        self.assertNotIn("completion", offered)
        self.assertEqual(self.offered("hibtool ins"), {"inspect"})

    def test_help_takes_a_verb(self):
        self.assertLessEqual(VERBS, self.offered("hibtool help "))

    def test_it_offers_every_option_that_the_help_of_a_verb_shows(self):
        for verb in ("restore", "arm"):
            text = self.run_tool(verb, "--help").stdout.decode()
            shown = set(re.findall(r"(?m)^  (?:-\w,\s*)?(--[\w-]+)", text))
            self.assertGreater(len(shown), 8)
            offered = {word.rstrip("=") for word in self.offered(f"hibtool {verb} --")}
            self.assertEqual(shown - offered, set())
        self.assertNotIn("--rearm", self.offered("hibtool restore --"), "a spelling that --help does not show")

    def test_it_offers_no_option_behind_two_dashes(self):
        shutil.copy(self.path("crash.hib"), self.path("-crash.hib"))
        offered = {word.removeprefix("./") for word in self.offered("hibtool verify -- -")}
        self.assertEqual(offered, {"-crash.hib"})

    def test_it_offers_the_values_of_an_option(self):
        self.assertEqual(self.offered("hibtool restore --as "), {"hib", "kdump", "elf", "lime", "avml", "swsusp", "snapshot", "raw"})
        self.assertEqual(self.offered("hibtool restore --codec l"), {"lzo", "lz4"})
        self.assertLessEqual({"auto", "kdump", "tuxonice"}, self.offered("hibtool inspect -f "))

    def test_it_offers_files_for_images_and_folders_for_folders(self):
        offered = self.offered("hibtool verify ")
        self.assertTrue(any("crash.hib" in word for word in offered), offered)
        self.assertTrue(any("blank" in word for word in offered), offered)
        folders = {word.rstrip("/") for word in self.offered("hibtool probe --root cap")}
        self.assertEqual(folders, {"captured"})
        self.assertFalse(any("crash.hib" in word for word in self.offered("hibtool probe --root c")))

    def test_it_offers_nothing_for_a_value_that_nobody_can_guess(self):
        self.assertEqual(self.offered("hibtool inspect --page "), set())

    def test_it_offers_the_block_devices_where_a_verb_takes_one(self):
        listed = subprocess.run(["lsblk", "-nrpo", "NAME"], capture_output=True, text=True).stdout.split()
        if not listed:
            self.skipTest("this machine shows no block device")
        for line in (f"hibtool resume {listed[0][:-1]}", f"hibtool arm --target {listed[0][:-1]}"):
            self.assertIn(listed[0], self.offered(line), line)

    def test_it_offers_the_devices_that_the_image_of_the_line_has_recorded(self):
        self.assertEqual(self.offered("hibtool inspect old-pc.hib --device s"), {"sda", "sda1", "sdb", "sdc", "sr0", "swap"} & self.offered("hibtool inspect old-pc.hib --device s"))
        self.assertLessEqual({"sda", "sdb", "sr0"}, self.offered("hibtool inspect old-pc.hib --device s"))

    def test_no_name_that_an_image_has_recorded_is_run(self):
        names = ["$(touch${IFS}ran)", "`>ran`", "sd a;>ran", "(>ran)"]
        devices = [{"path": f"devices/{number}", "kind": "disk", "name": name, "identity": [], "state": []} for number, name in enumerate(names)]
        records = {"schema": "hibtool.probe", "schema_version": 1, "records": [{"type": "devices", "version": 1, "fields": {"device": devices}}]}
        self.run_tool("create", "-q", "-f", "raw", self.path("memory.raw"), "-o", self.path("evil.hib"), "--records", self.write("evil.json", json.dumps(records).encode()))
        for line in ("hibtool inspect evil.hib --device ", "hibtool resume evil.hib --accept ", "hibtool inspect evil.hib --device sd"):
            offered = self.offered(line)
            self.assertTrue(any("ran" in word for word in offered), (line, offered))
            self.assertNotIn("ran", self.names(), line)
            if self.shell == "bash":  # what is offered is one word of the command line, and no more
                for word in offered:
                    done = subprocess.run(["bash", "-c", f"printf '%s\\n' {word}"], cwd=self.folder, capture_output=True, text=True)
                    self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 1), word)
                self.assertNotIn("ran", self.names(), line)

    def keys(self, line):
        return {word.removeprefix("--accept=").rstrip("=") for word in self.offered(line)}

    def values(self, line):
        return {word.rpartition("=")[2] for word in self.offered(line)}

    def test_it_offers_what_resume_can_be_told_to_accept(self):
        verdicts = {"moved", "replaced", "absent", "ambiguous", "unproven", "unknown-driver", "written"}
        self.assertEqual(self.keys("hibtool resume --accept pr"), {"processor"})
        self.assertEqual(self.keys("hibtool resume --accept="), {"processor", "hardware"})
        self.assertLessEqual({"processor", "hardware", "sda", "sr0"}, self.keys("hibtool resume old-pc.hib --accept "))
        for option in ("--accept ", "--accept="):
            self.assertEqual(self.values(f"hibtool resume {option}processor="), {"other"})
            self.assertEqual(self.values(f"hibtool resume old-pc.hib {option}sda="), verdicts)
            self.assertEqual(self.values(f"hibtool resume {option}sdb=un"), {"unproven", "unknown-driver"})

    def test_a_verb_with_an_image_and_a_folder_offers_files(self):
        self.assertTrue(any("old-pc.hib" in word for word in self.offered("hibtool mount old")))


class Bash(Shell, CliTest):
    shell = "bash"

    def offered(self, line):
        done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", line], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return set(done.stdout.splitlines()) - {""}

    def test_bash_itself_finds_the_function(self):
        done = subprocess.run(["bash", "--norc", "-c", 'source "$SCRIPT" && complete -p hibtool'], env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.stdout, "complete -F _hibtool hibtool\n")

    def test_it_completes_behind_the_sign_of_equality_and_behind_a_comma(self):
        self.assertEqual(self.offered("hibtool restore --as=sn"), {"snapshot"})
        self.assertEqual(self.offered("hibtool diff -f auto,kd"), {"auto,kdump"})

    def test_a_name_with_a_blank_is_one_reply(self):
        self.assertEqual(self.offered("hibtool verify with"), {"with blank.hib"})

    def test_on_a_terminal_the_key_completes(self):
        with terminal() as (master, slave):
            shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], cwd=self.folder, stdin=slave, stdout=slave, stderr=slave,
                                     env={**self.environment, "PS1": "ready> ", "INPUTRC": "/dev/null", "TERM": "dumb"}, start_new_session=True)
            self.addCleanup(shell.wait)
            self.addCleanup(shell.kill)
            read_until(master, b"ready> ")
            os.write(master, b'source "$SCRIPT"\n')
            read_until(master, b"ready> ")
            os.write(master, b"echo hibtool; hibtool insp\t --he\t; echo and-$?\n")
            said = read_until(master, b"and-0")
            self.assertIn(b"Usage: hibtool inspect", said.replace(b"\r", b"").replace(b"hibtool inspect [", b"Usage: hibtool inspect ["))


class Fish(Shell, CliTest):
    shell = "fish"

    def offered(self, line):
        command = f"source {shlex.quote(self.script)}; complete -C {shlex.quote(line)}"
        done = subprocess.run(["fish", "--no-config", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return {offer.split("\t")[0].replace("\\ ", " ") for offer in done.stdout.splitlines()} - {""}

    def test_it_says_what_each_option_does(self):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {shlex.quote(self.script)}; complete -C 'hibtool inspect --dm'"], env=self.environment,
                              capture_output=True, text=True)
        self.assertEqual(done.stdout, "--dmesg\tprint the kernel's log, which lies in the memory\n")


class Zsh(Shell, CliTest):
    shell = "zsh"

    def offered(self, line):
        offers = self.folder / "offers"
        offers.unlink(missing_ok=True)
        self.write("setup", ZSH.encode())
        with terminal(columns=200, rows=100) as (master, slave):
            shell = subprocess.Popen(["zsh", "-f", "-i"], cwd=self.folder, stdin=slave, stdout=slave, stderr=slave, env={**self.environment, "TERM": "dumb"},
                                     start_new_session=True)
            try:
                os.write(master, b"source $FOLDER/setup\n")
                read_until(master, b"ready> ")
                os.write(master, line.encode() + b"\x14")
                read_until(master, b"done-completing")
            finally:
                shell.kill()
                shell.wait()
        found = re.findall(r"(?m)^offer:(.*):$", offers.read_text()) if offers.exists() else []
        return {word.replace("\\ ", " ") for word in found} - {""}


if __name__ == "__main__":
    unittest.main()
