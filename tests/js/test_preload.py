"""The page names in advance what its scripts import, and its first load is small."""

import gzip
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
MAIN = STATIC / "runnel/js/main.js"
IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from "([^"]+)";', re.MULTILINE)
NAMED = re.compile(r"{% static '([^']+)' %}")

#: Bytes of the first load, compressed, with all that it needs to show Markdown.
MOST = 200_000


def imported(module: Path, seen: set[Path]) -> set[Path]:
    """Return ``module`` and all that it imports before it runs."""
    seen.add(module)
    for address in IMPORT.findall(module.read_text()):
        found = (module.parent / address).resolve()
        if found not in seen:
            imported(found, seen)
    return seen


def named_in(template: str) -> set[Path]:
    names = NAMED.findall((ROOT / "templates" / template).read_text())
    return {(STATIC / name).resolve() for name in names}


def test_the_page_names_every_module_and_no_other() -> None:
    assert named_in("modules.html") == imported(MAIN, set()) - {MAIN}


def test_the_first_load_is_small() -> None:
    files = imported(MAIN, set()) | named_in("app.html") | named_in("base.html")
    size = sum(len(gzip.compress(file.read_bytes())) for file in files)
    assert 50_000 < size < MOST


def test_no_module_parses_markup() -> None:
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|parseFromString|setHTML|\beval\("
    )
    for module in (STATIC / "runnel/js").rglob("*.js"):
        assert not sinks.search(module.read_text()), module.name
