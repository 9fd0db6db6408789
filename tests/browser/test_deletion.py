"""Deleting a conversation: after a question, and never past an answer that nobody agreed to stop."""

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.doing import outcome, send, wait_for_words

pytestmark = pytest.mark.browser


def entry(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=title)


def answer_dialog(page: Page, button: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def test_it_deletes_a_conversation_after_asking(page: Page) -> None:
    send(page, "Soon to be forgotten", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    address = page.url
    forgotten = entry(page, "Soon to be forgotten")

    forgotten.get_by_role("button").click()
    answer_dialog(page, "Keep it")
    expect(forgotten).to_be_visible()
    forgotten.get_by_role("button").click()
    answer_dialog(page, "Delete")

    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    expect(forgotten).to_have_count(0)
    assert page.request.get(address).status == 404


def test_it_stops_what_is_being_answered_before_it_deletes(page: Page) -> None:
    send(page, "Forgotten in the middle", "emulator/long")
    wait_for_words(page, 20)
    address = page.url

    entry(page, "Forgotten in the middle").get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("is stopped first")
    answer_dialog(page, "Stop and delete")

    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    assert page.request.get(address).status == 404


def test_it_asks_again_when_an_answer_began_after_the_question(page: Page, context: BrowserContext) -> None:
    send(page, "Not as idle as it looks", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    second = context.new_page()
    second.goto("/")
    entry(second, "Not as idle as it looks").get_by_role("button").click()

    send(page, "And on it goes", "emulator/silent")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    answer_dialog(second, "Delete")
    expect(second.get_by_role("dialog")).to_contain_text("is stopped first")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()

    answer_dialog(second, "Stop and delete")
    expect(entry(second, "Not as idle as it looks")).to_have_count(0)
    expect(outcome(page)).to_contain_text("Stopped by you")
