"""The list of conversations: it keeps its place, hears of other tabs, and knows what is gone."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Locator, Page, Route, WebSocketRoute, expect

from tests.browser.doing import choose, outcome, send

pytestmark = pytest.mark.browser

PAGE_SIZE = 50


class Shelf:
    """The server's list with as many conversations as a test wants, without a run for each."""

    def __init__(self, page: Page, count: int) -> None:
        now = datetime.now(UTC)
        self.all = [self._entry(f"Number {n}", now - timedelta(minutes=n)) for n in range(count)]
        page.route(re.compile(r"/api/conversations/(\?.*)?$"), self._list)
        # What a run in another test of this session changes is not on this shelf.
        page.route_web_socket("/ws/", self._listen)
        page.route(re.compile(r"/api/conversations/[0-9a-f-]{36}/$"), self._one)

    def begin(self, title: str) -> None:
        self.all.insert(0, self._entry(title, datetime.now(UTC)))

    def _entry(self, title: str, updated_at: datetime) -> dict[str, Any]:
        moment = updated_at.isoformat(timespec="milliseconds")
        return {"id": str(uuid.uuid4()), "title": title, "updated_at": moment, "active_run_id": None}

    def _listen(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: None if '"list_entry"' in str(text) else socket.send(text))

    def _list(self, route: Route) -> None:
        _, _, last = route.request.url.partition("before=")
        begin = next((n for n, each in enumerate(self.all, 1) if each["id"] == last), 0)
        page = self.all[begin : begin + PAGE_SIZE]
        more = len(self.all) > begin + PAGE_SIZE
        route.fulfill(json={"conversations": page, "before": page[-1]["id"] if more else None})

    def _one(self, route: Route) -> None:
        asked = route.request.url.rstrip("/").rpartition("/")[2]
        if route.request.method == "DELETE":
            self.all = [each for each in self.all if each["id"] != asked]
            route.fulfill(status=204)
        else:
            route.fulfill(json={"runs": [], "messages": []})


def entries(page: Page) -> Locator:
    return page.locator("#conversations li")


def look(page: Page) -> None:
    """Come back to the tab, as from another window."""
    page.evaluate("() => { window.dispatchEvent(new Event('focus')); }")


def test_it_keeps_its_older_pages_and_its_place_whatever_changes(page: Page) -> None:
    shelf = Shelf(page, 120)
    page.goto("/")
    expect(entries(page)).to_have_count(50)
    older = page.get_by_role("button", name="Older")
    older.click()
    expect(entries(page)).to_have_count(100)
    page.get_by_role("link", name="Number 77", exact=True).focus()
    place = page.locator("#usual").evaluate("nav => nav.scrollTop")
    assert place > 0

    shelf.begin("Brand new")
    look(page)
    expect(entries(page)).to_have_count(101)
    expect(entries(page).first).to_contain_text("Brand new")
    expect(page.get_by_role("link", name="Number 77", exact=True)).to_be_focused()
    assert page.locator("#usual").evaluate("nav => nav.scrollTop") >= place

    older.click()
    expect(entries(page)).to_have_count(121)
    expect(older).to_be_hidden()


def test_it_forgets_one_that_is_deleted_from_an_older_page(page: Page) -> None:
    Shelf(page, 60)
    page.goto("/")
    page.get_by_role("button", name="Older").click()
    expect(entries(page)).to_have_count(60)

    choose(page, "Number 55", "Delete")
    expect(entries(page)).to_have_count(59)
    expect(page.get_by_role("link", name="Number 55")).to_have_count(0)


def test_it_begins_anew_when_it_has_missed_more_than_a_page(page: Page) -> None:
    shelf = Shelf(page, 60)
    page.goto("/")
    expect(entries(page)).to_have_count(50)
    for number in range(55):
        shelf.begin(f"Missed {number}")
    look(page)
    expect(entries(page).first).to_contain_text("Missed 54")
    expect(entries(page)).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(entries(page)).to_have_count(100)


def test_it_shows_the_conversation_on_the_page_however_old_it_is(page: Page) -> None:
    send(page, "Long ago", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")

    def without_it(route: Route) -> None:
        route.fulfill(json={"conversations": [], "before": f"2020-01-01T00:00:00+00:00,{uuid.uuid4()}"})

    page.route(re.compile(r"/api/conversations/$"), without_it)
    page.reload()
    expect(page).to_have_title("Long ago · Runnel")
    expect(page.get_by_role("heading", name="Long ago")).to_have_count(1)
    expect(page.get_by_role("link", name="Long ago")).to_have_attribute("aria-current", "page")


def test_it_hears_of_what_another_tab_begins(page: Page, context: BrowserContext) -> None:
    second = context.new_page()
    second.goto("/")
    second.locator("main[data-connection=online]").wait_for()
    send(page, "Begun over there", "emulator/hello")
    expect(second.get_by_role("link", name="Begun over there")).to_be_visible()


def test_it_says_that_another_tab_deleted_the_conversation(page: Page, context: BrowserContext) -> None:
    send(page, "Deleted over there", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    field = page.get_by_label("Message", exact=True)
    field.fill("What I still wanted to say")
    second = context.new_page()
    second.goto("/")
    choose(second, "Deleted over there", "Delete")

    note = page.locator("#note")
    expect(note).to_contain_text("This conversation was deleted.")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(page.get_by_role("link", name="Deleted over there")).to_have_count(0)
    field.press("End")
    field.press_sequentially("!")
    expect(note).to_contain_text("This conversation was deleted.")

    note.get_by_role("link").click()
    expect(page.get_by_role("heading", name="What would you like to ask?")).to_be_visible()
    expect(field).to_have_value("What I still wanted to say!")


def test_it_says_that_the_conversation_was_deleted_elsewhere(page: Page, context: BrowserContext) -> None:
    send(page, "Deleted on the phone", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")
    address = page.url.replace("/c/", "/api/conversations/")
    assert context.request.delete(address, headers={"X-CSRFToken": token}).status == 204

    expect(page.locator("#note")).to_have_text("This conversation was deleted. Begin a new one")
    expect(page.get_by_role("link", name="Deleted on the phone")).to_have_count(0)


def test_a_reading_that_a_deletion_has_overtaken_brings_nothing_back(
    page: Page, context: BrowserContext
) -> None:
    send(page, "Deleted while it was read", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    page.wait_for_load_state("networkidle")
    held: list[tuple[Route, APIResponse]] = []
    page.route(re.compile(r"/api/conversations/(\?.*)?$"), lambda route: held.append((route, route.fetch())))
    page.evaluate("dispatchEvent(new Event('focus'))")
    while not held:
        page.evaluate("0")
    link = page.get_by_role("link", name="Deleted while it was read")
    expect(link).to_have_count(1)
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")
    address = page.url.replace("/c/", "/api/conversations/")
    assert context.request.delete(address, headers={"X-CSRFToken": token}).status == 204
    expect(link).to_have_count(0)

    with page.expect_event("requestfinished"):
        for route, response in held:
            route.fulfill(response=response)
    # What the answer changes is drawn by then.
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    expect(link).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")
