#!/usr/bin/env python3
"""Who may use the kernel module: nobody but a process with the capabilities in the initial user namespace, on a kernel that is
not locked down and of a series that was tested, or by a parameter that images then tell of."""

import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli"), str(HERE.parent / "support")]
import json_schema  # noqa: E402
import jump  # noqa: E402
from living import Machine, life  # noqa: E402
from support import HIBTOOL, ROOT  # noqa: E402
from test_jump import CACHE, SAVE, JumpTest  # noqa: E402

CALLS = {"HIBJUMP_INFO", "HIBJUMP_ARM", "HIBJUMP_DISARM", "HIBJUMP_LEAVE", "HIBJUMP_RETURN", "HIBJUMP_DEVICES", "HIBJUMP_STAGE", "HIBJUMP_STAGED", "HIBJUMP_HOME", "pread", "pwrite", "mmap"}
WRITE_INTO_REGION = "dd if=/dev/zero of=/dev/hibjump bs=4096 count=1 seek=$((0x$(sed -n 's/^ *\\([0-9a-f]*\\)-.*Crash kernel/\\1/p' /proc/iomem) / 4096))"


PRETEND = "/sys/module/hibjump/parameters/pretend"
HYPERV, FRED, ENCRYPTED = 1 << 6, 1 << 5, 1 << 0


def build_programs(folder, *names):
    """name in the guest -> Path"""
    programs = {f"bin/{name}": folder / name for name in names}
    for name, program in zip(names, programs.values()):
        subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-I", str(ROOT / "kernel-glue/include/uapi"), "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return programs


class Access(JumpTest):
    machine = Machine(cpus=2)

    def answers(self, guest, who):
        return dict(line.split() for line in self.run_in(guest, f"who_may {who}").splitlines())

    def test_only_a_privileged_process_of_the_initial_namespace_may_call(self):
        living = self.living(self.machine)
        living.initramfs = living.initramfs_for(living.kernel, files=build_programs(living.folder, "who_may", "secret"))
        with living.boot() as guest:
            self.begin(guest, living.machine)
            root = self.answers(guest, "root")
            self.assertEqual((root["open"], root["HIBJUMP_INFO"], root["pread-region"]), ("success",) * 3)
            self.assertNotIn("EPERM", root.values())
            self.assertEqual({root[name] for name in ("pread", "pwrite", "pwrite-below", "pwrite-above")}, {"ERANGE"}, "outside of the crash region")
            self.assertEqual(self.answers(guest, "unprivileged"), {"open": "EPERM"})
            for who in ("dropped", "container"):
                refused = self.answers(guest, who)
                self.assertEqual({refused[name] for name in CALLS | {"open-again"}}, {"EPERM"}, who)
            self.describes_processor_0_or_none(guest)
            self.run_in(guest, "hibtool arm -q")
            self.run_in(guest, "rmmod hibjump", code=1)  # what is armed stays
            self.assertIn("busy", self.run_in(guest, WRITE_INTO_REGION, code=1))
            self.keeps_secrets(guest)
            self.run_in(guest, "hibtool disarm -q")
            self.run_in(guest, "echo 1 > /proc/sys/kernel/kexec_load_disabled")
            self.assertIn("kexec: the kernel enters no other one", self.run_in(guest, "hibtool arm", code=4))
            self.assertEqual(self.answers(guest, "root")["HIBJUMP_STAGE"], "EPERM")
            self.run_in(guest, "echo 0 > /tmp/kexec_load_disabled; mount -o bind /tmp/kexec_load_disabled /proc/sys/kernel/kexec_load_disabled")
            self.assertEqual(self.answers(guest, "root")["HIBJUMP_STAGE"], "EPERM", "another file stands over the kernel's")
            self.run_in(guest, "umount /proc/sys/kernel/kexec_load_disabled; mount -o bind /proc/sys/kernel/panic_on_warn /proc/sys/kernel/kexec_load_disabled")
            self.assertEqual(self.answers(guest, "root")["HIBJUMP_STAGE"], "EPERM", "another sysctl stands over it")
            self.run_in(guest, "umount /proc/sys/kernel/kexec_load_disabled")
            refused = self.answers(guest, "locked")
            self.assertEqual({refused[name] for name in CALLS | {"open-again"}}, {"EPERM"}, "locked down")
            self.assertIn("not locked down", self.run_in(guest, "hibtool arm", code=4))
            self.run_in(guest, "rmmod hibjump")

    def describes_processor_0_or_none(self, guest):
        """Processors may differ, and a machine is left on the first one."""
        self.run_in(guest, "mount -t cgroup2 none /sys/fs/cgroup; cd /sys/fs/cgroup && echo +cpuset > cgroup.subtree_control && mkdir last && echo 1 > last/cpuset.cpus; cd /")
        for line, before in (("arm", "true"), ("hibernate --return", "hibtool arm -q --target /dev/vda")):
            said = self.run_in(guest, f"{before}; sh -c 'echo $$ > /sys/fs/cgroup/last/cgroup.procs; exec hibtool {line}'", code=4)
            self.assertIn("processor 0: it is off, or this process may not run there", said)
        self.run_in(guest, "hibtool disarm -q")

    def keeps_secrets(self, guest):
        """What a program keeps secret lies in no image, also where it began to after arming."""
        life_before = life(guest)
        self.run_in(guest, "secret > /tmp/secret & until grep -q HOLDING /tmp/secret; do usleep 50000; done")
        said = self.run_in(guest, "hibtool hibernate --rehearse", code=4)
        self.assertRegex(said, r"hibernation: process \d+ \(secret\) keeps memory secret")
        self.assert_goes_on(guest, self.machine, life_before)
        self.assertIn("keeps memory secret", self.run_in(guest, "hibtool disarm -q; hibtool arm", code=4))
        self.run_in(guest, "killall secret; hibtool arm -q && hibtool hibernate -q --rehearse && hibtool arm -q")


