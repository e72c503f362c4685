"""archive.py FOLDER OUT TARGET: packs a folder so that the same files give the same bytes, and prints the archive."""

import gzip
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

folder, out, target = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
when = int(os.environ["SOURCE_DATE_EPOCH"])
files = sorted(path for path in folder.rglob("*") if path.is_file())


def is_program(path):
    return path.parent == folder and path.stem == "ftperm"


if "windows" in target:
    archive = out / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            name = path.relative_to(folder.parent).as_posix()
            entry = zipfile.ZipInfo(name, time.gmtime(when)[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
else:
    archive = out / f"{folder.name}.tar.gz"
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", mtime=when, fileobj=raw) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as packed:
            for path in files:
                entry = packed.gettarinfo(path, path.relative_to(folder.parent).as_posix())
                entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = when, 0, 0, "", ""
                entry.mode = 0o755 if is_program(path) else 0o644
                with open(path, "rb") as contents:
                    packed.addfile(entry, contents)
print(archive)
