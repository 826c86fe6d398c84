"""Debian's own kernel packages, fetched by name with apt into a private folder. No version is written down."""

import fcntl
import lzma
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from builder import Builder

# series -> (metapackages to try in turn, suites they are in)
SERIES = {
    "6.1": (["linux-image-amd64"], ["bookworm", "bookworm-updates", "bookworm-security"]),
    "6.1-cloud": (["linux-image-cloud-amd64"], ["bookworm", "bookworm-updates", "bookworm-security"]),
    "6.12": (["linux-image-6.12-amd64"], ["bookworm", "bookworm-updates", "bookworm-security", "bookworm-backports"]),
    "backports": (["linux-image-amd64"], ["trixie-backports"]),  # the newest for Debian 13
    "next": (["linux-image-amd64"], ["forky"]),  # of the Debian after it
    "6.1-arm64": (["linux-image-arm64"], ["bookworm", "bookworm-updates", "bookworm-security"]),
    "6.12-arm64-16k": (["linux-image-6.12-arm64-16k"], ["bookworm", "bookworm-updates", "bookworm-security"]),
}
# Series whose headers need a newer compiler and C library than this machine's -> the Debian that has them.
BUILT_IN = {"backports": "trixie", "next": "forky"}


class KernelError(Exception):
    pass


@dataclass(frozen=True)
class Kernel:
    release: str  # as uname -r
    vmlinuz: Path
    modules: Path  # .../lib/modules/RELEASE
    headers: Path = None  # the build folder for modules, where it was asked for
    architecture: str = "amd64"
    builder: Builder = None  # in which modules are built, where this machine does not do

    def module_files(self, names):
        """The .ko files of these modules and of what they need, in the order of loading."""
        dependencies = self._dependencies()
        ordered = []

        def visit(relative):
            for needed in dependencies[relative]:
                visit(needed)
            if relative not in ordered:
                ordered.append(relative)

        by_name = {Path(p).name.split(".ko")[0].replace("-", "_"): p for p in dependencies}
        for name in names:
            relative = by_name.get(name.replace("-", "_"))
            if relative is not None:  # otherwise it is built in
                visit(relative)
        return [self.modules / relative for relative in ordered]

    def _dependencies(self):
        """modules.dep, without depmod: the packages ship none, so the modules' own `depends=` strings are read."""
        files = sorted(p for p in self.modules.rglob("*.ko*") if p.is_file())
        by_name = {p.name.split(".ko")[0].replace("-", "_"): str(p.relative_to(self.modules)) for p in files}
        return _LazyDependencies(self.modules, by_name)


class _LazyDependencies(dict):
    """relative path -> relative paths it needs; a module is read only when it is asked for."""

    def __init__(self, root, by_name):
        super().__init__({path: None for path in by_name.values()})
        self._root, self._by_name = root, by_name

    def __getitem__(self, relative):
        data = read_module(self._root / relative)
        match = re.search(rb"\0depends=([^\0]*)\0", data)
        names = match.group(1).decode().split(",") if match and match.group(1) else []
        return [self._by_name[n.replace("-", "_")] for n in names if n.replace("-", "_") in self._by_name]


def read_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def fetch(series, cache):
    """Downloads and unpacks the newest kernel of a series, once. Safe when several processes do it at the same time."""
    if series not in SERIES:
        raise KernelError(f"kernel series {series}: known are {', '.join(SERIES)}")
    cache = Path(cache).resolve()
    folder = cache / series
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = folder / "root"
        if not (root / "complete").exists():
            for package in _download(series, folder):
                _run(["dpkg-deb", "-x", str(package), str(root)])
                package.unlink()
            (root / "complete").touch()
    return _unpacked(root, architecture_of(series))


def architecture_of(series):
    return "arm64" if "-arm64" in series else "amd64"


def fetch_busybox(series, cache):
    """busybox for the machines of a series that this machine's own does not run on."""
    folder = Path(cache).resolve() / series
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "busybox"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "complete").exists():
            apt = _private_apt(folder / "apt", SERIES[series][1], architecture_of(series))
            _run([*apt("apt-get"), "update", "-q"])
            _run([*apt("apt-get"), "download", "-q", "busybox-static"], cwd=folder)
            package = next(folder.glob("busybox-static_*.deb"))
            _run(["dpkg-deb", "-x", str(package), str(root)])
            package.unlink()
            (root / "complete").touch()
    return next(path for path in (root / "bin" / "busybox", root / "usr" / "bin" / "busybox") if path.exists())


