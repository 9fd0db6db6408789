"""A person's actions on the page, and the parts of the page that show a run."""

import time

from playwright.sync_api import Locator, Page, expect


def sign_in_by_keyboard(page: Page, password: str) -> None:
    """Sign in as the first user, without a mouse, and wait for the connection."""
    page.goto("/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.locator("main[data-connection=online]").wait_for()


def send(page: Page, words: str, model: str) -> None:
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Message", exact=True).fill(words)
    page.get_by_label("Message", exact=True).press("Enter")


def last_run(page: Page) -> Locator:
    return page.locator(".run").last


def answer(page: Page) -> str:
    """Return the newest answer's exact text."""
    return last_run(page).locator(".answer > .text").last.text_content() or ""


def outcome(page: Page) -> Locator:
    return last_run(page).locator(".summary")


def whole_run(page: Page) -> str:
    """Return all that the newest run shows, once what is stored of it has been read."""
    expect(last_run(page).locator(".pace")).not_to_be_empty()
    return last_run(page).inner_text()


def wait_for_words(page: Page, count: int) -> str:
    """Wait until the newest answer has ``count`` characters; return it."""
    deadline = time.monotonic() + 15
    last_run(page).locator(".answer > .text").last.wait_for()
    while len(text := answer(page)) < count:
        assert time.monotonic() < deadline, f"only {text!r} came"
        page.wait_for_timeout(50)
    return text


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(outcome(page)).to_contain_text("Stopped by you", timeout=2000)


def expect_the_same_after_a_reload(page: Page) -> None:
    shown = answer(page)
    page.reload()
    expect(outcome(page)).to_be_visible()
    page.wait_for_timeout(100)
    assert answer(page) == shown


def call(page: Page, name: str) -> Locator:
    """Return the card of a tool call in the newest answer."""
    return last_run(page).get_by_label(f"Tool call {name}", exact=True)


def state(card: Locator) -> Locator:
    """Return the element that shows a tool call's state in words."""
    return card.locator(".state")


def press(place: Page | Locator, name: str) -> None:
    place.get_by_role("button", name=name, exact=True).click()


def press_and_read(page: Page, place: Locator, name: str, told: str) -> None:
    """Press a button, which then says ``told`` for a second and a half: too short to be looked for on a busy machine."""
    page.evaluate(
        """() => {
            window.told = [];
            const note = (changes) => {
                for (const { target } of changes) window.told.push(target.ariaLabel ?? target.textContent);
            };
            new MutationObserver(note).observe(document.body, {
                subtree: true,
                childList: true,
                attributeFilter: ["aria-label"],
            });
        }"""
    )
    press(place, name)
    page.wait_for_function("(told) => window.told.includes(told)", arg=told)


def entry(page: Page, title: str) -> Locator:
    """Return the row of the list that shows a conversation."""
    return page.locator("#sidebar nav li").filter(has_text=title)


def choose(page: Page, title: str, action: str) -> None:
    """Choose something from the menu of a conversation in the list."""
    row = entry(page, title).first
    row.hover()
    row.locator(".more").click()
    page.get_by_role("menuitem", name=action, exact=True).click()
