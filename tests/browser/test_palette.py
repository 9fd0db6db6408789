"""All that can be done, by keys alone: the palette, the list of keys, the field for the model."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.doing import outcome, send

pytestmark = pytest.mark.browser


def test_the_palette_finds_an_action_and_does_it(page: Page) -> None:
    page.keyboard.press("Control+k")
    field = page.get_by_label("Search for an action")
    expect(field).to_be_focused()
    page.keyboard.type("temperature")
    expect(page.get_by_role("option")).to_have_text(["Settings of this conversationCtrl."])
    page.keyboard.press("Enter")
    expect(page.get_by_label("System prompt")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("System prompt")).to_be_hidden()

    page.keyboard.press("Control+k")
    page.keyboard.type("no such thing")
    expect(page.get_by_text("Nothing here is called so.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_letters_that_are_typed_while_the_palette_loads_are_not_lost(page: Page) -> None:
    held: list[Route] = []
    page.route("**/palette*.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright writes to it
    with page.expect_request("**/palette*.js"):
        page.keyboard.press("Control+k")
    page.keyboard.type("temp")
    expect(page.get_by_label("Search for an action")).to_have_value("temp")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    held[0].continue_()
    page.keyboard.type("erature")
    expect(page.get_by_role("option")).to_have_text(["Settings of this conversationCtrl."])


def test_every_key_is_listed(page: Page) -> None:
    page.keyboard.press("Control+/")
    keys = page.get_by_role("dialog", name="Keys")
    for words in ("Show all actions", "Stop the answer", "New line", "Scroll up"):
        expect(keys.get_by_text(words, exact=True)).to_be_visible()
    listed = keys.locator("dt").all_text_contents()
    page.keyboard.press("Enter")
    expect(keys).to_be_hidden()
    page.goto("/keys/")
    expect(page.get_by_role("heading", name="Keys", exact=True, level=1)).to_be_visible()
    expect(page.locator("dt")).to_have_text(listed)


def test_a_model_is_chosen_with_the_keyboard_and_stays_a_favourite(page: Page) -> None:
    page.keyboard.press("Control+Shift+L")
    models = page.get_by_role("listbox", name="Models")
    expect(models).to_be_visible()
    page.keyboard.type("built-in reas")
    expect(models.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove from favourites")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Model", exact=True)).to_have_value("emulator/reasoning")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()

    page.reload()
    page.get_by_label("Model", exact=True).click()
    group = models.get_by_role("group", name="Favourites")
    expect(group.get_by_role("option")).to_contain_text("emulator/reasoning")
    group.locator(".star").click()
    expect(group).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Model", exact=True)).to_have_value("emulator/hello")


def test_a_typo_in_a_model_is_told_before_anything_is_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    send(page, "To nobody", "emulater/hello")
    expect(page.locator("#note")).to_have_text("There is no provider “emulater” here. Did you mean emulator?")
    expect(page.get_by_label("Model", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Message", exact=True)).to_have_value("To nobody")
    assert not [frame for frame in sent if '"start"' in frame]

    send(page, "To somebody", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done · emulator/hello")
