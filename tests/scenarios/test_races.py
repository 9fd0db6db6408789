"""Two who decide about the same call at the same moment: it is executed at most once, and the loser hears so.

``RACES`` says how often. Half of them are between two sockets of one process, half between two processes.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scenarios.server import WIRES, Server
from tests.scenarios.talk import approve, call
from tests.scenarios.viewer import Viewer

RACES = int(os.environ.get("RACES") or 100)

#: Races under way at the same time.
LANES = 4


@pytest.fixture(scope="module")
def second(server: Server) -> Iterator[int]:
    with server.second() as port:
        yield port


@pytest.mark.parametrize("processes", [1, 2])
def test_a_call_that_two_approve_is_executed_once(server: Server, second: int, processes: int) -> None:
    port = server.port if processes == 1 else second
    with ThreadPoolExecutor(LANES) as lanes:
        outcomes = list(lanes.map(lambda lane: _run(server, port, lane), range(LANES)))
    total = sum(outcomes, Counter[str]())

    assert total["won"] == total["lost"] == RACES // 2
    assert total["executed"] == RACES // 2


def _run(server: Server, port: int, lane: int) -> Counter[str]:
    counted = Counter[str]()
    with server.viewer() as one, Viewer.on(port, server.token) as other:
        for number in range(lane, RACES // 2, LANES):
            counted += _race(server, one, other, label=f"race-{port}-{number}", wire=WIRES[number % 4])
    return counted


def _race(server: Server, one: Viewer, other: Viewer, *, label: str, wire: str) -> Counter[str]:
    order = call("launch", label=label)
    model = f"emulator/calls@{wire}"
    started = one.ask("start", model=model, input=order, options={"tools": ["launch"]})
    run_id = started["run_id"]
    [interrupt] = one.segment(run_id)[-1]["outcome"]["interrupts"]
    resume = [approve(interrupt)]
    sent = [(viewer, viewer.send("resolve", run_id=run_id, resume=resume)) for viewer in (one, other)]
    answers = [viewer.answer(frame_id) for viewer, frame_id in sent]
    assert one.segment(run_id, 2)[-1]["outcome"] == {"type": "success"}

    refused = [answer for answer in answers if answer["type"] == "error"]
    for answer in refused:
        assert answer["code"] in {"conflict", "nothing_pending", "already_terminal"}, answer
        if answer["code"] == "conflict":
            assert one.user in answer["message"]
    executed = server.executions(label).count("launch")
    assert executed <= 1
    return Counter(won=len(answers) - len(refused), lost=len(refused), executed=executed)
