"""probe: captured trees of odd machines, this machine, capturing, and trees that somebody made to hurt."""

import json
import os
import runpy
import stat
import subprocess
import sys
import unittest
from pathlib import Path

from support import HIBTOOL, ROOT, CliTest

MACHINES = ROOT / "samples" / "machines"
unpack = runpy.run_path(str(MACHINES / "unpack"))["unpack"]


class ProbeTest(CliTest):
    def machine(self, name):
        folder = self.folder / name
        unpack(MACHINES / f"{name}.tree", folder)
        return folder

    def devices(self, root):
        records = {r["type"]: r["fields"] for r in self.json("probe", "--root", str(root))["records"]}
        devices = records["devices"].get("device", [])
        return {d["path"]: d for d in (devices if isinstance(devices, list) else [devices])}

    def values(self, device, part, name):
        values = device.get(part, [])
        return [v for v in (values if isinstance(values, list) else [values]) if v["name"] == name]

    def text(self, device, part, name):
        return [v.get("text", "") for v in self.values(device, part, name)]


    def case(self, name):
        """A hibernation image of samples/swsusp."""
        subprocess.run([sys.executable, ROOT / "samples" / "swsusp" / "generate", self.folder, name], check=True)
        return self.path(f"{name}.img")


class Machines(ProbeTest):
    def test_every_machine_gives_the_records_and_the_tree_beside_it(self):
        trees = sorted(MACHINES.glob("*.tree"))
        self.assertGreaterEqual(len(trees), 13)
        for tree in trees:
            with self.subTest(tree.stem):
                folder = self.machine(tree.stem)
                self.assertEqual(self.json("probe", "--root", str(folder)), json.loads(tree.with_suffix(".json").read_text()))
                self.assertEqual(self.run_tool("probe", "--root", str(folder), "--numeric").stdout.decode(), tree.with_suffix(".txt").read_text())

    def test_a_copy_of_what_is_read_gives_the_same_records(self):
        for tree in sorted(MACHINES.glob("*.tree")):
            with self.subTest(tree.stem):
                folder = self.machine(tree.stem)
                copy = str(self.folder / f"{tree.stem}.copy")
                first = self.json("probe", "--root", str(folder), "--capture", copy)
                self.assertEqual(self.json("probe", "--root", copy), first)

    def test_parents_come_before_their_children_and_are_all_there(self):
        for tree in sorted(MACHINES.glob("*.tree")):
            seen = set()
            devices = self.devices(self.machine(tree.stem))
            for path, device in devices.items():
                self.assertIn(device.get("parent", ""), seen | {""}, f"{tree.stem}: {path}")
                seen.add(path)
            for path, device in devices.items():
                members = device.get("member", [])
                for member in members if isinstance(members, list) else [members]:
                    self.assertIn(member, seen, f"{tree.stem}: {path}")

    def test_a_function_without_a_driver_names_the_module_that_it_needs(self):
        devices = self.devices(self.machine("missing-driver"))
        raid = devices["devices/pci0000:00/0000:00:05.0"]
        self.assertEqual(self.values(raid, "state", "driver"), [])
        self.assertEqual(self.text(raid, "state", "modules"), ["megaraid_sas"])
        self.assertEqual(self.text(devices["devices/pci0000:00/0000:00:07.0"], "state", "driver"), ["virtio-pci"])

    def test_one_disk_behind_two_controllers_is_one_disk(self):
        disks = [d for d in self.devices(self.machine("nvme-multipath")).values() if d["kind"] == "disk"]
        self.assertEqual([d["name"] for d in disks], ["nvme0n1"])
        self.assertEqual(len(disks[0]["member"]), 2)

    def test_the_paths_of_a_multipath_volume_are_the_same_ones_when_nothing_has_changed(self):
        records = self.path("records.json")
        self.run_tool("probe", "--root", str(self.machine("multipath-scsi")), "-o", records)
        document = self.json("diff", records, records)
        self.assertTrue(document["identical"])
        verdicts = {name: len(document["devices"][name]) for name in ("moved", "replaced", "absent", "new", "ambiguous")}
        self.assertEqual(set(verdicts.values()), {0}, verdicts)
        reasons = {d["name"]: d["reason"] for d in document["devices"]["same"]}
        self.assertIn("a path to serial 00c0206301b5XX01", reasons["sda"])
        self.assertIn("a path to serial 00c0206301b5XX01", reasons["sdb"])

    def test_a_file_system_on_two_disks_is_one_with_its_mounts(self):
        systems = [d for d in self.devices(self.machine("btrfs-two-disks")).values() if d["kind"] == "filesystem"]
        self.assertEqual(len(systems), 1)
        self.assertEqual(self.text(systems[0], "state", "mount"), ["/", "/home"])
        self.assertEqual(len(systems[0]["member"]), 2)

    def test_twins_have_no_strong_key_of_their_own_and_different_places(self):
        disks = [d for d in self.devices(self.machine("usb-twins")).values() if d["kind"] == "disk"]
        self.assertEqual(len({tuple(self.text(d, "identity", "place")) for d in disks}), 3)
        for disk in disks:
            strong = [v for v in disk["identity"] if v.get("strength") == "strong" and "presence" not in v]
            self.assertEqual([v for v in strong if not v["name"].startswith("content.")], [])