def fetch_headers(series, cache):
    """The kernel of a series with what building a module for it takes: headers, and the programs that kbuild runs."""
    found = fetch(series, cache)
    if series in BUILT_IN:
        wanted = f"linux-headers-{found.release}"
        suites = list(dict.fromkeys([BUILT_IN[series], *SERIES[series][1]]))
        builder = Builder(Path(cache).resolve() / f"builder-{series}", suites, uri_of(suites[0]), ("make", "sparse", wanted))
        return replace(found, headers=builder.root / "usr" / "src" / wanted, builder=builder)
    folder = Path(cache).resolve() / series
    headers = folder / "headers"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (headers / "complete").exists():
            _, suites = SERIES[series]
            apt = _private_apt(folder / "apt", suites)
            wanted = f"linux-headers-{found.release}"
            depends = _run([*apt("apt-cache"), "depends", wanted])
            names = [wanted, *re.findall(r"Depends: (linux-(?:headers|kbuild)-\S+)", depends)]
            _run([*apt("apt-get"), "download", "-q", *names], cwd=folder)
            for package in folder.glob("linux-*.deb"):
                _run(["dpkg-deb", "-x", str(package), str(headers)])
                package.unlink()
            makefile = headers / "usr" / "src" / wanted / "Makefile"  # names its other half by its place in an installed system
            makefile.write_text(makefile.read_text().replace("/usr/src/", f"{headers}/usr/src/"))
            (headers / "complete").touch()
    return Kernel(found.release, found.vmlinuz, found.modules, headers / "usr" / "src" / f"linux-headers-{found.release}")


def _unpacked(root, architecture):
    """Where the kernel and its modules are has changed: from 6.19 on below /usr, from 7.2 on the kernel beside its modules."""
    modules = next(path for parent in ("lib", "usr/lib") if (root / parent / "modules").exists() for path in (root / parent / "modules").iterdir())
    vmlinuz = next(path for path in (root / "boot" / f"vmlinuz-{modules.name}", modules / "vmlinuz") if path.exists())
    return Kernel(modules.name, vmlinuz, modules, architecture=architecture)


def _download(series, folder):
    metapackages, suites = SERIES[series]
    apt = _private_apt(folder / "apt", suites, architecture_of(series))
    _run([*apt("apt-get"), "update", "-q"])
    for meta in metapackages:
        depends = _run([*apt("apt-cache"), "depends", meta])
        match = re.search(r"Depends: (linux-image-\d\S*)", depends)
        if match:
            parts = re.findall(r"Depends: (linux-(?:binary|modules)-\d\S*)", _run([*apt("apt-cache"), "depends", match.group(1)]))
            _run([*apt("apt-get"), "download", "-q", match.group(1), *parts], cwd=folder)
            return [next(folder.glob(f"{name}_*.deb")) for name in (match.group(1), *parts)]
    raise KernelError(f"no package of the kernel series {series} in {', '.join(suites)}")


def _private_apt(folder, suites, architecture="amd64"):
    """apt with its own lists, so that neither the machine's sources nor its package state are touched."""
    for sub in ("state/lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    lines = [f"deb [signed-by={keyring}] {uri_of(suite)} {suite} main" for suite in suites]
    (folder / "sources.list").write_text("\n".join(lines) + "\n")
    options = [
        f"Dir::State={folder}/state", f"Dir::State::status={folder}/status", f"Dir::Cache={folder}/cache",
        f"Dir::Etc::sourcelist={folder}/sources.list", "Dir::Etc::sourceparts=-", "APT::Sandbox::User=root",
        f"APT::Architecture={architecture}", f"APT::Architectures={architecture}",
    ]
    return lambda program: [program, *(part for option in options for part in ("-o", option))]


def uri_of(suite):
    """Where this machine gets Debian from, so that no mirror is named here."""
    found = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()
    security = [u for u in found if "security" in u]
    archive = [u for u in found if re.search(r"/debian/?$", u)]
    if suite.endswith("-security"):
        if security:
            return security[0]
        if archive:
            return re.sub(r"/debian/?$", "/debian-security/", archive[0])
    elif archive:
        return archive[0]
    raise KernelError(f"apt on this machine knows no Debian archive to take {suite} from")


def _run(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise KernelError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
