"""What a user chooses for writing: a conversation's settings, presets, favourite models; and the list of models."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from providers.catalog import model_names
from providers.types.listed_model import Ability, ListedModel
from runs.models import Conversation, WritingChoices
from runs.retention import contents, erasing
from runs.retention.pace import Pace
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db

#: All that a conversation can be set to.
ALL = {
    "system": "You are a tide table.",
    "reasoning_effort": "low",
    "max_output_tokens": 300,
    "temperature": 0.5,
    "fallback_models": ["emulator/hello"],
    "budget": {"cost": 0.25, "tokens": 4000},
}


@pytest.fixture
def user() -> User:
    user: User = make_user("ada")
    return user


@pytest.fixture
def client(user: User) -> Client:
    signed_in = Client()
    signed_in.force_login(user)
    return signed_in


@pytest.fixture(autouse=True)
def nothing_listed() -> Iterator[None]:
    model_names.forget()
    yield
    model_names.forget()


def put(client: Client, address: str, body: object) -> tuple[int, Any]:
    response = client.put(address, json.dumps(body), content_type="application/json")
    return response.status_code, response.json()


def test_settings_are_stored_with_the_conversation(client: Client, user: User) -> None:
    run = make_run(owner=user)
    address = f"/api/conversations/{run.conversation_id}/"
    assert client.get(address).json()["settings"] == {}
    assert put(client, f"{address}settings/", ALL) == (200, {"settings": ALL})
    assert client.get(address).json()["settings"] == ALL
    # All at once: what is left out is as usual again.
    assert put(client, f"{address}settings/", {"temperature": 1}) == (200, {"settings": {"temperature": 1.0}})


def test_the_chosen_model_is_stored_beside_the_other_settings(client: Client, user: User) -> None:
    run = make_run(owner=user)
    address = f"/api/conversations/{run.conversation_id}/settings/"
    put(client, address, ALL)
    patch = client.patch(address, json.dumps({"model": "emulator/long"}), content_type="application/json")
    assert patch.json() == {"settings": ALL | {"model": "emulator/long"}}
    stored = client.get(f"/api/conversations/{run.conversation_id}/").json()["settings"]
    assert stored == ALL | {"model": "emulator/long"}
    other = Client()
    other.force_login(make_user("eve"))
    assert other.patch(address, "{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"model": "x" * 300},
        {"temperature": "warm"},
        {"temperature": 11},
        {"budget": {"cost": 0}},
        {"budget": {"words": 3}},
        {"system": "x" * 12_001},
        {"fallback_models": ["a/b"] * 6},
        {"password": "x"},
        [],
    ],
)
def test_other_settings_are_refused(client: Client, user: User, wrong: object) -> None:
    run = make_run(owner=user)
    status, answer = put(client, f"/api/conversations/{run.conversation_id}/settings/", wrong)
    assert (status, answer["code"]) == (400, "bad_request")
    assert Conversation.objects.get().settings == {}


def test_a_text_that_no_database_stores_is_mended(client: Client, user: User) -> None:
    run = make_run(owner=user)
    address = f"/api/conversations/{run.conversation_id}/settings/"
    assert put(client, address, {"system": "a\0b"}) == (200, {"settings": {"system": "a\ufffdb"}})


def test_presets_and_favourites_are_the_users_own(client: Client, user: User) -> None:
    preset = {"name": "Terse", "settings": {"system": "Be brief."}}
    assert client.get("/api/choices/").json() == {"presets": [], "favourite_models": []}
    put(client, "/api/choices/", {"presets": [preset]})
    # What is left out stays.
    put(client, "/api/choices/", {"favourite_models": ["emulator/long"]})
    assert client.get("/api/choices/").json() == {"presets": [preset], "favourite_models": ["emulator/long"]}

    other = Client()
    other.force_login(make_user("eve"))
    assert other.get("/api/choices/").json() == {"presets": [], "favourite_models": []}


@pytest.mark.parametrize(
    "wrong", [{"presets": [{"name": ""}]}, {"presets": "all"}, {"favourite_models": [1]}]
)
def test_other_choices_are_refused(client: Client, wrong: object) -> None:
    status, answer = put(client, "/api/choices/", wrong)
    assert (status, answer["code"]) == (400, "bad_request")
    assert not WritingChoices.objects.exists()


def test_what_was_chosen_goes_with_its_conversation_and_its_user(client: Client, user: User) -> None:
    run = make_run(owner=user)
    put(client, f"/api/conversations/{run.conversation_id}/settings/", ALL)
    put(client, "/api/choices/", {"favourite_models": ["a/b"]})
    pace = Pace(stop=threading.Event())
    contents.erase(Conversation.objects.filter(owner=user), pace)
    contents.empty(pace)
    assert Conversation.all_rows.get().settings == {}
    erasing.erase(user, pace)
    assert not WritingChoices.objects.exists()


def models_of(client: Client) -> dict[str, Any]:
    return {model["name"]: model for model in client.get("/api/models/").json()["models"]}


def test_the_models_of_providers_with_a_key_are_listed_with_their_facts(
    client: Client, settings: Settings
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    listed = models_of(client)
    model = listed["anthropic/claude-sonnet-4-5"]
    assert (model["title"], model["context_window"], model["price_is_guess"]) == (
        "Claude Sonnet 4.5",
        200_000,
        False,
    )
    assert (model["input_price"], model["output_price"]) == (3.0, 15.0)
    assert model["abilities"] == ["documents", "images", "thinking", "tools"]
    assert not model["is_suggested"]
    assert listed["emulator/hello"]["is_suggested"]
    assert listed["emulator/hello"]["input_price"] is None
    assert not [name for name in listed if name.startswith(("openai/", "groq/"))]

    told = {each["slug"]: each for each in client.get("/api/models/").json()["providers"]}
    assert told["anthropic"]["available"]
    assert (told["groq"]["available"], told["groq"]["settings"]) == (False, ["GROQ_API_KEY"])


def test_a_list_of_the_providers_own_takes_precedence(client: Client, settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    own = ListedModel(
        name="claude-next",
        title="Claude Next",
        context_window=2_000_000,
        abilities=frozenset({Ability.IMAGES, Ability.THINKING}),
    )
    model_names.keep("anthropic", (own,))
    listed = {name: model for name, model in models_of(client).items() if model["provider"] == "anthropic"}
    assert list(listed) == ["anthropic/claude-next"]
    model = listed["anthropic/claude-next"]
    assert (model["title"], model["context_window"]) == ("Claude Next", 2_000_000)
    assert model["abilities"] == ["images", "thinking"]
    told = {each["slug"]: each for each in client.get("/api/models/").json()["providers"]}
    assert told["anthropic"]["is_complete"]
    assert not told["emulator"]["is_complete"]


def test_the_list_says_what_the_user_prefers(client: Client, user: User) -> None:
    for model in ("emulator/long", "emulator/hello", "emulator/long"):
        make_run(owner=user, model=model)
    make_run(owner=make_user("eve"), model="emulator/silent")
    put(client, "/api/choices/", {"favourite_models": ["emulator/tools"]})
    told = client.get("/api/models/").json()
    assert told["recent"] == ["emulator/long", "emulator/hello"]
    assert told["favourites"] == ["emulator/tools"]
    assert told["default"] == "emulator/hello"
