#!/usr/bin/python3
"""Who may include whom (ARCHITECTURE.md): what a link error would not catch."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ORDER = {"kernel-glue/include": 0, "lib/base": 0, "lib/os": 1, "lib/codec": 1, "lib/image": 2, "lib/device": 3, "lib/jump": 2, "lib/ops": 3, "format": 4, "cli": 5}
# hash.h takes Pfn from pages.h, which includes nothing of ours.
EXCEPTIONS = {("lib/codec/hash.h", "lib/image/pages.h")}
# header of another project -> the only folders that may see it
FENCED = {"CLI/": ("cli",), "nlohmann/": ("cli",), "zstd.h": ("lib/codec",), "xxh": ("lib/codec",), "lzo/": ("lib/codec",),
          "zlib.h": ("lib/codec",), "lz4": ("lib/codec",), "libdeflate": ("lib/codec",), "lzma.h": ("lib/codec",), "nettle/": ("lib/codec",),
          "blkid/": ("lib/os",), "pci/": ("lib/os/device_names",), "libsmartcols": ("cli/text_table",), "ext2fs/": ("format/swsusp",), "snappy": ("lib/codec",), "oneapi/": ("lib/ops",)}


def layer_of(path):
    return next(name for name in sorted(ORDER, key=len, reverse=True) if path.startswith(name))


def problems():
    for file in sorted(p for folder in ("lib", "format", "cli") for p in (ROOT / folder).rglob("*") if p.suffix in (".h", ".cpp")):
        path = str(file.relative_to(ROOT))
        for line, text in enumerate(file.read_text().splitlines(), 1):
            local = re.match(r'#include "(.*)"', text)
            other = re.match(r"#include <(.*)>", text)
            if local and (path, local[1]) not in EXCEPTIONS:
                yield from (f"{path}:{line}: includes {local[1]}" for _ in [0] if forbidden(path, local[1]))
            if other:
                for prefix, folders in FENCED.items():
                    if other[1].startswith(prefix) and not path.startswith(folders):
                        yield f"{path}:{line}: includes <{other[1]}>, which only {', '.join(folders)} may"


def forbidden(path, target):
    mine, theirs = layer_of(path), layer_of(target)
    if mine == "format" and theirs == "format":
        same = path.split("/")[1] == target.split("/")[1]
        return not (same or target == "format/backend.h" or path.startswith("format/registry"))
    if mine == "format":
        return theirs in ("cli", "lib/ops")
    return ORDER[theirs] > ORDER[mine]


found = list(problems())
print("\n".join(found) or "every include keeps to its layer")
sys.exit(1 if found else 0)
