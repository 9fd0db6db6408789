"""Entering providers in the admin, and who may look at them."""

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django.fixtures import Settings

from providers import catalog
from providers.models import Provider
from tests.providers.admin.pages import (
    ADD,
    CANARY,
    LIST,
    entered,
    errors_of,
    make,
    page_of,
    staff_with,
    text_of,
)
from tests.runs.rows import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


class TestEntering:
    def test_a_provider_is_entered_and_can_be_used_at_once(self, admin: Client) -> None:
        given = entered(concurrency="4", requests_per_minute="60", model_names=" large \n\nsmall\nlarge\n")
        assert admin.post(ADD, given).status_code == 302
        provider = Provider.objects.get()
        assert provider.model_names == ["large", "small"]
        assert (provider.concurrency, provider.requests_per_minute) == (4, 60)
        target = catalog.resolve("acme/large")
        assert (target.api_key, target.base_url) == (CANARY, "https://8.8.8.8/v1")

    def test_an_empty_field_keeps_the_key_and_a_filled_one_replaces_it(self, admin: Client) -> None:
        provider = make()
        admin.post(page_of(provider), entered(label="Renamed", key=""))
        assert catalog.resolve("acme/m").api_key == CANARY
        admin.post(page_of(provider), entered(key="another-key-123456"))
        assert catalog.resolve("acme/m").api_key == "another-key-123456"

    def test_a_key_can_be_forgotten(self, admin: Client) -> None:
        provider = make()
        admin.post(page_of(provider), entered(key="", forget_key="on"))
        provider.refresh_from_db()
        assert provider.sealed_key == ""
        assert catalog.resolve("acme/m").api_key == "none"

    def test_a_stored_key_does_not_go_to_a_new_address(self, admin: Client) -> None:
        provider = make()
        for change in ({"base_url": "https://9.9.9.9/v1"}, {"base_url": "", "kind": "openai"}):
            errors = errors_of(admin.post(page_of(provider), entered(key="", **change)))
            assert "https://8.8.8.8 and goes nowhere else" in errors["key"][0]
        assert admin.post(page_of(provider), entered(base_url="https://9.9.9.9/v1")).status_code == 302
        assert catalog.resolve("acme/m").base_url == "https://9.9.9.9/v1"

    def test_another_path_of_the_same_server_keeps_the_key(self, admin: Client) -> None:
        provider = make()
        response = admin.post(page_of(provider), entered(key="", base_url="https://8.8.8.8/other/v2"))
        assert response.status_code == 302
        assert catalog.resolve("acme/m").api_key == CANARY

    @pytest.mark.parametrize(
        ("fields", "field", "sentence"),
        [
            ({"slug": "openai"}, "slug", "Choose another one, for example my-openai"),
            ({"slug": "Acme"}, "slug", "lower-case letters"),
            ({"slug": "a/b"}, "slug", "lower-case letters"),
            ({"slug": "a--b"}, "slug", "lower-case letters"),
            ({"base_url": "http://8.8.8.8/v1"}, "base_url", "begins with https://"),
            ({"base_url": "https://169.254.169.254/latest"}, "base_url", "not a public address"),
            ({"base_url": "https://me:secret@8.8.8.8"}, "base_url", "The key has a field of its own"),
            ({"base_url": ""}, "base_url", "Say where yours is"),
            ({"kind": "openai", "key": ""}, "key", "OpenAI wants a key"),
            ({"kind": "vertex"}, "kind", "not one of the available choices"),
            ({"key": "two words"}, "key", "neither spaces"),
            ({"key": "schlüssel"}, "key", "neither spaces"),
            ({"concurrency": "0"}, "concurrency", "greater than or equal to 1"),
            ({"model_names": "x" * 151}, "model_names", "150 characters"),
        ],
    )
    def test_a_mistake_is_told_in_a_sentence_at_its_field(
        self, admin: Client, fields: dict[str, str], field: str, sentence: str
    ) -> None:
        errors = errors_of(admin.post(ADD, entered(**fields)))
        assert list(errors) == [field]
        assert sentence in errors[field][0]
        assert not Provider.objects.exists()

    def test_loopback_takes_a_setting(self, admin: Client, settings: Settings) -> None:
        settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = False
        errors = errors_of(admin.post(ADD, entered(base_url="http://127.0.0.1:11434/v1")))
        assert "RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true" in errors["base_url"][0]
        settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
        assert admin.post(ADD, entered(base_url="http://127.0.0.1:11434/v1", key="")).status_code == 302

    def test_a_name_of_a_preset_that_came_later_may_stay(self, admin: Client) -> None:
        provider = make(slug="groq")
        assert admin.post(page_of(provider), entered(slug="groq", key="")).status_code == 302


class TestShowing:
    def test_the_list_says_how_each_stands(self, admin: Client, settings: Settings) -> None:
        make(test_passed=False, test_message="It <b>refused</b>.")
        page = text_of(admin.get(LIST))
        for fact in ("acme", "https://8.8.8.8/v1", "stored", "failed", escape("It <b>refused</b>.")):
            assert fact in page
        settings.SECRET_KEY = "lost"
        # The session went with the secret.
        admin.force_login(make_user("again", is_staff=True, is_superuser=True))
        assert "Enter the key again" in text_of(admin.get(LIST))

    def test_one_who_may_only_look_sees_no_field_and_no_action(self, client: Client) -> None:
        provider = make(model_names=["large"])
        looker = staff_with(client, "view_provider")
        page = text_of(looker.get(page_of(provider)))
        assert "large" in page
        assert 'type="password"' not in page
        assert "Save and test" not in page
        assert "test_selected" not in text_of(looker.get(LIST))
        assert looker.post(page_of(provider), entered(label="Mine")).status_code == 403
        looker.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]})
        provider.refresh_from_db()
        assert provider.tested_at is None

    @pytest.mark.parametrize("permission", ["view_providertrace", "view_run"])
    def test_others_see_nothing(self, client: Client, permission: str) -> None:
        provider = make()
        stranger = staff_with(client, permission)
        for page in (LIST, ADD, page_of(provider)):
            assert stranger.get(page).status_code == 403

    def test_adding_takes_the_permission(self, client: Client) -> None:
        assert staff_with(client, "view_provider").post(ADD, entered()).status_code == 403
        assert not Provider.objects.exists()
