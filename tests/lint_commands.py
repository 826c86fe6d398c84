#!/usr/bin/python3
"""Every command that the two scripts of README.md call is there on a fresh minimal Debian, or debian/control brings it; and
what README.md installs by hand is what debian/control lists."""

import ast
import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# script -> whether it may call what only the tests need (<!nocheck>)
SCRIPTS = {"samples/demo.sh": False, "tests/support/setup.sh": False, "tests/run.sh": True}
# What no minimal system has: the command, and the package that brings it.
PACKAGES = {"cmake": "cmake", "ctest": "cmake", "python3": "python3"}
# The modules of a Python script beyond Python's own: likewise.
MODULES = {"xxhash": "python3-xxhash", "zstandard": "python3-zstandard"}
NOT_BY_HAND = {"debhelper-compat", "dh-dkms", "dh-sequence-python3", "python3"}  # of the packages, and of samples/demo.sh
ASKED_OF_THE_USER = {"sudo"}  # "root or sudo" is what README.md asks of the machine

WRAPPERS = {"as_root", "exec"}  # the word after these is a command too
OPENERS = {"!", "{", "(", "if", "then", "elif", "else", "while", "until", "do", "time"}  # a command follows these
CLOSERS = {"for", "done", "fi", "esac", "}"}  # none follows these
TOKEN = re.compile(r"""
    (?P<skip>   [ \t]+ | \\\n | (?<![^\s;(|&]) \#[^\n]* )
  | (?P<target> [0-9]* (?: >> | >\| | [<>]& | &> | <> | [<>] ) [ \t]* )   # the word after it is a file, and no command
  | (?P<end>    && | \|\| | ;; | [;|&()\n] )
  | (?P<word>   (?: \\. | '[^']*' | "(?:\\.|\$\([^()]*\)|[^"\\])*" | \$\((?:[^()]|\([^()]*\))*\) | \$\{[^}]*\} | [^\s;|&()<>'"\\] )+ )
""", re.VERBOSE | re.DOTALL)


def statements(text):
    """The words of each simple command of a shell script, the commands within $(...) too."""
    words, in_pattern, at = [], False, 0  # in_pattern: between "case ... in" or ";;" and the ")"
    while at < len(text):
        token = TOKEN.match(text, at)
        if not token:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: not understood, teach tests/lint_commands.py: {text[at:at + 40]!r}")
        at = token.end()
        kind, value = token.lastgroup, token[0]
        if kind == "target":
            file = TOKEN.match(text, at)
            at = file.end() if file and file.lastgroup == "word" else at
        elif kind == "end":
            if not in_pattern and not (value == "(" and text[at] == ")"):  # "name()" is no call
                yield words
            words = []
            in_pattern = value == ";;" or (in_pattern and value != ")")
        elif kind == "word":
            words.append(value)
            if not value.startswith("'"):
                for inner in re.findall(r"\$\(((?:[^()]|\([^()]*\))*)\)", value):
                    yield from statements(inner)
            if value == "in" and "case" in words:
                words, in_pattern = [], True
            elif value == "esac":
                in_pattern = False
    yield words


def commands(text):
    r"""Each command that a shell script calls, with its arguments.

    >>> [name for name, _ in commands('for x in a b; do sed "s/$(head -1 f | tr a b)/;x/" <in >out; done')]
    ['head', 'tr', 'sed']
    >>> [name for name, _ in commands('f() { if [ $a = b ]; then A=1 as_root apt-get x || exit 1; fi; } # no comment')]
    ['[', 'as_root', 'apt-get', 'exit']
    >>> [name for name, _ in commands('case $x in a | b) cp x y ;; *) mv x y ;; esac && ls')]
    ['cp', 'mv', 'ls']
    >>> list(commands('/usr/bin/python3 "$a/b" c 2>&1'))
    [('python3', ['"$a/b"', 'c'])]
    """
    for words in statements(text):
        while words and (words[0] in OPENERS or re.match(r"\w+\+?=", words[0])):
            words = words[1:]
        if words and words[0] in CLOSERS:
            continue
        while words and "$" not in words[0]:  # what a variable names was built here, or is an argument
            yield words[0].rsplit("/", 1)[-1], words[1:]
            words = words[1:] if words[0] in WRAPPERS else []


