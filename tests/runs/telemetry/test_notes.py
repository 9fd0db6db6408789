"""One line for each start, pause and end of a run, with the run, its user and the request."""

import logging
import re
from typing import Any

import pytest

from concurrency.threads import readers
from runs.engine import recovery, supervisor
from runs.engine.executor import ByWorkers
from runs.services.working import Worker
from runs.states import RunStatus
from runs.telemetry import metrics
from runs.telemetry.rows import Nothing
from tests.providers.calling import until
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run


class Lines(logging.Handler):
    """Keeps the lines of the runs as structlog passes them on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.msg, dict)
        self.seen.append(record.msg)

    async def has(self, event: str) -> None:
        """Wait for a line: it follows the event that viewers see."""
        await until(lambda: any(line["event"] == event for line in self.seen))

    def of(self, event: str) -> dict[str, Any]:
        (found,) = [line for line in self.seen if line["event"] == event]
        return found


@pytest.fixture
def lines() -> Any:
    handler = Lines()
    logger = logging.getLogger("runnel.runs")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.mark.django_db(transaction=True)
async def test_a_run_has_a_line_at_its_start_and_one_at_its_end(
    ada: Person, connect: Connect, lines: Lines
) -> None:
    socket = await connect(ada)
    answer = await socket.ask("start", id="frame-9", model="emulator/hello", input="a secret")
    await lines.has("run ended")

    common = {"run_id": answer["run_id"], "user_id": str(ada.user.pk), "request_id": "frame-9"}
    assert [line["event"] for line in lines.seen] == ["run started", "run ended"]
    for line in lines.seen:
        assert common.items() <= line.items()
        assert "secret" not in str(line)
    began, end = lines.of("run started"), lines.of("run ended")
    assert (began["provider"], began["model"]) == ("emulator", "hello")
    assert (end["status"], end["stop_reason"]) == ("completed", "end_turn")
    assert end["seconds"] >= 0
    assert "error_code" not in end


@pytest.mark.django_db(transaction=True)
async def test_a_worker_names_the_request_that_started_the_run_and_counts_how_long_it_waited(
    ada: Person, connect: Connect, lines: Lines
) -> None:
    socket, here = await connect(ada), supervisor.current()
    here.executor = ByWorkers(here.announce, lambda _: None)
    await socket.ask("start", id="frame-9", model="emulator/hello", input="hi")
    before = _waits()
    worker = Worker(most=1)
    worker.start()
    await lines.has("run ended")
    await worker.stop()
    assert [(line["event"], line["request_id"]) for line in lines.seen] == [
        ("run started", "frame-9"),
        ("run ended", "frame-9"),
    ]
    assert _waits() == before + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "its model is gone"])
async def test_a_run_that_never_begins_in_a_worker_has_a_line_at_its_end(
    is_cancelled: bool, ada: Person, connect: Connect, lines: Lines, settings: Any
) -> None:
    socket, here = await connect(ada), supervisor.current()
    here.executor = ByWorkers(here.announce, lambda _: None)
    run_id = (await socket.ask("start", model="emulator/hello", input="hi"))["run_id"]
    if is_cancelled:
        await socket.ask("cancel", run_id=run_id)
    settings.RUNNEL_EMULATOR = False
    worker = Worker(most=1)
    worker.start()
    await lines.has("run ended")
    await worker.stop()
    end = lines.of("run ended")
    assert (end["run_id"], end["user_id"]) == (run_id, str(ada.user.pk))
    assert end["status"] == ("cancelled" if is_cancelled else "failed")


def _waits() -> float:
    found = re.search(rb"^runnel_queue_seconds_count (\S+)$", metrics.text(Nothing()), re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.mark.django_db(transaction=True)
async def test_a_pause_has_a_line_and_so_has_the_end_of_a_paused_run(
    ada: Person, connect: Connect, lines: Lines
) -> None:
    socket = await connect(ada)
    answer = await socket.ask(
        "start",
        model="emulator/calls",
        input='[[call write_note {"text": "remember"}]]',
        options={"tools": ["write_note"]},
    )
    await lines.has("run paused")
    await socket.ask("cancel", run_id=answer["run_id"])
    await lines.has("run ended")

    end = lines.of("run ended")
    assert (end["run_id"], end["status"]) == (answer["run_id"], "cancelled")


@pytest.mark.django_db(transaction=True)
async def test_a_failed_run_has_its_code_in_the_line(ada: Person, connect: Connect, lines: Lines) -> None:
    socket = await connect(ada)
    await socket.ask("start", model="emulator/hello", input="hi [[fault=error status=401]]")
    await lines.has("run ended")
    assert lines.of("run ended")["error_code"] == "llm_authentication"


@pytest.mark.django_db(transaction=True)
async def test_a_run_of_a_dead_process_has_a_line_when_it_is_ended(ada: Person, lines: Lines) -> None:
    def orphan() -> str:
        run = make_run(owner=ada.user, status=RunStatus.RUNNING)
        recovery.reap(everything=True, is_live_here=lambda _: False)
        return str(run.pk)

    run_id = await readers.run(orphan)
    end = lines.of("run ended")
    assert (end["run_id"], end["user_id"]) == (run_id, str(ada.user.pk))
    assert end["stop_reason"] == "worker_lost"
