"""What ``/metrics`` tells after runs, and who may read it."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings

from project.probes import may_read_metrics
from runs.engine import stop_signals
from runs.http import metrics
from runs.models import Run
from runs.states import RunStatus
from runs.telemetry import rows
from tests.providers.calling import until
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run, make_user

ROOT = Path(__file__).resolve().parents[3]


async def told() -> dict[str, float]:
    """Return all samples by name and labels."""
    _, body = await metrics.exposition()
    return {
        name: float(value)
        for name, value in re.findall(r"^([a-z_]+(?:{.*})?) (\S+)$", body.decode(), re.MULTILINE)
    }


def since(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after.get(name, 0.0) - before.get(name, 0.0)


@pytest.mark.django_db(transaction=True)
async def test_it_counts_runs_calls_tokens_and_commits(ada: Person, connect: Connect) -> None:
    before = await told()
    socket = await connect(ada)
    await socket.ask("start", model="emulator/hello", input="hi")
    # The first run of a process loads its SDK.
    await socket.until(lambda: any('"RUN_FINISHED"' in text for text in socket.received), timeout=60.0)
    await until(lambda: not stop_signals.live())
    after = await told()

    end = 'runnel_runs_ended_total{status="completed",stop_reason="end_turn"}'
    call = 'runnel_provider_calls_total{error="",provider="emulator",status="completed"}'
    assert since(before, after, "runnel_runs_started_total") == 1
    assert since(before, after, end) == 1
    assert since(before, after, call) == 1
    assert since(before, after, 'runnel_first_token_seconds_count{provider="emulator"}') == 1
    assert since(before, after, 'runnel_tokens_total{kind="output",provider="emulator"}') > 0
    assert since(before, after, "runnel_commit_seconds_count") >= 2
    assert since(before, after, "runnel_commit_events_sum") >= 4
    assert since(before, after, "runnel_sockets") == 1


@pytest.mark.django_db(transaction=True)
async def test_it_counts_cancels_and_live_runs_and_errors_of_providers(ada: Person, connect: Connect) -> None:
    before = await told()
    socket = await connect(ada)
    run_id = (await socket.ask("start", model="emulator/long", input="hi"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    live = await told()
    await socket.ask("cancel", run_id=run_id)
    await socket.ended(run_id)
    failed = (await socket.ask("start", model="emulator/hello", input="hi [[fault=error status=401]]"))[
        "run_id"
    ]
    await socket.ended(failed)
    await until(lambda: not stop_signals.live())
    after = await told()

    end = 'runnel_runs_ended_total{status="cancelled",stop_reason="cancelled"}'
    call = 'runnel_provider_calls_total{error="llm_authentication",provider="emulator",status="failed"}'
    assert (live["runnel_live_runs"], live["runnel_viewers"]) == (1, 1)
    assert live['runnel_unfinished_runs{status="running"}'] == 1
    assert since(before, after, end) == 1
    assert since(before, after, "runnel_cancel_to_closed_seconds_count") == 1
    assert since(before, after, call) == 1
    assert after["runnel_live_runs"] == 0


@pytest.mark.django_db
def test_the_tables_tell_of_all_processes_in_one_statement(django_assert_num_queries: Any) -> None:
    owner = make_user()
    for status in (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL, RunStatus.RUNNING):
        make_run(owner=owner, status=status)
    make_run(owner=owner, status=RunStatus.COMPLETED)
    with django_assert_num_queries(1):
        found = rows.UnfinishedRuns()
    family, oldest = found.collect()
    counts = {sample.labels["status"]: sample.value for sample in family.samples}
    assert counts == {"awaiting_approval": 1, "created": 0, "running": 2}
    assert oldest.samples[0].value == 0


@pytest.mark.django_db
def test_the_tables_tell_for_how_long_the_oldest_run_has_waited_that_no_worker_has() -> None:
    now, owner = timezone.now(), make_user()
    for minutes, lease_until in ((3, None), (1, None), (9, now)):
        run = make_run(owner=owner, status=RunStatus.CREATED)
        Run.objects.filter(pk=run.pk).update(
            created_at=now - timedelta(minutes=minutes), lease_until=lease_until
        )
    _, oldest = rows.UnfinishedRuns().collect()
    assert oldest.samples[0].value == pytest.approx(180, abs=60)


@pytest.mark.django_db(transaction=True)
async def test_it_leaves_out_what_a_database_that_is_away_would_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(metrics, "UnfinishedRuns", fail)
    after = await told()
    assert "runnel_sockets" in after
    assert not any(name.startswith("runnel_unfinished_runs") for name in after)


#: What counts needs no more of Django than its settings, which saves each process its start.
_PROCESS = """
import sys
from runs.telemetry import metrics

class Nothing:
    def collect(self):
        return iter(())

metrics.COST.labels("openai").inc(0.5)
metrics.SOCKETS.set(3)
if sys.argv[1] == "ends":
    metrics.leave()
print(metrics.text(Nothing()).decode())
"""


def test_processes_on_one_port_are_counted_together_and_the_dead_hold_no_socket(tmp_path: Path) -> None:
    environment = os.environ | {
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts"),
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _PROCESS, how],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for how in ("ends", "dies", "asks")
    ]
    assert 'runnel_cost_dollars_total{provider="openai"} 1.5' in outputs[-1]
    assert "runnel_sockets 3.0" in outputs[-1]


def request(peer: str, **headers: str) -> dict[str, Any]:
    named = {"host": "localhost:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "client": (peer, 1234),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (request("127.0.0.1"), True),
        (request("::1", host="[::1]:8000"), True),
        (request("::ffff:127.0.0.1", host="127.0.0.1"), True),
        (request("192.0.2.1"), False),
        (request(""), False),
        # A proxy on this machine passes strangers on.
        (request("127.0.0.1", x_forwarded_for="192.0.2.1"), False),
        (request("127.0.0.1", x_forwarded_proto="https"), False),
        (request("127.0.0.1", via="1.1 caddy"), False),
        # A stranger's page whose name leads to this machine.
        (request("127.0.0.1", host="rebound.example:8000"), False),
    ],
)
def test_without_a_token_only_this_machine_reads_it(scope: dict[str, Any], expected: bool) -> None:
    assert may_read_metrics(scope) is expected


@pytest.mark.parametrize(
    ("given", "expected"), [("Bearer s3cret", True), ("Bearer s3cre", False), ("s3cret", False), ("", False)]
)
def test_with_a_token_whoever_has_it_reads_it(settings: Settings, given: str, expected: bool) -> None:
    settings.RUNNEL_METRICS_TOKEN = "s3cret"
    assert may_read_metrics(request("192.0.2.1", host="runnel.example", authorization=given)) is expected
    assert may_read_metrics(request("127.0.0.1")) is False