def known_to_bash():
    """Its own words, and the functions of the scripts, which source one another."""
    own = subprocess.run(["bash", "-c", "compgen -bk"], capture_output=True, text=True, check=True).stdout.split()
    return set(own).union(*(re.findall(r"^(\w+)\(\)", (ROOT / script).read_text(), re.MULTILINE) for script in SCRIPTS))


def build_depends():
    """package -> whether it is listed for the tests only"""
    control = (ROOT / "debian" / "control").read_text()
    field = re.search(r"^Build-Depends:((?:\n?[ \t].*)+)", control, re.MULTILINE)[1]
    entries = [entry.strip() for entry in field.split(",") if entry.strip()]
    return {entry.split()[0]: "<!nocheck>" in entry for entry in entries}


def minimal(command):
    """Is the command of a package that every minimal system has? This machine's dpkg is asked, which must be a Debian's."""
    file = shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not file:
        return False
    places = [file, file.removeprefix("/usr"), "/usr" + file]  # since /usr was merged, a package may list either
    owners = subprocess.run(["dpkg", "-S", *places], capture_output=True, text=True).stdout
    packages = [line.split(":")[0] for line in owners.splitlines() if not line.startswith("diversion")]
    if not packages:
        return False
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Essential} ${Priority}\n", packages[0]], capture_output=True, text=True).stdout
    return said.startswith("yes") or "required" in said


def modules_beyond_python(script):
    """What a Python script imports at once. (An import inside of a function may be of something that can be missing.)"""
    for statement in ast.parse(script.read_text()).body:
        names = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names = [statement.module]
        for name in (n.split(".")[0] for n in names):
            if name not in sys.stdlib_module_names and not (script.parent / f"{name}.py").exists():
                yield name


def needs(script):
    """(what the script needs beyond a minimal system, the package that brings it or None)"""
    called = list(commands((ROOT / script).read_text()))
    # What a script asks for with "command -v" it can do without.
    optional = {arguments[1] for name, arguments in called if name == "command" and arguments[0] == "-v"}
    for name in sorted({name for name, _ in called} - optional - known_to_bash() - ASKED_OF_THE_USER):
        if name in PACKAGES or not minimal(name):
            yield name, PACKAGES.get(name)
    for python in sorted({arguments[0] for name, arguments in called if name == "python3"}):
        for module in modules_beyond_python((ROOT / script).parent / python):
            yield f"{python}: the module {module}", MODULES.get(module)


def installed_by_hand():
    """The packages of README.md's "By hand"."""
    command = re.search(r"apt-get install ((?:[^\n]*\\\n)*[^\n]*)", (ROOT / "README.md").read_text())[1]
    return set(command.replace("\\", " ").split())


def problems():
    depends = build_depends()
    listed = {package for package, for_tests in depends.items() if not for_tests} - NOT_BY_HAND
    for package in sorted(listed ^ installed_by_hand()):
        yield f"README.md, by hand: {package} is {'missing' if package in listed else 'not in debian/control'}"
    for script, for_tests in SCRIPTS.items():
        for what, package in needs(script):
            if package is None:
                yield f"{script}: {what}: nobody says which package brings it (tests/lint_commands.py has a table)"
            elif package not in depends:
                yield f"{script}: {what} is of {package}, which debian/control does not list"
            elif depends[package] and not for_tests:
                yield f"{script}: {what} is of {package}, which debian/control lists for the tests only (<!nocheck>)"


if doctest.testmod().failed:
    sys.exit(1)
found = list(problems())
print("\n".join(found) or "every command is there")
sys.exit(1 if found else 0)
