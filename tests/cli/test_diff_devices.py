#!/usr/bin/python3
"""Devices through the command line: inspect shows them, diff compares them, hostile ones do no harm."""

import json
import shutil
import subprocess
import unittest

from support import CliTest, memory


def value(name, text, strength="medium", presence=None):
    out = {"name": name, "text": text, "from": "test"}
    if strength:
        out["strength"] = strength
    if presence:
        out["presence"] = presence
    return out


def device(path, kind, name, place=None, parent=None, bus="", strong=(), medium=(), state=(), **more):
    out = {"path": path, "kind": kind, "name": name}
    if bus:
        out["bus"] = bus
    if parent:
        out["parent"] = parent
    identity = [value(n, t, "strong") for n, t in strong] + [value(n, t) for n, t in medium]
    if place:
        identity.append(value("place", place, "place"))
    out["identity"] = identity
    out["state"] = [value(n, t, None) for n, t in state]
    out.update(more)
    return out


CONFIG = "8680100e070410000300000200000000" + "0000c0fe" + "00" * 44


def machine(serial="SN-1", place="pci0000:00/1f.2/0", vendor_text="QEMU"):
    return [
        device("devices/pci0000:00/0000:00:1f.2", "pci", "0000:00:1f.2", "pci0000:00/1f.2", bus="pci",
               medium=[("vendor", "0x8086"), ("device", "0x2922"), ("class", "0x010601")], state=[("driver", "ahci")], config={"hex": CONFIG}),
        device("devices/pci0000:00/0000:00:1f.2/block/sda", "disk", "sda", place, "devices/pci0000:00/0000:00:1f.2", "ata",
               strong=[("serial", serial)], medium=[("vendor", vendor_text), ("model", "HARDDISK"), ("size", "1073741824")]),
        device("filesystem:sda", "filesystem", "/home", None, "devices/pci0000:00/0000:00:1f.2/block/sda",
               strong=[("uuid", "f-1")], medium=[("type", "ext4")], state=[("in-use", "mounted"), ("mount", "/home")]),
    ]


class Devices(CliTest):
    def probe(self, name, devices, schema="hibtool.probe"):
        document = {"schema": schema, "schema_version": 1, "records": [{"type": "devices", "version": 1, "fields": {"device": devices}}]}
        return self.write(name, json.dumps(document).encode())

    def image(self, name, devices=None, pages=8):
        raw = self.write("raw", memory(pages))
        out = self.path(name)
        records = ["--records", self.probe("records", devices)] if devices else []
        self.run_tool("create", "-f", "raw", raw, "-o", out, "-q", "--force", *records)
        return out


class Inspect(Devices):
    def test_a_tree_names_devices_keys_sizes_drivers_and_mount_points(self):
        out = self.run_tool("inspect", "--devices", self.image("a.hib", machine())).stdout.decode()
        lines = [line for line in out.splitlines() if "0000:00:1f.2" in line or "sda" in line or "/home" in line]
        self.assertEqual(len(lines), 3, out)
        self.assertIn("ahci", lines[0])
        self.assertRegex(lines[1], r"-sda +disk ata +QEMU HARDDISK +1\.0 GiB +serial SN-1")
        self.assertIn("uuid f-1", lines[2])
        self.assertTrue(out.endswith("\n"))
        self.assertTrue(out.isascii(), "a pipe gets an ASCII tree")

    def test_json_has_every_value_with_where_it_is_from(self):
        devices = machine()
        devices[1]["identity"].append(value("wwn", "EACCES", "strong", "unreadable"))
        document = self.json("inspect", "--devices", self.image("a.hib", devices))
        disk = document["devices"][1]
        self.assertEqual(disk["identity"]["serial"], {"value": "SN-1", "strength": "strong", "from": "test", "presence": "present"})
        self.assertEqual((disk["identity"]["wwn"]["value"], disk["identity"]["wwn"]["why"]), (None, "EACCES"))
        self.assertEqual(document["devices"][2]["parent"], disk["path"])
        self.assertEqual(document["devices"][2]["state"]["mount"]["value"], "/home")

    def test_numbers_that_no_list_of_names_knows_are_shown_as_numbers(self):
        devices = machine()
        devices[0]["identity"] = [value("vendor", "0xfff1"), value("device", "0xfffd"), value("class", "0x410601")]
        self.assertIn("fff1:fffd", self.run_tool("inspect", "--devices", self.image("a.hib", devices)).stdout.decode())

    def test_an_image_without_device_records_says_so(self):
        image = self.image("a.hib")
        self.assertIn("holds no device records", self.run_tool("inspect", "--devices", image).stdout.decode())
        self.assertIsNone(self.json("inspect", "--devices", image)["devices"])
        self.assertIn("no device records", self.run_tool("inspect", "--device", "sda", image, code=2).stderr.decode())

    def test_one_device_by_any_of_its_names(self):
        image = self.image("a.hib", machine())
        for name in ("sda", "/dev/sda", "devices/pci0000:00/0000:00:1f.2/block/sda", "/sys/devices/pci0000:00/0000:00:1f.2/block/sda"):
            self.assertIn("SN-1", self.run_tool("inspect", "--device", name, image).stdout.decode())
        self.assertEqual(self.json("inspect", "--device", "00:1f.2", image)["device"]["kind"], "pci")
        self.assertIn("no such device", self.run_tool("inspect", "--device", "sdb", image, code=2).stderr.decode())

    @unittest.skipUnless(shutil.which("lspci"), "lspci is not installed")
    def test_lspci_decodes_the_configuration_space(self):
        image = self.image("a.hib", machine())
        text = self.run_tool("inspect", "--device", "00:1f.2", "--config", image).stdout
        shown = subprocess.run(["lspci", "-n", "-vv", "-F", self.write("config", text)], capture_output=True, text=True, check=True).stdout
        self.assertIn("00:1f.2 0200: 8086:0e10 (rev 03)", shown)

    def test_configuration_space_of_a_disk_or_of_nobody_is_an_error(self):
        image = self.image("a.hib", machine())
        self.assertIn("no configuration space of sda", self.run_tool("inspect", "--device", "sda", "--config", image, code=2).stderr.decode())
        self.run_tool("inspect", "--config", image, code=64)

    def test_names_that_would_move_the_cursor_or_are_no_text_come_out_escaped(self):
        image = self.image("a.hib", machine(serial="\x1b[31mSN", vendor_text="two\nlines\u202e"))
        for arguments in (["--devices"], ["--device", "sda"], ["--devices", "--json"], ["--records"]):
            out = self.run_tool("inspect", *arguments, image).stdout
            self.assertNotIn(b"\x1b", out)
            self.assertNotIn("\u202e".encode(), out)
        broken = machine()
        broken[1]["name"] = {"hex": "ff1b5b41", "text": True}
        image = self.image("b.hib", broken)
        self.assertIn(b"\\xff\\x1b[A", self.run_tool("inspect", "--devices", image).stdout)

    def test_a_record_that_is_broken_is_an_error_that_names_the_device(self):
        broken = machine()
        broken[1]["parent"] = broken[1]["path"]
        done = self.run_tool("inspect", "--devices", self.image("a.hib", broken), code=2)
        self.assertIn("device 1: parent: a circle", done.stderr.decode())


