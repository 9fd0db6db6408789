"""Files in a real browser: chosen, shown with the question, still there after a reload."""

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.doing import last_run, outcome, press, send

pytestmark = pytest.mark.browser

#: One red pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


def choose(page: Page, *files: FilePayload) -> None:
    page.locator("#files").set_input_files(files)


def test_a_picture_is_shown_with_the_question_also_after_a_reload(page: Page) -> None:
    choose(page, {"name": "red.png", "mimeType": "image/png", "buffer": PIXEL})
    expect(page.get_by_label("Files").get_by_role("listitem")).to_contain_text("red.png")

    page.get_by_label("Model", exact=True).fill("emulator/hello")
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
    page.get_by_role("button", name="Remove notes.txt").click()

    page.get_by_label("Model", exact=True).fill("emulator/hello")
    page.get_by_label("Message", exact=True).fill("Just words")
    page.get_by_label("Message", exact=True).press("Enter")

    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator(".asked .chip")).to_have_count(0)


def paste(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).evaluate(
        """(field, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def test_a_long_paste_becomes_a_file_and_can_be_text_again(page: Page) -> None:
    text = "A line of a log.\n" * 700
    paste(page, text)
    pasted = page.get_by_label("Files").get_by_role("listitem")
    expect(pasted).to_contain_text("Pasted text.txt")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    press(pasted, "As text")
    expect(pasted).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_have_value(text)


def test_a_text_too_long_for_a_message_is_sent_as_a_file(page: Page) -> None:
    page.get_by_label("Model", exact=True).fill("emulator/hello")
    page.get_by_label("Message", exact=True).fill("ä" * 40_000)
    page.get_by_label("Message", exact=True).press("Enter")
    press(page, "Send it as a file")
    expect(page.get_by_label("Files").get_by_role("listitem")).to_contain_text("Message.txt")
    page.get_by_label("Message", exact=True).press("Enter")
    # Its name is known while the answer comes, and the message waits for the upload.
    expect(last_run(page).locator(".asked")).to_contain_text("Message.txt")
    expect(outcome(page)).to_contain_text("Done")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    uploads: list[str] = []
    page.on("request", lambda asked: uploads.append(asked.url) if asked.url.endswith("/api/files/") else None)
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    page.locator("#files").set_input_files(large)
    expect(page.locator("#note")).to_have_text("large.txt has 21 MB. A file may have 20 MB.")
    assert uploads == []


def test_a_file_is_dropped_anywhere_on_the_page(page: Page) -> None:
    page.locator("#scroll").evaluate(
        """place => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["tides"], "tides.txt", { type: "text/plain" }));
          for (const kind of ["dragenter", "dragover", "drop"]) {
            place.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }"""
    )
    expect(page.get_by_label("Files").get_by_role("listitem")).to_contain_text("tides.txt")
    expect(page.locator("#main")).not_to_have_class(re.compile("dropping"))


def test_files_that_are_not_sent_stay_with_their_conversation(page: Page) -> None:
    send(page, "A first one", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    files = page.get_by_label("Files").get_by_role("listitem")
    choose(page, {"name": "first.txt", "mimeType": "text/plain", "buffer": b"of the first"})
    page.get_by_role("link", name="New conversation").first.click()
    expect(files).to_have_count(0)
    choose(page, {"name": "new.txt", "mimeType": "text/plain", "buffer": b"of the new one"})
    expect(files).to_contain_text(["new.txt"])
    page.go_back()
    expect(files).to_contain_text(["first.txt"])
    page.get_by_label("Message", exact=True).fill("With its file")
    page.get_by_label("Message", exact=True).press("Enter")
    expect(last_run(page).locator(".asked .chip")).to_have_text("first.txt")
    expect(files).to_have_count(0)
    page.go_forward()
    expect(files).to_contain_text(["new.txt"])
