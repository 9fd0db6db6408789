"""What is written while an answer runs: it waits in every tab, is sent at once, or is read at the next step."""

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.doing import last_run, outcome, press, send, stop, wait_for_words, whole_run

pytestmark = pytest.mark.browser


def waiting(page: Page) -> Locator:
    return page.locator("#queue-list li .words")


def write(page: Page, words: str, keys: str = "Enter") -> None:
    page.get_by_label("Message", exact=True).fill(words)
    page.get_by_label("Message", exact=True).press(keys)
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


def begin(page: Page) -> None:
    send(page, "Tell me something long", "emulator/long")
    wait_for_words(page, 40)
    page.get_by_label("Model", exact=True).fill("emulator/echo")


def test_what_waits_is_changed_in_one_tab_and_seen_in_all(page: Page, context: BrowserContext) -> None:
    begin(page)
    for words in ("First", "Second", "Third"):
        write(page, words)
    second = context.new_page()
    second.goto(page.url)
    for each in (page, second):
        expect(waiting(each)).to_have_text(["First", "Second", "Third"])

    items = second.locator("#queue-list li")
    press(items.nth(2), "Move up")
    press(items.nth(0), "Remove")
    expect(waiting(page)).to_have_text(["Third", "Second"])
    press(page.locator("#queue-list li").nth(1), "Edit")
    field = page.get_by_label("Queued message")
    expect(field).to_have_value("Second")
    field.fill("Second, in other words")
    field.press("Enter")
    expect(waiting(second)).to_have_text(["Third", "Second, in other words"])

    press(page.locator("#queue-list li").nth(1), "Model emulator/echo: change it")
    page.get_by_label("Search for a model").fill("emulator/hello")
    page.get_by_label("Search for a model").press("Enter")
    for each in (page, second):
        expect(each.locator("#queue-list li .about")).to_have_text(["emulator/echo", "emulator/hello"])
    second.reload()
    expect(second.locator("#queue-list li .about")).to_have_text(["emulator/echo", "emulator/hello"])

    # A stop keeps what waits, until somebody lets it go on.
    stop(page)
    press(second, "Go on with it")
    expect(page.locator("#queue")).to_be_hidden()
    expect(page.locator(".run")).to_have_count(3)
    expect(outcome(page)).to_contain_text("Done · emulator/hello")
    asked = page.locator(".run .asked").all_text_contents()
    assert asked == ["You: Tell me something long", "You: Third", "You: Second, in other words"]


def test_a_message_is_sent_at_once_and_what_was_said_is_kept(page: Page) -> None:
    begin(page)
    write(page, "This instead", "Control+Enter")
    expect(last_run(page).locator(".answer")).to_have_text("This instead")
    expect(page.locator(".run").first.locator(".summary")).to_contain_text("Stopped by you")
    assert len(page.locator(".run").first.locator(".answer").inner_text()) >= 40


def test_one_that_waits_is_sent_at_once(page: Page) -> None:
    begin(page)
    write(page, "Sooner or later")
    press(page.locator("#queue-list li"), "Send now")
    expect(last_run(page).locator(".answer")).to_have_text("Sooner or later")
    expect(page.locator("#queue")).to_be_hidden()


def test_the_model_is_told_between_two_steps_without_being_stopped(page: Page) -> None:
    send(page, "[[call clock {}]] [[pause 3]] [[call clock {}]] [[next]] [[call clock {}]]", "emulator/calls")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    write(page, "In Tokyo, please", "Alt+Enter")
    expect(page.locator("#queue-list li")).to_contain_text("Read at the next step")
    expect(last_run(page).locator(".answer .asked")).to_contain_text("In Tokyo, please")
    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator(".run")).to_have_count(1)

    shown = whole_run(page)
    page.reload()
    expect(last_run(page).locator(".answer .asked")).to_contain_text("In Tokyo, please")
    assert whole_run(page) == shown


def test_who_writes_on_while_a_message_is_on_its_way_sends_each_once(page: Page) -> None:
    begin(page)
    page.get_by_label("Message", exact=True).focus()
    for words in ("one", "two", "three"):
        page.keyboard.type(words)
        page.keyboard.press("Enter")
    # What was written before another one had arrived is one message with what came after it.
    page.wait_for_function(
        """() => [...document.querySelectorAll("#queue-list li .words")].map((each) => each.textContent).join("")
            === "onetwothree\""""
    )
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    stop(page)
