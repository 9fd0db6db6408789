"""Every fault over every wire and every error body, through runs: what users read is docs/reference/failures.md.

``make failures`` writes that page anew.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.directive import Trouble
from tests.contract.error_bodies import ErrorBody, code_of, error_bodies
from tests.faults.failing import (
    ADVICE,
    DIFFERENT,
    ENDING,
    ENDLESS,
    IMPATIENT,
    ORDERS,
    PATIENT,
    PROVIDERS,
    Outcome,
    Wanted,
    be_patient,
    configure,
    ordered,
    play_all,
)
from tests.faults.line import WIRES, Line

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "failures.md"

BODIES = error_bodies()
BY_HAND = "by-hand"


@pytest.fixture(autouse=True)
def recordings(settings: Any, tmp_path: Path) -> None:
    """Let the emulator know the error bodies before it starts."""
    for body in BODIES:
        path = tmp_path / "errors" / body.provider / f"{body.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body.record)
    settings.RUNNEL_RECORDINGS_DIR = tmp_path


def test_every_fault_is_ordered() -> None:
    assert {order.split()[0] for order in ORDERS} == set(Trouble)


async def test_every_failure_says_what_to_do_and_keeps_what_was_said(settings: Any, line: Line) -> None:
    configure(settings, line.emulator.origin)
    be_patient(settings, PATIENT)
    outcomes = await play_all(line, [*over_every_wire(ENDING), *map(refused, BODIES)])
    be_patient(settings, IMPATIENT)
    outcomes |= await play_all(line, over_every_wire(ENDLESS))

    expected = {
        ordered(order, wire): DIFFERENT.get((order, wire), code)
        for order, code in ORDERS.items()
        for wire in WIRES
    } | {refused(body): code_of(body) for body in BODIES}
    wrong = {each: outcome for each, outcome in outcomes.items() if not is_right(outcome, expected[each])}
    assert wrong == {}
    compare(page(outcomes))
    await line.assert_nothing_left()


def over_every_wire(orders: Iterable[str]) -> list[Wanted]:
    return [ordered(order, wire) for order in orders for wire in WIRES]


def refused(body: ErrorBody) -> Wanted:
    """Return the run that is answered with ``body``."""
    return Wanted(model=f"{PROVIDERS[body.wire][0]}/error/{body.provider}/{body.name}", text="Fail.")


def is_right(outcome: Outcome, code: str | None) -> bool:
    if code is None:
        return not outcome.code and bool(outcome.said)
    return outcome.code == code and bool(ADVICE.search(outcome.sentence))


def compare(text: str) -> None:
    if os.environ.get("REGENERATE"):
        PAGE.write_text(text)
    assert text == (PAGE.read_text() if PAGE.exists() else ""), (
        "what users read is not what docs/reference/failures.md says: `make failures` writes it anew"
    )


OPENING = f"""\
# Failures, and what a user reads

Written by `tests/faults/test_failures.py`, which runs each of these with the real SDKs, and compares: do not edit it
here. `make failures` writes it anew.

Every failure ends the run with `RUN_ERROR`: the sentence is its `message`, the rest is its `code` and its `metadata`
([protocol.md](protocol.md)). What had been said by then is kept, and the whole story, without a key, is in the trace.
Nothing was tried again here (`max_retries` 0). A limit of time is {IMPATIENT:g} seconds in these runs.
"""

FAULTS = """
## Faults

What is ordered of the [emulator](emulator.md), over each wire.

| fault | wire | code | stop reason | try again | what was said | what a user reads |
| --- | --- | --- | --- | --- | --- | --- |
"""

GOES_WELL = """
## What looks like a fault, and is none

The answer is complete on every wire.

"""

ERROR_BODIES = """
## Error bodies

Real providers' are judged by the same test where their recordings are.

| body | wire | code | stop reason | try again | what was said | what a user reads |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page(outcomes: dict[Wanted, Outcome]) -> str:
    fine = [order for order in ORDERS if all(not outcomes[ordered(order, wire)].code for wire in WIRES)]
    failing = [order for order in ORDERS if order not in fine]
    by_hand = [body for body in BODIES if body.provider == BY_HAND]
    return "".join(
        (
            OPENING,
            FAULTS,
            *(line for order in failing for line in rows(order, outcomes)),
            ERROR_BODIES,
            *(row(body.name, body.wire, outcomes[refused(body)]) for body in by_hand),
            GOES_WELL,
            *(f"- `{order}`\n" for order in fine),
        )
    )


def rows(order: str, outcomes: dict[Wanted, Outcome]) -> Iterator[str]:
    """Yield one row for all wires on which the same happens."""
    alike: dict[Outcome, list[str]] = {}
    for wire in WIRES:
        alike.setdefault(outcomes[ordered(order, wire)], []).append(wire)
    for outcome, wires in alike.items():
        yield row(order, "all" if len(wires) == len(WIRES) else ", ".join(wires), outcome)


def row(name: str, wire: str, outcome: Outcome) -> str:
    if not outcome.code:
        return f"| `{name}` | {wire} | | `{outcome.stop_reason}` | | all of it | (the whole answer) |\n"
    again = "yes" if outcome.retryable else "no"
    if outcome.retry_after is not None:
        again += f", after {outcome.retry_after:g} s"
    cells: Iterable[str] = (
        f"`{name}`",
        wire,
        f"`{outcome.code}`",
        f"`{outcome.stop_reason}`",
        again,
        "kept" if outcome.said else "nothing",
        outcome.sentence.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |\n"
