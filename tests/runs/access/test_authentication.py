"""Two ways in: a token, or a session together with its own site's Origin."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth import get_user_model
from django.test import Client

from concurrency.threads import readers
from runs.access import open_sockets
from runs.models import ApiToken
from tests.runs.conftest import Person
from tests.runs.sockets import HOST, Socket, bearer

pytestmark = pytest.mark.django_db(transaction=True)

OWN = ("origin", f"http://{HOST}")

type Open = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def open_socket(server: None) -> AsyncIterator[Open]:
    """Open sockets with whatever a request may have; they are closed in the end."""
    sockets = []

    async def opened(*headers: tuple[str, str], **more: Any) -> Socket:
        socket = await Socket(*headers, **more).open()
        sockets.append(socket)
        return socket

    yield opened
    for socket in sockets:
        await socket.close()


@pytest.fixture
def browser(ada: Person) -> Client:
    """A browser in which ada is signed in."""
    client = Client()
    client.force_login(ada.user)
    return client


def cookie(browser: Client) -> tuple[str, str]:
    name = configured.SESSION_COOKIE_NAME
    return "cookie", f"theme=dark; {name}={browser.cookies[name].value}; last=1"


def who(socket: Socket) -> str:
    """Return who the server says is there."""
    name: str = socket.frames[0]["user"]["username"]
    return name


def assert_refused(socket: Socket, close_code: int) -> None:
    # Accepted first: a browser cannot see the code of a refused handshake.
    assert (socket.is_accepted, socket.close_code) == (True, close_code)
    assert socket.received == []


async def test_a_token_in_the_header_is_a_way_in(ada: Person, open_socket: Open) -> None:
    socket = await open_socket(bearer(ada.token))
    assert (who(socket), socket.subprotocol) == ("ada", None)


async def test_the_scheme_is_not_case_sensitive(ada: Person, open_socket: Open) -> None:
    assert who(await open_socket(("authorization", f"bEARER   {ada.token} "))) == "ada"


async def test_a_token_in_a_subprotocol_is_a_way_in_and_is_not_sent_back(
    ada: Person, open_socket: Open
) -> None:
    socket = await open_socket(subprotocols=["runnel.v1", f"bearer.{ada.token}"])
    assert (who(socket), socket.subprotocol) == ("ada", "runnel.v1")


async def test_a_client_that_offers_only_our_subprotocol_gets_it(ada: Person, open_socket: Open) -> None:
    socket = await open_socket(bearer(ada.token), subprotocols=["other", "runnel.v1"])
    assert socket.subprotocol == "runnel.v1"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer rnl_wrong", "Basic YWRhOng=", "rnl_wrong", "Bearer \x00", "Token x"],
)
async def test_a_wrong_token_is_no_way_in(header: str, ada: Person, open_socket: Open) -> None:
    assert_refused(await open_socket(("authorization", header)), 4401)


async def test_a_wrong_token_in_a_subprotocol_is_no_way_in(ada: Person, open_socket: Open) -> None:
    socket = await open_socket(subprotocols=["runnel.v1", "bearer.rnl_wrong"])
    assert_refused(socket, 4401)
    # The handshake would fail in a browser before it saw the code.
    assert socket.subprotocol == "runnel.v1"


async def test_nobody_is_no_way_in(open_socket: Open) -> None:
    assert_refused(await open_socket(), 4401)
    assert_refused(await open_socket(OWN), 4401)


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "authorization=Bearer%20{}", "bearer.{}"])
async def test_a_token_in_the_address_is_ignored(query: str, ada: Person, open_socket: Open) -> None:
    assert_refused(await open_socket(OWN, query=query.format(ada.token)), 4401)


async def test_a_revoked_token_is_no_way_in(ada: Person, open_socket: Open) -> None:
    await readers.run(ApiToken.objects.all().delete)
    assert_refused(await open_socket(bearer(ada.token)), 4401)


async def test_the_digest_of_a_token_is_no_token(ada: Person, open_socket: Open) -> None:
    assert_refused(await open_socket(bearer(ApiToken.digest_of(ada.token))), 4401)


async def test_a_session_with_our_own_origin_is_a_way_in(browser: Client, open_socket: Open) -> None:
    assert who(await open_socket(cookie(browser), OWN)) == "ada"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        f"https://{HOST}",
        f"http://{HOST}:8000",
        f"http://{HOST}.evil.example",
        f"http://evil.example/{HOST}",
        f"http://evil.example#{HOST}",
        f"http://{HOST}@evil.example",
        f"http://sub.{HOST}",
        f"ws://{HOST}",
        HOST,
        "null",
        "",
        "http://",
        "http://[::1",
        f"http://{HOST}:port",
        f"file://{HOST}",
        f"http://{HOST}/page",
        f"http://{HOST}/",
        f"http://somebody@{HOST}",
        f"http://{HOST}?",
    ],
)
async def test_a_session_with_another_origin_is_refused(
    origin: str, browser: Client, open_socket: Open
) -> None:
    assert_refused(await open_socket(cookie(browser), ("origin", origin)), 4403)


async def test_another_site_is_told_so_with_and_without_a_session(open_socket: Open) -> None:
    assert_refused(await open_socket(("origin", "http://evil.example")), 4403)
    assert_refused(await open_socket(OWN), 4401)


async def test_a_session_without_an_origin_is_refused(browser: Client, open_socket: Open) -> None:
    assert_refused(await open_socket(cookie(browser)), 4403)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8000", "localhost:8000", "ws"),
        ("http://[::1]:8000", "[::1]:8000", "ws"),
        ("http://Example.org", "example.org:80", "ws"),
        ("https://example.org", "example.org", "wss"),
        ("https://example.org:443", "example.org", "wss"),
    ],
)
async def test_the_origin_is_compared_as_scheme_host_and_port(
    origin: str, host: str, scheme: str, browser: Client, open_socket: Open, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "example.org"]
    socket = await open_socket(("host", host), cookie(browser), ("origin", origin), scheme=scheme)
    assert who(socket) == "ada"
    other = "https" if scheme == "ws" else "http"
    swapped = ("origin", origin.replace(origin.partition(":")[0], other, 1))
    refused = await open_socket(("host", host), cookie(browser), swapped, scheme=scheme)
    assert_refused(refused, 4403)


async def test_a_setting_names_other_sites(browser: Client, open_socket: Open, settings: Any) -> None:
    settings.RUNNEL_ALLOWED_ORIGINS = ["https://app.example.org"]
    assert who(await open_socket(cookie(browser), ("origin", "https://app.example.org"))) == "ada"
    assert who(await open_socket(cookie(browser), OWN)) == "ada"
    for origin in ("http://app.example.org", "https://app.example.org:8443", "https://example.org"):
        assert_refused(await open_socket(cookie(browser), ("origin", origin)), 4403)


async def test_behind_a_proxy_the_scheme_is_the_one_it_names(
    browser: Client, open_socket: Open, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    https = ("origin", f"https://{HOST}")
    assert who(await open_socket(cookie(browser), https, ("x-forwarded-proto", "https"))) == "ada"
    assert_refused(await open_socket(cookie(browser), https, ("x-forwarded-proto", "http")), 4403)


async def test_without_a_proxy_nobody_may_name_the_scheme(browser: Client, open_socket: Open) -> None:
    https = ("origin", f"https://{HOST}")
    assert_refused(await open_socket(cookie(browser), https, ("x-forwarded-proto", "https")), 4403)


async def test_a_token_needs_no_origin_and_takes_any(ada: Person, open_socket: Open) -> None:
    assert who(await open_socket(bearer(ada.token), ("origin", "http://evil.example"))) == "ada"


async def test_with_a_token_the_cookie_is_ignored(browser: Client, eve: Person, open_socket: Open) -> None:
    assert who(await open_socket(bearer(eve.token), cookie(browser), OWN)) == "eve"
    assert_refused(await open_socket(bearer("rnl_wrong"), cookie(browser), OWN), 4401)
    socket = await open_socket(cookie(browser), OWN, subprotocols=["runnel.v1", "bearer.rnl_wrong"])
    assert_refused(socket, 4401)


@pytest.mark.parametrize("key", ["", "x" * 32, "../../secret", "\x00"])
async def test_an_invented_session_is_no_way_in(key: str, ada: Person, open_socket: Open) -> None:
    socket = await open_socket(("cookie", f"{configured.SESSION_COOKIE_NAME}={key}"), OWN)
    assert_refused(socket, 4401)


async def test_an_inactive_user_has_no_way_in(ada: Person, browser: Client, open_socket: Open) -> None:
    await readers.run(lambda: get_user_model().objects.update(is_active=False))
    assert_refused(await open_socket(bearer(ada.token)), 4401)
    assert_refused(await open_socket(cookie(browser), OWN), 4401)


async def test_an_anonymous_session_is_no_way_in(ada: Person, open_socket: Open) -> None:
    def visit() -> Client:
        client = Client()
        client.session.save()
        return client

    assert_refused(await open_socket(cookie(await readers.run(visit)), OWN), 4401)


async def test_a_closed_socket_is_forgotten(ada: Person, open_socket: Open) -> None:
    socket = await open_socket(bearer(ada.token))
    assert len(open_sockets._sockets) == 1
    await socket.close()
    assert not open_sockets._sockets


async def test_an_address_that_nothing_answers_is_closed(ada: Person) -> None:
    socket = Socket(bearer(ada.token), path="/ws/other/")
    await socket.open()
    assert (socket.is_accepted, socket.close_code) == (False, 1000)


async def test_a_socket_of_a_foreign_host_is_refused(ada: Person, open_socket: Open, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["runnel.example"]
    refused = await open_socket(("host", "evil.example"), bearer(ada.token))

    assert_refused(refused, 4403)
    assert who(await open_socket(("host", "runnel.example:8000"), bearer(ada.token))) == "ada"
