"""A long conversation: the page reads its newest runs, older ones on scroll, and after an end only that run."""

import pytest
from playwright.sync_api import Browser, Page, Response, StorageState, expect

from tests.browser.conftest import Server
from tests.browser.doing import outcome, send
from tests.browser.line import Line

pytestmark = pytest.mark.browser

#: More than two pages of runs.
RUNS = 45

#: Starts the runs from one number to before another over a socket of its own; returns the conversation's id.
_ASK = """
async ([number, count, conversation]) => {
  const socket = new WebSocket("/ws/");
  const ask = () => socket.send(JSON.stringify({
    type: "start", id: `${number}`, model: "emulator/echo", input: `This is number ${number}.`,
    ...(conversation && { conversation_id: conversation }),
  }));
  await new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "ready") ask();
      if (frame.type === "error") reject(new Error(frame.message));
      if (frame.type === "ok") conversation = frame.conversation_id;
      if (frame.type === "event" && frame.event.type === "RUN_FINISHED") {
        number += 1;
        if (number < count) ask();
        else resolve();
      }
    };
  });
  socket.close();
  return conversation;
}
"""


def numbers(page: Page) -> list[int]:
    """Return the numbers of the questions on the page, from top to bottom."""
    texts = page.locator(".run .asked").all_text_contents()
    return [int(text.partition("number ")[2].rstrip(".")) for text in texts if "number" in text]


def test_it_reads_a_long_conversation_in_pieces(page: Page) -> None:
    address = f"/c/{page.evaluate(_ASK, [0, RUNS, None])}/"
    reads: list[Response] = []

    def note(got: Response) -> None:
        if got.request.method == "GET" and f"/api/conversations{address[2:]}" in got.url:
            reads.append(got)

    page.on("response", note)
    page.goto(address)
    page.locator("main[data-connection=online]").wait_for()
    expect(page.locator(".run").last).to_contain_text(f"number {RUNS - 1}.")
    page.wait_for_load_state("networkidle")
    at_first = numbers(page)
    assert at_first == list(range(at_first[0], RUNS))
    assert at_first[0] > 0
    assert sum(len(read.body()) for read in reads) < 200_000

    # What the reader looks at stays where it is while older runs come in above it.
    run = page.locator(".run", has_text=f"number {at_first[0]}.")
    page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
    expect(page.locator(".run").nth(len(at_first))).to_be_attached()
    assert abs((run.bounding_box() or {"y": -1e9})["y"]) < 2_000
    for _ in range(5):
        page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
        page.wait_for_load_state("networkidle")
    expect(page.locator(".run")).to_have_count(RUNS)
    assert numbers(page) == list(range(RUNS))

    assert len(reads) >= 3
    reads.clear()
    with page.expect_response(lambda got: "?run=" in got.url) as told:
        send(page, f"This is number {RUNS}.", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    assert [message["text"] for message in told.value.json()["messages"]] == [f"This is number {RUNS}."] * 2
    assert [read.url for read in reads] == [told.value.url]
    assert numbers(page) == list(range(RUNS + 1))


def test_runs_that_were_missed_come_in_their_places(
    page: Page, browser: Browser, server: Server, session: StorageState
) -> None:
    """After a break of the connection the page reads as far back as it has missed, and draws each run once."""
    conversation = page.evaluate(_ASK, [0, 3, None])
    page.goto(f"/c/{conversation}/")
    expect(page.locator(".run")).to_have_count(3)
    line = Line(page)
    line.is_down = True
    line.cut()
    expect(page.locator("main")).to_have_attribute("data-connection", "offline")
    other = browser.new_context(base_url=server.url, storage_state=session).new_page()
    other.goto("/")
    other.evaluate(_ASK, [3, RUNS, conversation])
    other.context.close()
    line.is_down = False
    expect(page.locator(".run")).to_have_count(RUNS, timeout=30_000)
    assert numbers(page) == list(range(RUNS))
