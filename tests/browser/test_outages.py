"""What the page shows and reads out while something behind it is away."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.doing import answer, last_run, outcome, send, stop, wait_for_words

pytestmark = pytest.mark.browser

SAVING = "Nothing can be saved at the moment. The answer goes on by itself…"
SILENT = "The server that writes this answer does not respond. Waiting for it…"


class Notes:
    """Puts notes of a run into the frames of a page's socket, as a server sends them in an outage.

    Nothing of an answer comes while a note holds it up, and from the first event of the type ``until`` on.
    """

    def __init__(self, page: Page, *, until: str = "") -> None:
        self._until = until
        self._to_page: Any = None
        self._run_id = ""
        self._is_open = True
        page.route_web_socket("**/ws/", self._connect)

    def _connect(self, to_page: WebSocketRoute) -> None:
        self._to_page = to_page
        server = to_page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            self._run_id = frame.get("run_id") or self._run_id
            if frame.get("event", {}).get("type") == self._until:
                self._is_open = False
            if self._is_open or frame["type"] != "event":
                to_page.send(text)

        server.on_message(pass_on)

    def tell(self, name: str, **value: bool) -> None:
        self._is_open = not any(value.values())
        event = {"type": "CUSTOM", "name": name, "value": value}
        frame = {"type": "event", "run_id": self._run_id, "seq": 1, "event": event}
        self._to_page.send(json.dumps(frame))


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [("storage_waiting", "waiting", SAVING), ("worker_silent", "silent", SILENT)],
)
def test_what_holds_an_answer_up_is_shown_and_read_out(page: Page, name: str, field: str, words: str) -> None:
    notes = Notes(page)
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    send(page, "Go on", "emulator/long")
    wait_for_words(page, 20)

    notes.tell(name, **{field: True})
    expect(last_run(page).locator(".working")).to_have_text(words)
    expect(page.locator("#announcer")).to_have_text(words)

    notes.tell(name, **{field: False})
    expect(page.locator("#announcer")).to_have_text("Answering.")
    expect(last_run(page).locator(".working")).not_to_have_text(words)
    stop(page)


def test_what_is_stopped_while_something_holds_it_up_is_not_said_to_go_on(page: Page) -> None:
    notes = Notes(page)
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    send(page, "Do not go on", "emulator/long")
    wait_for_words(page, 20)
    notes.tell("storage_waiting", waiting=True)
    expect(page.locator("#announcer")).to_have_text(SAVING)

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#announcer")).to_have_text("Stopping…")
    notes.tell("worker_silent", silent=True)
    page.wait_for_timeout(100)
    expect(last_run(page).locator(".working")).to_have_text("Stopping…")
    expect(page.locator("#announcer")).to_have_text("Stopping…")


def test_a_run_that_nobody_has_taken_yet_does_not_wait_for_the_model(page: Page) -> None:
    Notes(page, until="STEP_STARTED")
    page.reload()
    page.locator("main[data-connection=online]").wait_for()
    send(page, "When it is my turn", "emulator/echo")
    expect(last_run(page).locator(".working")).to_have_text("Waiting for its turn…")


def test_a_message_is_sent_although_the_models_cannot_be_looked_at(page: Page) -> None:
    broken = "throw new TypeError('Failed to fetch dynamically imported module')"
    page.route("**/js/models.*", lambda route: route.fulfill(content_type="text/javascript", body=broken))
    send(page, "All the same", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    assert answer(page) == "All the same"
