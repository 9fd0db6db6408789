"""What a person can order of the model ``calls``, and what it makes of what nobody could mean."""

import pytest

from emulator.orders import LONGEST_PAUSE, Ask, Order, Pause, steps

CASES: dict[str, list[tuple[Order, ...]]] = {
    "Hello.": [()],
    "[[call clock {}]]": [(Ask("clock", "{}"),)],
    "[[call clock]] and [[ call x ]]": [(Ask("clock", "{}"),)],
    'Look: [[call clock {"zone": "UTC"}]], please.': [(Ask("clock", '{"zone": "UTC"}'),)],
    "[[call a {}]][[call b {}]]": [(Ask("a", "{}"), Ask("b", "{}"))],
    "[[call a {}]] [[next]] [[call b {}]]": [(Ask("a", "{}"),), (Ask("b", "{}"),)],
    "[[call a {}]][[next]]": [(Ask("a", "{}"),), ()],
    "[[pause 0.5]][[call a {}]][[pause 2]]": [(Pause(0.5), Ask("a", "{}"), Pause(2))],
    "[[pause 99999]]": [(Pause(LONGEST_PAUSE),)],
    # Brackets belong to the JSON as long as it is JSON.
    '[[call a {"x": [[1, 2], [3]]}]] [[next]]': [(Ask("a", '{"x": [[1, 2], [3]]}'),), ()],
    '[[call a {"x": "]] [[call b {}]]"}]]': [(Ask("a", '{"x": "]] [[call b {}]]"}'),)],
    '[[call a  {"x":  1}  ]]': [(Ask("a", '{"x":  1}'),)],
    '[[call a {\n  "x": 1\n}]]': [(Ask("a", '{\n  "x": 1\n}'),)],
    # What is no JSON goes as it is.
    '[[call a {"zone": ]] [[call b {}]]': [(Ask("a", '{"zone":'), Ask("b", "{}"))],
    "[[call a [1]]]": [(Ask("a", "[1]"),)],
    "[[call a 7]]": [(Ask("a", "7"),)],
    '[[call a {"x": 1} and more]]': [(Ask("a", '{"x": 1} and more'),)],
    "[[call a " + "[" * 100_000 + "]]": [(Ask("a", "[" * 100_000),)],
    "[[call mcp.files-read {}]]": [(Ask("mcp.files-read", "{}"),)],
    # No orders.
    "[[call]] [[call ]] [[pause]] [[pause x]] [[fault=reset]] [[nexts]]": [()],
    "[[call a {": [()],
}


@pytest.mark.parametrize("text", CASES, ids=lambda text: text[:40])
def test_it_reads_orders(text: str):
    assert list(steps(text)) == CASES[text]
