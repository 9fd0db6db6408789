"""What a person does with the page, in a real browser against a real server process."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocketRoute, expect

pytestmark = pytest.mark.browser


def send(page: Page, words: str, model: str) -> None:
    page.get_by_label("Model").fill(model)
    page.get_by_label("Message", exact=True).fill(words)
    page.get_by_label("Message", exact=True).press("Enter")


def last_run(page: Page) -> Locator:
    return page.locator(".run").last


def answer(page: Page) -> str:
    """Return the newest answer's text, to the character."""
    return last_run(page).locator(".answer > .text").last.text_content() or ""


def outcome(page: Page) -> Locator:
    return last_run(page).locator(".summary")


def wait_for_words(page: Page, count: int) -> str:
    """Wait until the newest answer has ``count`` characters; return it."""
    deadline = time.monotonic() + 15
    last_run(page).locator(".answer > .text").last.wait_for()
    while len(text := answer(page)) < count:
        assert time.monotonic() < deadline, f"only {text!r} came"
        page.wait_for_timeout(50)
    return text


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(outcome(page)).to_contain_text("Stopped by you", timeout=2000)


def test_it_streams_an_answer_and_says_what_it_used(page: Page) -> None:
    send(page, "Good morning, little stream", "emulator/hello")

    expect(outcome(page)).to_have_text(
        re.compile(r"^Done · emulator/hello · [\d,]+ in .*· [\d,]+ out · \d+\.\d s$")
    )
    expect(last_run(page).locator(".asked")).to_contain_text("Good morning, little stream")
    assert "Good morning" in answer(page)
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.get_by_role("link", name="Good morning, little stream")).to_have_attribute(
        "aria-current", "page"
    )
    expect(page).to_have_title("Good morning, little stream · Runnel")
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


class Line:
    """The page's way to the server, every frame of which a test may drop, repeat or cut off."""

    def __init__(self, page: Page) -> None:
        self.is_down = False
        #: Takes a server frame; returns how often the page gets it.
        self.copies: Callable[[dict[str, Any]], int] = lambda frame: 1
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/", self._opened)
        page.reload()
        expect(page.locator("main")).to_have_attribute("data-connection", "online")

    def _opened(self, socket: WebSocketRoute) -> None:
        if self.is_down:
            socket.close(code=4409)
            return
        self.sockets.append(socket)
        server = socket.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            for _ in range(self.copies(json.loads(text))):
                socket.send(text)

        server.on_message(pass_on)

    def cut(self) -> None:
        self.sockets[-1].close(code=4409)


def expect_the_same_after_a_reload(page: Page) -> None:
    shown = answer(page)
    page.reload()
    expect(outcome(page)).to_be_visible()
    page.wait_for_timeout(100)
    assert answer(page) == shown


def test_it_resumes_after_the_connection_was_lost(page: Page) -> None:
    line = Line(page)
    send(page, "Through a bad line", "emulator/long")
    before = wait_for_words(page, 60)

    line.cut()
    after = wait_for_words(page, len(before) + 150)
    assert len(line.sockets) == 2
    stop(page)
    assert after.startswith(before)
    assert answer(page).startswith(after)
    expect_the_same_after_a_reload(page)


def test_it_draws_every_event_once_when_the_line_loses_and_repeats_some(page: Page) -> None:
    line = Line(page)
    lost: set[int] = set()

    def copies(frame: dict[str, Any]) -> int:
        # Each third event is lost once; nothing comes after the last one that could show its loss.
        if frame["type"] != "event" or frame["event"]["type"] == "RUN_FINISHED":
            return 1
        if frame["seq"] % 3 == 0 and frame["seq"] not in lost:
            lost.add(frame["seq"])
            return 0
        return 2

    line.copies = copies
    send(page, "Through a worse line", "emulator/hello")

    expect(outcome(page)).to_contain_text("Done")
    assert len(lost) > 3
    expect_the_same_after_a_reload(page)


def test_it_says_that_it_is_offline_and_sends_once_the_line_is_back(page: Page) -> None:
    line = Line(page)
    line.is_down = True
    line.cut()
    expect(page.locator("#connection")).to_contain_text("No connection")
    send(page, "Wait for me", "emulator/hello")
    expect(page.locator("#note")).to_contain_text("as soon as it is back")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Wait for me")

    line.is_down = False
    expect(outcome(page)).to_contain_text("Done", timeout=20_000)
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator("#note")).to_be_hidden()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.locator(".asked")).to_have_count(1)


