"""Measures the page in Chromium: its longest tasks, how fast it switches between conversations, how fast it loads.

Run it with ``python -m benchmarks.page``; it needs Debian's package ``chromium``. The emulator answers, and for the
paced answer an upstream of this program.
"""

import argparse
import json
from collections.abc import Callable
from statistics import median
from typing import Any

from playwright.sync_api import BrowserContext, Page

from benchmarks.chromium import SLOW_4G, chromium, ready, signed_in, tasks_of
from benchmarks.dictated import dictate
from benchmarks.server import Served, serve

#: Milliseconds: of a task (of CPU: on a busy machine the clock counts what others do), of a switch to another conversation, of a warm load on a slow line. Bytes of a first load.
TASK, SWITCH, SLOW_LOAD, FIRST_LOAD = 100, 150, 1_500, 200_000
#: Milliseconds of all tasks above 50 ms while an answer streams, each less 50.
BLOCKING = 300
#: Switches of each kind, of which the median is told.
SWITCHES = 9
#: Milliseconds for which the pointer is on a conversation before the click: it is read meanwhile.
POINTED = 200

type Figure = dict[str, object]

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

#: Clicks the link of a conversation, after the pointer was on it for some milliseconds; returns those until its end is painted.
_SWITCH = """
async ({ address, last, pointed }) => {
  const link = document.querySelector(`#conversations a[href="${address}"]`);
  const isThere = () => document.querySelector(".run:last-child")?.textContent.includes(last);
  if (pointed) {
    link.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, pointed));
  }
  const begin = performance.now();
  link.click();
  while (!isThere()) await new Promise(requestAnimationFrame);
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - begin;
}
"""

