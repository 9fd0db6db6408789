"""Fetches the third-party files that are committed with Runnel, as ``scripts/vendor.json`` pins them.

``make vendor`` runs it. A clone needs it never: the files are in the repository. npm is asked for each package,
so the registry is the one of its configuration. A package whose bytes have another hash is refused, and then
nothing is written. With ``--pin`` the hashes are written into ``vendor.json`` instead: after a version was
changed there, and to be read before they are committed.
"""

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "scripts" / "vendor.json"


def integrity(content: bytes) -> str:
    """Return the hash of ``content`` as npm and HTML write it: ``sha512-…``."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def fetch(name: str, version: str, folder: Path) -> bytes:
    """Return the archive of a package. ``folder`` is empty and takes what npm downloads."""
    subprocess.run(
        ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = folder.glob("*.tgz")
    return archive.read_bytes()


def files_of(package: dict[str, Any], folder: Path) -> dict[str, bytes]:
    """Return the contents of a package's files by their paths in it, from the archive in ``folder``."""
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as opened:
        found = {}
        for path in package["files"]:
            member = opened.extractfile(f"package/{path}")
            if member is None:
                raise SystemExit(f"{package['name']}: {path} is no file")
            found[path] = member.read()
    return found


def main() -> None:
    """Fetch all packages, check them, then replace their folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--pin", action="store_true", help="write the hashes of what was fetched into vendor.json"
    )
    pin = parser.parse_args().pin
    manifest = json.loads(MANIFEST.read_text())
    fetched: list[tuple[Path, dict[str, bytes]]] = []
    for package in manifest:
        with tempfile.TemporaryDirectory() as name:
            hashed = integrity(fetch(package["name"], package["version"], Path(name)))
            if pin:
                package["integrity"] = hashed
            elif hashed != package["integrity"]:
                raise SystemExit(
                    f"{package['name']}: the archive has another hash than vendor.json. Nothing was written."
                )
            contents = files_of(package, Path(name))
        if pin:
            package["files"] = {path: integrity(content) for path, content in contents.items()}
        elif wrong := [
            path for path, content in contents.items() if integrity(content) != package["files"][path]
        ]:
            raise SystemExit(
                f"{package['name']}: {wrong[0]} has another hash than vendor.json. Nothing was written."
            )
        fetched.append((ROOT / package["folder"], contents))
    for folder, contents in fetched:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path, content in contents.items():
            (folder / Path(path).name).write_bytes(content)
    if pin:
        MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    sys.stdout.write(f"{sum(len(contents) for _, contents in fetched)} files of {len(fetched)} packages\n")


if __name__ == "__main__":
    main()