class Output(ProbeTest):
    def test_the_file_is_what_create_takes_and_an_image_gives_it_back(self):
        folder = self.machine("luks-lvm")
        records = self.path("records.json")
        self.run_tool("probe", "--root", str(folder), "-o", records)
        self.assertEqual(stat.S_IMODE(os.stat(records).st_mode), 0o600)
        image = self.path("image.hib")
        self.run_tool("create", self.write("memory", bytes(16 * 4096)), "--format", "raw", "--records", records, "-o", image)
        kept = {r["type"]: r for r in self.json("inspect", "--records", image)["records"]}
        wanted = {r["type"]: r for r in json.loads(Path(records).read_text())["records"]}
        self.assertEqual(kept["devices"], wanted["devices"])
        self.assertEqual(kept["machine"]["fields"]["memory_map"], wanted["machine"]["fields"]["memory_map"])

    def test_an_existing_file_needs_force(self):
        folder = str(self.machine("usb-twins"))
        output = self.write("records.json", b"mine")
        self.run_tool("probe", "--root", folder, "-o", output, code=4)
        self.assertEqual(Path(output).read_bytes(), b"mine")
        self.run_tool("probe", "--root", folder, "-o", output, "--force")
        self.assertEqual(json.loads(Path(output).read_text())["schema"], "hibtool.probe")

    def test_a_root_without_a_machine_is_an_error_of_every_verb_that_takes_one(self):
        (self.folder / "empty").mkdir()
        image = self.case("lz4")
        records = str(MACHINES / "old-pc.json")
        for root, said in (("typo", "open: No such file"), ("lz4.img", "root: not a folder"), ("empty", "root: a folder without proc and sys")):
            for verb in (["probe"], ["diff", records, "--against-running"], ["verify", image, "--against-running"]):
                with self.subTest(root=root, verb=verb[0]):
                    refused = self.run_tool(*verb, "--root", self.path(root), code=2)
                    self.assertIn(said, refused.stderr.decode())
                    self.assertEqual(refused.stdout, b"")

    def test_a_machine_of_which_little_can_be_read_is_not_called_one_that_accepts(self):
        (self.folder / "bare" / "proc").mkdir(parents=True)
        said = self.run_tool("verify", self.case("lz4"), "--against-running", "--root", self.path("bare")).stdout.decode()
        self.assertIn("lz4.img: good, and nothing that could be compared speaks against accepting it\n", said)

    def test_a_root_that_nothing_is_compared_with_is_a_usage_error(self):
        self.run_tool("verify", self.case("lz4"), "--root", str(self.machine("old-pc")), code=64)

    def test_of_a_capture_that_finds_no_room_nothing_is_left(self):
        machine = str(self.machine("usb-twins"))
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", disk], capture_output=True).returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        for folder in (disk / "new", disk):  # one that is made, and one that is there
            with self.subTest(folder=folder.name):
                refused = self.run_tool("probe", "--root", machine, "--capture", str(folder), code=2)
                self.assertRegex(refused.stderr.decode(), r"^hibtool: .*/disk/.*: write: No space left on device\n$")
                self.assertEqual(refused.stdout, b"")
                self.assertEqual(list(disk.iterdir()), [])

    def test_a_capture_does_not_touch_a_folder_that_holds_something(self):
        self.write("mine", b"x")
        self.run_tool("probe", "--root", str(self.machine("usb-twins")), "--capture", str(self.folder), code=4)

    def test_hostile_names_reach_the_terminal_escaped(self):
        said = self.run_tool("probe", "--root", str(self.machine("bind-mounts"))).stdout
        self.assertNotIn(b"\x1b", said)


