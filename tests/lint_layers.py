#!/usr/bin/python3
"""Who may include whom. ALLOWED is the list that ARCHITECTURE.md prints; every other include is a breach."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LOW = "lib/base lib/os lib/codec lib/image"
# folder -> folders that its files may include, beside their own
ALLOWED = {
    "lib/base": "",
    "lib/os": "lib/base",
    "lib/codec": "lib/base",
    "lib/image": "lib/base lib/os lib/codec",
    "lib/fs": LOW,
    "lib/memory": LOW,
    "lib/mount": LOW,
    "lib/device": f"{LOW} lib/fs",
    "lib/device/probe": f"{LOW} lib/fs lib/device",
    "lib/device/match": f"{LOW} lib/device",
    "lib/device/policy": f"{LOW} lib/fs lib/device lib/device/match",
    "lib/ops": f"{LOW} lib/fs lib/memory lib/device lib/device/match",
    "lib/diagnose": LOW,
    "lib/diagnose/log": f"{LOW} lib/diagnose",
    "lib/diagnose/boot": f"{LOW} lib/device lib/device/probe lib/diagnose",
    "lib/diagnose/post_mortem": f"{LOW} lib/fs lib/memory lib/ops lib/device lib/device/probe lib/diagnose lib/diagnose/log"
                                " lib/diagnose/boot lib/diagnose/preflight",
    "lib/diagnose/preflight": f"{LOW} lib/ops lib/device lib/device/probe lib/diagnose lib/diagnose/log lib/diagnose/boot",
    "lib/jump/module": f"{LOW} kernel-glue/include",
    "lib/jump/boot": f"{LOW} lib/jump/module",
    "lib/jump/check": f"{LOW} lib/device lib/device/probe lib/diagnose lib/diagnose/boot lib/jump/module",
    "lib/jump": f"{LOW} lib/fs lib/ops lib/device lib/device/probe lib/jump/module lib/jump/boot lib/jump/check",
    "lib/jump/restore": f"{LOW} lib/ops lib/device lib/device/probe lib/device/match lib/device/policy lib/jump lib/jump/module"
                        " lib/jump/boot",
    "lib/jump/saver": f"{LOW} lib/ops lib/device lib/device/probe lib/device/policy lib/jump lib/jump/module lib/jump/boot"
                      " lib/jump/restore",
    "lib/report": f"{LOW} lib/fs lib/memory lib/mount lib/ops lib/device lib/device/probe lib/device/match lib/device/policy lib/jump lib/jump/module lib/jump/boot"
                  " lib/jump/check lib/jump/restore lib/diagnose lib/diagnose/log lib/diagnose/boot lib/diagnose/post_mortem lib/diagnose/preflight",
    "lib/abi": f"{LOW} lib/memory",
    "format": f"{LOW} format/NAME",
    "format/NAME": f"{LOW} lib/memory",
    "cli": f"{LOW} lib/mount lib/ops lib/device lib/device/probe lib/device/match lib/report lib/jump lib/jump/boot lib/jump/check lib/jump/restore"
           " lib/diagnose/boot lib/diagnose/post_mortem lib/diagnose/preflight",
}
# The program and the library are where the table of formats meets what uses it; the program brings the saver too.
MAIN = {"cli/main.cpp": {"format", "lib/jump/saver"}, "lib/abi/open.cpp": {"format"}}

# header of another project -> the only folders or files that may see it
FENCED = {
    "CLI/": ("cli/",),
    "nlohmann/": ("lib/report/",),
    "zstd.h": ("lib/codec/",),
    "xxh": ("lib/codec/",),
    "lzo/": ("lib/codec/",),
    "zlib.h": ("lib/codec/",),
    "lz4": ("lib/codec/",),
    "libdeflate": ("lib/codec/",),
    "lzma.h": ("lib/codec/",),
    "bzlib.h": ("lib/codec/",),
    "nettle/": ("lib/codec/",),
    "snappy": ("lib/codec/",),
    "blkid/": ("lib/os/",),
    "pci/": ("lib/os/device_names",),
    "libnbd.h": ("lib/os/nbd",),
    "fuse": ("lib/mount/fuse_library",),
    "systemd/": ("lib/diagnose/log/",),
    "libsmartcols": ("lib/report/text_table",),
    "ext2fs/": ("format/swsusp/",),
    "oneapi/": ("lib/ops/",),
}
# cli/ is verbs, each of which parses, calls one function and prints one report: what grows past this belongs into lib/.
MAX_CLI_LINES = 2700
INCLUDE = re.compile(r'(?:\s|/\*.*?\*/)*#\s*include(?:_next)?\s*(?:"(?P<quoted>[^"]+)"|<(?P<other>[^>]+)>|(?P<odd>.*))')
TOPS = ("lib/", "format/", "cli/", "kernel-glue/", "tests/")  # the root of the repository is an include directory
SOURCES = (".h", ".cpp")
NO_SOURCES = ("lib/abi/python/", "lib/abi/libhibtool.map", "lib/abi/hibtool.pc.in")  # and yet they are at home there


def folder_of(path):
    """The longest folder of the list that holds `path`, or None. Every folder in format/ is a format/NAME."""
    named = re.match(r"format/(\w+)/", path)
    if named:
        return f"format/{named[1]}"
    known = [name for name in [*ALLOWED, "kernel-glue/include"] if path.startswith(name + "/")]
    return max(known, key=len, default=None)


def row_of(folder):
    return "format/NAME" if folder.startswith("format/") else folder


def breach(path, target):
    mine, theirs = folder_of(path), folder_of(target)
    if mine is None:
        return f"{path}: in a folder that the list does not know"
    if theirs is None:
        return f"includes {target}, which is in no folder of the list"
    allowed = {*ALLOWED[row_of(mine)].split(), *MAIN.get(path, ())}
    return None if theirs == mine or row_of(theirs) in allowed else f"includes {target}: {mine} may not include {theirs}"


def problems_of(file):
    path = str(file.relative_to(ROOT))
    for line, text in enumerate(file.read_text().splitlines(), 1):
        found = INCLUDE.match(text)
        if not found:
            continue
        if found["odd"] is not None:
            yield f"{path}:{line}: names no file: {text.strip()}"
        target = found["quoted"] or found["other"] or ""
        is_ours = found["quoted"] is not None or target.startswith(TOPS)
        if is_ours and (problem := breach(path, target)):
            yield f"{path}:{line}: {problem}"
        for prefix, folders in FENCED.items():
            if not is_ours and target.startswith(prefix) and not path.startswith(folders):
                yield f"{path}:{line}: includes <{target}>, which only {', '.join(folders)} may"


def printed():
    """The table of ARCHITECTURE.md."""
    rows = ["| folder | may include |", "| --- | --- |"]
    for folder, allowed in ALLOWED.items():
        short = allowed.replace(LOW, "LOW")
        rows.append(f"| {folder} | {', '.join(short.split()) or 'nothing'} |")
    return "\n".join(rows)


def main():
    if sys.argv[1:] == ["--table"]:
        print(printed())
        return 0
    all_files = [p for top in ("lib", "format", "cli") for p in sorted((ROOT / top).rglob("*")) if p.is_file()]
    files = [p for p in all_files if p.suffix in SOURCES]
    others = [str(p.relative_to(ROOT)) for p in all_files if p not in files]
    found = [f"{path}: a source ends in {' or '.join(SOURCES)}" for path in others if not path.startswith(NO_SOURCES)]
    found += [problem for file in files for problem in problems_of(file)]
    cli_lines = sum(len(p.read_text().splitlines()) for p in files if p.parent.name == "cli")
    if cli_lines > MAX_CLI_LINES:
        found.append(f"cli/ has {cli_lines} lines, {MAX_CLI_LINES} at most: work belongs into lib/ops, text into lib/report")
    if printed() not in (ROOT / "ARCHITECTURE.md").read_text():
        found.append("ARCHITECTURE.md does not print this list: tests/lint_layers.py --table does")
    print("\n".join(found) or f"{len(files)} files keep to their storeys")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
