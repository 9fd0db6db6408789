"""An unknown address in the local mode: the page that people get in any other mode, and nothing of how Runnel is made."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESSES = ("/no-such-address/", "/no-such-address", "/c/no-uuid/", "/admin/no-such-address/")


@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize("address", ADDRESSES)
def test_people_get_a_friendly_page(client: Client, settings: Any, address: str, is_signed_in: bool) -> None:
    settings.DEBUG = True
    if is_signed_in:
        client.force_login(make_user("root", is_staff=True, is_superuser=True))
    page = client.get(address, follow=not is_signed_in)
    assert "urlconf" not in page.text.lower()
    if page.status_code == 404:
        assert "There is nothing here" in page.text
        assert "Content-Security-Policy" in page.headers
    else:
        # Who is not signed in to the admin has to do so first.
        assert page.redirect_chain


async def test_an_asynchronous_request_gets_the_same(settings: Any) -> None:
    settings.DEBUG = True
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(make_user)("ada"))
    assert "There is nothing here" in (await client.get(ADDRESSES[0])).content.decode()


def test_programs_get_json(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    answer = client.get("/api/no-such-address/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
