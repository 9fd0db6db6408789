"""An admin gives Runnel a provider's key on a page: used at once, tested, and never shown again."""

import re
from typing import Any

import pytest
from django.test import Client

from providers import catalog
from providers.catalog import cache
from providers.models import Provider
from runs.models import AuditEntry
from tests.providers.admin.pages import serving
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/providers/"
KEY = "sk-canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_cached() -> Any:
    cache.forget()
    yield
    cache.forget()


@pytest.fixture
def browser(settings: Any) -> Client:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    signed_in = Client()
    signed_in.force_login(make_user("root", is_staff=True, is_superuser=True))
    return signed_in


def add(browser: Client, **fields: Any) -> Any:
    return browser.post(PAGE, {"kind": "openai-compatible", "key": KEY, "base_url": "", "slug": ""} | fields)


def test_a_key_is_stored_tested_and_used_without_a_restart(browser: Client) -> None:
    with serving() as address:
        answer = add(browser, base_url=address, slug="acme")
    row = Provider.objects.get()
    assert answer["Location"] == f"/providers/#provider-{row.pk}"
    assert (row.slug, row.test_passed, row.model_names) == ("acme", True, ["large", "small"])
    assert row.unseal() == KEY
    assert catalog.resolve("acme/large").api_key == KEY
    page = browser.get(PAGE).text
    assert "Works." in page
    assert "2 models" in page
    assert "acme/large" in browser.get("/").text
    for text in (page, browser.get(f"/admin/providers/provider/{row.pk}/change/").text):
        assert KEY not in text
        assert row.sealed_key not in text
    assert AuditEntry.objects.filter(target="providers.provider", action="added").exists()


def test_it_says_what_is_wrong_with_a_key_and_a_second_test_finds_it_right(browser: Client) -> None:
    with serving(status=401, body={"error": {"message": "Wrong key KEY"}}) as address:
        add(browser, base_url=address, slug="acme")
        page = browser.get(PAGE).text
        assert "It does not work yet." in page
        assert KEY not in page
    row = Provider.objects.get()
    with serving() as address:
        row.base_url = address
        row.seal(KEY)
        row.save()
        browser.post(f"/providers/{row.pk}/test/")
    assert "Works." in browser.get(PAGE).text


def test_a_provider_has_its_own_name_unless_the_environment_has_it(browser: Client, settings: Any) -> None:
    with serving() as address:
        add(browser, kind="openai", base_url=address)
        add(browser, kind="openai", base_url=address)
        settings.GROQ_API_KEY = "set"
        add(browser, kind="groq", base_url=address)
    assert set(Provider.objects.values_list("slug", flat=True)) == {"openai", "my-openai", "my-groq"}
    assert "openai" in Provider.objects.get(slug="openai").kind


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "openai", "key": ""}, "wants a key"),
        ({"kind": "nonesuch"}, "Select a valid choice"),
        ({"base_url": ""}, "has no address of its own"),
        ({"base_url": "http://169.254.169.254/v1"}, "errorlist"),
        ({"kind": "openai", "key": "two words"}, "neither spaces nor line breaks"),
        ({"kind": "openai", "slug": "groq"}, "Choose another one"),
        ({"kind": "openai", "slug": "<b>"}, "errorlist"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    browser: Client, fields: dict[str, str], words: str
) -> None:
    page = add(browser, **fields).text
    assert words in page
    assert not Provider.objects.exists()
    assert KEY not in page
    assert "two words" not in page


def test_a_provider_is_removed_with_its_key(browser: Client) -> None:
    row = Provider(slug="acme", label="Acme", kind="openai-compatible", base_url="https://8.8.8.8/v1")
    row.seal(KEY)
    row.save()
    assert browser.post(f"/providers/{row.pk}/remove/")["Location"] == PAGE
    assert not Provider.objects.exists()
    for act in ("test", "remove"):
        assert browser.post(f"/providers/{row.pk}/{act}/").status_code == 404


def test_who_may_not_set_up_providers_sees_no_such_page(settings: Any) -> None:
    mine = Client()
    mine.force_login(make_user("ada", is_staff=True))
    row = Provider.objects.create(slug="acme", label="Acme", kind="openai")
    assert mine.get(PAGE).status_code == 404
    assert add(mine).status_code == 404
    for act in ("test", "remove"):
        assert mine.post(f"/providers/{row.pk}/{act}/").status_code == 404
    assert Provider.objects.get() == row
    row.delete()
    page = mine.get("/").text
    assert PAGE not in page
    assert "ask an administrator" in re.sub(r"\s+", " ", page)


def test_the_first_page_leads_an_admin_to_the_form(browser: Client) -> None:
    assert f'href="{PAGE}"' in browser.get("/").text
