"""What the page says and offers under an answer that failed."""

import re
import secrets

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.doing import last_run, outcome, press, press_and_read, send, stop, wait_for_words

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


def test_the_question_of_a_failed_run_is_changed_where_it_stands(page: Page) -> None:
    words = page.get_by_label("Your message")
    again = page.get_by_role("button", name="Edit and send again")
    send(page, "Once more,\nplease", "emulator/rate-limited")

    again.click()
    expect(words).to_have_value("Once more,\nplease")
    expect(words).to_be_focused()
    page.get_by_label("Message", exact=True).fill("Something else")
    page.reload()
    again.click()
    words.fill("Better so")
    page.get_by_label("Model", exact=True).fill("emulator/echo")
    words.press("Enter")
    expect(page.locator(".run")).to_have_count(1)
    expect(last_run(page).locator(".answer")).to_have_text("Better so")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Something else")


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


def test_a_failed_question_is_asked_again_by_a_button(page: Page) -> None:
    send(page, "Once more [[fault=error status=401 attempts=1]]", "emulator/hello")
    expect(last_run(page).locator(".problem")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("What I write meanwhile")

    press(last_run(page), "Try again")

    expect(last_run(page).locator(".answer")).to_contain_text("Once more")
    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator(".run .asked")).to_have_count(1)
    expect(page.get_by_label("Message", exact=True)).to_have_value("What I write meanwhile")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_a_stopped_answer_is_continued_by_a_button(page: Page) -> None:
    send(page, "Tell me something long", "emulator/long")
    wait_for_words(page, 100)
    stop(page)
    expect(outcome(page)).to_contain_text("provider closed after")
    page.get_by_label("Model", exact=True).fill("emulator/echo")

    press(last_run(page), "Continue")

    expect(page.locator(".run")).to_have_count(2)
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator(".answer")).to_contain_text("Continue")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)


def test_an_answer_is_copied_as_markdown(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    send(page, "# Title\n\nSome *words*", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")

    press_and_read(page, last_run(page).locator(".remedies"), "Copy the answer as Markdown", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "# Title\n\nSome *words*"


def test_what_copies_an_answer_outlives_its_being_drawn_again(page: Page) -> None:
    """A run is drawn again when what is stored of it comes, and somebody may just have pressed the button."""
    same = page.evaluate(
        """async () => {
            const { RunView } = await import("/static/runnel/js/runview.js");
            const run = { id: crypto.randomUUID(), status: "completed", usage: {}, tool_calls: [] };
            const said = [{ id: "m", role: "assistant", text: "hi", parts: [{ kind: "text", text: "hi" }] }];
            const view = RunView.stored(run, said, {});
            const before = view.element.querySelector(".copy");
            view.finish(run);
            view.identify(said);
            return before !== null && before === view.element.querySelector(".copy");
        }"""
    )
    assert same
