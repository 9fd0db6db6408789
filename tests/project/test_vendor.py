"""The third-party files in the repository are those that were published, with their licences."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES: list[dict[str, Any]] = json.loads((ROOT / "scripts" / "vendor.json").read_text())
FOLDERS = ("static/vendor", "tests/vendor")


def path_of(package: dict[str, Any], path: str) -> Path:
    folder: str = package["folder"]
    return ROOT / folder / Path(path).name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_its_files_equal_their_hashes(package: dict[str, Any]) -> None:
    for path, expected in package["files"].items():
        digest = hashlib.sha512(path_of(package, path).read_bytes()).digest()
        assert f"sha512-{base64.b64encode(digest).decode()}" == expected, path


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_it_carries_its_licence(package: dict[str, Any]) -> None:
    licences = [path for path in package["files"] if Path(path).name.startswith("LICENSE")]
    assert licences
    assert all(
        "opyright" in path_of(package, path).read_text() or "Mozilla" in path_of(package, path).read_text()
        for path in licences
    )
    assert package["licence"]
    assert package["use"]
    assert package["integrity"].startswith("sha512-")


def test_nothing_else_lies_there() -> None:
    known = {path_of(package, path) for package in PACKAGES for path in package["files"]}
    found = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert found == known


def test_nothing_that_is_served_is_for_tests_only() -> None:
    for package in PACKAGES:
        assert package["folder"].startswith("tests/") == package["use"].endswith("in tests only"), package[
            "name"
        ]


def test_no_registry_is_named() -> None:
    for name in ("vendor.json", "vendor.py"):
        assert "://" not in (ROOT / "scripts" / name).read_text()