class Diff(Devices):
    def test_equal_images_and_equal_devices_are_identical(self):
        a, b = self.image("a.hib", machine()), self.image("b.hib", machine())
        document = self.json("diff", a, b)
        self.assertTrue(document["identical"])
        self.assertEqual(set(document["devices"]), {"same", "moved", "replaced", "absent", "new", "ambiguous", "unproven", "unknown_driver"})
        self.assertEqual([entry["name"] for entry in document["devices"]["same"]], ["0000:00:1f.2", "sda", "/home"])

    def test_equal_memory_and_another_disk_are_not_identical(self):
        a, b = self.image("a.hib", machine()), self.image("b.hib", machine(serial="SN-2"))
        document = self.json("diff", a, b, code=1)
        self.assertFalse(document["identical"])
        self.assertEqual(document["pages"]["changed"], 0)
        self.assertIn("serial expected SN-1, found SN-2", document["devices"]["replaced"][0]["reason"])
        out = self.run_tool("diff", a, b, code=1).stdout.decode()
        self.assertRegex(out, r"replaced +disk +sda +sda +another device in its place")
        self.assertIn("the devices differ", out)

    def test_a_side_without_records_is_not_compared_and_the_other_says_so(self):
        a, b = self.image("a.hib", machine()), self.image("b.hib")
        self.assertFalse(self.json("diff", a, b)["devices_compared"])
        self.assertIn("b.hib has no records of them", self.run_tool("diff", a, b).stdout.decode())

    def test_two_probes_are_compared_without_pages(self):
        a, b = self.probe("a.json", machine()), self.probe("b.json", machine(place="pci0000:00/1f.2/1"))
        document = self.json("diff", a, b, code=1)
        self.assertIsNone(document["pages"])
        self.assertEqual([entry["name"] for entry in document["devices"]["moved"]], ["sda", "/home"])
        self.assertTrue(self.json("diff", a, a)["identical"])

    def test_an_image_and_a_probe_are_compared_by_their_devices(self):
        document = self.json("diff", self.image("a.hib", machine()), self.probe("b.json", machine()[:1]), code=1)
        self.assertEqual([entry["name"] for entry in document["devices"]["absent"]], ["sda", "/home"])
        self.assertEqual((document["a"]["format"], document["b"]["format"]), ("hib", "probe"))

    def test_two_sides_with_nothing_to_compare_are_an_error(self):
        probe = self.write("empty.json", json.dumps({"schema": "hibtool.probe", "records": []}).encode())
        self.assertIn("no device records", self.run_tool("diff", self.image("a.hib", machine()), probe, code=2).stderr.decode())

    def test_a_probe_that_is_cut_is_an_error_and_not_an_image(self):
        whole = json.dumps({"schema": "hibtool.probe", "records": []})
        self.assertIn("not a whole JSON document", self.run_tool("diff", self.write("cut.json", whole[:-1].encode()), self.image("a.hib"), code=2).stderr.decode())

    def test_twins_are_ambiguous_with_their_candidates(self):
        twins = [device(f"block/sd{n}", "disk", f"sd{n}", f"p{n}", medium=[("model", "M")]) for n in "ab"]
        swapped = [dict(twins[0]), device("block/sdb", "disk", "sdb", "p9", medium=[("model", "M")])]
        document = self.json("diff", self.probe("a.json", twins), self.probe("b.json", swapped), code=1)
        self.assertEqual(sorted(document["devices"]["ambiguous"][0]["candidates"]), ["block/sda", "block/sdb"])
        self.assertTrue(self.json("diff", self.path("a.json"), self.path("a.json"))["identical"])

    def test_wrong_combinations_are_usage_errors(self):
        a = self.image("a.hib", machine())
        self.run_tool("diff", a, code=64)
        self.run_tool("diff", a, a, "--against-running", code=64)
        self.run_tool("diff", a, a, "--root", "/", code=64)


if __name__ == "__main__":
    unittest.main()
