"""What a user decides for all conversations: approvals in one place, standing decisions, looks, sessions, keys."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Server, sign_in
from tests.browser.doing import call, last_run, outcome, press, send, sign_in_by_keyboard, state, whole_run
from tests.browser.test_access import violations
from tests.browser.test_hostile_words import FIND, watch, words

pytestmark = pytest.mark.browser

GATED = '[[call write_note {"text": "Buy oat milk"}]]'
#: Milliseconds for an answer that the emulator writes as slowly as a person reads.
SLOW = 20_000
ADDRESSES = ("/account/", "/approvals/", "/usage/", "/tokens/", "/providers/", "/password/", "/keys/")


def ask_for_a_note(page: Page, words: str = "") -> None:
    send(page, f"{words} {GATED}", "emulator/calls")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you")


@pytest.fixture
def nothing_decided(page: Page) -> Any:
    yield
    page.goto("/approvals/")
    while page.get_by_role("button", name="Revoke").count():
        page.get_by_role("button", name="Revoke").first.click()


def counted(page: Page) -> int:
    """Return how many answers wait: other tests leave some."""
    page.wait_for_load_state("networkidle")
    return int(page.locator("#waiting-count").text_content() or "0")


def test_all_that_waits_is_decided_in_one_place(page: Page, context: BrowserContext) -> None:
    count = page.locator("#waiting-count")
    before = counted(page)
    ask_for_a_note(page, "Inbox one.")
    expect(count).to_have_text(str(before + 1))
    first = page.url
    page.goto("/")
    page.locator("main[data-connection=online]").wait_for()
    ask_for_a_note(page, "Inbox two.")
    expect(count).to_have_text(str(before + 2))

    inbox = context.new_page()
    inbox.goto("/approvals/")
    waiting = inbox.locator(".waiting").filter(has_text="Inbox")
    expect(waiting).to_have_count(2)
    expect(waiting.first).to_contain_text("Inbox one.")
    expect(waiting.first.locator(".countdown")).to_contain_text("23 h 59 min left")
    expect(waiting.first.locator(".arguments")).to_have_text('{"text": "Buy oat milk"}')
    assert violations(inbox) == []
    press(waiting.nth(1), "Deny")
    waiting.nth(1).get_by_label("Why write_note is denied").fill("enough milk")
    press(waiting.nth(1), "Deny")
    expect(waiting).to_have_count(1)
    expect(outcome(page)).to_contain_text("Done")
    expect(call(page, "write_note").locator(".about")).to_have_text("Denied by you: “enough milk”")
    expect(count).to_have_text(str(before + 1))

    # What is decided in its conversation leaves the list by itself.
    page.goto(first)
    press(call(page, "write_note"), "Approve")
    expect(waiting).to_have_count(0)
    expect(inbox.locator("#inbox-count")).to_have_text(f"({before})" if before else "")
    expect(count).to_have_text(str(before))


@pytest.mark.usefixtures("nothing_decided")
def test_a_tool_that_is_allowed_in_a_conversation_asks_no_more_until_it_is_revoked(page: Page) -> None:
    ask_for_a_note(page)
    card = call(page, "write_note")
    press(card, "Always…")
    expect(card).to_contain_text("From now on, for calls of write_note")
    assert violations(page) == []
    press(card, "Allow in this conversation")
    expect(outcome(page)).to_contain_text("Done")
    expect(card.locator(".about")).to_have_text("Approved by you")

    send(page, GATED, "emulator/calls")
    expect(page.locator(".run")).to_have_count(2)
    expect(outcome(page)).to_contain_text("Done")
    again = call(page, "write_note")
    expect(again.locator(".about")).to_have_text("Allowed by a standing decision")
    shown = whole_run(page)
    page.reload()
    assert whole_run(page) == shown
    conversation = page.url

    page.goto("/approvals/")
    listed = page.locator(".rows li").filter(has_text="write_note")
    expect(listed).to_contain_text("Allow")
    expect(listed).to_contain_text("last used")
    listed.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("you are asked about each call")).to_be_visible()
    page.goto(conversation)
    page.locator("main[data-connection=online]").wait_for()
    ask_for_a_note(page)
    press(call(page, "write_note"), "Deny")
    press(call(page, "write_note"), "Deny")


def test_arguments_are_edited_in_a_form_beside_their_json(page: Page) -> None:
    ask_for_a_note(page)
    card = call(page, "write_note")
    press(card, "Edit")
    text = card.get_by_label("text needed")
    expect(text).to_be_focused()
    expect(card).to_contain_text("What the note says, as plain text.")
    text.fill('Buy "soy" milk\nand bread')
    raw = card.get_by_label("Arguments of write_note")
    expect(raw).to_have_value('{"text": "Buy \\"soy\\" milk\\nand bread"}')
    assert violations(page) == []
    raw.fill('{"text": "Buy tea"}')
    expect(text).to_have_value("Buy tea")
    raw.fill('{"text": ')
    expect(card.get_by_role("button", name="Approve edited")).to_be_disabled()
    expect(text).to_have_value("Buy tea")
    raw.fill('{"text": "Buy tea"}')
    press(card, "Approve edited")
    expect(outcome(page)).to_contain_text("Done")
    expect(card.locator(".arguments")).to_have_text('{"text": "Buy tea"}')


#: Draws a form for each schema and its arguments in a page, and returns what each says of them.
_FORMS = """async (cases) => {
    const { ArgumentsForm } = await import("/static/runnel/js/schemaform.js");
    return cases.map(([schema, text]) => {
        const form = new ArgumentsForm({ schema: JSON.parse(schema), text, name: "tool", changed: () => {} });
        document.getElementById("runs").append(form.element);
        return [form.element.querySelectorAll(".field").length, form.text];
    });
}"""


def test_a_form_from_a_strangers_schema_changes_nothing_by_itself(page: Page) -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        deep = {"type": "object", "properties": {"a": deep}}
    cases: list[tuple[Any, str, int]] = [
        (None, '{"a": 1}', 1),
        ([], '{"a": "b"}', 1),
        ({"properties": {"__proto__": {"type": "string"}, "constructor": 7}}, "{}", 2),
        ({"properties": deep, "required": "all"}, '{"a": null}', 3),
        ({"properties": {"n": {"type": "integer"}}}, '{"n": 12345678901234567890}', 0),
        ({"properties": {"a": {}, "b": {}}}, '{"a": 1, "a": 2}', 0),
        ({"properties": {str(n): {} for n in range(41)}}, "{}", 0),
        (
            {"properties": {"a": {"enum": [], "anyOf": [{"type": "null"}], "description": {"x": 1}}}},
            '{"a": [1]}',
            1,
        ),
    ]
    found = page.evaluate(_FORMS, [[json.dumps(schema), text] for schema, text, _ in cases])
    assert found == [[fields, text] for _, text, fields in cases]


def test_colours_and_dates_are_the_users_own(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/account/")
    page.get_by_label("Dark").check()
    page.get_by_label("Language of dates").select_option("de")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    body = page.locator("body")
    expect(body).to_have_css("background-color", "rgb(17, 24, 23)")
    page.goto("/")
    expect(body).to_have_css("background-color", "rgb(17, 24, 23)")
    send(page, "When?", "emulator/echo")
    expect(last_run(page).locator(".pace")).to_contain_text(".20")
    page.goto("/account/")
    page.get_by_label("As the system is set").check()
    page.get_by_label("Language of dates").select_option("")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")


def test_another_session_is_ended_from_the_account_page(page: Page, browser: Browser, server: Server) -> None:
    other = browser.new_context(base_url=server.url, user_agent="Mozilla/5.0 (iPhone) Safari/604.1")
    second = other.new_page()
    sign_in(second, server.password)
    page.goto("/account/")
    page.get_by_role("button", name="End the session: Safari on iPhone").click()
    second.wait_for_url("**/login/**")
    expect(page.get_by_text("Safari on iPhone")).to_have_count(0)
    other.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_keeps_people_out_of_the_pages_around(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 720})
    for address in ADDRESSES:
        page.goto(address)
        # On the phone it is enough to look for what hangs over.
        assert width < 1000 or violations(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_words_of_strangers_stay_words_in_forms_and_in_the_list_of_what_waits(
    page: Page, server: Server
) -> None:
    found = watch(page)
    cases = []
    for text in words():
        named = {text: {"type": "string", "description": text, "enum": [text, "b"]}}
        cases.append([json.dumps({"properties": named}), json.dumps({text: text, "x": [text]})])
    page.evaluate(_FORMS, cases)
    assert page.locator(".field").count() == 400
    assert page.evaluate(FIND) == []

    runs = [
        {
            "run_id": f"00000000-0000-4000-8000-{number:012}",
            "conversation_id": f"00000000-0000-4000-9000-{number:012}",
            "title": text,
            "model": text,
            "since": "2026-11-01T00:00:00Z",
            "expires_at": None,
            "last_seq": 1,
            "interrupts": [
                {
                    "id": str(number),
                    "reason": "tool_approval",
                    "toolCallId": text,
                    "metadata": {"name": text, "arguments": json.dumps({text: text})},
                }
            ],
        }
        for number, text in enumerate(words())
    ]
    page.route(
        "**/api/approvals/",
        lambda route: route.fulfill(json={"count": len(runs), "runs": runs}),
    )
    page.goto("/approvals/")
    expect(page.locator(".waiting")).to_have_count(len(runs))
    odd = "script, style, iframe, img, svg, form, object"
    assert page.locator("#inbox").locator(odd).count() == 0
    assert [each for each in found if not each.startswith(f"request {server.url}/")] == []


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called ``words``."""
    called = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    for _ in range(240):
        if page.evaluate(called) == words:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by Tab to {words}")


