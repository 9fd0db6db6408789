"""The page on a connection that breaks, loses and repeats: no character is lost, none doubled."""

import os
import random
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.doing import (
    answer,
    expect_the_same_after_a_reload,
    last_run,
    outcome,
    send,
    stop,
    wait_for_words,
)
from tests.browser.line import Line

pytestmark = pytest.mark.browser


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


#: How often the line is cut; ``make thorough`` does so 50 times.
CUTS = int(os.environ.get("LINE_CUTS", "4"))

#: Reads a run's log through a socket of its own, and draws its words as the page draws an answer.
DRAW_THE_LOG = """
async (run) => {
  const socket = new WebSocket("/ws/");
  let words = "";
  await new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const { type, event, message } = JSON.parse(data);
      if (type === "ready") socket.send(JSON.stringify({ type: "subscribe", id: "1", run_id: run, after: 0 }));
      if (type === "error") reject(new Error(message));
      if (event?.type === "TEXT_MESSAGE_CONTENT") words += event.delta;
      if (event?.type === "RUN_FINISHED") resolve();
    };
  });
  socket.close();
  const { MarkdownStream } = await import("/static/runnel/js/markdown/stream.js");
  const holder = document.createElement("div");
  const stream = new MarkdownStream(holder);
  stream.append(words);
  stream.end();
  while (!stream.paint(() => false)) await new Promise(requestAnimationFrame);
  return holder.innerHTML;
}
"""


def test_the_transcript_is_the_log_however_often_the_line_is_cut(page: Page) -> None:
    line = Line(page)
    chance = random.Random(CUTS)
    send(page, "Through a line that breaks", "emulator/drip")
    for number in range(CUTS):
        wait_for_words(page, len(answer(page) if number else "") + chance.randrange(1, 30))
        line.cut()
        expect(page.locator("main")).to_have_attribute("data-connection", "online")
    stop(page)
    assert len(line.sockets) > CUTS
    expect(page.locator(".run")).to_have_count(1)
    shown = last_run(page).locator(".answer > .text")
    expect(shown).to_have_count(1)
    log = page.evaluate(DRAW_THE_LOG, last_run(page).get_attribute("data-run"))
    assert shown.inner_html() == log
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


def test_it_takes_back_what_was_only_true_without_a_connection(page: Page) -> None:
    line = Line(page)
    send(page, "Nobody hears me", "emulator/silent")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    line.is_down = True
    line.cut()
    expect(page.locator("#connection")).to_contain_text("No connection")
    # As HTTP without a network, which Chromium would not do in silence.
    page.evaluate("() => { window.kept = fetch; window.fetch = () => Promise.reject(new TypeError()); }")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#note")).to_have_text("It will be stopped as soon as the connection is back.")
    expect(page.locator(".working")).to_have_text("Stopping…")

    page.evaluate("() => { window.fetch = window.kept; }")
    line.is_down = False
    page.evaluate("() => { window.dispatchEvent(new Event('online')); }")
    expect(outcome(page)).to_contain_text("Stopped by you")
    expect(page.locator("#note")).to_be_hidden()


def test_it_asks_whether_the_server_is_there_when_an_answer_is_late(page: Page) -> None:
    line = Line(page)
    line.copies = lambda frame: 0
    send(page, "Into the void", "emulator/hello")
    expect(page.locator("#connection")).to_contain_text("has not answered yet", timeout=4000)

    line.sockets[-1].send('{"type": "pong"}')
    expect(page.locator("main")).to_have_attribute("data-connection", "online")
    expect(page.locator("#connection")).to_be_hidden()

    page.evaluate("() => { window.dispatchEvent(new Event('offline')); }")
    expect(page.locator("#connection")).to_contain_text("No connection", timeout=4000)
    expect(page.locator("#note")).to_contain_text("sent as soon as it is back")
    line.copies = lambda frame: 1
    page.evaluate("() => { window.dispatchEvent(new Event('online')); }")
    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator(".asked")).to_have_count(1)


def test_it_stays_on_a_connection_that_works_whatever_the_browser_says(page: Page) -> None:
    line = Line(page)
    page.evaluate("() => { window.dispatchEvent(new Event('offline')); }")
    page.wait_for_timeout(2500)
    expect(page.locator("main")).to_have_attribute("data-connection", "online")
    assert len(line.sockets) == 1


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


def test_it_tells_how_long_an_answer_took_also_when_nobody_said_so_at_its_end(page: Page) -> None:
    line = Line(page)
    send(page, "Until the server stops", "emulator/hello")
    page.evaluate("() => { window.kept = fetch; window.fetch = () => Promise.reject(new TypeError()); }")
    expect(outcome(page)).to_contain_text("Done")
    expect(outcome(page)).not_to_have_text(re.compile(r" s$"))

    page.evaluate("() => { window.fetch = window.kept; }")
    line.cut()
    expect(outcome(page)).to_have_text(re.compile(r" · \d+\.\d\ss$"))


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
