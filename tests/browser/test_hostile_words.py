"""Words of strangers stay words, wherever they stand and however they are cut: 200 attempts to do more."""

import itertools
import json
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

pytestmark = pytest.mark.browser

EVIL = "https://evil.example"

ATTEMPTS = (
    "<script>alert(1)</script>",
    f"<script src={EVIL}/x.js></script>",
    "<img src=x onerror=alert(1)>",
    f"<img src={EVIL}/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    f"<svg><image href={EVIL}/x.svg>",
    f"<iframe src={EVIL}></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    f"<link rel=stylesheet href={EVIL}/x.css>",
    f"<style>@import '{EVIL}/x.css'</style>",
    f"<div style='background:url({EVIL}/x.png)'>x</div>",
    f"<meta http-equiv=refresh content='0;url={EVIL}'>",
    f"<form action={EVIL}><button>go</button></form>",
    f"<object data={EVIL}/x.swf></object>",
    f"<video src={EVIL}/x.mp4 autoplay></video>",
    f"<base href={EVIL}>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext><img src=x onerror=alert(1)></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    f"![x]({EVIL}/x.png)",
    f"![x][r]\n\n[r]: {EVIL}/x.png",
    f"[![x]({EVIL}/x.png)]({EVIL})",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "<javascript:alert(1)>",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](/logout/)",
    "[x](//evil.example)",
    "[x](blob:https://evil.example/1)",
    f'[x]({EVIL} "\\"><img src=x onerror=alert(1)>")',
    f"[x]({EVIL}/'onmouseover='alert(1))",
    "```<img src=x onerror=alert(1)>\ncode\n```",
    "```html\n<img src=x onerror=alert(1)><script>alert(1)</script>\n```",
    "```__proto__\ncode\n```",
    "`<img src=x onerror=alert(1)>`",
    "$\\href{javascript:alert(1)}{x}$",
    f"$\\includegraphics{{{EVIL}/x.png}}$",
    "$\\style{background:url(https://evil.example/x.png)}{x}$",
    "$$\n\\class{x' onclick='alert(1)}{x} \\url{javascript:alert(1)}\n$$",
    "$\\def\\x{\\x\\x}\\x$",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "- [x] <img src=x onerror=alert(1)>",
)

#: Ways to put an attempt into a text.
SURROUNDINGS = ("{}", "Some words.\n\n{}\n\nMore words.", "> - {}", "**a {} b**\n\n{}")

DRAW = """async ([words, cuts]) => {
    const { RunView } = await import("/static/runnel/js/runview.js");
    const { fileElement, mediaElement } = await import("/static/runnel/js/media.js");
    const view = new RunView({ id: crypto.randomUUID(), model: words }, {});
    document.getElementById("runs").append(view.element);
    const pieces = [0, ...cuts].map((begin, index) => words.slice(begin, cuts[index]));
    const all = (type, more) => pieces.forEach((delta) => view.apply({ type, delta, ...more }));
    view.apply({ type: "RUN_STARTED", input: { messages: [{ role: "user", content: words }] } });
    all("REASONING_MESSAGE_CONTENT", { messageId: "r" });
    all("TEXT_MESSAGE_CONTENT", { messageId: "t" });
    view.apply({ type: "TOOL_CALL_START", toolCallId: "c", toolCallName: words });
    all("TOOL_CALL_ARGS", { toolCallId: "c" });
    view.apply({ type: "TOOL_CALL_END", toolCallId: "c" });
    const files = [{ url: "/api/files/1/", mime_type: "text/html", name: words }];
    const metadata = { status: "succeeded", files };
    view.apply({ type: "TOOL_CALL_RESULT", toolCallId: "c", content: words, metadata });
    const cited = { kind: "citation", data: { url: words, title: words } };
    view.apply({ type: "CUSTOM", name: "provider_item", value: cited });
    view.apply({ type: "CUSTOM", name: "provider_item", value: { kind: words, data: { words } } });
    view.apply({ type: "RUN_ERROR", code: words, message: words });
    const range = { start_index: 0, end_index: words.length };
    const annotations = [{ type: "url_citation", url: words, title: words, ...range }, { cited_text: words, url: `https://a.example/${words}`, title: words }];
    const part = { kind: "text", text: words, annotations };
    const run = { id: crypto.randomUUID(), status: "completed", usage: {}, tool_calls: [] };
    document.getElementById("runs").append(RunView.stored(run, [{ id: words, role: "assistant", text: words, parts: [part] }], {}).element);
    view.element.append(fileElement(files[0]), mediaElement({ medium: "image", mime_type: words, url: words }));
}"""

