"""What every response carries, which hosts are refused, and what a page about an error does not show."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from project.error_pages import Reporter
from project.headers import HEADERS


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/login/", "/nowhere/", "/api/conversations/", "/admin/login/", "/static/runnel/logo.svg"]
)
def test_every_response_says_what_browsers_may_not_do(client: Client, path: str, settings: Any) -> None:
    settings.SERVESTATIC_USE_FINDERS = True
    response = client.get(path)

    assert HEADERS.items() <= dict(response.headers).items()
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("debug", [True, False])
def test_a_foreign_host_reads_nothing(client: Client, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    settings.ALLOWED_HOSTS = ["runnel.example"]

    response = client.get("/", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert response.content == (
        b"This server does not answer to that name. ALLOWED_HOSTS has the names that it answers to.\n"
    )
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.parametrize("page", ["get_traceback_html", "get_traceback_text"])
def test_a_page_about_an_error_shows_no_password_and_no_settings(settings: Any, page: str) -> None:
    settings.DEBUG = True
    settings.REDIS_URL = "redis://:hunter2secret99@127.0.0.1/0"
    address, failure = "http://user:s3cretpass@127.0.0.1:11434/v1", None
    try:
        raise ValueError(f"no answer from {address}")
    except ValueError as error:
        failure = error
    request = RequestFactory().get("/")

    text = getattr(Reporter(request, type(failure), failure, failure.__traceback__), page)()

    assert "no answer from" in text
    assert "127.0.0.1:11434" in text
    assert "hunter2secret99" not in text
    assert "s3cretpass" not in text
