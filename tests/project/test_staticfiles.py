"""Static files with ``DEBUG``: browsers keep scripts and styles until one of them changes."""

import os
import re
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from django.templatetags.static import static
from django.test import Client

from project import staticfiles


@pytest.fixture(autouse=True)
def versions(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "project.staticfiles.VersionedStaticFilesStorage"}
    }
    settings.SERVESTATIC_USE_FINDERS = True
    monkeypatch.setattr(staticfiles, "_LOOK_EVERY", 0.0)


def test_a_script_is_kept_and_finds_what_it_imports_beside_it(client: Client) -> None:
    address = static("runnel/js/main.js")
    assert re.fullmatch(r"/static/v-[0-9a-f]{12}/runnel/js/main\.js", address)
    for path in (address, address.replace("main.js", "markdown/parser.js")):
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "max-age=31536000, public, immutable"
        assert response.headers["Content-Type"].startswith("text/javascript")


def test_an_old_version_finds_the_file_and_nobody_keeps_it(client: Client) -> None:
    response = client.get("/static/v-000000000000/runnel/js/main.js")
    assert response.status_code == 200
    assert "immutable" not in response.headers["Cache-Control"]
    assert client.get("/static/v-000000000000/runnel/js/none.js").status_code == 404


def test_a_changed_file_makes_another_version(settings: Any, tmp_path: Path) -> None:
    script = tmp_path / "one.js"
    script.write_text("1")
    settings.STATICFILES_DIRS = [tmp_path]
    before = staticfiles.current()
    assert staticfiles.current() == before
    os.utime(script, ns=(1, 1))
    assert staticfiles.current() != before


def test_a_picture_keeps_its_address() -> None:
    assert static("runnel/logo.svg") == "/static/runnel/logo.svg"


def test_the_pages_modules_import_each_other_one_way() -> None:
    """Where they lead in a circle, no name can tell a module's content, and without ``DEBUG`` no server starts."""
    scripts = Path(__file__).parents[2] / "static" / "runnel" / "js"
    imported = {
        path: [
            (path.parent / name).resolve()
            for name in re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]+)"', path.read_text())
        ]
        for path in scripts.rglob("*.js")
    }
    assert len(imported) > 50

    TopologicalSorter(imported).prepare()
