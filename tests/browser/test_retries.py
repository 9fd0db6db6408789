"""What the page says while a failed call waits to be made again."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

#: Applies events to a view of its own; returns what it reads after each.
_APPLY = """async (events) => {
  const { RunView } = await import("/static/runnel/js/runview.js");
  const view = new RunView({ id: "x" }, {});
  return events.map((event) => (view.apply(event), view.element.querySelector(".outcome").textContent));
}"""

OVERLOADED = "The model provider is overloaded. Try again in a moment, or choose another model."


def retry(attempt: int, wait_seconds: float) -> dict[str, object]:
    return {
        "type": "CUSTOM",
        "name": "retry",
        "value": {
            "attempt": attempt,
            "of": 3,
            "wait_seconds": wait_seconds,
            "code": "llm_provider_overloaded",
            "message": OVERLOADED,
            "model": "openai/gpt",
        },
    }


def test_it_tells_of_a_retry_until_words_come(page: Page) -> None:
    words = {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hello"}
    lines = page.evaluate(_APPLY, [retry(2, 3.2), retry(3, 0.4), retry(1, 0), words])
    assert lines == [
        "The model provider is overloaded: trying again in 3 s (attempt 2 of 3)",
        "The model provider is overloaded: trying again now (attempt 3 of 3)",
        "The model provider is overloaded: asking openai/gpt instead",
        "Answering…",
    ]
