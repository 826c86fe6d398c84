"""hibtool as a test on this machine runs it."""

import subprocess

import json_schema
from support import HIBTOOL


def tool(*arguments, code=0):
    """What it prints; it has to end with that code, or with any if that is None."""
    done = subprocess.run([HIBTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=600)
    if code is not None and done.returncode != code:
        raise AssertionError(f"hibtool {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}{done.stdout[:1000]}")
    return done.stdout


def tool_json(*arguments, code=0):
    return json_schema.loads(tool(*arguments, "--json", code=code))
