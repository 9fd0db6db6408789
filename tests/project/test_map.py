"""The pages that say where things are name files and objects that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/explanation/follow-one-token.md", "docs/architecture.md", "CONTRIBUTING.md")
#: `path/to/file.py`, `path/to/file.py:Name` or `path/to/file.py:Class.method`; a folder ends with a slash.
NAMED = re.compile(
    r"`((?:runs|providers|project|concurrency|emulator|tests|benchmarks)/[\w./]*)(?::([\w.]+))?`"
)


def named(page: str) -> list[tuple[str, str]]:
    return NAMED.findall((ROOT / page).read_text())


def names_in(nodes: list[ast.stmt], prefix: str = "") -> set[str]:
    """Return the functions, classes, methods and constants that ``nodes`` define, as dotted names."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.ClassDef(name=name, body=body):
                found |= {prefix + name} | names_in(body, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(prefix + name)
            case ast.Assign(targets=targets):
                found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.TypeAlias(name=ast.Name(id=name)):
                found.add(prefix + name)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_it_names_what_exists(page: str) -> None:
    references = named(page)
    assert references
    for path, name in references:
        place = ROOT / path
        assert place.exists(), f"{page}: there is no {path}"
        if name:
            assert name in names_in(ast.parse(place.read_text()).body), f"{page}: {path} has no {name}"


def test_the_way_of_a_token_names_each_object_once() -> None:
    references = named(PAGES[0])
    assert len(references) == len(set(references))


def test_the_map_names_every_folder() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for package in ("runs", "providers"):
        for folder in (ROOT / package).iterdir():
            if folder.is_dir() and (folder / "__init__.py").exists() and folder.name != "migrations":
                assert f"`{package}/{folder.name}/`" in page


def test_contributing_answers_where_things_are() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    answers = page.partition("## Where things are")[2].partition("\n## ")[0]
    assert len(NAMED.findall(answers)) >= 10
