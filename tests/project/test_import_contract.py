"""The import contract fails when it should: for a folder that no layer names, and for an import that goes up."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("concurrency", "emulator", "project", "providers", "runs")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages and of the contract."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False, timeout=120
    )


def test_it_holds(tree: Path) -> None:
    result = lint(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("package", ["runs", "providers"])
def test_it_refuses_a_folder_that_no_layer_names(tree: Path, package: str) -> None:
    folder = tree / package / "attic"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    try:
        result = lint(tree)
    finally:
        shutil.rmtree(folder)
    assert result.returncode != 0
    assert "attic" in result.stdout + result.stderr


def test_no_package_is_outside_the_contract() -> None:
    """A folder with code is a package of the contract, or one of those that only developers run."""
    with_code = {path.relative_to(ROOT).parts[0] for path in tracked("*.py") if path.parent != ROOT}
    assert with_code == {*PACKAGES, "benchmarks", "scripts", "tests"}


def test_no_folder_is_without_an_init_module() -> None:
    """The contract does not see the modules of a folder without ``__init__.py``."""
    bare = {
        path.parent.relative_to(ROOT)
        for path in tracked("*.py")
        if path.relative_to(ROOT).parts[0] in PACKAGES and not (path.parent / "__init__.py").exists()
    }
    assert not bare


def tracked(pattern: str) -> list[Path]:
    """Return the files of the working tree that match, without what Git ignores."""
    command = ["git", "ls-files", "-co", "--exclude-standard", pattern]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("runs/store/titles.py", "from runs.services import start"),
        ("runs/log/replay.py", "import channels"),
        ("runs/log/feed.py", "import daphne"),
        ("providers/call/pump.py", "import openai"),
        ("providers/text/cleaning.py", "from providers.wires import check"),
        ("providers/text/cleaning.py", "from runs.states import RunStatus"),
    ],
)
def test_it_refuses_an_import_that_goes_up(tree: Path, module: str, line: str) -> None:
    path = tree / module
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        result = lint(tree)
    finally:
        path.write_text(before)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout
