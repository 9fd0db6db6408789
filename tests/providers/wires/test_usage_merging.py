"""What is left of several usage objects of one answer."""

from typing import Any

import pytest

from providers.types import Json
from providers.wires.usage_merging import merged


@pytest.mark.parametrize(
    ("known", "later", "expected"),
    [
        pytest.param(None, {"in": 4}, {"in": 4}, id="the first"),
        pytest.param({"in": 4, "out": 1}, {"in": 4, "out": 6}, {"in": 4, "out": 6}, id="a running total"),
        pytest.param({"in": 4, "out": 6}, {"in": 4, "out": 5}, {"in": 4, "out": 5}, id="a total put right"),
        pytest.param({"in": 4}, {"out": 6}, {"in": 4, "out": 6}, id="input at the start, output at the end"),
        pytest.param({"in": 4, "out": 6}, {"in": 0, "out": 0}, {"in": 4, "out": 6}, id="zeros"),
        pytest.param(
            {"in": 4, "cost": 0.25}, {"in": "0", "cost": 0.0}, {"in": 4, "cost": 0.25}, id="other zeros"
        ),
        pytest.param({"in": 4, "out": 6}, {"in": None, "out": None}, {"in": 4, "out": 6}, id="nulls"),
        pytest.param({"in": 4, "out": 6}, {"in": 4}, {"in": 4, "out": 6}, id="fewer fields"),
        pytest.param({"in": 4}, {}, {"in": 4}, id="none"),
        pytest.param({"in": 4}, None, {"in": 4}, id="null"),
        pytest.param({"in": 4}, [9], {"in": 4}, id="a list"),
        pytest.param({"in": 4}, {"in": {"all": 9}}, {"in": 4}, id="an object in place of a number"),
        pytest.param({"in": 4}, {"in": [9]}, {"in": 4}, id="a list in place of a number"),
        pytest.param({"in": 0}, {"in": None}, {"in": 0}, id="null after a zero"),
        pytest.param({"in": None}, {"in": 0}, {"in": 0}, id="a zero after null"),
        pytest.param({"in": 0}, {"in": 4}, {"in": 4}, id="a number after a zero"),
        pytest.param({"tier": "flex"}, {"tier": ""}, {"tier": "flex"}, id="an empty word"),
        pytest.param({"tier": "auto"}, {"tier": "flex"}, {"tier": "flex"}, id="another word"),
        pytest.param(
            {"details": {"cached": 3, "audio": 1}},
            {"details": {"cached": 0, "audio": 2}},
            {"details": {"cached": 3, "audio": 2}},
            id="fields within a field",
        ),
        pytest.param(
            {"details": {"cached": 3}}, {"details": None}, {"details": {"cached": 3}}, id="no details"
        ),
        pytest.param(
            {"details": {"cached": 3}}, {"details": {}}, {"details": {"cached": 3}}, id="empty details"
        ),
        pytest.param(
            {"details": {}}, {"details": {"cached": 3}}, {"details": {"cached": 3}}, id="late details"
        ),
        pytest.param({"kinds": [1]}, {"kinds": []}, {"kinds": [1]}, id="an empty list"),
        pytest.param({"kinds": [1]}, {"kinds": [1, 2]}, {"kinds": [1, 2]}, id="a longer list"),
    ],
)
def test_what_was_reported_once_stays(known: Json | None, later: Any, expected: Json) -> None:
    before = repr((known, later))
    assert merged(known, later) == expected
    assert repr((known, later)) == before
