"""What an administrator sees of tool calls, and a run that waits for nobody any more once it was cancelled there."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.doing import call, last_run, outcome, press, send, state

pytestmark = pytest.mark.browser

GATED = '[[call write_note {"text": "Buy oat milk"}]] [[call clock {}]]'
RUNS = "/admin/runs/run/"


def test_a_decided_call_is_shown_with_who_decided(page: Page) -> None:
    send(page, GATED, "emulator/calls")
    press(call(page, "write_note"), "Approve")
    expect(outcome(page)).to_contain_text("Done")
    run = last_run(page).get_attribute("data-run")

    page.goto(f"{RUNS}{run}/change/")
    note, clock = page.locator(".runnel-call").all()
    expect(note).to_contain_text("succeeded")
    expect(note.locator("div", has_text="Decided by").locator("dd")).to_have_text("admin")
    expect(note.locator("pre").first).to_have_text('{"text": "Buy oat milk"}')
    expect(note).to_contain_text("fits the arguments")
    expect(clock).not_to_contain_text("Decided by")
    expect(page.locator(".runnel-fold", has_text="Result of write_note")).to_be_attached()


def test_a_run_that_waits_is_found_and_cancelled(page: Page) -> None:
    send(page, GATED, "emulator/calls")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")
    run = last_run(page).get_attribute("data-run")
    second = page.context.new_page()
    second.goto(f"{RUNS}?status__exact=awaiting_approval")
    row = second.locator("tr", has=second.locator(f'a[href*="{run}"]'))
    expect(row).to_contain_text("until 2")

    row.locator("input[type=checkbox]").check()
    second.locator("select[name=action]").select_option("cancel_selected")
    second.get_by_role("button", name="Run", exact=True).click()
    expect(second.get_by_text("Asked to stop: 1. Had already ended: 0.")).to_be_visible()
    # Whoever looked at the question sees that nobody needs to answer it any more.
    expect(outcome(page)).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    second.goto(f"{RUNS}{run}/change/")
    expect(second.locator(".runnel-call .runnel-status")).to_have_text(["cancelled", "cancelled"])
