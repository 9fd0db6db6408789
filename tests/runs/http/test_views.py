"""The page over HTTP, with rows as runs leave them behind."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from providers import catalog
from tests.runs.http.signed_in import a_client, a_stranger, a_user  # noqa: F401 - fixtures
from tests.runs.rows import make_run

pytestmark = pytest.mark.django_db


def first_model(slug: str) -> str:
    return next(provider.models[0] for provider in catalog.providers() if provider.slug == slug)


def test_it_sends_a_stranger_to_the_sign_in_page_and_back() -> None:
    address = f"/c/{uuid.uuid4()}/"
    response = Client().get(address)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")


def test_it_shows_the_page_with_what_the_scripts_need(client: Client, user: User) -> None:
    run = make_run(owner=user)
    html = client.get(f"/c/{run.conversation_id}/").content.decode()
    assert f'data-conversation="{run.conversation_id}"' in html
    assert f'data-user="{user.get_username()}"' in html
    assert 'value="emulator/hello"' in html
    assert "<script>" not in html
    assert "style=" not in html


def test_it_says_where_a_key_goes_until_there_is_one(client: Client, settings: Any) -> None:
    hint = b"ask an administrator to add a provider"
    assert b"built-in emulator" in client.get("/").content
    assert hint in client.get("/").content

    settings.RUNNEL_EMULATOR = False
    without = client.get("/").content
    assert b"built-in emulator" not in without
    assert hint in without

    settings.OPENAI_API_KEY = "sk-test"
    assert hint not in client.get("/").content


def test_it_proposes_a_model_of_a_provider_that_is_ready_and_names_those(
    client: Client, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    one = client.get("/").content.decode()
    assert f'value="anthropic/{first_model("anthropic")}"' in one
    assert re.search(r"This provider is ready:\s+<code[^>]*>anthropic</code>\.", one)

    settings.GEMINI_API_KEY = "key"
    two = client.get("/").content.decode()
    assert re.search(r"These providers are ready:\s+<code[^>]*>anthropic</code> and <code", two)

    settings.RUNNEL_DEFAULT_MODEL = "gemini/of-my-own"
    assert 'value="gemini/of-my-own"' in client.get("/").content.decode()


def test_it_proposes_nothing_while_nothing_is_ready(client: Client, settings: Any) -> None:
    settings.RUNNEL_EMULATOR = False
    assert 'id="model" value=""' in client.get("/").content.decode()


def test_after_a_wrong_password_the_focus_is_on_the_password(user: User) -> None:
    def focused(html: str) -> list[str]:
        return [tag for tag in re.findall("<input[^>]*>", html) if "autofocus" in tag]

    (first,) = focused(Client().get("/login/").content.decode())
    assert 'name="username"' in first
    refused = Client().post("/login/", {"username": user.username, "password": "wrong"})
    (again,) = focused(refused.content.decode())
    assert 'name="password"' in again


def test_foreign_pages_look_like_absent_ones(client: Client, stranger: User) -> None:
    foreign = client.get(f"/c/{make_run(owner=stranger).conversation_id}/")
    absent = client.get(f"/c/{uuid.uuid4()}/")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_nothing_but_themselves(name: str) -> None:
    html = render_to_string(f"{name}.html")
    assert "<h1>" in html
    assert 'href="/"' in html
