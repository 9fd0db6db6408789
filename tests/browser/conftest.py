"""A real server process and a Chromium; an error in the browser's console fails the test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from tests.faults.forked import Forked

PROJECT = Path(__file__).resolve().parents[2]

#: The names of Chromium's command in Debian and elsewhere.
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Seconds until a freshly started server answers.
START_TIMEOUT = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server on an empty data folder, with its first admin."""

    url: str
    password: str


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_password(process: Forked, output: Path, port: int) -> str:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        lines = output.read_text().splitlines()
        words = [Path(line[6:]).read_text().strip() for line in lines if line.startswith("File: ")]
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            if words:
                return words[0]
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{output.read_text()}")


#: Milliseconds until what is done or looked for counts as not there. The machine may stand still for some seconds.
PATIENCE = 15_000


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start ``manage.py serve`` as ``make run`` does; afterwards stop it with SIGTERM."""
    folder = tmp_path_factory.mktemp("server")
    port = _free_port()
    output = folder / "output"
    environment = os.environ | {"RUNNEL_DATA_DIR": str(folder), "HOST": "127.0.0.1", "PORT": str(port)}
    process = Forked(["serve"], cwd=PROJECT, env=environment, output=output, descriptors=None)
    try:
        password = _wait_for_password(process, output, port)
        yield Server(url=f"http://127.0.0.1:{port}", password=password)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs, no other test of this thread can run an event loop.
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium: install Debian's package chromium")
        pytest.skip("no Chromium here: install Debian's package chromium, or Google Chrome")
    arguments = [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-features=SpareRendererForSitePerProcess",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="package")
def session(browser: Browser, server: Server) -> StorageState:
    """The admin's session, signed in once, because hashing a password takes longer than most tests."""
    opened = browser.new_context(base_url=server.url)
    sign_in(opened.new_page(), server.password)
    state = opened.storage_state()
    opened.close()
    return state


def _is_a_complaint(message: ConsoleMessage) -> bool:
    """Return whether a console message reports a fault.

    Three messages are no faults: another tab deleted a conversation, or signed out while the page asked for something
    (the answer leads to the sign-in page, where a test that is signed in fails), or the page gave up a slow connection.
    """
    url = message.location["url"]
    is_gone = "404" in message.text and "/api/conversations/" in url
    is_signed_out = "401" in message.text and "/api/" in url
    was_given_up = "WebSocket is closed before the connection is established" in message.text
    return message.type in {"error", "warning"} and not (is_gone or is_signed_out or was_given_up)


@pytest.fixture
def context(browser: Browser, server: Server, session: StorageState) -> Iterator[BrowserContext]:
    """A signed-in browser. Errors in its console, such as violations of the CSP, fail the test."""
    complaints: list[str] = []
    opened = browser.new_context(
        base_url=server.url,
        viewport={"width": 1280, "height": 800},
        storage_state=session,
        # Animations are drawn without a graphics card here, and take a seventh of a test's time.
        reduced_motion="reduce",
    )
    opened.set_default_timeout(PATIENCE)
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if _is_a_complaint(message) else None,
    )
    opened.on("weberror", lambda error: complaints.append(str(error.error)))
    yield opened
    opened.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A signed-in page with no conversation."""
    opened = context.new_page()
    opened.goto("/")
    opened.locator("main[data-connection=online]").wait_for()
    return opened


def sign_in(page: Page, password: str, *, name: str = "admin") -> None:
    page.goto("/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("main[data-connection=online]").wait_for()
