"""Measures the longest tasks of the page in Chromium: while nothing else runs on its thread, nobody can type or scroll.

Run it with ``python -m benchmarks.page``; it needs Debian's package ``chromium``. The emulator answers.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.server import Served, serve

#: No task may take that many milliseconds.
GOAL = 100

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

#: Collects the durations of tasks above 50 ms, in milliseconds.
_OBSERVE = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.tasks.push(duration);
}).observe({ type: "longtask", buffered: true });
"""

#: Asks so many questions, one after the other; returns the id of the conversation.
_ASK = """
async (texts) => {
  let conversation;
  const socket = new WebSocket("/ws/");
  await new Promise((resolve, reject) => {
    const ask = () => socket.send(JSON.stringify({
      type: "start", id: "1", model: "emulator/echo", input: texts.shift(),
      ...(conversation && { conversation_id: conversation }),
    }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "ready") ask();
      if (frame.type === "error") reject(new Error(frame.message));
      if (frame.type === "ok") conversation = frame.conversation_id;
      if (frame.type !== "event" || frame.event.type !== "RUN_FINISHED") return;
      if (texts.length) ask();
      else resolve();
    };
  });
  socket.close();
  return conversation;
}
"""

_TURN = """Turn {number}: a paragraph with **bold** words, `code` and a [link](https://example.org/{number}).

- one
- two

```python
def turn():
    return {number}
```

| a | b |
| - | - |
| {number} | {number} |
"""


def long_answer(lines: int) -> str:
    """Return Markdown with a block of so many lines of code, as large as one frame allows."""
    code = "\n".join(f"x{number} = {number}" for number in range(lines))
    return f"# A long answer\n\n```python\n{code}\n```\n\nThe end.\n"


def sign_in(page: Page, served: Served) -> None:
    password = Path(served.environment["RUNNEL_DATA_DIR"], "first_password").read_text().strip()
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    ready(page)


def ready(page: Page) -> None:
    page.locator("main[data-connection=online]").wait_for()


def measure(page: Page, what: str, act: Callable[[], None]) -> dict[str, object]:
    """Do something; return what it was with its long tasks."""
    page.evaluate("window.tasks.length = 0")
    act()
    page.wait_for_timeout(1_000)
    tasks = [round(task) for task in page.evaluate("window.tasks")]
    return {"what": what, "tasks above 50 ms": len(tasks), "longest ms": max(tasks, default=0)}


def of_a_conversation(page: Page, turns: int) -> list[dict[str, object]]:
    """Measure opening a conversation with so many turns, and reading it to its beginning."""
    address = f"/c/{page.evaluate(_ASK, [_TURN.format(number=number) for number in range(turns)])}/"

    def open_it() -> None:
        page.goto(address)
        ready(page)
        page.locator(".run").last.wait_for()

    def to_the_beginning() -> None:
        while page.locator(".run").count() < turns:
            page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
            page.wait_for_timeout(50)

    return [
        measure(page, f"open {turns} turns", open_it),
        measure(page, f"read {turns} turns to the beginning", to_the_beginning),
    ]


def of_a_long_answer(page: Page, lines: int) -> list[dict[str, object]]:
    """Measure an answer with so many lines of code while it streams, and when it is opened again."""

    def stream() -> None:
        page.get_by_label("Model", exact=True).fill("emulator/echo")
        # Chromium takes seconds to type so much; a person pastes it, and it becomes a file.
        field = page.get_by_label("Message", exact=True)
        field.evaluate("(field, text) => { field.value = text; }", long_answer(lines))
        page.evaluate("window.tasks.length = 0")
        field.press("Enter")
        page.locator(".run .summary").wait_for(timeout=120_000)

    def open_again() -> None:
        page.reload()
        ready(page)
        page.locator(".run .summary").wait_for()

    page.goto("/")
    ready(page)
    return [
        measure(page, f"stream {lines} lines of code", stream),
        measure(page, f"open {lines} lines of code", open_again),
    ]


def main() -> None:
    """Print one line of JSON for each thing that was done; exit with 1 if a task was longer than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, nargs="*", default=[50, 400])
    parser.add_argument("--lines", type=int, default=3_000)
    asked = parser.parse_args()
    path = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if path is None:
        raise SystemExit("There is no Chromium here: install Debian's package chromium.")
    with serve({}) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{served.port}")
        page.add_init_script(_OBSERVE)
        sign_in(page, served)
        found = of_a_long_answer(page, asked.lines)
        for turns in asked.turns:
            found += of_a_conversation(page, turns)
        browser.close()
    for each in found:
        print(json.dumps(each))
    if any(int(str(each["longest ms"])) > GOAL for each in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
