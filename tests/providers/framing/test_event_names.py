"""What an event's name or type says by itself."""

from typing import Any

import pytest

from providers.framing.event_names import is_keepalive


@pytest.mark.parametrize(
    ("name", "event", "lives_only"),
    [
        ("", {"type": "ping"}, True),
        ("keepalive", {"type": "keepalive", "sequence_number": 1}, True),
        # Servers of the wires without types say it in the event's name alone.
        ("ping", {}, True),
        ("heartbeat", {"time": 1}, True),
        ("", {"type": "heartbeat"}, True),
        ("", {}, False),
        ("message", {"choices": []}, False),
        ("", {"type": ["ping"]}, False),
    ],
)
def test_a_sign_of_life_is_no_word_of_the_answer(name: str, event: dict[str, Any], lives_only: bool) -> None:
    assert is_keepalive(name, event) is lives_only
