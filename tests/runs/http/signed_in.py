"""A user, a stranger and a browser in which the user has signed in, for tests of what the page and its JSON answer."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from runs.models import ApiToken


@pytest.fixture(name="user")
def a_user() -> User:
    return User.objects.create_user("ada")


@pytest.fixture(name="stranger")
def a_stranger() -> User:
    return User.objects.create_user("eve")


@pytest.fixture(name="client")
def a_client(user: User) -> Client:
    signed_in = Client(enforce_csrf_checks=True)
    signed_in.force_login(user)
    return signed_in


def csrf(client: Client) -> dict[str, str]:
    """Return the header that a page of ours sends."""
    client.get("/")
    return {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value}


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {ApiToken.issue(user)[1]}"}
