"""Messages of MCP servers that are no JSON-RPC, or not where they should be."""

import json
from typing import Any

import pytest

from runs.toolbox.mcp.messages import RAW, Asked, error_in, mended_messages, messages_in, words_in

ASKED = Asked(7, "tools/call", in_session=True)
RESULT = {"content": [{"type": "text", "text": "So."}]}
WHOLE = {"jsonrpc": "2.0", "id": 7, "result": RESULT}
BODY = json.dumps(WHOLE).encode()
NOTE = b'{"jsonrpc": "2.0", "method": "notifications/message", "params": {}}'


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param(b"\xef\xbb\xbf" + BODY, 1, id="a mark before it"),
        pytest.param(b"[" + NOTE + b"," + BODY + b"]", 2, id="a batch"),
        pytest.param(NOTE + b"\n" + BODY + b"\n", 2, id="lines"),
        pytest.param(b"event: message\r\ndata: " + BODY + b"\r\n\r\n", 1, id="an event"),
        pytest.param(b": hi\n\ndata: " + NOTE + b"\n\nid: 3\ndata: " + BODY, 2, id="events without an end"),
        pytest.param(
            b'data: {"jsonrpc": "2.0",\ndata: "id": 7, "result": {}}\n\n', 1, id="data on two lines"
        ),
    ],
)
def test_messages_are_found_in_any_body(body: bytes, count: int) -> None:
    found = list(mended_messages(messages_in(body), ASKED))
    assert len(found) == count
    assert found[-1]["id"] == 7
    assert found[-1]["result"] in (RESULT, {})


@pytest.mark.parametrize("body", [b"<p>Hello</p>", b"{", b"no data: here", b""])
def test_what_holds_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        messages_in(body)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"id": 7, "result": RESULT}, WHOLE, id="no version"),
        pytest.param(
            {"jsonrpc": 2.0, "id": "7", "result": RESULT}, WHOLE, id="a version and an id of other types"
        ),
        pytest.param({"jsonrpc": "2.0", "id": 7.0, "result": RESULT}, WHOLE, id="a float for an id"),
        pytest.param({"jsonrpc": "2.0", "id": None, "result": RESULT}, WHOLE, id="no id"),
        pytest.param(WHOLE | {"error": None}, WHOLE, id="no error"),
        pytest.param(RESULT, WHOLE, id="a result without an envelope"),
        pytest.param(
            {"id": 7, "result": "So."}, WHOLE | {"result": {"_meta": {RAW: "So."}}}, id="a text for a result"
        ),
    ],
)
def test_an_answer_gets_its_envelope(sent: Any, expected: Any) -> None:
    assert list(mended_messages([sent], ASKED)) == [expected]


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        ({"error": "The quota is used up."}, -32603, "The quota is used up."),
        ({"message": "The quota is used up."}, -32603, "The quota is used up."),
        (
            {"jsonrpc": "2.0", "id": 7, "error": {"code": 3, "message": "No pump."}, "result": None},
            3,
            "No pump.",
        ),
        ({"jsonrpc": "2.0", "id": 7, "error": {"code": "BROKEN", "detail": "No pump."}}, -32603, "No pump."),
        ({"jsonrpc": "2.0", "id": 7, "error": {"code": -32603}}, -32603, '{"code": -32603}'),
    ],
)
def test_an_error_gets_a_number_and_its_words(sent: Any, code: int, words: str) -> None:
    [message] = mended_messages([sent], ASKED)
    assert (message["id"], message["error"]["code"], message["error"]["message"]) == (7, code, words)


def test_what_the_library_could_not_read_is_left_out() -> None:
    bad = {"jsonrpc": "2.0", "method": "notifications/progress", "params": "half"}
    assert list(mended_messages([bad, 3, None, "x", {"level": "info"}, WHOLE], ASKED)) == [WHOLE]


@pytest.mark.parametrize(
    ("message", "is_expired"),
    [
        ("Session not found", True),
        ("Bad Request: No valid session ID provided", True),
        ("Invalid Request: session expired", True),
        ("The shopping session 12 was not found", False),
        ("Session not found in the list of the conference, which has 12 sessions: ask for one of these by number", False),
        ("No pump.", False),
    ],
)  # fmt: skip
def test_an_error_about_the_session_itself_is_told_apart(message: str, is_expired: bool) -> None:
    sent = {"jsonrpc": "2.0", "id": 7, "error": {"code": -32001, "message": message}}
    [mended] = mended_messages([sent], ASKED)
    assert ("data" in mended["error"] and mended["error"]["data"] is not None) is is_expired
    [outside] = mended_messages([sent], Asked(7, "tools/call"))
    assert outside["error"]["data"] is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"detail": [{"msg": "x"}, {"message": "No city."}]}, "No city."),
        ({"error": {"details": " No city. "}}, "No city."),
        (["No city.", "No date."], "No city.; No date."),
        ({"code": 4}, ""),
        (None, ""),
    ],
)
def test_the_sentence_of_an_error_has_many_places(value: Any, words: str) -> None:
    assert words_in(value) == words


def test_an_errors_data_stays() -> None:
    assert error_in({"code": 3, "message": "No.", "data": {"a": 1}}) == {
        "code": 3,
        "message": "No.",
        "data": {"a": 1},
    }
