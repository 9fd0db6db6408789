"""What the page says and offers under an answer that failed."""

import re
import secrets

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.doing import last_run, outcome, send

pytestmark = pytest.mark.browser


def add_user(context: BrowserContext, name: str) -> str:
    """Add a user who is no staff, as the admin; return the password."""
    password = secrets.token_urlsafe()
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")
    added = context.request.post(
        "/admin/auth/user/add/",
        form={
            "csrfmiddlewaretoken": token,
            "username": name,
            "usable_password": "true",
            "password1": password,
            "password2": password,
        },
    )
    assert re.search(r"/admin/auth/user/\d+/change/$", added.url)
    return password


def test_it_says_how_a_run_failed_also_after_a_reload(page: Page) -> None:
    send(page, "Fail", "emulator/rate-limited")

    expect(last_run(page).locator(".problem code")).to_have_text("llm_rate_limit")
    expect(outcome(page)).to_contain_text("Failed")
    shown = last_run(page).locator(".problem").text_content()
    page.reload()
    expect(last_run(page).locator(".problem")).to_have_text(shown or "")


def test_it_puts_the_words_of_a_failed_run_back_into_an_empty_field(page: Page) -> None:
    words = page.get_by_label("Message", exact=True)
    again = page.get_by_role("button", name="Edit and send again")
    send(page, "Once more,\nplease", "emulator/rate-limited")

    again.click()
    expect(words).to_have_value("Once more,\nplease")
    expect(words).to_be_focused()
    expect(page.locator(".run")).to_have_count(1)

    words.fill("Something else")
    page.reload()
    again.click()
    expect(words).to_have_value("Something else")
    expect(page.locator("#note")).to_contain_text("You are writing something else")


def test_it_leads_staff_and_nobody_else_to_the_calls_of_a_failed_run(
    page: Page, context: BrowserContext
) -> None:
    details = page.get_by_role("link", name="Details")
    send(page, "Fail for an admin", "emulator/rate-limited")
    run = last_run(page).get_attribute("data-run")
    address = details.get_attribute("href")
    assert address == f"/admin/providers/providertrace/?run_id={run}"
    calls = context.request.get(address)
    assert calls.url.endswith(address)
    assert len(set(re.findall(r"/providertrace/[0-9a-f-]{36}/change/", calls.text()))) == 1

    password = add_user(context, "ada")
    context.clear_cookies()
    sign_in(page, password, name="ada")
    send(page, "Fail for anybody", "emulator/rate-limited")
    expect(page.get_by_role("button", name="Edit and send again")).to_be_visible()
    expect(details).to_have_count(0)
