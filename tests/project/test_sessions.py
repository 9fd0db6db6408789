"""Sessions end when nobody uses them, and not before."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.test import AsyncClient, Client
from django.utils import timezone
from django.utils.module_loading import import_string
from servestatic.middleware import ServeStaticMiddleware

from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.SESSION_COOKIE_AGE = 1000
    client = Client()
    client.force_login(make_user("ada"))
    client.get("/")
    return client


def left() -> float:
    """Return the seconds until the only session expires."""
    return (Session.objects.get().expire_date - timezone.now()).total_seconds()


def test_a_session_that_nobody_uses_ends(browser: Client) -> None:
    assert 900 < left() <= 1000
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert browser.get("/api/conversations/").status_code == 401


def test_a_request_renews_a_session_from_time_to_time(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=500))
    browser.get("/api/conversations/")
    assert left() < 600

    session = browser.session
    session["renewed"] -= 500
    session.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=500))
    browser.get("/api/conversations/")
    assert left() > 900


def test_a_visitor_gets_no_session(client: Client) -> None:
    client.get("/login/")

    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_request_renews_it_alike(settings: Any) -> None:
    settings.SESSION_COOKIE_AGE = 1000
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(make_user)("ada"))
    await client.get("/api/conversations/")
    await Session.objects.aupdate(expire_date=timezone.now() + timedelta(seconds=500))
    await client.get("/api/conversations/")
    assert await sync_to_async(left)() < 600

    session = await client.asession()
    await session.aset("renewed", (await session.aget("renewed", 0)) - 500)
    await session.asave()
    await Session.objects.aupdate(expire_date=timezone.now() + timedelta(seconds=500))
    await client.get("/api/conversations/")
    assert await sync_to_async(left)() > 900


@pytest.mark.parametrize(
    "path", [path for path in configured.MIDDLEWARE if path.startswith(("project.", "runs."))]
)
def test_no_middleware_of_our_own_makes_a_request_change_threads(path: str) -> None:
    middleware = import_string(path)

    # What extends the library's can do what that can: it is for asynchronous requests, as those of the server are.
    is_sync_too = not issubclass(middleware, ServeStaticMiddleware) if isinstance(middleware, type) else True
    assert (middleware.sync_capable, middleware.async_capable) == (is_sync_too, True)
