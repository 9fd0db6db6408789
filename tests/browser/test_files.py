"""Files in a real browser: chosen, shown with the question, still there after a reload."""

import base64
import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.doing import last_run, outcome

pytestmark = pytest.mark.browser

#: One red pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


def choose(page: Page, *files: FilePayload) -> None:
    page.locator("#files").set_input_files(files)


def test_a_picture_is_shown_with_the_question_also_after_a_reload(page: Page) -> None:
    choose(page, {"name": "red.png", "mimeType": "image/png", "buffer": PIXEL})
    expect(page.get_by_label("Files").get_by_text("red.png")).not_to_have_attribute("aria-busy", "true")

    page.get_by_label("Model").fill("emulator/hello")
    page.get_by_label("Message", exact=True).fill("What colour is this?")
    page.get_by_label("Message", exact=True).press("Enter")

    expect(outcome(page)).to_contain_text("Done")
    picture = last_run(page).locator(".asked img")
    expect(picture).to_have_attribute("src", re.compile(r"^/api/files/[0-9a-f-]{36}/$"))
    assert picture.evaluate("image => image.naturalWidth") == 1
    expect(page.get_by_label("Files").get_by_role("listitem")).to_have_count(0)

    page.reload()
    expect(last_run(page).locator(".asked")).to_contain_text("What colour is this?")
    assert (
        last_run(page)
        .locator(".asked img")
        .evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 1
    )


def test_a_file_that_is_removed_does_not_go_along(page: Page) -> None:
    choose(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not for you"})
    expect(page.get_by_label("Files").get_by_text("notes.txt")).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Remove notes.txt").click()

    page.get_by_label("Model").fill("emulator/hello")
    page.get_by_label("Message", exact=True).fill("Just words")
    page.get_by_label("Message", exact=True).press("Enter")

    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator(".asked .chip")).to_have_count(0)
