"""The admin's pages for providers, with Django's client; the network is loopback and a played name server."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django.fixtures import Settings

from providers import catalog
from providers.admin import connection_test
from providers.catalog import cache
from providers.models import Provider
from providers.security import vault
from tests.runs.rows import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

LIST = "/admin/providers/provider/"
ADD = f"{LIST}add/"

CANARY = "sk-canary-THIS-KEY-MUST-NOT-LEAK-13579"


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


class Answering(BaseHTTPRequestHandler):
    """A server of Chat Completions that answers what it is told to."""

    status = 200
    body: Any = None

    def do_GET(self) -> None:
        self._answer(json.dumps(self.body or {"data": [{"id": "large"}, {"id": "small"}, {"id": "embed-1"}]}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "delta": {"content": "It\nworks <b>"}, "finish_reason": "stop"}
        self._answer(
            json.dumps(self.body)
            if self.body
            else f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\ndata: [DONE]\n\n",
            "application/json" if self.body else "text/event-stream",
        )

    def _answer(self, text: str, kind: str = "application/json") -> None:
        # Servers quote the key that they refuse.
        body = text.replace("KEY", self.headers.get("authorization", "")).encode()
        self.send_response(self.status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(status: int = 200, body: Any = None) -> Iterator[str]:
    with listening(type("Handler", (Answering,), {"status": status, "body": body})) as address:
        yield address


@contextmanager
def listening(handler: type[Answering]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def entered(**fields: Any) -> dict[str, Any]:
    defaults = {
        "slug": "acme",
        "label": "Acme",
        "kind": "openai-compatible",
        "base_url": "https://8.8.8.8/v1",
        "key": CANARY,
        "is_enabled": "on",
        "concurrency": "",
        "requests_per_minute": "",
        "model_names": "",
        "test_model": "",
    }
    return {**defaults, **fields}


def make(**columns: Any) -> Provider:
    defaults = {
        "slug": "acme",
        "label": "Acme",
        "kind": "openai-compatible",
        "base_url": "https://8.8.8.8/v1",
    }
    key = columns.pop("key", CANARY)
    provider = Provider(**{**defaults, **columns})
    provider.seal(key)
    provider.save()
    return provider


def page_of(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.headers
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def staff_with(client: Client, *permissions: str) -> Client:
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


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


class TestCanary:
    def test_a_key_appears_in_no_page_message_log_history_or_dump(
        self, admin: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        seen = []
        quoting = {"error": {"message": "Incorrect API key: KEY", "code": "KEY", "api_key": "KEY"}}
        with serving(401, quoting) as address:
            seen.append(admin.post(ADD, entered(base_url=address, slug="Bad Name")))
            seen.append(admin.post(ADD, entered(base_url=address), follow=True))
            provider = Provider.objects.get()
            page = page_of(provider)
            for model in ("", "large"):
                given = entered(base_url=address, test_model=model)
                seen += [
                    admin.post(page, {**given, f"providers_provider_{name}": "yes"}, follow=True)
                    for name in ("save_and_test", "save_and_fetch")
                ]
            seen += [
                admin.post(LIST, {"action": "test_selected", "_selected_action": [provider.pk]}, follow=True),
                admin.post(page, entered(base_url="https://10.0.0.1"), follow=True),
                admin.get(page),
                admin.get(LIST),
                admin.get(f"{page}history/"),
                admin.get(f"{page}delete/"),
                admin.get("/admin/"),
            ]
        for response in seen:
            assert CANARY not in response.content.decode()
        assert LogEntry.objects.exists()
        dump = io.StringIO()
        call_command("dumpdata", stdout=dump)
        assert "sealed_key" in dump.getvalue()
        assert CANARY not in dump.getvalue()
        assert CANARY not in caplog.text
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.execute("SELECT sealed_key FROM providers_provider")
                assert CANARY not in str(cursor.fetchall())


class TestResealing:
    def test_the_command_moves_every_key_to_the_current_secret(self, settings: Settings) -> None:
        make()
        make(slug="none", key="")
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
        out = io.StringIO()
        call_command("reseal_keys", stdout=out)
        assert "Sealed anew: 1." in out.getvalue()
        settings.SECRET_KEY_FALLBACKS = []
        cache.refresh()
        assert catalog.resolve("acme/m").api_key == CANARY

    def test_it_names_what_it_cannot_open_and_fails(self, settings: Settings) -> None:
        make()
        settings.SECRET_KEY = "lost"
        with pytest.raises(CommandError, match="acme"):
            call_command("reseal_keys", stdout=io.StringIO())
