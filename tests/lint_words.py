#!/usr/bin/python3
"""No text for users has a word that docs/glossary.md names as one that is not used."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def unused_words():
    """word -> what to say instead"""
    table = GLOSSARY.read_text().split("## Words that are not used")[1]
    rows = re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \|$", table)
    return {word: instead for word, instead in rows if word != "not" and not word.startswith("-")}


def texts():
    """(file, line, text): each line of a document, and each string of the program."""
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.*")), *sorted((ROOT / "samples").rglob("*.md"))]
    for path in documents:
        if path != GLOSSARY:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield path, number, line
    for folder in ("cli", "format", "lib"):
        for path in sorted((ROOT / folder).rglob("*.cpp")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if not line.startswith("#include"):
                    yield path, number, " ".join(STRING.findall(line))


def problems():
    words = unused_words()
    for path, number, text in texts():
        for word, instead in words.items():
            if re.search(rf"\b[{word[0]}{word[0].upper()}]{re.escape(word[1:])}s?\b", text):
                yield f"{path.relative_to(ROOT)}:{number}: \"{word}\"; say {instead}"


assert "image-saving kernel" in unused_words()
found = list(problems())
print("\n".join(found) or "every word is one of the glossary's")
sys.exit(1 if found else 0)
