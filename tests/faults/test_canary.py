"""Keys that must be found nowhere: every way in, every failure, with upstreams that quote them.

The words of a model are not looked at: what a provider says as its answer is shown as it is.
"""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from concurrency.threads import readers
from providers.catalog import cache
from providers.catalog.presets import PRESETS
from providers.models import Provider, ProviderTrace
from runs.models import Run
from tests.faults.echoing import echoing
from tests.faults.failing import ENDING, PATIENT, PROVIDERS, Wanted, be_patient, ordered, play_all
from tests.faults.line import WIRES, Line

pytestmark = pytest.mark.filterwarnings("ignore:Overriding get_action_choices")

#: What keys begin with here: nothing that looks like a key to anybody.
MARK = "canary"

#: Failures that every way in is tried with; each wire is tried with all of them.
SOME = ("error kind=unauthorized", "error kind=malformed", "error_event", "html", "abrupt")

#: One in so many traces and runs is looked at in the admin.
SAMPLE = 12

#: What each wire's SDK expects behind an address; fields that the emulator does not know are ignored.
PATHS = {
    "openai-chat": "/compatible/v1",
    "openai-responses": "/compatible/v1",
    "anthropic-messages": "/compatible",
    "gemini-generate": "/compatible",
}

KINDS = ("openai-compatible", "anthropic-compatible", "gemini-compatible", "xai")


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> Iterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    cache.forget()
    yield
    cache.forget()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server's log says, formatted as there."""
    root, written = logging.getLogger(), io.StringIO()
    (formatter,) = {each.formatter for each in root.handlers if type(each) is logging.StreamHandler}
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def configure(settings: Any, origin: str) -> dict[str, str]:
    """Give every provider that can be reached here a key of its own; return the keys by slug."""
    keys = {}
    for preset in PRESETS.values():
        # Bedrock and Vertex have no address of their own; tests/providers/clients/test_clouds.py has theirs.
        if preset.key and preset.address:
            keys[preset.slug] = f"{MARK}-{preset.key.lower()}-97531"
            setattr(settings, preset.key, keys[preset.slug])
            setattr(settings, preset.address, origin + PATHS[preset.wire])
    return keys


def enter(origin: str) -> dict[str, str]:
    """Enter providers of some kinds in the database; return their keys."""
    keys = {}
    for kind in KINDS:
        row = Provider(slug=f"row-{kind}", label=kind, kind=kind, base_url=origin + PATHS[PRESETS[kind].wire])
        keys[row.slug] = f"{MARK}-row-{kind}-24680"
        row.seal(keys[row.slug])
        row.save()
    return keys


async def test_no_key_is_found_anywhere_after_every_failure(
    settings: Any, line: Line, log: io.StringIO
) -> None:
    be_patient(settings, PATIENT)
    async with echoing(line.emulator.origin) as echo:
        keys = configure(settings, echo.origin)
        keys |= await readers.run(enter, echo.origin)
        failures = [order for order, code in ENDING.items() if code]
        wanted = [ordered(order, wire) for order in failures for wire in WIRES]
        known = {provider for provider, *_ in PROVIDERS.values()}
        wanted += [
            Wanted(model=f"{slug}/length", text=f"Please. [[fault={order}]]")
            for slug in keys
            for order in SOME
            if slug not in known
        ]
        await play_all(line, wanted)
        assert {key for key, times in echo.quoted.items() if times} == set(keys.values())

    secrets = {*keys.values(), line.token}
    places = {
        **await readers.run(tables),
        **await readers.run(pages, line.user),
        "log": log.getvalue(),
        **{f"socket {number}": repr(vars(each)) for number, each in enumerate(line._clients)},
    }
    assert len(places) > 80
    # A socket is opened with the token, and the test's own side of it holds that.
    hits = {
        f"{secret} in {name}: {text[text.index(secret) - 120 :][:240]}"
        for name, text in places.items()
        for secret in (*secrets, f"{MARK}-")
        if secret in text and not (name.startswith("socket") and secret == line.token)
    }
    assert hits == set()


def tables() -> dict[str, str]:
    """Return all that the database holds, by table."""
    with connection.cursor() as cursor:
        found = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[f"table {table}"] = str(cursor.fetchall())
    # Compressed in its table.
    payloads = [(trace.request, trace.response) for trace in ProviderTrace.objects.all()]
    assert "fault=" in str(payloads)
    return found | {"payloads of traces": str(payloads)}


def pages(user: Any) -> dict[str, str]:
    """Return what an admin sees: lists, all providers, some traces and runs; and the user's own page."""
    browser = Browser()
    browser.force_login(user)
    lists = (
        "providers_provider",
        "providers_providertrace",
        "runs_run",
        "runs_conversation",
        "runs_apitoken",
    )
    addresses = ["/", *(reverse(f"admin:{name}_changelist") for name in lists)]
    for name, model, step in (
        ("providers_provider", Provider, 1),
        ("providers_providertrace", ProviderTrace, SAMPLE),
        ("runs_run", Run, SAMPLE),
    ):
        chosen = list(model.objects.order_by("pk").values_list("pk", flat=True))[::step]
        addresses += [reverse(f"admin:{name}_change", args=[pk]) for pk in chosen]
    found = {}
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200, address
        found[f"page {address}"] = answer.content.decode()
    return found
