"""The page for people who see little, use no mouse, or have a small screen: axe finds nothing."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Server, sign_in
from tests.browser.doing import answer, last_run, outcome, press, send, sign_in_by_keyboard, wait_for_words

pytestmark = pytest.mark.browser

AXE = (Path(__file__).resolve().parents[1] / "vendor/axe-core/axe.min.js").read_text()

#: Runs every rule, best practices included, and says what it found where.
FIND = """async () => (await axe.run()).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(", ")}`)"""

MARKDOWN = """### A small heading first

# Then a large one

- [x] done

| a | b |
|---|---|
| 1 | 2 |

```python
def run() -> str:  # a comment
    return "a" + 1
```

A [link](https://a.example), $x$ and ![a picture](https://a.example/x.png).

$$
\\sum x
$$
"""


#: Waits for the animations that come to an end.
SETTLED = """Promise.allSettled(
  document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime < 5000).map((each) => each.finished)
)"""


def violations(page: Page) -> list[str]:
    """Return what axe finds in both themes, once nothing fades in any more."""
    page.evaluate(SETTLED)
    found: list[str] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.evaluate(AXE)
        found += [f"{theme}: {each}" for each in page.evaluate(FIND)]
    return found


def test_nothing_keeps_people_out_of_the_pages_around(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/")
    assert violations(page) == []
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.locator(".errorlist").wait_for()
    assert violations(page) == []
    sign_in(page, server.password)
    for address in ("/", "/password/", "/password/done/", "/nowhere/", f"/c/{uuid4()}/", f"/s/{'x' * 43}/"):
        page.goto(address)
        assert violations(page) == [], address
    context.close()


@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "500.html"])
def test_nothing_keeps_people_out_of_pages_about_errors(context: BrowserContext, template: str) -> None:
    page = context.new_page()
    # What goes wrong is of no importance for how it is told.
    page.route(
        "**/wrong/", lambda route: route.fulfill(body=render_to_string(template), content_type="text/html")
    )
    page.goto("/wrong/")
    assert page.locator("h1").count() == 1
    assert violations(page) == []


def test_nothing_keeps_people_out_of_a_conversation(page: Page) -> None:
    send(page, MARKDOWN, "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator("math")).to_have_count(2)
    expect(last_run(page).locator(".hl-keyword").first).to_be_visible()
    assert violations(page) == []

    send(page, "Think", "emulator/reasoning")
    expect(page.locator(".run")).to_have_count(2)
    expect(outcome(page)).to_contain_text("Done")
    last_run(page).get_by_text("Reasoning", exact=True).first.click()
    send(page, "Fail [[fault=error status=401]]", "emulator/hello")
    expect(last_run(page).locator(".problem")).to_be_visible()
    assert violations(page) == []


def test_nothing_keeps_people_out_of_tools_decisions_and_dialogs(page: Page) -> None:
    send(page, "Use tools", "emulator/tools")
    expect(outcome(page)).to_contain_text("Done")
    press(page, "Tools 3")
    assert violations(page) == []
    page.keyboard.press("Escape")

    send(page, "Write a note: buy oat milk", "emulator/tools")
    expect(last_run(page).get_by_role("button", name="Approve")).to_be_visible()
    assert violations(page) == []
    press(last_run(page), "Deny")


def test_it_is_used_without_a_mouse(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 1000, "height": 500})
    page = context.new_page()
    sign_in_by_keyboard(page, server.password)

    # The field for the message has the focus; the model is a few steps on.
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    while page.evaluate("document.activeElement.id") != "model":
        page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("emulator/long")
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.type("Tell me")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("something long")
    page.keyboard.press("Enter")
    wait_for_words(page, 1500)
    page.keyboard.press("Escape")
    expect(outcome(page)).to_contain_text("Stopped by you")
    expect(last_run(page).locator(".asked")).to_have_text("You: Tell me\nsomething long")

    top = "document.getElementById('scroll').scrollTop"
    end = page.evaluate(top)
    assert end > 0
    page.keyboard.press("PageUp")
    page.wait_for_function(f"{top} < {end}")
    page.keyboard.press("Home")
    page.wait_for_function(f"{top} === 0")
    page.keyboard.press("End")
    page.wait_for_function(f"{top} >= {end} - 1")

    # Once it is known where the message is stored, it can be changed.
    last_run(page).get_by_role("button", name="Edit the message").wait_for()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Your message")).to_have_value("Tell me\nsomething long")
    context.close()


def test_nothing_keeps_people_out_of_what_opens_beside_a_message(page: Page) -> None:
    send(page, "Hello", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    last_run(page).get_by_role("button", name="Answer again", exact=True).click()
    expect(page.locator(".alternatives")).to_be_visible()
    expect(outcome(page)).to_contain_text("Done")
    page.get_by_label("Message", exact=True).press("ArrowUp")
    for keys, opened in (
        ("Escape", page.locator(".alternatives")),
        ("Control+k", page.locator("#palette")),
        ("Control+/", page.locator("#keys")),
        ("Control+.", page.locator("#settings-drawer")),
        ("Control+Shift+L", page.get_by_role("listbox", name="Models").get_by_role("option").first),
    ):
        page.keyboard.press(keys)
        expect(opened).to_be_visible()
        assert violations(page) == [], keys
        page.keyboard.press("Escape")

    send(page, "Tell me something long", "emulator/long")
    wait_for_words(page, 20)
    page.get_by_label("Message", exact=True).fill("And then?")
    page.get_by_label("Message", exact=True).press("Enter")
    expect(page.locator("#queue-list li")).to_have_count(1)
    page.get_by_label("Message", exact=True).fill("And now?")
    assert violations(page) == []
    page.get_by_label("Message", exact=True).fill("")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [320, 360])
def test_a_narrow_page_never_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    wide = "| a | b | c |\n|---|---|---|\n|" + " a-rather-long-word |" * 3
    send(page, f"{MARKDOWN}\n{wide}\n\n```\n{'word ' * 60}\n```\n\n{'x' * 300}", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    assert answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    scroll = page.locator("#scroll")
    assert scroll.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_nothing_moves_for_who_wants_that(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")
    send(page, "Say nothing", "emulator/silent")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    assert page.evaluate("document.getAnimations().length") > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0


def test_what_is_read_out_does_not_chatter(page: Page) -> None:
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => said.push(document.getElementById("announcer").textContent))
                .observe(document.getElementById("announcer"), { childList: true, characterData: true, subtree: true });
        }"""
    )
    send(page, "Tell me something", "emulator/hello")
    expect(outcome(page)).to_contain_text("Done")
    assert page.evaluate("said") == ["Answering.", "Done"]
    live = "[...document.querySelectorAll('#runs [aria-live], #runs [role=status]')].length"
    assert page.evaluate(live) == 0
