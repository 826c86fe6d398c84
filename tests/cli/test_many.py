"""Verbs on many images: inspect of lists and folders, diff of more than two."""

import json
import os
import unittest

from support import PAGE, CliTest, json_schema, memory


class Inspect(CliTest):
    def setUp(self):
        super().setUp()
        self.source = self.write("m.raw", memory(40))
        self.run_tool("create", "-f", "raw", self.source, "-o", self.path("m.hib"), "--chunk-size", "16")
        self.image = (self.folder / "m.hib").read_bytes()
        self.tree = self.folder / "tree"
        self.tree.mkdir()

    def put(self, name, content=None):
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.image if content is None else content)
        return str(path)

    def lines(self, *arguments, code=0):
        done = self.run_tool("inspect", "--json", *arguments, code=code)
        return [json_schema.loads(line) for line in done.stdout.decode().splitlines()]

    def told(self, *arguments, code=0):
        return [os.path.relpath(one.get("path", one.get("file")), self.tree) for one in self.lines(*arguments, code=code)]

    def test_one_image_is_a_document_as_ever_and_a_folder_of_one_is_a_line(self):
        path = self.put("only.hib")
        self.assertGreater(len(self.run_tool("inspect", "--json", path).stdout.splitlines()), 10)
        self.assertEqual(len(self.run_tool("inspect", "--json", str(self.tree)).stdout.splitlines()), 1)
        self.assertEqual(self.lines(str(self.tree))[0], self.json("inspect", path))

    def test_a_folder_is_read_in_the_order_of_the_names_with_the_folders_in_it(self):
        for name in ("b.hib", "a/z.hib", "a/b/c.hib", "c.hib", "a.hib", "B.hib", "\u00e4.hib"):
            self.put(name)
        # Byte by byte, and a folder takes its place among the files.
        self.assertEqual(self.told(str(self.tree)), ["B.hib", "a/b/c.hib", "a/z.hib", "a.hib", "b.hib", "c.hib", "\u00e4.hib"])
        self.assertEqual(self.told(str(self.tree / "c.hib"), str(self.tree / "a")), ["c.hib", "a/b/c.hib", "a/z.hib"])

    def test_what_is_hidden_or_no_file_or_no_image_is_left_out(self):
        self.put("a.hib")
        self.put(".hidden.hib")
        self.put(".git/b.hib")
        self.put("notes.txt", b"no image\n")
        self.put("empty", b"")
        os.mkfifo(self.tree / "pipe")
        os.symlink("a.hib", self.tree / "link.hib")
        os.symlink(".", self.tree / "circle")
        os.symlink("nowhere", self.tree / "dangling")
        self.assertEqual(self.told(str(self.tree)), ["a.hib", "link.hib"])
        self.assertIn(b"2 files passed over", self.run_tool("inspect", str(self.tree)).stderr)
        self.assertEqual(self.run_tool("inspect", str(self.tree), "-q").stderr, b"")

    def test_an_image_that_cannot_be_read_is_a_line_and_the_code_says_so(self):
        self.put("a.hib")
        self.put("b.kdump", b"KDUMP   " + bytes(500))
        self.put("c.hib")
        documents = self.lines(str(self.tree), code=2)
        self.assertEqual([one["schema"] for one in documents], ["hibtool.inspect", "hibtool.error", "hibtool.inspect"])
        self.assertEqual(documents[1]["file"], str(self.tree / "b.kdump"))

    def test_a_file_that_is_named_is_no_image_with_an_error(self):
        good, bad = self.put("a.hib"), self.put("notes.txt", b"no image\n")
        documents = self.lines(bad, good, str(self.tree / "nothing"), code=2)
        self.assertEqual([one.get("kind") for one in documents], ["not-recognised", None, "not-found"])

    def test_what_could_not_be_read_counts_more_than_what_was_read_in_part(self):
        damaged = bytearray(self.image)
        damaged[len(damaged) - 300] ^= 1  # behind the pages
        part, good, bad = self.put("part.hib", bytes(damaged)), self.put("a.hib"), str(self.tree / "nothing")
        partial = self.run_tool("inspect", "--salvage", part, code=None).returncode
        self.assertEqual(partial, 3)
        self.run_tool("inspect", "--salvage", part, good, code=3)
        self.run_tool("inspect", "--salvage", part, bad, good, code=2)

    def test_folders_that_cannot_be_read_or_are_too_deep_are_lines_too(self):
        self.put("a.hib")
        self.put("/".join("d" * 70) + "/deep.hib")
        documents = self.lines(str(self.tree), code=2)
        self.assertEqual([one.get("kind") for one in documents], [None, "limit"])

    @unittest.skipIf(os.geteuid() == 0, "root reads every folder")
    def test_a_folder_without_permission_is_a_line(self):
        self.put("a/x.hib")
        (self.tree / "a").chmod(0)
        self.addCleanup((self.tree / "a").chmod, 0o700)
        self.assertEqual([one["kind"] for one in self.lines(str(self.tree), code=2)], ["io"])

    def test_text_has_one_image_after_the_other(self):
        a, b = self.put("a.hib"), self.put("b.hib")
        alone = [self.run_tool("inspect", path).stdout for path in (a, b)]
        self.assertEqual(self.run_tool("inspect", a, b).stdout, b"\n".join(alone))

    def test_options_are_for_one_image_or_of_use_for_one_of_them(self):
        a, b = self.put("a.hib"), self.put("b.hib")
        for options in (("--page", "1"), ("--device", "sda"), ("--carve",)):
            self.assertEqual([one["kind"] for one in self.lines(a, b, *options, code=64)], ["usage"])
        self.run_tool("inspect", a, b, "-f", "auto,hib")
        self.run_tool("inspect", a, b, "--base-image", self.source, code=64)
        documents = self.lines(a, self.source, "-f", "auto,raw", "--page-size", "16384")
        self.assertEqual([one["page_size"] for one in documents], [4096, 16384])

    def test_a_folder_of_raw_memory_is_read_when_it_is_named(self):
        self.put("one", memory(3))
        self.put("two", memory(4))
        self.assertEqual([one["pages"]["total"] for one in self.lines("-f", "raw", str(self.tree))], [3, 4])
        self.assertEqual(self.lines(str(self.tree)), [])