_TURN = """Turn {number} of {turns}: a paragraph with **bold** words, `code` and a [link](https://example.org/{number}).

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


def long_answer(lines: int, *, rows: int = 200, words: int = 0) -> str:
    """Return Markdown with a block of so many lines of code, a table of so many rows, and a paragraph."""
    code = "\n".join(f"x{number} = {number}" for number in range(lines))
    table = "\n".join(f"| {number} | {number * number} |" for number in range(rows))
    prose = "\n\n".join("Some **words** of an answer, " * 8 for _ in range(words // 48))
    return f"# A long answer\n\n{prose}\n\n```python\n{code}\n```\n\n| n | n² |\n| - | - |\n{table}\n\nThe end.\n"


def measure(page: Page, what: str, act: Callable[[], None], *, is_stream: bool = False) -> Figure:
    """Do something; return what it was with its long tasks."""
    with tasks_of(page) as tasks:
        act()
        page.wait_for_timeout(1_000)
    blocking = round(sum(task - 50 for task in tasks.of_cpu))
    longest = round(max(tasks.of_cpu, default=0))
    return {
        "what": what,
        "tasks above 50 ms of CPU": len(tasks.of_cpu),
        "longest": longest,
        "blocked": blocking,
        "longest by the clock": round(max(tasks.by_clock, default=0)),
        "met": longest <= TASK and (not is_stream or blocking <= BLOCKING),
    }


def of_the_load(context: BrowserContext) -> list[Figure]:
    """Measure what a first load transfers, and a later one on a slow line."""
    page = context.new_page()
    line = context.new_cdp_session(page)
    heads: dict[str, float] = {}
    wholes: dict[str, float] = {}

    def begun(told: dict[str, Any]) -> None:
        heads[told["requestId"]] = told["response"]["encodedDataLength"]

    def ended(told: dict[str, Any]) -> None:
        wholes[told["requestId"]] = told["encodedDataLength"]

    line.on("Network.responseReceived", begun)
    line.on("Network.loadingFinished", ended)
    line.send("Network.enable")
    page.goto("/")
    ready(page)
    page.wait_for_load_state("networkidle")
    bodies = sum(size - heads.get(key, 0) for key, size in wholes.items())
    first: Figure = {
        "what": "first load",
        "requests": len(wholes),
        "compressed bytes": round(bodies),
        "with headers": round(sum(wholes.values())),
        "met": bodies <= FIRST_LOAD,
    }
    line.send("Network.emulateNetworkConditions", SLOW_4G)
    times = []
    for _ in range(3):
        page.goto("/")
        ready(page)
        times.append(page.evaluate("window.readyAt"))
    page.close()
    slow = round(median(times))
    return [first, {"what": "warm load on Slow 4G", "ready ms": slow, "met": slow <= SLOW_LOAD}]


def of_conversations(page: Page, lengths: list[int]) -> list[Figure]:
    """Measure opening conversations with so many turns, reading them to their beginning, and switching between them."""
    addresses = {}
    for turns in lengths:
        texts = [_TURN.format(number=number, turns=turns) for number in range(turns)]
        addresses[turns] = f"/c/{page.evaluate(_ASK, texts)}/"
    found = []
    for turns, address in addresses.items():

        def open_it(address: str = address) -> None:
            page.goto(address)
            ready(page)
            page.locator(".run").last.wait_for()

        def to_the_beginning(turns: int = turns) -> None:
            while page.locator(".run").count() < turns:
                page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
                page.wait_for_timeout(50)

        found += [
            measure(page, f"open {turns} turns", open_it),
            measure(page, f"read {turns} turns to the beginning", to_the_beginning),
        ]
    return found + of_switches(page, addresses)


def of_switches(page: Page, addresses: dict[int, str]) -> list[Figure]:
    """Measure switching from each conversation to the next, in turn."""
    page.goto("/")
    ready(page)
    times: dict[tuple[int, int], list[float]] = {}
    with tasks_of(page) as tasks:
        for _ in range(SWITCHES):
            for pointed in (0, POINTED):
                for turns, address in addresses.items():
                    asked = {"address": address, "last": f"Turn {turns - 1} of {turns}", "pointed": pointed}
                    times.setdefault((turns, pointed), []).append(page.evaluate(_SWITCH, asked))
                    page.wait_for_timeout(500)
    longest = round(max(tasks.of_cpu, default=0))
    found: list[Figure] = []
    for (turns, pointed), each in times.items():
        how = f", pointed at for {pointed} ms" if pointed else ""
        told = {"median ms": round(median(each)), "worst ms": round(max(each)), "longest task": longest}
        is_met = median(each) <= SWITCH and longest <= TASK
        found.append({"what": f"switch to {turns} turns{how}", **told, "met": is_met})
    return found


def of_a_long_answer(page: Page, lines: int, model: str, what: str) -> list[Figure]:
    """Measure an answer with so many lines of code while it streams, and when it is opened again."""

    def stream() -> None:
        # Nobody types it: it may be in no list.
        page.get_by_label("Model", exact=True).evaluate("(field, name) => { field.value = name; }", model)
        # Chromium takes seconds to type so much; a person pastes it, and it becomes a file.
        field = page.get_by_label("Message", exact=True)
        field.evaluate("(field, text) => { field.value = text; }", long_answer(lines, rows=20))
        field.press("Enter")
        page.locator(".run .summary").wait_for(timeout=180_000)

    def open_again() -> None:
        page.reload()
        ready(page)
        page.locator(".run .summary").wait_for()

    page.goto("/")
    ready(page)
    return [
        measure(page, f"stream {what}", stream, is_stream=True),
        measure(page, f"open {what}", open_again),
    ]


def main() -> None:
    """Print one line of JSON for each thing that was done; exit with 1 if a goal was not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, nargs="*", default=[50, 400])
    parser.add_argument("--lines", type=int, default=3_000)
    parser.add_argument("--rate", type=float, default=200)
    asked = parser.parse_args()
    answer = long_answer(asked.lines, words=1_500)
    is_met = True

    def tell(found: list[Figure]) -> None:
        nonlocal is_met
        for each in found:
            is_met = is_met and bool(each["met"])
            print(json.dumps(each), flush=True)

    def run(served: Served) -> None:
        with chromium() as browser:
            context = signed_in(browser, served)
            tell(of_the_load(context))
            page = context.new_page()
            page.goto("/")
            ready(page)
            tell(of_conversations(page, asked.turns))
            lines = f"{asked.lines} lines of code"
            tell(of_a_long_answer(page, asked.lines, "emulator/echo", f"{lines} flat out"))
            tell(of_a_long_answer(page, 10, "openai-chat/dictated", f"{lines} at {asked.rate:g} tokens/s"))

    with (
        dictate(lambda _: answer, rate=asked.rate) as origin,
        serve({"OPENAI_API_KEY": "nobody", "OPENAI_BASE_URL": f"{origin}/v1"}) as served,
    ):
        run(served)
    if not is_met:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
