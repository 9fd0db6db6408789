"""Frames as text: what is one, what is none, and that parsing never raises anything else."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.socket import client_frames, frame_parsing, server_frames
from runs.socket.frame_parsing import BadFrame
from tests.runs.socket.bad_frames import BAD, GOOD, BadCase


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_it_refuses_a_bad_frame_and_names_the_id_where_it_can_be_read(case: BadCase) -> None:
    with pytest.raises(BadFrame) as refused:
        frame_parsing.parse(case.text)
    assert (refused.value.code, refused.value.frame_id) == (case.code, case.frame_id)
    answer = json.loads(server_frames.error(case.code, refused.value.message, frame_id=case.frame_id))
    assert 0 < len(answer["message"]) < 300


@pytest.mark.parametrize("good", GOOD.values(), ids=lambda good: good["type"])
def test_it_takes_every_type_with_every_field(good: dict[str, Any]) -> None:
    frame = frame_parsing.parse(json.dumps(good))
    assert frame.model_dump(exclude_unset=True) == good


@pytest.mark.parametrize("field", ["run_id", "conversation_id", "system", "tools", "options", "budget"])
def test_it_takes_null_for_what_may_be_left_out(field: str) -> None:
    frame_parsing.parse(json.dumps({**GOOD["start"], field: None}))


def test_it_takes_a_frame_of_exactly_64_kib() -> None:
    empty = json.dumps({**GOOD["start"], "input": ""})
    text = json.dumps({**GOOD["start"], "input": "x" * (frame_parsing.FRAME_BYTES - len(empty))})
    assert len(text) == 65_536
    frame_parsing.parse(text)


def test_it_takes_as_many_levels_as_it_says() -> None:
    payload: Any = 1
    for _ in range(frame_parsing.MAX_DEPTH - 3):
        payload = [payload]
    frame_parsing.parse(
        json.dumps({**GOOD["resolve"], "resume": [{**GOOD["resolve"]["resume"][0], "payload": payload}]})
    )


@pytest.mark.parametrize("write", [str, lambda value: value.hex, lambda value: str(value).upper()])
def test_it_takes_an_id_with_and_without_hyphens_in_either_case(write: Any) -> None:
    run_id = uuid4()
    frame = frame_parsing.parse(json.dumps({"type": "ack", "run_id": write(run_id), "seq": 0}))
    assert isinstance(frame, client_frames.Ack)
    assert UUID(frame.run_id) == run_id


@pytest.mark.parametrize("content", ["hi", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]])
def test_it_takes_ag_ui_user_messages(content: Any) -> None:
    message = {"id": "m1", "role": "user", "content": content}
    frame = frame_parsing.parse(json.dumps({**GOOD["start"], "input": [message]}))
    assert isinstance(frame, client_frames.Start)
    assert isinstance(frame.input, list)
    assert frame.input[0].model_dump(exclude_none=True) == message


def test_it_keeps_characters_outside_the_basic_plane() -> None:
    frame = frame_parsing.parse(json.dumps({**GOOD["start"], "input": "😀 naïve 中"}))
    assert isinstance(frame, client_frames.Start)
    assert frame.input == "😀 naïve 中"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
_almost = st.sampled_from(list(GOOD.values())).flatmap(
    lambda good: st.dictionaries(st.sampled_from([*good, "more", "type"]), _json).map(
        lambda bad: {**good, **bad}
    )
)


@given(st.text() | _json.map(json.dumps) | _almost.map(json.dumps))
def test_whatever_comes_is_a_frame_or_a_bad_frame(text: str) -> None:
    try:
        frame = frame_parsing.parse(text)
    except BadFrame as refused:
        server_frames.error(refused.code, refused.message, frame_id=refused.frame_id)
    else:
        assert frame.type in GOOD


def test_an_error_without_an_id_has_none() -> None:
    assert json.loads(server_frames.error("bad_frame", "No.")) == {
        "type": "error",
        "code": "bad_frame",
        "message": "No.",
        "retryable": False,
    }


def test_an_ok_writes_ids_as_text() -> None:
    run_id = uuid4()
    assert json.loads(server_frames.ok("7", run_id=run_id, seq=3)) == {
        "type": "ok",
        "id": "7",
        "run_id": str(run_id),
        "seq": 3,
    }
