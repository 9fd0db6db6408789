"""Other versions of a question and of an answer: asked again, changed, gone on with, looked at, in every tab."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.doing import last_run, outcome, press, send, wait_for_words

pytestmark = pytest.mark.browser


def ask(page: Page, words: str, model: str = "emulator/echo") -> None:
    send(page, words, model)
    expect(page.locator(".run", has_text=words).last.locator(".summary")).to_contain_text(
        "Done", timeout=15_000
    )
    # What is stored of it has been read.
    expect(page.locator(".run", has_text=words).last.locator(".asked-actions .edit")).to_be_visible()


def versions(page: Page) -> list[str]:
    return page.locator(".alternatives .place").all_text_contents()


def asked(page: Page) -> list[str]:
    return [text.removeprefix("You: ") for text in page.locator(".run .asked").all_text_contents()]


def test_an_answer_is_given_again_and_both_versions_can_be_seen(page: Page, context: BrowserContext) -> None:
    ask(page, "First")
    ask(page, "Second")
    second = context.new_page()
    second.goto(page.url)
    expect(second.locator(".run")).to_have_count(2)

    press(last_run(page), "Answer again")
    for each in (page, second):
        expect(each.locator(".alternatives .place")).to_have_text(["2/2"])
        expect(last_run(each).locator(".summary")).to_contain_text("Done")
        assert asked(each) == ["First", "Second"]

    press(page, "Previous version of the answer")
    for each in (page, second):
        expect(each.locator(".alternatives .place")).to_have_text(["1/2"])
    second.reload()
    expect(second.locator(".alternatives .place")).to_have_text(["1/2"])


def test_a_changed_question_replaces_what_came_after_it_and_nothing_is_lost(page: Page) -> None:
    ask(page, "First")
    ask(page, "Second")
    page.locator(".run").first.hover()
    page.get_by_role("button", name="Edit the message").first.click()
    page.get_by_label("Your message").fill("First, in other words")
    page.keyboard.press("Enter")

    expect(page.locator(".alternatives .place")).to_have_text(["2/2"])
    expect(outcome(page)).to_contain_text("Done")
    assert asked(page) == ["First, in other words"]
    press(page, "Previous version of the question")
    expect(page.locator(".run")).to_have_count(2)
    assert asked(page) == ["First", "Second"]


def test_the_last_question_is_changed_with_the_arrow_key(page: Page) -> None:
    ask(page, "Frist")
    page.get_by_label("Message", exact=True).press("ArrowUp")
    field = page.get_by_label("Your message")
    expect(field).to_have_value("Frist")
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)

    page.get_by_label("Message", exact=True).press("ArrowUp")
    field.fill("First")
    field.press("Enter")
    expect(page.locator(".alternatives .place")).to_have_text(["2/2"])
    assert asked(page) == ["First"]


def test_another_model_answers_the_same_question(page: Page) -> None:
    ask(page, "Who are you?", "emulator/hello")
    press(last_run(page), "Answer again with another model")
    page.get_by_label("Search for a model").fill("emulator/echo")
    page.get_by_label("Search for a model").press("Enter")
    expect(outcome(page)).to_contain_text("emulator/echo")
    expect(page.get_by_label("Model", exact=True)).to_have_value("emulator/hello")
    assert asked(page) == ["Who are you?"]


def test_a_message_begins_a_branch_after_an_earlier_answer(page: Page) -> None:
    ask(page, "First")
    ask(page, "Second")
    press(page.locator(".run").first, "Branch: go on from here in another way")
    expect(page.get_by_text("Your next message begins a branch there.")).to_be_visible()
    ask(page, "Another second")
    expect(page.locator(".run")).to_have_count(2)
    assert asked(page) == ["First", "Another second"]
    expect(page.get_by_text("Your next message begins a branch there.")).to_be_hidden()
    press(page, "Previous version of the question")
    expect(page.locator(".run", has_text="Another second")).to_have_count(0)
    assert asked(page) == ["First", "Second"]


def test_a_message_begins_a_branch_after_a_question_and_leaves_its_answer_out(page: Page) -> None:
    ask(page, "First")
    ask(page, "Second")
    page.locator(".run").first.hover()
    press(page.locator(".run").first, "Branch: go on from this message in another way")
    ask(page, "And this, too")
    expect(page.locator(".run")).to_have_count(2)
    assert asked(page) == ["First", "And this, too"]
    expect(page.locator(".run").first.locator(".answer > .text")).to_have_count(0)
    page.reload()
    expect(outcome(page)).to_contain_text("Done")
    assert asked(page) == ["First", "And this, too"]
    press(page, "Previous version of the question")
    expect(last_run(page)).to_contain_text("Second")
    assert asked(page) == ["First", "Second"]


def test_a_stopped_answer_goes_on_after_a_small_line(page: Page) -> None:
    send(page, "Tell me about rivers", "emulator/long")
    wait_for_words(page, 60)
    page.keyboard.press("Escape")
    expect(outcome(page)).to_contain_text("Stopped by you")
    press(last_run(page), "Continue")
    expect(page.locator(".continued")).to_be_visible()
    wait_for_words(page, 20)
    page.keyboard.press("Escape")
    expect(page.locator(".run").nth(1).locator(".summary")).to_contain_text("Stopped by you")
    assert asked(page) == ["Tell me about rivers"]
