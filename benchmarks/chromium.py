"""A Chromium with a signed-in page, and what it tells of its work."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.server import Served

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

#: Collects the durations of tasks above 50 ms, and when the socket was ready, in milliseconds since the page was asked for.
_OBSERVE = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.tasks.push(duration);
}).observe({ type: "longtask", buffered: true });
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
