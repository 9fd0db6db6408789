"""What waits for a person: decided, edited, denied, stopped, and the same in every tab."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.doing import answer, call, last_run, outcome, press, send, state, whole_run
from tests.browser.line import Line

pytestmark = pytest.mark.browser

GATED = '[[call write_note {"text": "Buy oat milk"}]]'

#: Starts a run with a tool that this page does not have, as a program does; returns the conversation's id.
_START_AS_A_PROGRAM = """() => new Promise((resolve) => {
  const socket = new WebSocket(new URL("/ws/", location.href).href.replace(/^http/, "ws"));
  const tools = [{ name: "open_door", description: "Open a door.", parameters: { type: "object" } }];
  const input = '[[call open_door {"which": "garage"}]] [[call write_note {"text": "It is open."}]]';
  const options = { tools: ["write_note"] };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "ready") {
      socket.send(JSON.stringify({ type: "start", id: "1", model: "emulator/calls", input, tools, options }));
    } else if (frame.type === "ok" && frame.id === "1") {
      socket.close();
      resolve(frame.conversation_id);
    }
  };
})"""


def ask_for_a_note(page: Page) -> None:
    send(page, GATED, "emulator/calls")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")


def test_it_runs_an_approved_call_and_shows_the_note(page: Page) -> None:
    send(page, f"{GATED} [[call clock {{}}]]", "emulator/calls")
    card = call(page, "write_note")
    expect(card.locator(".arguments")).to_have_text('{"text": "Buy oat milk"}')
    expect(state(call(page, "clock"))).to_have_text("waits for the others")
    expect(last_run(page).locator(".working")).to_contain_text("Waiting for your decision · until")
    expect(page.locator("#announcer")).to_have_text("Waiting for your decision: write_note.")
    listed = page.locator("#conversations [aria-current]")
    expect(listed).to_contain_text("(waits for a decision)")

    press(card, "Approve")
    expect(outcome(page)).to_contain_text("Done")
    expect(listed.locator(".live")).to_have_count(0)
    expect(state(card)).to_have_text("done")
    expect(card.locator(".about")).to_have_text("Approved by you")
    expect(state(call(page, "clock"))).to_have_text("done")
    expect(page.locator("#notes")).to_contain_text("1 note Buy oat milk")
    expect(page.locator(".run")).to_have_count(1)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()

    shown = whole_run(page)
    page.reload()
    expect(outcome(page)).to_contain_text("Done")
    assert whole_run(page) == shown
    page.get_by_text("1 note").click()
    expect(page.locator("#notes li")).to_contain_text("Buy oat milk")


def test_it_denies_a_call_with_a_reason_by_keyboard_alone(page: Page) -> None:
    ask_for_a_note(page)
    card = call(page, "write_note")
    card.get_by_role("button", name="Deny").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("we have some")
    page.keyboard.press("Enter")

    expect(outcome(page)).to_contain_text("Done")
    expect(state(card)).to_have_text("denied")
    expect(card.locator(".about")).to_have_text("Denied by you: “we have some”")
    assert "Denied by the user: we have some" in answer(page)
    expect(page.locator("#notes")).to_be_hidden()


def test_it_runs_a_call_with_the_arguments_that_a_person_made_of_them(page: Page) -> None:
    ask_for_a_note(page)
    card = call(page, "write_note")
    press(card, "Edit")
    field = card.get_by_label("Arguments of write_note")
    expect(card.get_by_label("text needed")).to_be_focused()
    approve = card.get_by_role("button", name="Approve edited")
    for wrong, why in {
        '{"text": "Buy': "no JSON",
        '["Buy"]': "are an object",
        '{"text": 12345678901234567890}': "too many digits",
    }.items():
        field.fill(wrong)
        expect(card.locator(".problem")).to_contain_text(why)
        expect(approve).to_be_disabled()
    field.fill('{"words": "Buy soy milk"}')
    approve.click()
    expect(last_run(page).locator(".approvals")).to_contain_text("write_note does not take these arguments")

    press(card, "Change")
    press(card, "Edit")
    field.fill('{"text": "Buy soy milk"}')
    approve.click()
    expect(outcome(page)).to_contain_text("Done")
    expect(card.locator(".about")).to_have_text("Approved by you with other arguments")
    expect(card.locator(".arguments")).to_have_text('{"text": "Buy soy milk"}')
    card.get_by_text("What the model asked for").click()
    expect(card.locator(".original .code")).to_have_text('{"text": "Buy oat milk"}')
    expect(page.locator("#notes")).to_contain_text("Buy soy milk")

    page.reload()
    expect(card.locator(".arguments")).to_have_text('{"text": "Buy soy milk"}')
    card.get_by_text("What the model asked for").click()
    expect(card.locator(".original .code")).to_have_text('{"text": "Buy oat milk"}')


def test_it_waits_on_after_a_reload(page: Page) -> None:
    ask_for_a_note(page)
    page.reload()
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")
    expect(page.locator(".run")).to_have_count(1)
    press(page, "Approve")
    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator(".run")).to_have_count(1)


def test_a_second_tab_sees_what_was_decided(page: Page, context: BrowserContext) -> None:
    ask_for_a_note(page)
    second = context.new_page()
    second.goto(page.url)
    expect(state(call(second, "write_note"))).to_have_text("waiting for you")

    press(page, "Approve")
    expect(outcome(second)).to_contain_text("Done")
    expect(call(second, "write_note").locator(".about")).to_have_text("Approved by you")
    expect(second.get_by_role("button", name="Approve")).to_have_count(0)
    expect(second.locator("#notes")).to_contain_text("Buy oat milk")
    expect(outcome(page)).to_contain_text("Done")
    expect(call(page, "write_note").locator(".about")).to_have_text("Approved by you")
    assert whole_run(second) == whole_run(page)


def test_it_says_that_somebody_else_was_faster_and_catches_up(page: Page, context: BrowserContext) -> None:
    line = Line(page)
    second_note = '[[call write_note {"text": "And bread"}]]'
    send(page, f"{GATED} [[next]] {second_note}", "emulator/calls")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")
    second = context.new_page()
    second.goto(page.url)
    expect(state(call(second, "write_note"))).to_have_text("waiting for you")

    refused = []

    def nothing_of_it_until_refused(frame: dict[str, Any]) -> int:
        refused.extend([frame] if frame["type"] == "error" else [])
        return 1 if refused or frame["type"] != "event" else 0

    line.copies = nothing_of_it_until_refused
    press(second, "Deny")
    press(second, "Deny")
    expect(call(second, "write_note")).to_have_count(2)
    expect(state(call(second, "write_note").last)).to_have_text("waiting for you")
    press(page, "Approve")

    expect(last_run(page).get_by_text("What waits here has changed meanwhile")).to_be_visible()
    expect(last_run(page).locator(".call .state")).to_have_text(["denied", "waiting for you"])
    press(page, "Approve")
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator(".call .state")).to_have_text(["denied", "done"])


def test_it_stops_what_waits_by_its_button_and_not_by_escape(page: Page) -> None:
    ask_for_a_note(page)
    page.keyboard.press("Escape")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")
    press(page, "Stop")
    expect(outcome(page)).to_contain_text("Stopped by you")
    expect(state(call(page, "write_note"))).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    shown = whole_run(page)
    page.reload()
    expect(outcome(page)).to_contain_text("Stopped by you")
    assert whole_run(page) == shown


def test_it_sends_nothing_else_until_that_is_wanted_instead(page: Page) -> None:
    ask_for_a_note(page)
    page.get_by_label("Model", exact=True).fill("emulator/hello")
    page.get_by_label("Message", exact=True).fill("Something else")
    expect(page.locator("#busy")).to_contain_text("An answer waits for your decision.")
    expect(page.locator(".run")).to_have_count(1)

    press(page, "Stop it and send")
    expect(page.locator(".run")).to_have_count(2)
    expect(outcome(page)).to_contain_text("Done · emulator/hello")
    expect(page.locator(".run").first.locator(".summary")).to_contain_text("Stopped by you")


def test_it_sends_mixed_decisions_together_once_all_are_made(page: Page) -> None:
    notes = [f'[[call write_note {{"text": "Number {number}"}}]]' for number in (1, 2, 3)]
    send(page, " ".join(notes), "emulator/calls")
    cards = call(page, "write_note")
    bar = last_run(page).locator(".approvals")
    expect(bar).to_contain_text("3 calls wait")

    press(cards.nth(0), "Deny")
    press(cards.nth(0), "Deny")
    expect(bar).to_contain_text("1 of 3 are decided")
    expect(cards.nth(1).get_by_role("button", name="Approve")).to_be_focused()
    press(cards.nth(0), "Change")
    press(cards.nth(0), "Approve")
    press(cards.nth(1), "Approve")
    press(bar, "Deny the rest")

    expect(outcome(page)).to_contain_text("Done")
    expect(cards.locator(".state")).to_have_text(["done", "done", "denied"])
    expect(page.locator("#notes")).to_contain_text("2 notes")


def test_a_decision_is_kept_while_there_is_no_connection(page: Page) -> None:
    line = Line(page)
    ask_for_a_note(page)
    line.is_down = True
    line.cut()
    expect(page.locator("main")).to_have_attribute("data-connection", "offline")
    press(page, "Approve")
    expect(last_run(page).locator(".approvals .problem")).to_have_text(
        "There is no connection to the server."
    )

    line.is_down = False
    page.evaluate("() => { window.dispatchEvent(new Event('online')); }")
    expect(page.locator("main")).to_have_attribute("data-connection", "online")
    press(page, "Send again")
    expect(outcome(page)).to_contain_text("Done")
    expect(page.locator("#notes")).to_contain_text("Buy oat milk")


def test_a_person_can_hand_in_what_a_program_owes(page: Page) -> None:
    conversation = page.evaluate(_START_AS_A_PROGRAM)
    page.goto(f"/c/{conversation}/")
    card = call(page, "open_door")
    expect(state(card)).to_have_text("waiting for a program")
    expect(last_run(page).locator(".working")).to_contain_text("and for a program’s result")
    press(page, "Approve all")
    card.get_by_label("Result of open_door").fill("It is wide open.")
    press(card, "Hand in")

    expect(outcome(page)).to_contain_text("Done")
    expect(card.locator(".result")).to_contain_text("It is wide open.")
    expect(card.locator(".about")).to_have_text("Result handed in by you")
    assert "It is wide open." in answer(page)
