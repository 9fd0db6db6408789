"""Keys that were entered in the admin: shown nowhere, and sealed anew with another secret."""

import io
import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from providers import catalog
from providers.catalog import cache
from providers.models import Provider
from tests.providers.admin.pages import ADD, CANARY, LIST, entered, make, page_of, serving

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


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
