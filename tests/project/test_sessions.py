"""Sessions end when nobody uses them, and not before."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

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
