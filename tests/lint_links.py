#!/usr/bin/python3
"""Every relative link in every *.md of the repository leads to a file that exists, and to a heading of it."""

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


def problem(document, target):
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.is_relative_to(ROOT) or not path.exists():
        return f"leads to {name}, which does not exist"
    if anchor and anchor not in anchors(path):
        return f"leads to a heading #{anchor}, which {name or 'this file'} does not have"
    return None


def problems():
    for document in documents():
        text = CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), document.read_text())
        for link in LINK.finditer(text):
            found = None if ELSEWHERE.match(link[1]) else problem(document, link[1])
            if found:
                line = text.count("\n", 0, link.start()) + 1
                yield f"{document.relative_to(ROOT)}:{line}: {found}"


found = list(problems())
print("\n".join(found) or "every link leads somewhere")
sys.exit(1 if found else 0)