def test_it_starts_one_run_when_the_answer_to_start_was_lost(page: Page) -> None:
    line = Line(page)
    line.copies = lambda frame: 1 if frame["type"] == "ready" else 0
    send(page, "Only once, please", "emulator/hello")
    page.wait_for_timeout(500)
    line.copies = lambda frame: 1
    line.cut()

    expect(outcome(page)).to_contain_text("Done")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.locator(".asked")).to_have_count(1)
    expect_the_same_after_a_reload(page)
    expect(page.locator(".asked")).to_have_count(1)
    expect(page.get_by_role("link", name="Only once, please")).to_have_count(1)


def test_it_stops_over_http_while_there_is_no_socket(page: Page) -> None:
    line = Line(page)
    send(page, "Stop me anyway", "emulator/silent")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    line.is_down = True
    line.cut()
    expect(page.locator("main")).to_have_attribute("data-connection", "offline")

    with page.expect_response("**/cancel/") as response:
        page.get_by_role("button", name="Stop", exact=True).click()
    assert response.value.json() == {"state": "requested"}
    line.is_down = False
    expect(outcome(page)).to_contain_text("Stopped by you", timeout=20_000)


def test_it_keeps_a_text_that_is_too_long_for_one_frame(page: Page) -> None:
    words = "ä" * 40_000
    send(page, words, "emulator/hello")

    expect(page.locator("#note")).to_contain_text("too_long")
    expect(page.get_by_label("Message", exact=True)).to_have_value(words)
    expect(page.locator(".run")).to_have_count(0)


def test_it_sends_pasted_text_without_what_no_server_takes(page: Page) -> None:
    page.get_by_label("Model").fill("emulator/hello")
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
    expect(outcome(page)).to_contain_text("Asked for tools")
    live = last_run(page).locator(".answer").inner_text()
    assert last_run(page).locator(".card h3").count() == 2
    assert "{" in last_run(page).locator(".card .arguments").first.inner_text()

    page.reload()
    expect(outcome(page)).to_contain_text("Asked for tools")
    assert last_run(page).locator(".answer").inner_text() == live
    assert page.locator(".run details.reasoning .text").first.text_content() == thought


def test_it_never_takes_what_was_said_for_html(page: Page) -> None:
    send(page, "<img src=x onerror=alert(1)><b>bold</b>", "emulator/hello")

    expect(outcome(page)).to_contain_text("Done")
    assert "<img src=x" in (page.locator(".asked").text_content() or "")
    assert page.locator("#runs img, #runs b, #conversations img").count() == 0


def test_it_keeps_the_text_when_it_was_not_taken(page: Page) -> None:
    send(page, "Please do not lose me", "nobody/nothing")

    expect(page.locator("#note")).to_contain_text("unknown_model")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Please do not lose me")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Please do not lose me")

    page.get_by_label("Model").fill("openai/gpt-5.5")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#note")).to_contain_text("OPENAI_API_KEY")


def test_it_says_how_a_run_failed_also_after_a_reload(page: Page) -> None:
    send(page, "Fail", "emulator/rate-limited")

    expect(last_run(page).locator(".problem")).to_contain_text("llm_rate_limit")
    expect(outcome(page)).to_contain_text("Failed")
    shown = last_run(page).locator(".problem").text_content()
    page.reload()
    expect(last_run(page).locator(".problem")).to_have_text(shown or "")


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


def test_it_deletes_a_conversation_after_asking(page: Page) -> None:
    send(page, "Soon to be forgotten", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    address = page.url
    entry = page.get_by_role("listitem").filter(has_text="Soon to be forgotten")

    entry.hover()
    entry.get_by_role("button").click()
    page.get_by_role("button", name="Keep it").click()
    expect(entry).to_be_visible()
    entry.hover()
    entry.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    expect(entry).to_have_count(0)
    assert page.request.get(address).status == 404


def test_it_leads_to_the_sign_in_page_in_every_tab_after_signing_out(
    page: Page, context: BrowserContext
) -> None:
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
