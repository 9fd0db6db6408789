"""Static files without ``DEBUG``, while servers of two versions share the folder that they are collected into."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from project.staticfiles import StaticFilesMiddleware

type Serve = Callable[[str], Awaitable[HttpResponseBase]]


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "js").mkdir(parents=True)
    (root / "js" / "main.0ld.js").write_text("old")
    (tmp_path / "secret_key").write_text("secret")
    return root


@pytest.fixture
def serve(collected: Path, settings: Any) -> Serve:
    """Return what an already running server answers."""
    settings.SERVESTATIC_AUTOREFRESH = settings.SERVESTATIC_USE_FINDERS = False
    settings.SERVESTATIC_USE_MANIFEST = False
    settings.SERVESTATIC_USE_STATIC_ROOT = False
    settings.STATIC_ROOT = collected

    async def otherwise(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=404)

    middleware = StaticFilesMiddleware(otherwise)

    async def ask(path: str) -> HttpResponseBase:
        answer: HttpResponseBase = await middleware(RequestFactory().get(path))
        return answer

    return ask


async def test_a_server_finds_what_an_older_one_has_collected(serve: Serve) -> None:
    assert (await serve("/static/js/main.0ld.js")).status_code == 200


async def test_a_server_finds_what_a_newer_one_collects_while_it_serves(
    serve: Serve, collected: Path
) -> None:
    assert (await serve("/static/js/main.new.js")).status_code == 404
    (collected / "js" / "main.new.js").write_text("new")
    found = await serve("/static/js/main.new.js")
    assert (found.status_code, found.headers["Content-Type"]) == (200, 'text/javascript; charset="utf-8"')


@pytest.mark.parametrize(
    "path", ["/static/../secret_key", "/static//js/main.0ld.js", "/static/js", "/secret_key"]
)
async def test_nothing_beside_the_folder_is_found(serve: Serve, path: str) -> None:
    assert (await serve(path)).status_code == 404
