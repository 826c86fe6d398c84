"""Files that fill a guest's page cache: a tar archive on a disk of its own."""

import os
import tarfile
from pathlib import Path


def write_tar(folder, path, limit):
    """Regular files below `folder` in a fixed order, up to `limit` bytes."""
    with tarfile.open(path, "w") as archive:
        total = 0
        for root, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                file = Path(root) / name
                if file.is_symlink() or not file.is_file():
                    continue
                total += file.stat().st_size + 1024
                if total > limit:
                    return
                try:
                    archive.add(file, arcname=str(file.relative_to(folder)), recursive=False)
                except OSError:
                    continue  # unreadable: another file will do
