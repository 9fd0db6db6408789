"""While the database is away or hangs, HTTP answers 503 soon, static files are served, and the log stays short."""

import asyncio
import io
import json
import logging
from typing import Any

import psycopg
import pytest
import redis
from django.db import InterfaceError, OperationalError
from procrastinate.exceptions import ConnectorException

from project import logging as ours
from project import outages
from runs.engine import supervisor

type Json = dict[str, Any]


class Sent:
    """What an application sends."""

    def __init__(self) -> None:
        self.messages: list[Json] = []

    async def send(self, message: Json) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])


async def nothing() -> Json:
    return {"type": "http.request"}


async def ask(application: Any, path: str = "/", accept: str = "*/*") -> Sent:
    sent = Sent()
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept", accept.encode())]}
    async with asyncio.timeout(10):
        await outages.answer_in_outages(application)(scope, nothing, sent.send)
    return sent


async def answer(scope: Json, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": scope.get("status", 200), "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture
async def down() -> None:
    """Let the database seem to have been away for long."""
    supervisor.current().availability._since["test"] = -1000.0


@pytest.mark.usefixtures("down")
async def test_it_refuses_at_once_and_says_when_to_come_again_but_serves_static_files() -> None:
    refused = await ask(answer)
    assert (refused.status, refused.headers[b"retry-after"]) == (503, b"2")
    assert (await ask(answer, "/static/runnel/x.js")).status == 200


@pytest.mark.usefixtures("down")
async def test_a_browser_gets_a_page_that_tries_again_and_a_program_what_it_can_read() -> None:
    page = await ask(answer, accept="text/html,*/*;q=0.8")
    assert page.headers[b"content-type"] == b"text/html; charset=utf-8"
    assert b'http-equiv="refresh"' in page.messages[1]["body"]
    assert b"the database cannot be reached." in page.messages[1]["body"]

    told = await ask(answer, "/api/conversations/", accept="text/html")
    assert told.headers[b"content-type"] == b"application/json"
    assert json.loads(told.messages[1]["body"])["message"].startswith("Nothing can be read or saved")

    assert (await ask(answer)).headers[b"content-type"] == b"text/plain; charset=utf-8"


async def test_a_request_that_hangs_is_answered_once_the_database_counts_as_down() -> None:
    has_begun = asyncio.Event()
    is_cut = asyncio.Event()

    async def hang(scope: Json, receive: Any, send: Any) -> None:
        has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_cut.set()

    asking = asyncio.create_task(ask(hang))
    await has_begun.wait()
    supervisor.current().availability._since["test"] = -1000.0
    assert (await asking).status == 503
    await is_cut.wait()


async def test_an_answer_that_has_begun_is_left_alone() -> None:
    has_begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Json, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        has_begun.set()
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"all"})

    asking = asyncio.create_task(ask(slow))
    await has_begun.wait()
    supervisor.current().availability._since["test"] = -1000.0
    await asyncio.sleep(2 * outages.INTERVAL)
    go_on.set()
    assert [message["type"] for message in (await asking).messages] == [
        "http.response.start",
        "http.response.body",
    ]


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed"), ValueError("ours")])
async def test_only_an_error_for_want_of_a_database_becomes_a_503(error: Exception) -> None:
    class Request:
        def __init__(self, scope: Json) -> None:
            self.scope = scope

    async def fail(scope: Json, receive: Any, send: Any) -> None:
        try:
            raise error
        except (OperationalError, InterfaceError, ValueError):
            # Layers between give Django a copy.
            outages._note(request=Request({**scope}))
        await answer({"status": 500}, receive, send)

    assert (await ask(fail)).status == (500 if isinstance(error, ValueError) else 503)


def lines_of(errors: list[Exception], *, message: str = "it failed for %s") -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ours._FewLinesInOutages())
    logger = logging.getLogger("runnel.test.outages")
    logger.propagate = False
    logger.handlers = [handler]
    for number, error in enumerate(errors):
        try:
            raise error
        except Exception:
            logger.exception(message, number)
    return stream.getvalue().splitlines()


def test_an_outage_is_a_line_now_and_then_without_a_traceback() -> None:
    lines = lines_of([OperationalError("the server closed the connection\nunexpectedly")] * 500)
    assert lines == ["it failed for 0: OperationalError: the server closed the connection"]
    # So is a Redis that answers, and does nothing.
    full = redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
    assert len(lines_of([full, redis.exceptions.ReadOnlyError("a replica")])) == 1


def test_what_procrastinate_wraps_is_told_as_the_driver_said_it() -> None:
    def wrapped(said: Exception) -> Exception:
        error = ConnectorException()
        error.__cause__ = said
        return error

    # As asyncio tells of a task that nobody waited for.
    message = "Task exception was never retrieved\nfuture: <Task name='job %s'>"
    gone, reads = (
        psycopg.OperationalError("it is gone\nunexpectedly"),
        psycopg.errors.ReadOnlySqlTransaction("no"),
    )
    assert lines_of([wrapped(gone), wrapped(reads)], message=message) == [
        "Task exception was never retrieved: OperationalError: it is gone"
    ]
    # The database has answered: these say what is wrong with what it was asked.
    for wrong in (
        psycopg.errors.UndefinedTable("procrastinate_jobs"),
        psycopg.errors.UniqueViolation("it is there"),
        psycopg.errors.InFailedSqlTransaction("aborted"),
        psycopg.DataError("too long"),
    ):
        assert "Traceback (most recent call last):" in lines_of([wrapped(wrong)])


def test_other_errors_keep_their_tracebacks() -> None:
    assert lines_of([ValueError("ours")] * 3).count("ValueError: ours") == 3
    wrong_query = OperationalError("no such table: runs_run")
    assert "Traceback (most recent call last):" in lines_of([wrong_query])
