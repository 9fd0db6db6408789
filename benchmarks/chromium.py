"""A Chromium with a signed-in page, and what it tells of its work."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.server import Served

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

#: Milliseconds above which a task is long.
_LONG = 50

#: Notes when the socket was ready, in milliseconds since the page was asked for.
_OBSERVE = """
new MutationObserver(() => {
  if (document.querySelector("main[data-connection=online]")) window.readyAt ??= performance.now();
}).observe(document, { attributes: true, childList: true, subtree: true });
"""

#: A line like a phone's: round trips of 150 ms, 1.6 Mbit/s down, 0.75 up.
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium without a window."""
    path = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if path is None:
        raise SystemExit("There is no Chromium here: install Debian's package chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def signed_in(browser: Browser, served: Served) -> BrowserContext:
    """Return a context whose pages belong to the first user; nothing of the chat page is in its cache."""
    address = f"http://127.0.0.1:{served.port}"
    entrance = browser.new_context(base_url=address)
    page = entrance.new_page()
    password = Path(served.environment["RUNNEL_DATA_DIR"], "first_password").read_text().strip()
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    ready(page)
    state = entrance.storage_state()
    entrance.close()
    context = browser.new_context(base_url=address, storage_state=state)
    context.set_default_timeout(120_000)
    context.add_init_script(_OBSERVE)
    return context


def ready(page: Page) -> None:
    """Wait until the page has its connection."""
    page.locator("main[data-connection=online]").wait_for()


@dataclass(slots=True)
class Tasks:
    """The tasks of a page's main thread above 50 ms, in milliseconds: by the clock, and of CPU."""

    by_clock: list[float] = field(default_factory=list)
    of_cpu: list[float] = field(default_factory=list)


@contextlib.contextmanager
def tasks_of(page: Page) -> Iterator[Tasks]:
    """Collect the tasks of ``page`` inside the ``with`` block; they are known after it.

    On a busy machine the clock counts what others do in between; the CPU's time is that of the page alone.
    """
    browser = page.context.browser
    if browser is None:
        raise ValueError("a page without a browser")
    found = Tasks()
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    try:
        yield found
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    named = (event for event in events if event.get("name") == "thread_name")
    threads = {(each["pid"], each["tid"]) for each in named if each["args"]["name"] == "CrRendererMain"}
    for event in events:
        if event.get("ph") == "X" and "RunTask" in event["name"] and (event["pid"], event["tid"]) in threads:
            for times, name in ((found.by_clock, "dur"), (found.of_cpu, "tdur")):
                if (time := event.get(name, 0) / 1000) > _LONG:
                    times.append(time)
