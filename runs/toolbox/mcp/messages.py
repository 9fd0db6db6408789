"""Mends the JSON-RPC messages that servers send over HTTP, and finds them wherever they stand. Pure.

Servers leave the envelope out or half of it, send a list where an object belongs, several messages in one body, or an
event stream under the name of JSON and the other way round. The library refuses all of these; the call was executed.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from providers.framing import json_text
from providers.types import Json
from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

#: The key in ``_meta`` under which the server's own result stands.
RAW = "runnel/raw"

_INTERNAL_ERROR = -32603
#: The members of a result, which some servers send without an envelope.
_RESULT = frozenset({"content", "structuredContent", "tools", "protocolVersion"})
#: The members of an error, or of an error's data, that say what failed.
_WORDS = ("message", "detail", "details", "error_description", "error", "reason", "title")

#: How servers word that a session has expired.
NO_SESSION = re.compile(
    r"session.{0,40}(not found|not exist|expired|invalid|unknown|terminated|closed|missing|required)"
    r"|(no|invalid|unknown|expired|missing|bad) (valid )?(mcp.)?session|not (yet )?(been )?initialized",
    re.IGNORECASE | re.DOTALL,
)
#: The same as a whole message: an error about the protocol's session, not about a session of the tool's own.
_ALL_ABOUT_SESSION = re.compile(
    r"\A\W*+((bad|invalid) request\W++)?((mcp )?session|(no|invalid|unknown|expired|missing) (valid )?(mcp )?session)\b.{0,60}",
    re.IGNORECASE,
)
#: The codes with which SDKs' servers say so.
_SESSION_CODES = frozenset({-32000, -32001, -32600, -32603})


@dataclass(frozen=True, slots=True)
class Asked:
    """A JSON-RPC request that waits for an answer."""

    id: Any
    method: str
    #: Whether it named a session that the server had opened.
    in_session: bool = False

    @property
    def is_call(self) -> bool:
        """Whether it calls a tool."""
        return self.method == "tools/call"


def messages_in(body: bytes) -> list[Any]:
    """Return the values in a body: one, several one after the other, the items of a list, or those of events.

    Raises:
        ValueError: it is none of these.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if body[:1] not in (b"{", b"[", b'"') and (data := _data_of_events(body)):
        return [value for each in data for value in messages_in(each)]
    try:
        value = json_text.parse(body)[0]
    except ValueError:
        values = json_text.split(body)
        if values is None:
            raise
        return values
    return value if isinstance(value, list) else [value]


def mended_messages(values: Iterable[Any], asked: Asked) -> Iterator[Json]:
    """Yield the messages among ``values`` in the form of the protocol."""
    for value in values:
        if isinstance(value, dict) and (message := _mended(value, asked)) is not None:
            yield message


def error_in(given: Any) -> Json:
    """Return a server's error with a number and a text."""
    error = given if isinstance(given, dict) else {"message": given}
    code, message = error.get("code"), error.get("message")
    is_number = isinstance(code, int) and not isinstance(code, bool)
    if not isinstance(message, str) or not message.strip():
        message = words_in(error) or json.dumps(given, ensure_ascii=False, default=str)
    return {"code": code if is_number else _INTERNAL_ERROR, "message": message, "data": error.get("data")}


def words_in(value: Any) -> str:
    """Return the sentence in an error, or in its data; empty if there is none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return next((words for name in _WORDS if (words := words_in(value.get(name)))), "")
    if isinstance(value, list):
        return "; ".join(filter(None, map(words_in, value[:3])))
    return ""


def _mended(value: Json, asked: Asked) -> Json | None:
    if isinstance(value.get("method"), str):
        params = value.get("params")
        # The library ends the answer at a message that it cannot read.
        return {**value, "jsonrpc": "2.0"} if params is None or isinstance(params, dict) else None
    number = value.get("id")
    is_ours = number is None or str(number).removesuffix(".0") == str(asked.id)
    envelope: Json = {"jsonrpc": "2.0", "id": asked.id if is_ours else number}
    if value.get("error") or ("error" in value and "result" not in value):
        return envelope | {"error": _about_session(error_in(value["error"]), asked)}
    if "result" in value:
        return envelope | {"result": _carried(value["result"])}
    if _RESULT & value.keys():
        return envelope | {"result": value}
    return envelope | {"error": error_in(value)} if words_in(value) else None


def _carried(result: Any) -> Json:
    """Return a result as an object; another value travels as the server's own."""
    return result if isinstance(result, dict) else {"_meta": {RAW: result}}


def _about_session(error: Json, asked: Asked) -> Json:
    """Return ``error`` with a note if it says that the server has forgotten the session."""
    is_one = (
        asked.in_session
        and error["code"] in _SESSION_CODES
        and _ALL_ABOUT_SESSION.fullmatch(error["message"])
        and NO_SESSION.search(error["message"])
    )
    return error | {"data": {ABOUT: Trouble(kind=Kind.EXPIRED).as_json()}} if is_one else error


def _data_of_events(body: bytes) -> list[bytes]:
    """Return the data of each event, if ``body`` is an event stream."""
    found: list[list[bytes]] = [[]]
    for line in body.splitlines():
        if line.startswith(b"data:"):
            found[-1].append(line[5:].strip())
        elif not line.strip():
            found.append([])
        elif not line.startswith((b":", b"event:", b"id:", b"retry:")):
            return []
    return [data for lines in found if (data := b"\n".join(lines).strip())]