#: What must not be on the page, and links that lead elsewhere than to the web or know of this page.
FIND = """() => {
    const within = document.getElementById("runs");
    const made = "script, style, iframe, object, embed, form, link, meta, base, img, svg, video";
    const odd = [...within.querySelectorAll("*")].filter((each) => each.matches(made)
        || each.getAttributeNames().some((name) => name.startsWith("on"))
        || (each.href && each.href.baseVal !== undefined));
    const links = [...within.querySelectorAll("a[href]")].filter((each) => !each.matches(".chip"));
    const wrong = links.filter(({ protocol, target, rel }) => !/^(https?|mailto):$/.test(protocol)
        || target !== "_blank" || rel !== "noopener noreferrer");
    return [...odd, ...wrong].map(({ outerHTML }) => outerHTML.slice(0, 200));
}"""


def words() -> list[str]:
    return [around.replace("{}", attempt) for attempt, around in itertools.product(ATTEMPTS, SURROUNDINGS)]


def watch(page: Page) -> list[str]:
    """Return a list that gets every dialog, request to elsewhere, new tab and violation of the page's policy."""
    found: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(page.url.split("/c/")[0].rstrip("/")) and "://" in request.url:
            found.append(f"request {request.url}")

    def dialog(opened: Any) -> None:
        found.append(f"dialog {opened.message}")
        opened.dismiss()

    def violated(policy: str) -> None:
        found.append(policy)

    page.on("dialog", dialog)
    page.on("request", asked)
    page.on("popup", lambda opened: found.append(f"tab {opened.url}"))
    page.expose_function("violated", violated)
    page.evaluate(
        """() => addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
            violated(`policy ${violatedDirective} ${blockedURI}`))"""
    )
    return found


def test_there_are_enough_attempts() -> None:
    assert len(set(words())) == 200


@pytest.mark.parametrize("part", range(4))
def test_words_of_a_model_stay_words(page: Page, part: int) -> None:
    found = watch(page)
    for number, text in enumerate(words()[part::4]):
        cuts = sorted({(number * 7) % len(text), len(text) // 2, len(text) - 1 - number % 3})
        page.evaluate(DRAW, [text, cuts])
    # What is coloured and drawn in idle time is there, too.
    page.evaluate("() => new Promise((done) => requestIdleCallback(() => setTimeout(done, 300)))")
    assert page.locator(".run").count() == 100
    assert page.locator(".cite").count() > 25
    assert page.evaluate(FIND) == []
    assert found == []


def test_titles_and_names_stay_words(page: Page) -> None:
    titles = words()
    rows = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "title": title,
            "updated_at": "2026-11-01T00:00:00Z",
            "active_run_id": None,
            "active_run_status": None,
        }
        for number, title in enumerate(titles)
    ]

    def answer(route: Route) -> None:
        route.fulfill(
            body=json.dumps({"conversations": rows, "before": None}), content_type="application/json"
        )

    found = watch(page)
    page.route("**/api/conversations/", answer)
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.locator("#conversations li").nth(len(titles) - 1).wait_for()
    names = page.locator("#conversations li a")
    assert names.count() == len(titles)
    odd = "script, style, iframe, img, svg, form, object"
    assert page.locator("#conversations").locator(odd).count() == 0
    assert found == []