class Hostile(ProbeTest):
    """A tree that goes wrong in one place gives everything else."""

    def test_a_fifo_a_circle_a_huge_file_and_a_link_to_the_outside_cost_one_value_each(self):
        folder = self.machine("luks-lvm")
        nvme = next(folder.glob("sys/devices/pci*/*/*/nvme/nvme0"))
        disk = nvme / "nvme0n1"
        for path in (nvme / "serial", nvme / "model", disk / "eui", disk / "size"):
            path.unlink()
        os.mkfifo(nvme / "serial")
        (nvme / "model").symlink_to("model")
        (disk / "eui").write_bytes(bytes(2 << 20))
        (disk / "size").symlink_to("/../../../../../../../../etc/hostname")
        found = self.devices(folder)
        self.assertEqual(set(found), set(self.devices(self.machine_again("luks-lvm"))))
        device = next(d for d in found.values() if d["name"] == "nvme0n1")
        for name in ("nvme", "model", "eui", "size"):
            value = self.values(device, "identity", name)[0]
            self.assertEqual(value["presence"], "unreadable", name)
            self.assertTrue(value["text"], name)

    def machine_again(self, name):
        folder = self.folder / f"{name}-again"
        unpack(MACHINES / f"{name}.tree", folder)
        return folder

    def test_a_machine_without_mountinfo_says_so_for_each_file_system(self):
        folder = self.machine("luks-lvm")
        (folder / "proc/self/mountinfo").unlink()
        for device in self.devices(folder).values():
            if device["kind"] == "filesystem":
                self.assertEqual(self.values(device, "state", "mount")[0]["presence"], "unreadable")

    def test_what_the_machine_could_not_read_of_a_disk_is_unreadable_in_its_copy(self):
        folder = self.machine("old-pc")
        copy = str(self.folder / "copy")
        self.run_tool("probe", "--root", str(folder), "--capture", copy)
        drive = next(d for d in self.devices(copy).values() if d["name"] == "sr0")
        self.assertEqual(self.values(drive, "identity", "content.ptuuid")[0]["text"], "/dev/sr0: No medium found")

    def test_who_may_not_open_a_disk_learns_from_udev_what_lies_on_it(self):
        folder = self.machine("usb-twins")
        (folder / "hibtool/block/sda").write_text("UNREADABLE=/dev/sda: open: Permission denied\n")
        (folder / "run/udev/data").mkdir(parents=True)
        (folder / "run/udev/data/b8:0").write_text("S:disk/by-label/X\nE:ID_FS_TYPE=vfat\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=AAAA-0000\nE:ID_FS_UUID_ENC=AAAA\nE:ID_PART_TABLE_UUID=12345678\n")
        devices = self.devices(folder)
        disk = next(d for d in devices.values() if d["name"] == "sda")
        uuid = self.values(disk, "identity", "content.fs-uuid")[0]
        self.assertEqual((uuid["text"], uuid["from"]), ("AAAA-0000", "udev"))
        self.assertEqual(self.text(disk, "identity", "content.ptuuid"), ["12345678"])
        system = devices[f"filesystem:{disk['path']}"]
        self.assertEqual(self.values(system, "identity", "uuid")[0]["from"], "udev")

    def test_a_tree_with_very_many_mounts_of_one_file_system_is_cut_and_says_so(self):
        folder = self.machine("usb-twins")
        lines = [f"{n + 30} 1 8:0 / /m{n} rw - vfat /dev/sda rw" for n in range(5000)]
        (folder / "proc/self/mountinfo").write_text("\n".join(lines) + "\n")
        system = next(d for d in self.devices(folder).values() if d["kind"] == "filesystem" and d["path"].endswith("/sda"))
        mounts = self.values(system, "state", "mount")
        self.assertEqual(len(mounts), 65)
        self.assertEqual(mounts[-1]["presence"], "unreadable")

    def test_a_captured_tree_is_only_read(self):
        folder = self.machine("sriov-nic")
        before = subprocess.run(["find", folder, "-printf", "%p %s %T@ %m %l\n"], capture_output=True).stdout
        self.run_tool("probe", "--root", str(folder))
        self.assertEqual(subprocess.run(["find", folder, "-printf", "%p %s %T@ %m %l\n"], capture_output=True).stdout, before)


class ThisMachine(ProbeTest):
    @unittest.skipUnless(os.path.isdir("/sys/devices"), "/sys is not mounted here")
    def test_create_puts_this_machine_into_an_image_of_it(self):
        source = self.write("m.raw", b"\1\2\3\4" * 4096)
        self.run_tool("create", "-f", "raw", source, "--probe", "-o", self.path("m.hib"), "-q")
        self.assertEqual(self.json("inspect", self.path("m.hib"), "--devices")["devices"][0]["path"], self.json("probe")["records"][1]["fields"]["device"][0]["path"])
        self.assertTrue(self.json("diff", self.path("m.hib"), "--against-running", code=None)["devices_compared"])  # others may mount meanwhile

    def test_this_machine_is_probed_and_its_copy_gives_the_same_devices(self):
        copy = self.folder / "copy"
        document = self.json("probe", "--capture", str(copy))
        again = self.json("probe", "--root", str(copy))
        self.assertEqual(document["schema"], "hibtool.probe")
        self.assertEqual({r["type"] for r in document["records"]}, {"machine", "devices"})
        self.assertEqual(again, document)
        self.assertEqual(document["records"][0]["fields"]["release"], os.uname().release)

    def test_no_block_of_a_disk_is_copied(self):
        copy = self.folder / "copy"
        self.run_tool("probe", "--capture", str(copy))
        for path in copy.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.assertLess(path.stat().st_size, 4 << 20, path)
                self.assertTrue(str(path.relative_to(copy)).split("/")[0] in ("sys", "proc", "hibtool", "lib", "usr", "run") or path.stat().st_size == 0, path)


if __name__ == "__main__":
    unittest.main()
