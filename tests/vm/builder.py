"""Another Debian than this machine's, to build modules in for a kernel whose headers need its compiler and its C library. It is
made by debootstrap into build/vm-cache once, which takes root; no test of the suite needs one."""

import fcntl
import os
import shutil
import subprocess

# debootstrap has a script for each suite that it knows by name. This one is for all that are not old.
SCRIPT = "/usr/share/debootstrap/scripts/sid"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# In a mount namespace of its own nothing stays mounted, whatever ends this.
PRIVATE = ("unshare", "--mount", "--propagation", "private")


class BuilderError(Exception):
    pass


def debootstrap(root, suite, mirror, packages=(), script=()):
    """Unpacks a Debian into a folder anew. `script`: debootstrap's for the suite, where it does not know that by its name."""
    shutil.rmtree(root, ignore_errors=True)
    wanted = [f"--include={','.join(packages)}"] if packages else []
    _check(subprocess.run([*PRIVATE, "debootstrap", "--variant=minbase", *wanted, suite, str(root), mirror, *script],
                          capture_output=True, text=True, env={**os.environ, **_proxy()}))


class Builder:
    """The unpacked system in a folder: the packages, from the last of the suites where that has them."""

    def __init__(self, folder, suites, mirror, packages):
        self.root = folder / "root"
        self._suites, self._mirror = suites, mirror
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            note = folder / "complete"
            if not note.exists() or note.read_text() != " ".join(packages):
                self._make(packages)
                note.write_text(" ".join(packages))

    def run(self, command, network=False):
        """In there as root, and without a network if not told otherwise."""
        namespaces = [*PRIVATE, *([] if network else ["--net"])]
        return subprocess.run([*namespaces, "chroot", str(self.root), "sh", "-c", 'mount -t proc proc /proc; exec "$@"', "sh", *command],
                              capture_output=True, text=True, env={**_proxy(), "PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})

    def _make(self, packages):
        debootstrap(self.root, self._suites[0], self._mirror, script=[SCRIPT])
        (self.root / "etc/apt/sources.list").write_text("".join(f"deb {self._mirror} {suite} main\n" for suite in self._suites))
        for arguments in (["update"], ["install", "-y", "-t", self._suites[-1], "--no-install-recommends", *packages], ["clean"]):
            _check(self.run(["apt-get", "-q", *_validity(), *arguments], network=True))


def _check(done):
    if done.returncode != 0:
        raise BuilderError(f"{' '.join(map(str, done.args))}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _proxy():
    """Where this machine's apt has a proxy."""
    proxy = "".join(_apt_config("%v", "Acquire::http::Proxy"))
    return {"http_proxy": proxy} if proxy else {}


def _validity():
    """Whether this machine's apt takes the lists of a mirror that stands still."""
    return [part for option in _apt_config("%F=%v%n", "Acquire::Check-Valid-Until", "Acquire::Check-Date") for part in ("-o", option)]


def _apt_config(form, *names):
    return subprocess.run(["apt-config", "dump", "--format", form, *names], capture_output=True, text=True, check=True).stdout.split()
