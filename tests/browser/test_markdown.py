"""What an answer in Markdown looks like, in a real browser."""

import os
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.doing import last_run, outcome, press, press_and_read, send, stop, wait_for_words

pytestmark = pytest.mark.browser

EVERYTHING = """# Title

Some *emphasis*, `code` and [a link](https://docs.example/page). It is $x^2$.

- [x] done
- [ ] open

| a | b |
|---|--:|
| 1 | 2 |

```python
def run(limit: int) -> str:
    return "a"
```

$$
\\frac{a}{b}
$$

![a map](https://maps.example/map.png) and [later][1].

[1]: https://later.example
"""


#: Draws runs that say each text, in a real document: streamed in pieces, reloaded after some of them, stopped before the
#: last, and as they are stored. Returns those that look different from what is stored.
COMPARE = """async ([texts, count]) => {
    const { RunView } = await import("/static/runnel/js/runview.js");
    let seed = 7;
    const random = (limit) => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return Math.floor((seed / 2147483648) * limit);
    };
    const place = document.createElement("section");
    document.body.append(place);
    const shown = ({ element }) => element.querySelector(".answer").innerHTML;
    const begin = () => {
        const view = new RunView({ id: crypto.randomUUID() }, {});
        place.append(view.element);
        view.apply({ type: "RUN_STARTED", input: { messages: [] } }, 1);
        return view;
    };
    const end = (view, outcome) => {
        view.apply({ type: "RUN_FINISHED", outcome: { type: outcome }, metadata: {}, usage: [] }, 9);
        return view;
    };
    const streamed = (pieces, outcome) => {
        const view = begin();
        for (const delta of pieces) if (delta) view.apply({ type: "TEXT_MESSAGE_CONTENT", messageId: "t", delta }, 2);
        return end(view, outcome);
    };
    const stored = (text, status) => {
        const usage = { input_tokens: null, output_tokens: null };
        const parts = text ? [{ kind: "text", text }] : [];
        const run = { id: crypto.randomUUID(), status, usage, tool_calls: [] };
        const view = RunView.stored(run, [{ id: "m", role: "assistant", text, parts }], {});
        place.append(view.element);
        return view;
    };
    // Colours and formulas come when there is time.
    const isEqual = async (view, other) => {
        for (const until = performance.now() + 5000; performance.now() < until; ) {
            if (shown(view) === shown(other)) return true;
            await new Promise(requestAnimationFrame);
        }
        return false;
    };
    const odd = [];
    for (const text of texts) {
        const whole = stored(text, "completed");
        const views = [];
        for (let left = count; left > 0; left -= 1) {
            const places = Array.from({ length: 1 + random(5) }, () => random(text.length + 1)).sort((a, b) => a - b);
            const pieces = [0, ...places].map((begin, index) => text.slice(begin, places[index]));
            const said = pieces.slice(0, -1).join("");
            const seen = 1 + random(pieces.length);
            const reloaded = [pieces.slice(0, seen).join(""), ...pieces.slice(seen)];
            views.push(["streamed", streamed(pieces, "success"), whole, pieces]);
            views.push(["reloaded", streamed(reloaded, "success"), whole, pieces]);
            views.push(["stopped", streamed(pieces.slice(0, -1), "cancelled"), stored(said, "cancelled"), pieces]);
        }
        for (const [what, view, other, pieces] of views) {
            if (!(await isEqual(view, other))) odd.push([what, pieces, shown(view), shown(other)]);
        }
        place.replaceChildren();
    }
    return odd;
}"""

SPEC = Path(__file__).resolve().parents[1] / "vendor/commonmark-spec/spec.txt"

#: Documents, and how often each is cut at random places; ``make thorough`` takes 300 and 20.
DOCUMENTS = int(os.environ.get("DOCUMENTS", "40"))
CUTS = int(os.environ.get("CUTS", "4"))


def documents() -> list[str]:
    """Return documents that are put together from CommonMark's examples, the same ones in every run."""
    examples = re.findall(r"^`{32} example\n([\s\S]*?)^\.$", SPEC.read_text(), re.MULTILINE)
    choose = random.Random(20)
    return [
        "\n".join(choose.choices(examples, k=3)).replace("→", "\t") + EVERYTHING[: choose.randrange(400)]
        for _ in range(DOCUMENTS)
    ]


def test_streamed_reloaded_and_stopped_wherever_it_is_cut_it_looks_like_what_is_stored(page: Page) -> None:
    texts = documents()
    for begin in range(0, DOCUMENTS, 20):
        assert page.evaluate(COMPARE, [texts[begin : begin + 20], CUTS]) == []


def markup(page: Page) -> str:
    """Return the newest answer's elements, once nothing more is drawn in them."""
    answer = last_run(page).locator(".answer")
    shown = ""
    while (now := answer.inner_html()) != shown:
        shown = now
        page.wait_for_timeout(400)
    return shown


def test_it_looks_the_same_when_it_was_reloaded(page: Page) -> None:
    send(page, EVERYTHING, "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    answer = last_run(page).locator(".answer")

    expect(answer.get_by_role("heading", name="Title")).to_be_visible()
    expect(answer.get_by_role("link", name="a link")).to_have_attribute("data-host", "docs.example")
    expect(answer.get_by_role("link", name="later")).to_have_attribute("href", "https://later.example/")
    expect(answer.get_by_role("checkbox", name="Done", exact=True)).to_be_checked()
    expect(answer.get_by_role("cell", name="2")).to_have_class("right")
    expect(answer.locator(".hl-keyword").first).to_have_text("def")
    expect(answer.locator("math")).to_have_count(2)
    expect(answer.locator("img")).to_have_count(0)
    live = markup(page)

    page.reload()
    expect(last_run(page).locator("math")).to_have_count(2)
    expect(last_run(page).locator(".hl-keyword").first).to_be_visible()
    assert markup(page) == live


def test_it_looks_the_same_when_it_was_stopped(page: Page) -> None:
    send(page, "Tell me something long", "emulator/long")
    wait_for_words(page, 700)
    stop(page)
    stopped = markup(page)

    page.reload()
    expect(outcome(page)).to_contain_text("Stopped by you")
    assert markup(page) == stopped


def test_code_is_copied_to_the_byte(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = 'a = "<b>&amp;"\n\tif x:\n\n\n    y  \n'
    send(page, f"```python\n{code}```", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")

    press_and_read(page, last_run(page).locator(".block"), "Copy", "Copied")
    expect(
        last_run(page).locator(".block").get_by_role("button", name=re.compile("^Cop(y|ied)$"))
    ).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == code


def test_long_lines_of_code_can_be_wrapped(page: Page) -> None:
    send(page, f"```\n{'word ' * 80}\n```", "emulator/echo")
    expect(outcome(page)).to_contain_text("Done")
    block = last_run(page).locator("pre")
    is_wide = "block => block.scrollWidth > block.clientWidth"
    assert block.evaluate(is_wide)

    press(last_run(page), "Wrap")
    assert not block.evaluate(is_wide)
    expect(last_run(page).get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")


def test_thoughts_are_markdown_too(page: Page) -> None:
    send(page, "Think first", "emulator/reasoning")
    expect(outcome(page)).to_contain_text("Done")
    expect(last_run(page).locator("details.reasoning .text p").first).to_have_text(re.compile("."))