def choose_action(page: Page, words: str) -> None:
    page.keyboard.press("Control+k")
    # It is loaded when somebody asks for it the first time.
    expect(page.get_by_label("Search for an action")).to_be_focused()
    page.keyboard.type(words)
    # The list follows what is typed.
    expect(page.get_by_role("option").first).to_contain_text(words)
    page.keyboard.press("Enter")


def test_the_whole_first_visit_needs_no_mouse(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 1000, "height": 600})
    page = context.new_page()
    sign_in_by_keyboard(page, server.password)
    page.locator("#suggestions").wait_for()
    tab_to(page, "Write a note: buy oat milk")
    page.keyboard.press("Enter")
    expect(state(call(page, "write_note"))).to_have_text("waiting for you", timeout=SLOW)
    expect(call(page, "write_note").locator(".arguments")).to_have_text('{"text": "buy oat milk"}')
    tab_to(page, "Approve")
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("Done", timeout=SLOW)

    choose_action(page, "Dark colours")
    expect(page.locator("html[data-theme=dark]")).to_be_attached()
    choose_action(page, "Account")
    page.wait_for_url("**/account/")
    expect(page.get_by_label("Dark")).to_be_checked()
    page.get_by_label("Dark").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator("html[data-theme]")).to_have_count(0)
    tab_to(page, "Providers")
    page.keyboard.press("Enter")
    page.wait_for_url("**/providers/")
    tab_to(page, "← Conversations")
    page.keyboard.press("Enter")
    page.locator("main[data-connection=online]").wait_for()
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/")
    context.close()
