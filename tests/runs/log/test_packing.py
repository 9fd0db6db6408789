"""What is packed is unpacked byte for byte, whatever models write and wherever rows begin."""

from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.log.agui import head
from runs.log.packing import MORE, frame_head, frames, pack, unpack

RUN = UUID("01890000-0000-7000-8000-000000000001")

#: Text that could be taken for what is between texts.
TEXTS = st.text() | st.sampled_from(['","delta":"', ',"delta":"', '"}', "\x1e", "\x1f", "\\", "\n", '\\"}'])
HEADS = st.builds(
    head, st.sampled_from(["TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS"]), st.just("messageId"), TEXTS
)
DELTAS = st.builds(lambda head, text: f"{head}{orjson.dumps(text).decode()}}}", HEADS, TEXTS)
OTHERS = st.dictionaries(TEXTS | st.just("delta"), TEXTS | st.integers(0, 9)).map(
    lambda event: orjson.dumps({"type": "CUSTOM"} | event).decode()
)
EVENTS = st.lists(DELTAS | OTHERS, min_size=1)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS)
def test_it_unpacks_what_was_packed(events: list[str]) -> None:
    packed, _ = pack(events)
    assert unpack(RUN, packed.encode()) == events


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(EVENTS, min_size=1))
def test_events_are_added_to_a_row_in_any_portions(portions: list[list[str]]) -> None:
    row, before = "", ""
    for portion in portions:
        packed, before = pack(portion, before)
        row += packed
    together = [event for portion in portions for event in portion]
    assert (row, before) == pack(together)
    assert unpack(RUN, row.encode()) == together


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS)
def test_it_reads_the_rows_of_earlier_versions(events: list[str]) -> None:
    sent = frames(frame_head(RUN), 7, events)
    # SQLite returns the text that it had before the column's type changed.
    assert unpack(RUN, "\n".join(sent)) == unpack(RUN, "\n".join(sent).encode()) == events
    assert [orjson.loads(frame)["seq"] for frame in sent] == list(range(7, 7 + len(events)))


def test_only_the_text_of_a_delta_is_stored_again() -> None:
    texts = ["One", " two", " — drei", ' "four"\n']
    events = [
        f"{head('TEXT_MESSAGE_CONTENT', 'messageId', 'm')}{orjson.dumps(text).decode()}}}" for text in texts
    ]
    packed, _ = pack(events)
    assert packed.split(MORE)[1:] == [" two", " — drei", ' \\"four\\"\\n']


@pytest.mark.parametrize("row", ["", "no JSON", "{}", frames(frame_head(UUID(int=1)), 1, ["{}"])[0]])
def test_it_refuses_what_is_no_log_of_the_run(row: str) -> None:
    with pytest.raises(ValueError, match="no frame"):
        unpack(RUN, row.encode())
