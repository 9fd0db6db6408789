"""Asking providers from the admin's pages: for an answer, and for their models."""

import json
import threading
from typing import Any, override

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django.fixtures import Settings

from providers import catalog
from providers.admin import connection_test
from providers.security import vault
from tests.providers.admin.pages import (
    ADD,
    CANARY,
    LIST,
    Answering,
    entered,
    errors_of,
    listening,
    make,
    page_of,
    serving,
    text_of,
    told,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


class TestAsking:
    def test_a_test_asks_for_the_list_of_models(self, admin: Client) -> None:
        with serving() as address:
            provider = make(base_url=address)
            response = admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        assert told(response) == ["acme: Its list of models came: 2 models."]
        provider.refresh_from_db()
        assert provider.test_passed
        assert provider.tested_at is not None
        assert provider.model_names == []

    def test_a_test_with_a_model_asks_it_for_a_word(self, admin: Client) -> None:
        with serving() as address:
            provider = make(base_url=address, test_model="large")
            response = admin.post(
                page_of(provider),
                entered(
                    base_url=address,
                    key="",
                    test_model="large",
                    providers_provider_save_and_test="Save and test",
                ),
            )
            assert response.status_code == 302
            assert response.headers["Location"] == page_of(provider)
            page = text_of(admin.get(page_of(provider)))
        provider.refresh_from_db()
        assert provider.test_passed
        assert provider.test_message.startswith("large answered in ")
        assert provider.test_message.endswith("“It works <b>”")
        assert escape("“It works <b>”") in page

    def test_models_are_fetched_and_suggested(self, admin: Client) -> None:
        with serving() as address:
            provider = make(base_url=address)
            response = admin.post(LIST, {"action": "fetch_selected", "_selected_action": [provider.pk]})
        assert told(response) == ["acme: Its list of models came: 2 models."]
        provider.refresh_from_db()
        assert provider.model_names == ["large", "small"]
        assert provider.model_names_fetched_at is not None
        assert "acme/large" in catalog.suggestions()

    def test_fetching_from_the_form_saves_first(self, admin: Client) -> None:
        with serving() as address:
            provider = make(base_url="https://8.8.8.8/v1")
            admin.post(
                page_of(provider),
                entered(base_url=address, providers_provider_save_and_fetch="Save and fetch models"),
            )
        provider.refresh_from_db()
        assert provider.base_url == address
        assert provider.model_names == ["large", "small"]

    def test_several_are_asked_together_and_each_is_told_of(self, admin: Client) -> None:
        with (
            serving() as address,
            serving(401, {"error": {"message": "Incorrect API key provided: KEY"}}) as no,
        ):
            chosen = [make(slug="good", base_url=address), make(slug="bad", base_url=no)]
            response = admin.post(
                LIST, {"action": "test_selected", "_selected_action": [each.pk for each in chosen]}
            )
        bad, good = sorted(told(response))
        assert good.startswith("good: Its list")
        assert bad.startswith("bad: The model provider did not accept the API key.")

    @pytest.mark.parametrize(
        ("status", "body", "sentence"),
        [
            (401, {"error": {"message": "Incorrect API key provided: KEY"}}, "did not accept the API key"),
            (404, {"error": "no"}, "There is no list of models at this address"),
            (500, {"error": "oh"}, "internal error"),
            (307, {"error": "elsewhere"}, "redirect"),
            (200, {"data": [{"no": "name"}]}, "names no model"),
            (200, [1], "names no model"),
            (200, "text", None),
        ],
    )
    def test_a_failure_is_a_sentence_and_a_story(
        self, admin: Client, status: int, body: Any, sentence: str | None
    ) -> None:
        with serving(status, body) as address:
            provider = make(base_url=address)
            response = admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        provider.refresh_from_db()
        assert provider.test_passed is False
        assert (sentence or "") in provider.test_message
        assert told(response) == [f"acme: {provider.test_message}"]
        assert CANARY not in json.dumps(provider.test_story)

    def test_an_address_that_may_not_be_called_is_told_so_with_the_reason_in_the_story(
        self, admin: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider = make(base_url="https://rebound.example.org/v1")
        monkeypatch.setattr("socket.getaddrinfo", lambda *args, **names: [(2, 1, 6, "", ("10.0.0.7", 443))])
        admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        provider.refresh_from_db()
        assert "administrator" in provider.test_message
        assert "10.0.0.7" in json.dumps(provider.test_story)
        assert "10.0.0.7" in text_of(admin.get(page_of(provider)))

    def test_a_form_looks_up_the_name(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.getaddrinfo", lambda *args, **names: [(2, 1, 6, "", ("10.0.0.7", 443))])
        errors = errors_of(admin.post(ADD, entered(base_url="https://intranet.example.org/v1")))
        assert "intranet.example.org leads to 10.0.0.7" in errors["base_url"][0]

    def test_nobody_waits_for_ever(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_test, "_PATIENCE", 0.2)
        silence = threading.Event()

        class Silent(Answering):
            @override
            def do_GET(self) -> None:
                silence.wait(10)

        with listening(Silent) as address:
            provider = make(base_url=address)
            response = admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
            silence.set()
        assert "took too long" in told(response)[0]

    def test_a_key_that_nobody_can_open_is_told_instead_of_sent(
        self, admin: Client, settings: Settings
    ) -> None:
        provider = make()
        provider.sealed_key = vault.seal(CANARY, purpose="https://elsewhere.example.org")
        provider.save()
        response = admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        assert "Enter the key again" in told(response)[0]

    def test_asking_for_one_that_is_switched_off_works(self, admin: Client) -> None:
        with serving() as address:
            provider = make(base_url=address, is_enabled=False)
            response = admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        assert "2 models" in told(response)[0]
