"""An admin at the pages for providers. Providers may be on this machine."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from providers.catalog import cache
from tests.runs.rows import make_user


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    cache.forget()
    yield
    cache.forget()


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client
