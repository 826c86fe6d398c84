#!/usr/bin/python3
"""Every relative link in every *.md of the repository leads to a file that exists, and to a heading of it. Every file
below docs/ can be reached from README.md by such links."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")  # https:, mailto:


def documents():
    for path in sorted(ROOT.rglob("*.md")):
        folder = path.relative_to(ROOT).parts[0]
        if not folder.startswith((".", "build")):
            yield path


def anchors(path):
    """The headings of a document as links name them: lower case, without punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub(lambda m: m[0].replace("\n#", "\n "), path.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document):
    """(line, target) of each relative link."""
    text = CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), document.read_text())
    for link in LINK.finditer(text):
        if not ELSEWHERE.match(link[1]):
            yield text.count("\n", 0, link.start()) + 1, link[1]


def file_of(document, target):
    name = target.partition("#")[0]
    return (document.parent / name).resolve() if name else document


def reachable():
    """All that README.md leads to; a link to a folder leads to each file in it."""
    found, left = set(), [ROOT / "README.md"]
    while left:
        path = left.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        if path.is_dir():
            left += path.iterdir()
        elif path.suffix == ".md":
            left += [file_of(path, target) for _, target in links(path)]
    return found


def problem(document, target):
    name, _, anchor = target.partition("#")
    path = file_of(document, target)
    if not path.is_relative_to(ROOT) or not path.exists():
        return f"leads to {name}, which does not exist"
    if anchor and anchor not in anchors(path):
        return f"leads to a heading #{anchor}, which {name or 'this file'} does not have"
    return None


def problems():
    for document in documents():
        for line, target in links(document):
            found = problem(document, target)
            if found:
                yield f"{document.relative_to(ROOT)}:{line}: {found}"
    reached = reachable()
    for path in sorted((ROOT / "docs").rglob("*")):
        if path.is_file() and path not in reached:
            yield f"{path.relative_to(ROOT)}: no link leads here from README.md"


found = list(problems())
print("\n".join(found) or "every link leads somewhere, and every document can be reached")
sys.exit(1 if found else 0)
