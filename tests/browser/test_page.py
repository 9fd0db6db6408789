"""What a person does with the page, in a real browser against a real server process."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, sign_in
from tests.browser.doing import answer, last_run, outcome, send, stop, wait_for_words

pytestmark = pytest.mark.browser


def test_it_streams_an_answer_and_says_what_it_used(page: Page) -> None:
    send(page, "Good morning, little stream", "emulator/hello")

    expect(outcome(page)).to_have_text(
        re.compile(r"^Done · emulator/hello · [\d,]+ tokens in .*· [\d,]+ out · unpriced · \d+\.\d\ss$")
    )
    expect(last_run(page).locator(".asked")).to_contain_text("Good morning, little stream")
    assert "Good morning" in answer(page)
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.get_by_role("link", name="Good morning, little stream")).to_have_attribute(
        "aria-current", "page"
    )
    # Other tests may leave something that waits: the title counts that.
    expect(page).to_have_title(re.compile(r"^(\(\d+\) )?Good morning, little stream · Runnel$"))
    assert re.search(r"/c/[0-9a-f-]{36}/$", page.url)


def test_it_goes_on_after_a_reload_without_losing_or_doubling_a_character(page: Page) -> None:
    send(page, "Tell me something long", "emulator/long")
    before = wait_for_words(page, 100)

    page.reload()
    after = wait_for_words(page, len(before) + 100)
    assert after.startswith(before)
    stop(page)
    shown = answer(page)
    assert shown.startswith(after)

    page.reload()
    expect(outcome(page)).to_contain_text("Stopped by you")
    assert answer(page) == shown


def test_it_shows_the_same_in_a_second_tab(page: Page, context: BrowserContext) -> None:
    send(page, "For two tabs", "emulator/long")
    wait_for_words(page, 50)
    second = context.new_page()
    second.goto(page.url)
    wait_for_words(second, 150)

    stop(second)
    expect(outcome(page)).to_contain_text("Stopped by you")
    assert answer(page) == answer(second)

    send(page, "And a new question", "emulator/hello")
    expect(last_run(second).locator(".asked")).to_contain_text("And a new question")
    expect(outcome(second)).to_contain_text("Done · emulator/hello")
    assert answer(second) == answer(page)


def test_it_keeps_a_text_that_is_too_long_for_one_frame(page: Page) -> None:
    words = "ä" * 40_000
    send(page, words, "emulator/hello")

    expect(page.locator("#note")).to_contain_text("This is longer than the 64 KiB that fit into one message.")
    expect(page.get_by_label("Message", exact=True)).to_have_value(words)
    expect(page.locator(".run")).to_have_count(0)


def test_it_sends_pasted_text_without_what_no_server_takes(page: Page) -> None:
    page.get_by_label("Model", exact=True).fill("emulator/hello")
    field = page.get_by_label("Message", exact=True)
    field.evaluate("field => { field.value = 'half a \\ud83d face and a \\0 nothing'; }")
    field.press("Enter")

    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator(".asked")).to_contain_text("half a \ufffd face and a  nothing")


def test_it_stops_with_escape_while_the_model_is_silent(page: Page) -> None:
    send(page, "Say nothing", "emulator/silent")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()

    page.keyboard.press("Escape")
    expect(outcome(page)).to_contain_text("Stopped by you", timeout=2000)
    expect(outcome(page)).to_contain_text("emulator/silent")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_it_shows_reasoning_and_tool_calls(page: Page) -> None:
    send(page, "Think first", "emulator/reasoning")
    expect(outcome(page)).to_contain_text("Done")
    reasoning = last_run(page).locator("details.reasoning .text").first
    expect(reasoning).to_be_hidden()
    last_run(page).get_by_text("Reasoning", exact=True).first.click()
    expect(reasoning).to_be_visible()
    thought = reasoning.text_content()

    send(page, "Use tools", "emulator/tools")
    expect(last_run(page)).to_contain_text("Use tools")
    expect(outcome(page)).to_contain_text("Done")
    # How long a call took is only known from what was stored.
    expect(last_run(page).locator(".card .took").last).to_have_text(re.compile(r"\d\ss$"))
    live = last_run(page).locator(".answer").inner_text()
    assert last_run(page).locator(".card h3").count() == 2
    assert "{" in last_run(page).locator(".card .arguments").first.inner_text()

    page.reload()
    expect(outcome(page)).to_contain_text("Done")
    assert last_run(page).locator(".answer").inner_text() == live
    assert page.locator(".run details.reasoning .text").first.text_content() == thought


def test_it_shows_what_is_thought_until_the_answer_begins(page: Page) -> None:
    send(page, "Think aloud", "emulator/reasoning")
    block = last_run(page).locator("details.reasoning").first
    expect(block.get_by_text("Thinking…")).to_be_visible()
    expect(block.locator(".text")).to_be_visible()

    expect(outcome(page)).to_contain_text("Done")
    expect(block.get_by_text("Reasoning", exact=True)).to_be_visible()
    expect(block.locator(".text")).to_be_hidden()

    send(page, "Once more, for who wants to read it", "emulator/reasoning")
    thinking = last_run(page).get_by_text("Thinking…").first
    thinking.click()
    thinking.click()
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator("details.reasoning .text").first).to_be_visible()


def test_it_takes_what_nobody_can_see_for_nothing(page: Page) -> None:
    send(page, " \u200b\u3164\ufeff ", "emulator/hello")
    page.wait_for_timeout(200)
    expect(page.locator(".run")).to_have_count(0)
    assert page.url.endswith("/")


def test_it_never_takes_what_was_said_for_html(page: Page) -> None:
    send(page, "<img src=x onerror=alert(1)><b>bold</b>", "emulator/hello")

    expect(outcome(page)).to_contain_text("Done")
    assert "<img src=x" in (page.locator(".asked").text_content() or "")
    assert page.locator("#runs img, #runs b, #conversations img").count() == 0


def test_it_keeps_the_text_when_it_was_not_taken(page: Page) -> None:
    send(page, "Please do not lose me", "nobody/nothing")

    expect(page.locator("#note")).to_contain_text("There is no provider")
    expect(page.locator("#note code")).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_have_value("Please do not lose me")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Please do not lose me")

    page.get_by_label("Model", exact=True).fill("openai/gpt-5.5")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#note")).to_contain_text("OPENAI_API_KEY")

    page.get_by_label("Model", exact=True).press_sequentially("x")
    expect(page.locator("#note")).to_be_hidden()


def test_it_stays_smooth_with_ten_thousand_tokens_at_once(page: Page) -> None:
    send(page, "As fast as you can", "emulator/fast")
    expect(outcome(page)).to_contain_text("Done", timeout=60_000)
    page.wait_for_timeout(100)
    live = answer(page)
    scroll = page.locator("#scroll")
    assert scroll.evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop") < 2

    page.reload()
    expect(outcome(page)).to_contain_text("Done")
    page.wait_for_timeout(100)
    assert len(live) > 20_000
    assert answer(page) == live


def test_it_leaves_a_reader_who_scrolled_up_alone(page: Page) -> None:
    send(page, "Fill the page", "emulator/fast")
    expect(outcome(page)).to_contain_text("Done", timeout=60_000)
    send(page, "And go on", "emulator/long")
    wait_for_words(page, 50)

    page.locator("#runs").hover()
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(200)
    place = page.locator("#scroll").evaluate("box => box.scrollTop")
    wait_for_words(page, 400)
    assert page.locator("#scroll").evaluate("box => box.scrollTop") == place

    page.get_by_role("button", name="To the end").click()
    stop(page)
    assert page.locator("#scroll").evaluate("box => box.scrollHeight - box.clientHeight - box.scrollTop") < 2


def test_it_leads_to_the_sign_in_page_in_every_tab_after_signing_out(
    context: BrowserContext, server: Server
) -> None:
    # The session of its own that it ends.
    context.clear_cookies()
    page = context.new_page()
    sign_in(page, server.password)
    send(page, "Until soon", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    address = page.url
    second = context.new_page()
    second.goto(address)
    expect(outcome(second)).to_contain_text("Done")
    expect(second.locator("main")).to_have_attribute("data-connection", "online")

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(second.get_by_role("heading", name="Sign in")).to_be_visible()


def test_it_offers_its_conversations_in_a_drawer_on_a_narrow_screen(page: Page) -> None:
    send(page, "On the phone", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    page.set_viewport_size({"width": 390, "height": 780})
    entry = page.get_by_role("link", name="On the phone")
    expect(entry).to_be_hidden()

    page.get_by_role("button", name="Conversations", exact=True).click()
    expect(entry).to_be_visible()
    page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.get_by_role("heading", name="On the phone")).to_be_visible()
    # A smaller type makes iOS enlarge the page.
    assert (
        page.get_by_label("Model", exact=True).evaluate("field => getComputedStyle(field).fontSize") == "16px"
    )

    page.locator("header").get_by_role("link", name="New conversation").click()
    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()


def test_the_empty_page_shows_its_beginning_on_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
