"""What a person does with many conversations: switch, find, order and share them."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocketRoute, expect

from tests.browser.doing import choose, entry, last_run, outcome, press, send, wait_for_words
from tests.browser.test_access import violations

pytestmark = pytest.mark.browser


def begin(page: Page, words: str, model: str = "emulator/hello") -> str:
    """Begin a conversation; return its address."""
    page.get_by_role("link", name="New conversation").first.click()
    send(page, words, model)
    expect(outcome(page)).to_contain_text("Done")
    return page.url


def test_it_switches_without_loading_the_page_back_and_forward(page: Page) -> None:
    page.evaluate("() => { window.isSame = true; }")
    first, second = begin(page, "The river Aare"), begin(page, "The river Rhine")
    page.get_by_label("Message", exact=True).fill("A draft about the Rhine")
    entry(page, "The river Aare").get_by_role("link").click()
    expect(page.locator(".asked")).to_have_text(re.compile("The river Aare"))
    expect(page).to_have_title(re.compile(r"The river Aare · Runnel$"))
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert page.url == first
    page.go_back()
    expect(page.locator(".asked")).to_have_text(re.compile("The river Rhine"))
    expect(page.get_by_label("Message", exact=True)).to_have_value("A draft about the Rhine")
    assert page.url == second
    page.go_forward()
    expect(page.locator(".asked")).to_have_text(re.compile("The river Aare"))
    assert page.evaluate("() => window.isSame")


def test_an_answer_that_goes_on_elsewhere_is_marked_and_read_later(page: Page) -> None:
    page.get_by_role("link", name="New conversation").first.click()
    send(page, "Goes on without me", "emulator/hello")
    wait_for_words(page, 5)
    page.get_by_role("link", name="New conversation").first.click()
    row = entry(page, "Goes on without me")
    expect(row).to_contain_text("(new answer)")
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    row.get_by_role("link").click()
    expect(outcome(page)).to_contain_text("Done")
    expect(row).not_to_contain_text("(new answer)")


def test_what_is_told_while_the_list_is_read_stays_in_it(page: Page) -> None:
    lists = re.compile(r"/api/conversations/$")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(lists, hold)
    page.evaluate("dispatchEvent(new Event('focus'))")
    while not held:
        page.wait_for_timeout(20)
    read_before = held[0].fetch()
    begin(page, "Begun while the list was read")
    page.get_by_role("link", name="New conversation").first.click()
    expect(entry(page, "Begun while the list was read")).to_have_count(1)
    with page.expect_response(lists) as late:
        held[0].fulfill(response=read_before)
    late.value.finished()
    # The page reads it, and draws.
    page.wait_for_timeout(100)
    expect(entry(page, "Begun while the list was read")).to_have_count(1)
    page.unroute(lists)


def test_it_finds_renames_pins_files_and_archives(page: Page, context: BrowserContext) -> None:
    begin(page, "Alpine glaciers and their words")
    other = context.new_page()
    other.goto("/")
    # A page behind another one is drawn once a second.
    page.bring_to_front()
    search = page.get_by_label("Search the conversations")
    search.fill("GLACIERS emulator")
    found = page.locator("#found-list li")
    expect(found.filter(has_text="Alpine glaciers")).to_have_count(1)
    expect(found.first.locator(".excerpt")).to_contain_text("Alpine glaciers")
    search.press("Escape")
    expect(page.locator("#found")).to_be_hidden()

    choose(page, "Alpine glaciers", "Rename")
    page.get_by_label("Title", exact=True).fill("Ice")
    page.get_by_label("Title", exact=True).press("Enter")
    expect(page).to_have_title(re.compile("Ice · Runnel"))
    expect(entry(other, "Ice")).to_have_count(1)

    choose(page, "Ice", "Pin")
    expect(page.locator("section", has=page.get_by_role("heading", name="Pinned"))).to_contain_text("Ice")
    choose(page, "Ice", "Unpin")
    choose(page, "Ice", "Move to a folder…")
    page.get_by_label("Folder", exact=True).fill("Mountains")
    press(page.get_by_role("dialog"), "Move")
    for each in (page, other):
        expect(each.locator(".folder", has_text="Mountains")).to_contain_text("Ice")

    choose(page, "Ice", "Archive")
    for each in (page, other):
        expect(entry(each, "Ice")).to_have_count(0)
    press(page, "Undo")
    for each in (page, other):
        expect(each.locator(".folder", has_text="Mountains")).to_contain_text("Ice")
    choose(page, "Ice", "Archive")
    expect(entry(page, "Ice")).to_have_count(0)
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(found.filter(has_text="Ice")).to_have_count(1)
    page.reload()
    # What is archived is on the page, and not in the list.
    expect(page.locator(".asked")).to_contain_text("Alpine glaciers")
    expect(page.get_by_role("button", name="Actions for the folder “Mountains”")).to_have_count(1)
    expect(entry(page, "Ice")).to_have_count(0)


def test_a_link_shows_the_answer_live_until_it_is_revoked(page: Page, browser: Browser, server: Any) -> None:
    begin(page, "Read along with me")
    choose(page, "Read along with me", "Share…")
    press(page, "Make a link")
    address = page.get_by_label("The link").input_value()
    press(page.get_by_role("dialog"), "Close")

    guest = browser.new_context(base_url=server.url).new_page()
    guest.goto(address)
    expect(guest.locator(".asked")).to_contain_text("Read along with me")
    expect(guest.locator("#presence")).to_have_text("admin looks at this too.")
    assert violations(guest) == []
    expect(page.locator("#presence")).to_have_text("1 guest looks at this too.")
    send(page, "And on", "emulator/long")
    # Not the words of the answer before.
    expect(guest.locator(".run")).to_have_count(2)
    wait_for_words(guest, 20)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(outcome(guest)).to_contain_text("Stopped by admin")
    expect(guest.get_by_role("button", name="Stop", exact=True)).to_be_hidden()

    send(page, "Once more", "emulator/long")
    expect(guest.locator(".run")).to_have_count(3)
    wait_for_words(guest, 20)
    choose(page, "Read along with me", "Share…")
    page.get_by_role("button", name="Revoke").click()
    expect(guest.locator("#gone")).to_be_visible(timeout=2000)
    expect(guest.locator(".run")).to_have_count(0)
    guest.reload()
    expect(guest.locator("body")).not_to_contain_text("Read along with me")
    guest.context.close()
    press(page.get_by_role("dialog"), "Close")
    page.keyboard.press("Escape")
    expect(last_run(page)).to_contain_text("Stopped by you")


def test_what_is_sent_without_a_connection_survives_a_reload_and_is_sent_once(page: Page) -> None:
    address = begin(page, "Before the cut")
    is_cut = True

    def tunnel(socket: WebSocketRoute) -> None:
        if is_cut:
            socket.close(code=1013)
        else:
            socket.connect_to_server()

    page.route_web_socket("/ws/", tunnel)
    page.reload()
    expect(page.locator("#connection")).to_contain_text("No connection")
    send(page, "Written in the tunnel", "emulator/hello")
    expect(page.locator("#note")).to_contain_text("as soon as it is back")
    page.reload()
    expect(page.locator("#note")).to_contain_text("as soon as it is back")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Written in the tunnel")

    is_cut = False
    expect(page.locator(".asked")).to_have_count(2)
    assert page.url == address
    expect(outcome(page)).to_contain_text("Done")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    page.reload()
    expect(page.locator(".asked").last).to_contain_text("Written in the tunnel")
    expect(page.locator(".asked")).to_have_count(2)
