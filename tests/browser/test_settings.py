"""The settings of a conversation: kept with it, sent with each message, saved as presets."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.doing import outcome, press, send

pytestmark = pytest.mark.browser


def open_settings(page: Page) -> None:
    page.get_by_role("button", name="Settings of this conversation").click()
    page.get_by_role("dialog", name="Conversation settings").wait_for()


def test_what_is_set_goes_along_and_stays_in_every_tab(page: Page, context: BrowserContext) -> None:
    starts: list[dict[str, Any]] = []

    def note(text: str | bytes) -> None:
        frame = json.loads(text)
        if frame["type"] == "start":
            starts.append(frame)

    page.on("websocket", lambda socket: socket.on("framesent", note))
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    # Before the conversation begins.
    open_settings(page)
    page.get_by_label("System prompt").fill("You are a tide table.")
    page.get_by_label("Longest answer").fill("500")
    page.get_by_label("US dollars").fill("0.5")
    expect(page.get_by_text("Saved. The next message is sent so.")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("US dollars")
    open_settings(page)
    page.get_by_label("US dollars").fill("")
    page.get_by_label("Tokens", exact=True).fill("90000")
    page.keyboard.press("Escape")

    send(page, "When is high water?", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    [start] = starts
    assert start["system"] == "You are a tide table."
    assert start["options"]["max_output_tokens"] == 500
    assert start["budget"] == {"tokens": 90000}

    second = context.new_page()
    second.goto(page.url)
    second.locator("main[data-connection=online]").wait_for()
    open_settings(second)
    expect(second.get_by_label("System prompt")).to_have_value("You are a tide table.")
    expect(second.get_by_label("Tokens", exact=True)).to_have_value("90000")
    press(second, "Reset all")
    expect(second.get_by_text("Saved. The next message is sent so.")).to_be_visible()
    page.reload()
    open_settings(page)
    expect(page.get_by_label("System prompt")).to_have_value("")


def test_a_preset_brings_all_its_settings_into_another_conversation(page: Page) -> None:
    open_settings(page)
    page.get_by_label("System prompt").fill("Answer in one sentence.")
    page.get_by_label("Temperature").fill("0.2")
    press(page, "Save as preset…")
    page.get_by_label("Name of the preset").fill("Terse")
    press(page, "Save")
    expect(page.get_by_text("“Terse” is saved.")).to_be_visible()

    page.goto("/")
    page.locator("main[data-connection=online]").wait_for()
    open_settings(page)
    page.get_by_label("Preset", exact=True).select_option("Terse")
    expect(page.get_by_label("System prompt")).to_have_value("Answer in one sentence.")
    expect(page.get_by_label("Temperature")).to_have_value("0.2")
    press(page, "Delete")
    expect(page.get_by_text("The preset is deleted.")).to_be_visible()
    expect(page.get_by_label("Preset", exact=True)).to_be_disabled()


def test_a_value_that_cannot_be_is_told_and_the_others_are_kept(page: Page) -> None:
    open_settings(page)
    page.get_by_label("System prompt").fill("You are a tide table.")
    page.get_by_label("Temperature").fill("9")
    state = page.locator("#settings-drawer .state")
    expect(state).to_contain_text("Temperature is not saved: ")
    expect(state).to_contain_text("less than or equal to 2")
    page.keyboard.press("Escape")
    open_settings(page)
    expect(page.get_by_label("System prompt")).to_have_value("You are a tide table.")
    expect(page.get_by_label("Temperature")).to_have_value("")
