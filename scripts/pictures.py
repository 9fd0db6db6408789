"""Takes the pictures in docs/pictures/ anew: ``make pictures``. It needs Debian's package ``chromium``.

A server on an empty data folder is asked what people ask; an upstream of ours and the emulator answer.
"""

import subprocess
import sys

from playwright.sync_api import Browser, Page, expect

from benchmarks.chromium import chromium, ready, signed_in
from benchmarks.dictated import dictate
from benchmarks.server import PROJECT, Served, serve

FOLDER = PROJECT / "docs" / "pictures"
DESKTOP = {"width": 1200, "height": 800}
PHONE = {"width": 360, "height": 740}
#: Bytes of one picture at most.
LARGEST = 200_000

RIVERS = """Alpine rivers follow the **melt**, so most of their water comes within a few months:

| River | Mean flow | Peak | Low water |
| :-- | --: | :-- | :-- |
| Rhône, at its lake | 183 m³/s | July | February |
| Aare, in Bern | 122 m³/s | June | January |
| Inn, in Martina | 56 m³/s | June | February |

1. **Snow** melts from April on, first in the valleys.
2. **Ice** follows in July and August; glaciers carry the rivers through dry summers.
```python
def melt(degrees: float, days: int, factor: float = 4.5) -> float:
    \"\"\"Return the melt in millimetres of water, by the degree-day method.\"\"\"
    return max(degrees, 0.0) * days * factor
```

With 6 °C over ten days, $M = 6 \\cdot 10 \\cdot 4.5 = 270$ mm melt."""

#: What is answered, by words of the question; anything else gets the last one.
ANSWERS = {
    "rivers": RIVERS,
    "ferry": "The last ferry leaves at **19:40**; on Sundays an hour earlier.",
    "letter": "Here is a shorter draft:\n\n> Dear neighbours, on Saturday we celebrate. It may get loud until eleven.",
    "": "Three things speak for it, and one against: it is cheap, it is quiet, it is near. It is also small.",
}
MODEL = "openai-chat/gpt-4.1-mini"
#: Questions of the days before, with the model that answered and how many days ago.
EARLIER = (
    ("A letter to the neighbours, shorter please", MODEL, 12),
    ("Which flat would you take, by these notes?", "openai-chat/gpt-4.1", 9),
    ("When does the last ferry leave?", MODEL, 6),
    ("Compare three plans for the garden", "openai-chat/gpt-4.1", 4),
    ("Names for a small black dog", MODEL, 2),
    ("A packing list for a week of rain", MODEL, 1),
)

#: Moves what was asked first to earlier days.
_EARLIER = """
from datetime import timedelta
from runs.models import Conversation, Run, Step
for conversation, days in zip(Conversation.objects.order_by("created_at"), {days}):
    past = timedelta(days=days)
    for rows, names in (
        (Conversation.objects.filter(pk=conversation.pk), ("updated_at", "created_at")),
        (Run.objects.filter(conversation=conversation), ("created_at", "started_at", "finished_at")),
        (Step.objects.filter(run__conversation=conversation), ("started_at", "first_token_at", "finished_at")),
    ):
        for row in rows:
            rows.filter(pk=row.pk).update(**{{name: getattr(row, name) - past for name in names if getattr(row, name)}})
"""


def say(words: str) -> str:
    return next(answer for key, answer in ANSWERS.items() if key in words)


def ask(page: Page, words: str, model: str, *, is_done: bool = True) -> None:
    page.get_by_label("Model", exact=True).evaluate("(field, name) => { field.value = name; }", model)
    page.get_by_label("Message", exact=True).fill(words)
    page.get_by_label("Message", exact=True).press("Enter")
    if is_done:
        expect(page.locator(".run").last.locator(".pace")).not_to_be_empty(timeout=30_000)


def begin(page: Page) -> None:
    page.goto("/")
    ready(page)


def take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(800)
    page.screenshot(path=FOLDER / name)
    size = (FOLDER / name).stat().st_size
    print(f"{name}: {size:,} bytes")
    if size > LARGEST:
        raise SystemExit(f"{name} is larger than {LARGEST:,} bytes.")


def ask_earlier(page: Page, served: Served) -> None:
    """Ask what was asked on other days."""
    for words, model, _ in EARLIER:
        begin(page)
        ask(page, words, model)
    code = _EARLIER.format(days=[days for _, _, days in EARLIER])
    command = [sys.executable, "manage.py", "shell", "-c", code]
    subprocess.run(command, cwd=PROJECT, env=served.environment, check=True, capture_output=True)


def take_all(browser: Browser, served: Served) -> None:
    page = signed_in(browser, served).new_page()
    page.set_viewport_size(DESKTOP)
    ask_earlier(page, served)
    begin(page)
    ask(page, "How do alpine rivers get their water?", MODEL)
    address = page.url
    page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
    take(page, "answer.png")

    begin(page)
    ask(page, "Write a note: buy oat milk and bread", "emulator/tools", is_done=False)
    page.get_by_role("button", name="Approve", exact=True).wait_for()
    page.emulate_media(color_scheme="dark")
    take(page, "approval-dark.png")
    page.emulate_media(color_scheme="light")

    page.goto("/approvals/")
    page.get_by_role("button", name="Approve", exact=True).wait_for()
    take(page, "approvals.png")

    page.goto("/usage/")
    take(page, "usage.png")

    page.set_viewport_size(PHONE)
    page.goto(address)
    page.locator(".run .pace").wait_for()
    page.locator("#scroll").evaluate("frame => { frame.scrollTop = 0; }")
    take(page, "phone.png")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        dictate(say, rate=400) as origin,
        serve({"OPENAI_API_KEY": "nobody", "OPENAI_BASE_URL": f"{origin}/v1"}) as served,
        chromium() as browser,
    ):
        take_all(browser, served)


if __name__ == "__main__":
    main()
