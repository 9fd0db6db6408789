"""Tool calls on the page: what was asked for, what came of it, and which tools there are."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.doing import answer, call, last_run, outcome, press, send, state, whole_run
from tests.browser.line import Line

pytestmark = pytest.mark.browser

#: Draws events in a view of its own, in place of all runs.
_DRAW = """async (events) => {
  const { RunView } = await import("/static/runnel/js/runview.js");
  const view = new RunView({ id: "x" }, {});
  document.getElementById("runs").replaceChildren(view.element);
  for (const event of events) view.apply(event);
}"""


def asked(call_id: str, name: str, arguments: str) -> list[dict[str, Any]]:
    """Return the events of a call."""
    return [
        {"type": "TOOL_CALL_START", "toolCallId": call_id, "toolCallName": name},
        {"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": arguments},
        {"type": "TOOL_CALL_END", "toolCallId": call_id},
    ]


def answered(call_id: str, status: str, content: str) -> dict[str, Any]:
    metadata = {"status": status, "is_error": status != "succeeded", "name": "any"}
    return {"type": "TOOL_CALL_RESULT", "toolCallId": call_id, "content": content, "metadata": metadata}


def tool_box(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=name)


def test_it_shows_calls_with_their_results_and_the_answer_below_also_after_a_reload(page: Page) -> None:
    press(page, "What time is it in Europe/Zurich, and what is 17 × 23?")

    expect(outcome(page)).to_contain_text("Done · emulator/tools")
    clock, sum_ = call(page, "clock"), call(page, "calculate")
    expect(state(clock)).to_have_text("done")
    expect(clock.locator(".arguments")).to_have_text('{"zone": "Europe/Zurich"}')
    expect(clock.locator(".result")).to_contain_text("(Europe/Zurich)")
    expect(sum_.locator(".arguments")).to_have_text('{"expression": "17 * 23"}')
    expect(sum_.locator(".result")).to_contain_text("391")
    assert "391" in answer(page)
    order = last_run(page).locator(".answer > *").evaluate_all("all => all.map(each => each.className)")
    assert order == ["text", "card call", "card call", "text"]

    # How long it took is known as soon as the run is read again.
    expect(outcome(page)).to_contain_text(re.compile(r"\d\ss$"))
    shown = whole_run(page)
    page.reload()
    expect(outcome(page)).to_contain_text("Done")
    assert whole_run(page) == shown


def test_it_shows_arguments_as_they_come_and_tidies_them_up_once_they_are_complete(page: Page) -> None:
    line = Line(page)
    begun: list[dict[str, Any]] = []

    def until_the_first_arguments(frame: dict[str, Any]) -> int:
        if frame["type"] != "event" or not begun:
            begun.extend([frame] if frame.get("event", {}).get("type") == "TOOL_CALL_ARGS" else [])
            return 1
        return 0

    line.copies = until_the_first_arguments
    words = "buy oat milk, " * 20 + "please"
    send(page, f"Write a note: {words}", "emulator/tools")
    card = call(page, "write_note")
    expect(state(card)).to_have_text("asking…")
    expect(card.locator(".arguments")).to_have_text(re.compile(r"^\{[^}]*$"))

    line.copies = lambda frame: 1
    line.cut()
    expect(state(card)).to_have_text("waiting for you")
    assert card.locator(".arguments").text_content() == f'{{\n  "text": {json.dumps(words)}\n}}'
    press(page, "Stop")
    expect(outcome(page)).to_contain_text("Stopped by you")


def test_it_shows_several_steps_and_what_went_wrong_in_order(page: Page) -> None:
    send(
        page,
        '[[call calculate {"expression": "1/0"}]] [[call nothing {}]] [[next]] [[call calculate {"expression": "6*7"}]]',
        "emulator/calls",
    )

    expect(outcome(page)).to_contain_text("Done")
    cards = last_run(page).locator(".call")
    expect(cards.locator(".state")).to_have_text(["failed", "failed", "done"])
    expect(cards.nth(0)).to_contain_text("divides by zero")
    expect(cards.nth(1)).to_contain_text("no tool named")
    expect(cards.nth(2)).to_contain_text("42")


def test_it_tells_each_state_of_a_call_apart(page: Page) -> None:
    ends = {
        "timed_out": ("took too long", "It took longer than 30 seconds."),
        "interrupted": ("interrupted", "It may have taken effect all the same."),
        "expired": ("expired", "Nobody decided about it in time."),
        "cancelled": ("cancelled", "Cancelled by the user and not executed."),
    }
    events = [event for status in ends for event in asked(status, status, "{}")]
    step = {"type": "STEP_FINISHED", "stepName": "step 1"}
    page.evaluate(_DRAW, [*events, *asked("cut", "cut", '{"text": "unfini'), step])
    expect(state(call(page, "expired"))).to_have_text("running…")
    expect(last_run(page).locator(".working")).to_have_text("Running 4 tools…")

    results = [answered(status, status, told) for status, (_, told) in ends.items()]
    failed = {"type": "RUN_ERROR", "code": "timeout", "message": "Nobody decided in time."}
    page.evaluate(_DRAW, [*events, *asked("cut", "cut", '{"text": "unfini'), step, *results, failed])
    for status, (words, told) in ends.items():
        expect(state(call(page, status))).to_have_text(words)
        expect(call(page, status).locator(".about")).to_have_text(told)
    expect(state(call(page, "cut"))).to_have_text("cut short")
    expect(last_run(page).locator(".problem")).to_contain_text("Nobody decided in time.")


def test_it_clips_a_long_result_until_all_of_it_is_wanted(page: Page) -> None:
    lines = "\n".join(f"line {number}" for number in range(500))
    page.evaluate(_DRAW, [*asked("c", "read", "{}"), answered("c", "succeeded", lines)])
    result = call(page, "read").locator(".result")
    expect(result).to_contain_text("line 11…")
    expect(result).not_to_contain_text("line 12")

    press(result, "Show all 4,389 characters")
    assert result.locator(".code").text_content() == lines
    expect(result.locator(".code")).to_be_focused()
    result.get_by_text("Result").click()
    expect(result.locator(".code")).to_be_hidden()


def test_it_shows_arguments_to_the_character_and_what_is_hidden_in_them(page: Page) -> None:
    exact = '{"sum":12345678901234567890,"twice":1,"twice":2,"text":"a\u202eb\u200bc \\u0041","list":[],"deep":[{"x":1.50}]}'
    page.evaluate(_DRAW, asked("c", "pay", exact))
    assert call(page, "pay").locator(".arguments").text_content() == (
        '{\n  "sum": 12345678901234567890,\n  "twice": 1,\n  "twice": 2,\n  "text": "a\\u202eb\\u200bc \\u0041",\n'
        '  "list": [],\n  "deep": [\n    {\n      "x": 1.50\n    }\n  ]\n}'
    )


def test_it_uses_the_tools_that_are_ticked_and_keeps_them_with_the_conversation(page: Page) -> None:
    page.get_by_role("button", name="Tools 3").click()
    expect(page.locator("#tools-list label").filter(has_text="asks first")).to_have_count(1)
    expect(tool_box(page, "write_note")).to_be_checked()
    press(page, "None")
    page.keyboard.press("Escape")
    expect(tool_box(page, "clock")).to_be_hidden()

    send(page, "What time is it?", "emulator/tools")
    expect(outcome(page)).to_contain_text("Asked for tools that nothing here runs")
    expect(state(call(page, "get_weather"))).to_have_text("nothing here runs it")

    page.reload()
    page.get_by_role("button", name="Tools 0").click()
    with page.expect_response(lambda response: response.request.method == "PUT") as response:
        tool_box(page, "clock").check()
    assert response.value.ok
    page.reload()
    page.get_by_role("button", name="Tools 1").click()
    expect(tool_box(page, "clock")).to_be_checked()
    expect(tool_box(page, "calculate")).not_to_be_checked()
    page.keyboard.press("Escape")
    send(page, "What time is it now?", "emulator/tools")
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator(".call h3")).to_have_text(["clock"])


def test_it_says_which_tool_is_gone_and_sends_without_it_then(page: Page) -> None:
    ghost = {"name": "ghost", "description": "", "requires_approval": False, "source": "mcp:attic"}
    page.route("**/api/tools/", lambda route: route.fulfill(json={"tools": [ghost]}), times=1)
    page.reload()
    expect(page.get_by_role("button", name="Tools 1")).to_be_visible()
    send(page, "Are you there?", "emulator/hello")

    expect(page.locator("#note")).to_contain_text("no tool named 'ghost'")
    expect(page.get_by_role("button", name="Tools 3")).to_be_visible()
    press(page, "Send")
    expect(outcome(page)).to_contain_text("Done")
