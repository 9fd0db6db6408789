"""The context of log lines: a run's lines name the run and its user, and the request that started it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, JsonResponse
from django.test import RequestFactory

from runs.http.json_api import api
from runs.toolbox import registry, tool
from tests.runs.conftest import Connect, Person

logger = logging.getLogger("runnel.tests")


class Contexts(logging.Handler):
    """Keeps the bound context of every line, by its message."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, dict[str, Any]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.seen[record.getMessage()] = structlog.contextvars.get_contextvars()


@pytest.fixture
def contexts() -> Iterator[Contexts]:
    handler = Contexts()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def tools() -> Iterator[None]:
    before = dict(registry._tools)

    @tool
    async def log_here() -> str:
        """Log from the event loop."""
        logger.info("async tool")
        return "done"

    @tool
    def log_there() -> str:
        """Log from a thread."""
        logger.info("sync tool")
        return "done"

    yield
    registry._tools.clear()
    registry._tools.update(before)


@pytest.mark.django_db(transaction=True)
async def test_a_run_s_lines_name_the_run_its_user_and_the_frame_that_started_it(
    ada: Person, connect: Connect, contexts: Contexts, tools: None
) -> None:
    socket = await connect(ada)
    answer = await socket.ask(
        "start",
        id="frame-7",
        model="emulator/calls",
        input="[[call log_here {}]][[call log_there {}]]",
        options={"tools": ["log_here", "log_there"]},
    )
    await socket.ended(answer["run_id"])
    expected = {"run_id": answer["run_id"], "user_id": str(ada.user.pk), "request_id": "frame-7"}
    assert contexts.seen == {"async tool": expected, "sync tool": expected}
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize(
    ("given", "is_kept"), [("abc-123", True), ("two\nlines", False), ("x" * 65, False), ("", False)]
)
def test_a_request_s_lines_carry_its_id(ada: Person, contexts: Contexts, given: str, is_kept: bool) -> None:
    @api("GET")
    def view(request: HttpRequest, user: Any) -> JsonResponse:
        logger.info("view")
        return JsonResponse({})

    request = RequestFactory().get(
        "/", headers={"X-Request-ID": given, "Authorization": f"Bearer {ada.token}"}
    )
    assert view(request).status_code == 200
    context = contexts.seen["view"]
    assert context["user_id"] == str(ada.user.pk)
    assert (context["request_id"] == given) is is_kept
    assert context["request_id"]
    assert structlog.contextvars.get_contextvars() == {}