class Untested(JumpTest):
    def test_it_loads_only_when_it_is_told_to_and_the_image_says_so(self):
        living = self.living(Machine(modules=("i6300esb",)))
        module = jump.build_module(living.kernel, CACHE, untested=True)
        living.initramfs = living.initramfs_for(living.kernel, files={f"lib/modules/{living.kernel.release}/updates/hibjump.ko": module, **build_programs(living.folder, "who_may")})
        with living.boot("hib.saver", extra=["-device", "i6300esb,id=watchdog"]) as guest:  # hib.saver leaves the module to the test
            self.begin(guest, living.machine)
            runs = self.start_watchdog(guest)
            self.run_in(guest, "insmod /lib/modules/*/updates/hibjump.ko", code=95)  # EOPNOTSUPP
            self.assertIn("untested kernel series; allow_untested=1", self.run_in(guest, "dmesg | grep hibjump:"))
            self.run_in(guest, "insmod /lib/modules/*/updates/hibjump.ko allow_untested=1")
            self.refuses(guest, FRED, "processor: the kernel uses FRED.*; boot with fred=off")
            self.refuses(guest, ENCRYPTED | HYPERV, "encryption: memory is encrypted.*; boot with mem_encrypt=off")
            self.run_in(guest, f"echo {HYPERV} > {PRETEND}")
            before = life(guest)
            self.assertIn("allow_untested=1", self.run_in(guest, "hibtool arm --check"))
            self.run_in(guest, SAVE + " --return")
            self.assert_goes_on(guest, living.machine, before)
            self.assertEqual(self.run_in(guest, runs), "0", "the saver has stopped the watchdog")
        done = subprocess.run([HIBTOOL, "inspect", "--json", "--records", str(living.target)], capture_output=True, text=True, check=True)
        record = next(record for record in json_schema.loads(done.stdout)["records"] if record["type"] == "jump")
        self.assertEqual((record["fields"]["untested_series"], record["fields"]["untested_machine"]), (1, 1))

    def refuses(self, guest, reasons, words):
        """What no parameter lifts: the module refuses, and hibtool says why."""
        self.run_in(guest, f"echo {reasons} > {PRETEND}")
        self.assertRegex(self.run_in(guest, "hibtool arm", code=4), words)
        self.assertIn("HIBJUMP_ARM EOPNOTSUPP", self.run_in(guest, "who_may root"))

    def start_watchdog(self, guest):
        """One that would restart the machine in three minutes; a command that says by its register (LOCK, 0x68) whether it runs."""
        runs = "cd /sys/bus/pci/drivers/i6300*/0*/; dd if=config bs=1 skip=104 count=1 2> /dev/null | hexdump -e '1/1 \"%d\"' | awk '{print int($1 / 2) % 2}'; cd /"
        self.run_in(guest, "watchdog -t 30 -T 180 /dev/watchdog0")
        self.assertEqual(self.run_in(guest, runs), "1")
        return runs


if __name__ == "__main__":
    unittest.main()