class Matrix(CliTest):
    PAGES = [bytes([n, 255]) * (PAGE // 2) for n in range(1, 40)]

    def image(self, name, pages, form=None):
        raw = self.write(f"{name}.raw", b"".join(pages))
        self.run_tool("create", "-f", "raw", raw, "-o", self.path(f"{name}.hib"), "-q")
        if form is None:
            return self.path(f"{name}.hib")
        self.run_tool("restore", self.path(f"{name}.hib"), "--as", form, "-o", self.path(f"{name}.{form}"), "-q")
        return self.path(f"{name}.{form}")

    def test_it_counts_contents_wherever_they_lie_and_how_often(self):
        a = self.image("a", [*self.PAGES[:10], bytes(PAGE), b"\1" * PAGE])
        b = self.image("b", [bytes(PAGE), b"\1" * PAGE, *reversed(self.PAGES[5:12])])  # other places
        c = self.image("c", [self.PAGES[0]] * 5 + [self.PAGES[11]])  # repeated
        document = self.json("diff", a, b, c)
        self.assertEqual(document["shared"], [[10, 5, 1], [5, 7, 1], [1, 1, 2]])
        self.assertEqual([(one["data_pages"], one["contents"]) for one in document["images"]], [(10, 10), (7, 7), (6, 2)])
        self.assertEqual((document["sampled"], document["damage"]), (1, []))

    def test_formats_without_hashes_are_read_and_give_the_same(self):
        pages = [self.PAGES[:10], self.PAGES[5:15], self.PAGES[9:20]]
        hashed = self.json("diff", *(self.image(f"h{n}", some) for n, some in enumerate(pages)))
        read = self.json("diff", *(self.image(f"r{n}", some, form) for n, (some, form) in enumerate(zip(pages, ("elf", "kdump", "lime")))))
        self.assertEqual(read["shared"], hashed["shared"])
        self.assertEqual({one["compared_by"] for one in hashed["images"]}, {"stored page hashes"})
        self.assertEqual({one["compared_by"] for one in read["images"]}, {"pages"})

    def test_no_page_of_a_hib_is_decoded(self):
        images = [self.image(name, self.PAGES) for name in "abc"]
        content = bytearray((self.folder / "b.hib").read_bytes())
        parts = self.json("inspect", images[1], "--map")["map"]
        place = next(int(part["offset"], 16) + part["bytes"] // 2 for part in parts if part["label"].startswith("PAGES"))
        content[place] ^= 1
        (self.folder / "b.hib").write_bytes(content)
        self.run_tool("verify", images[1], code=1)
        self.assertEqual(self.json("diff", *images)["shared"], [[39] * 3] * 3)
        # Who asks for --salvage wants to know what is lost.
        self.assertLess(self.json("diff", *images, "--salvage", code=3)["shared"][0][1], 39)
        pair = self.json("diff", *images[:2], "--salvage", code=1)
        self.assertEqual((pair["compared_by"], pair["pages"]["unknown"] > 0), ("pages", True))

    def test_a_damaged_image_without_hashes_needs_salvage(self):
        good = [self.image(name, self.PAGES) for name in "ab"]
        elf = self.image("c", self.PAGES, "elf")
        content = (self.folder / "c.elf").read_bytes()
        (self.folder / "c.elf").write_bytes(content[:-3 * PAGE])
        self.assertEqual(self.json("diff", *good, elf, code=2)["kind"], "truncated")
        document = self.json("diff", *good, elf, "--salvage", code=3)
        self.assertEqual(document["shared"][0][2], 36)
        self.assertTrue(document["damage"])

    def test_text_shows_the_matrix_and_the_best_pairs(self):
        images = [self.image(name, self.PAGES[:10 + n]) for n, name in enumerate("abc")]
        text = self.run_tool("diff", *images).stdout.decode()
        self.assertRegex(text, r"(?m)^     2 +10 +11 +11$")
        self.assertIn("  2 and 3: 11 pages, 100 % of the smaller one", text)
        many = self.run_tool("diff", *images, *images, *images).stdout.decode()
        self.assertIn("a matrix of 9 columns: --json has it", many)
        self.assertEqual(many.count(" of the smaller one"), 10)
        self.assertEqual(self.run_tool("diff", *images, "-q").stdout, b"")
        nothing = [self.image(f"n{n}", [self.PAGES[n]]) for n in range(3)]
        self.assertIn("no two of them have a page in common", self.run_tool("diff", *nothing).stdout.decode())

    def test_what_makes_no_sense_is_said(self):
        images = [self.image(name, self.PAGES[:3]) for name in "ab"]
        self.assertEqual(self.json("diff", *images, images[0], "--against-running", code=64)["kind"], "usage")
        self.assertEqual(self.json("diff", *images, self.path("nothing"), code=2)["kind"], "not-found")
        raw = self.write("large.raw", bytes(16384))
        document = self.json("diff", *images, raw, "-f", "auto,auto,raw", "--page-size", "16384", code=2)
        self.assertEqual((document["kind"], document["where"]), ("unsupported", "page size"))

    def test_two_images_are_compared_as_ever(self):
        images = [self.image(name, self.PAGES) for name in "ab"]
        self.assertEqual(json.loads(self.run_tool("diff", "--json", *images).stdout)["schema"], "hibtool.diff")


if __name__ == "__main__":
    unittest.main()
