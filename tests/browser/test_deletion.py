"""Deleting a conversation: at once, because it can be undone; but never past an answer that nobody agreed to stop."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.doing import choose, entry, outcome, press, send, wait_for_words

pytestmark = pytest.mark.browser


def test_a_deletion_can_be_undone(page: Page, context: BrowserContext) -> None:
    send(page, "Soon to be forgotten", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    address = page.url
    other = context.new_page()
    other.goto(address)
    expect(outcome(other)).to_contain_text("Done")
    page.bring_to_front()

    choose(page, "Soon to be forgotten", "Delete")
    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    expect(entry(page, "Soon to be forgotten")).to_have_count(0)
    assert page.request.get(address).status == 404
    told = other.get_by_text("This conversation was deleted.")
    expect(told).to_be_visible()

    press(page, "Undo")
    expect(told).to_have_count(0)
    expect(outcome(other)).to_contain_text("Done")
    expect(page.locator(".asked")).to_contain_text("Soon to be forgotten")
    expect(entry(page, "Soon to be forgotten")).to_have_count(1)
    assert page.url == address


def test_it_stops_what_is_being_answered_before_it_deletes(page: Page) -> None:
    send(page, "Forgotten in the middle", "emulator/long")
    wait_for_words(page, 20)
    address = page.url

    choose(page, "Forgotten in the middle", "Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("is stopped first")
    press(dialog, "Keep it")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()

    choose(page, "Forgotten in the middle", "Delete")
    press(dialog, "Stop and delete")
    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    assert page.request.get(address).status == 404
