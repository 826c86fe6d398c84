"""What docs/guide/library.md shows is what its programs print, and samples/volatility3_hibtool.py is a layer of volatility3."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import images
from images import ROOT
from test_python import MODULE

TEXT = (ROOT / "docs" / "guide" / "library.md").read_text()


def shown_below(text):
    """The indented lines that follow, without the commands in them."""
    block = re.search(r"(?m)(?:^    .*\n)+", text)[0]
    return "".join(line[4:] + "\n" for line in block.splitlines() if not line.startswith("    $"))


class Guide(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hibtest-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = {**os.environ, "PYTHONPATH": str(MODULE), "HIBTOOL_LIBRARY": images.LIBRARY, "LD_LIBRARY_PATH": str(Path(images.LIBRARY).parent)}

    def run_sample(self, command):
        done = subprocess.run(command, cwd=ROOT / "samples", env=self.env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_the_program_in_python_prints_what_is_shown(self):
        found = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
        self.assertEqual(self.run_sample([sys.executable, "-W", "error", "-c", found[1]]), shown_below(TEXT[found.end():]))

    @unittest.skipIf(images.SANITIZE, "the program would need the sanitizers too")
    def test_the_program_in_c_prints_what_is_shown(self):
        found = re.search(r"```c\n(.*?)```", TEXT, re.DOTALL)
        (self.folder / "example.c").write_text(found[1])
        library = Path(images.LIBRARY).parent
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/lib/abi", self.folder / "example.c", "-o", self.folder / "example", f"-L{library}",
                        "-lhibtool"], check=True)
        self.assertEqual(self.run_sample([self.folder / "example", "debian-6.1-cloud.hib"]), shown_below(TEXT[found.end():]))


class Layer(unittest.TestCase):
    """Of the real volatility3 where it is installed, of the stand-in of its interface elsewhere."""

    @classmethod
    def setUpClass(cls):
        cls.real = importlib.util.find_spec("volatility3") is not None
        if not cls.real:
            sys.path.insert(0, str(ROOT / "tests" / "abi" / "volatility3_stub"))
        sys.path.insert(0, str(ROOT / "samples"))
        import volatility3_hibtool
        from volatility3.framework import exceptions
        cls.sample, cls.exceptions = volatility3_hibtool, exceptions

    def layer(self, path):
        if self.real:
            from volatility3.framework import contexts
            context = contexts.Context()
        else:
            context = SimpleNamespace(config={})
        context.config["memory.location"] = Path(path).as_uri()
        made = self.sample.HibtoolLayer(context, "memory", "memory")
        self.addCleanup(made.destroy)
        return made

    def test_it_reads_what_the_image_holds(self):
        memory = Path(images.raw()).read_bytes()
        layer = self.layer(images.small())
        self.assertEqual((layer.minimum_address, layer.maximum_address), (0, len(memory) - 1))
        self.assertTrue(layer.is_valid(0, len(memory)) and layer.is_valid(5000))
        self.assertFalse(layer.is_valid(0, len(memory) + 1) or layer.is_valid(len(memory)))
        self.assertEqual(layer.read(5000, 9000), memory[5000:14000])
        self.assertRaises(NotImplementedError, layer.write, 0, b"x")

    def test_what_is_not_there_is_an_error_or_zeros_as_asked(self):
        memory = Path(images.raw()).read_bytes()
        layer = self.layer(images.small())
        with self.assertRaises(self.exceptions.InvalidAddressException):
            layer.read(len(memory) - 10, 20)
        self.assertEqual(layer.read(len(memory) - 10, 20, pad=True), memory[-10:] + bytes(10))
        sparse = self.layer(images.SAMPLE)
        self.assertFalse(sparse.is_valid(0x6000 * 4096))
        self.assertEqual(sparse.read(0x6000 * 4096 + 1, 5, pad=True), bytes(5))

    def test_pages_that_are_damaged_are_padded_alone(self):
        memory = Path(images.raw()).read_bytes()
        read = self.layer(images.small_damaged()).read(0, len(memory), pad=True)
        self.assertEqual(len(read), len(memory))
        pages = [read[at:at + 4096] in (memory[at:at + 4096], bytes(4096)) for at in range(0, len(memory), 4096)]
        self.assertTrue(all(pages))
        self.assertNotEqual(read, memory)

    def test_it_stacks_on_what_hibtool_opens_and_on_nothing_else(self):
        if self.real:
            self.skipTest("the real one stacks by itself: Banners tries it")
        for path, opens in ((images.SAMPLE, True), (str(ROOT / "README.md"), False), (None, False)):
            below = SimpleNamespace(location=Path(path).as_uri()) if path else SimpleNamespace()

            class Layers(dict):
                def free_layer_name(self, name):
                    return name
            made = self.sample.HibtoolStacker.stack(SimpleNamespace(layers=Layers(file=below), config={}), "file")
            self.assertEqual(made is not None, opens, path)
            if made:
                made.destroy()

    def test_banners_finds_the_kernel_in_it(self):
        if not self.real:
            self.skipTest("volatility3 is not installed")
        from volatility3 import cli
        program = "import sys, volatility3.cli; sys.argv[0] = 'vol'; volatility3.cli.main()"
        done = subprocess.run([sys.executable, "-c", program, "-q", "-p", ROOT / "samples", "-f", images.SAMPLE, "banners.Banners"], capture_output=True,
                              text=True, env={**os.environ, "PYTHONPATH": f"{MODULE}:{Path(cli.__file__).parents[2]}"})
        self.assertIn("0x20001a0\tLinux version 6.1.0-56-cloud-amd64", done.stdout)


if __name__ == "__main__":
    unittest.main()
