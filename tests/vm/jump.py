"""Guests that jump: hibtool and its kernel module in an initramfs, with the kernel's own package beside them."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import initramfs
import kernel

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent / "kernel-glue"


def build_module(found, cache, source=None, untested=False):
    """hibjump.ko for a kernel that has headers, or with `source`, the one file of a module that only tests need, that one;
    made anew when something that it is made of is another. `untested`: as if the kernel were of no tested series, and with a
    parameter `pretend` for the reasons because of which the module refuses a machine (HIBJUMP_REFUSED_*)."""
    name = source.stem if source else "hibjump"
    folder = Path(cache).resolve() / (f"{name}-untested" if untested else name) / found.release
    folder.mkdir(parents=True, exist_ok=True)
    made_of = digest_of([*SOURCE.rglob("*"), Path(__file__), found.headers / "Module.symvers", *([source] if source else [])])
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        module, note = folder / f"{name}.ko", folder / "made-of"
        if module.exists() and note.exists() and note.read_text() == made_of:
            return module
        note.unlink(missing_ok=True)
        tree = folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(SOURCE, tree)
        if source:
            shutil.copy(source, tree)
            (tree / "Kbuild").write_text(f"obj-m := {name}.o\n")
        if untested:
            main, asked = tree / "main.c", "HIBJUMP_SERIES_IS_TESTED(LINUX_VERSION_MAJOR, LINUX_VERSION_PATCHLEVEL)"
            assert main.read_text().count(asked) == 1, "where the module looks whether its kernel is tested"
            main.write_text(main.read_text().replace(asked, "false"))
            processor = tree / "processor.c"
            begin, found_nothing = "\nstatic u32 found_against(void)\n", "u32 found = 0;"
            text = processor.read_text()
            assert begin in text and text.count(found_nothing) == 1, "where the module looks for what is against it"
            text = text.replace(begin, "\nstatic unsigned int pretend;\nmodule_param(pretend, uint, 0644);\n" + begin).replace(found_nothing, "u32 found = pretend;")
            processor.write_text(text.replace("#include <linux/elfcore.h>", "#include <linux/moduleparam.h>\n#include <linux/elfcore.h>"))
        # No type information in the module: that takes pahole, and nothing here reads it.
        done = run_make(found, tree)
        said = [line for line in (done.stdout + done.stderr).splitlines() if re.search(r"warning|error", line, re.I)]
        if done.returncode != 0 or said:
            raise kernel.KernelError(f"{name} does not build cleanly:\n" + "\n".join(said or done.stderr.splitlines()))
        subprocess.run(["objcopy", "--strip-debug", str(tree / f"{name}.ko"), str(module)], check=True)
        note.write_text(made_of)
    return module


def run_make(found, tree):
    """In the kernel's own builder, where it has one: in a copy of the tree, with what was made copied back."""
    options = ["W=1", "C=2", "CHECK=sparse", "CONFIG_DEBUG_INFO_BTF_MODULES="]
    if not found.builder:
        return subprocess.run(["make", "-C", str(tree), f"KDIR={found.headers}", *options], capture_output=True, text=True)
    inside = found.builder.root / "build" / tree.parent.parent.name
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(tree, inside)
    headers = found.headers.relative_to(found.builder.root)
    done = found.builder.run(["make", "-C", f"/build/{inside.name}", f"KDIR=/{headers}", *options])
    shutil.copytree(inside, tree, dirs_exist_ok=True)
    return done


def digest_of(paths):
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def program_files(program, folder):
    """name in the guest -> Path: a program without its debugging information, its loader and its libraries."""
    name = Path(program).name
    stripped = Path(folder) / name
    subprocess.run(["strip", "-o", str(stripped), str(program)], check=True)
    files = {f"usr/bin/{name}": stripped}
    for line in subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout.splitlines():
        match = re.search(r"(/\S+) \(0x", line)
        if match:
            files[match[1].lstrip("/")] = Path(match[1])
    return files


def installed_files(found, module, modules):
    """name in the guest -> Path: a kernel with the modules that matter, and the watchdog."""
    files = {f"lib/modules/{found.release}/kernel/{file.name}": file for file in found.module_files([*modules, "softdog"])}
    vmlinuz = f"boot/vmlinuz-{found.release}" if found.vmlinuz.parent.name == "boot" else f"usr/lib/modules/{found.release}/vmlinuz"
    return {**files, vmlinuz: found.vmlinuz, f"lib/modules/{found.release}/updates/hibjump.ko": module}


def build_initramfs(path, found, module, hibtool, folder, modules, commands, files=None):
    """What a machine with hibtool installed has: the program, /boot and /lib/modules."""
    content = {**program_files(hibtool, folder), **installed_files(found, module, modules), **(files or {})}
    return initramfs.build(path, found, modules, content, commands)
