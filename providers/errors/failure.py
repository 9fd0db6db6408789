"""Reads a provider's error, in any shape, into one ``Failure``. Pure.

Providers, gateways and servers put their sentence under ``error``, ``errors``, ``detail``, ``message`` and a dozen other
names, as an object, a list or plain text. Gateways quote the answer of the provider behind them as a string of JSON, as
the text of a Python object, or as an event stream. This module finds the sentences and the codes in all of these. It does
not judge them: ``classification`` does.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from providers.errors import members
from providers.framing.event_names import names_error
from providers.framing.event_stream import EventStream
from providers.framing.oddities import Oddity
from providers.text.cleaning import clean_json
from providers.text.pages import is_page, page_as_node

type Node = Mapping[str, Any]

#: Characters of a text in which an error is looked for.
_LONGEST_TEXT = 64 * 1024
#: Characters of a sentence, and of all of them, that are judged: hundreds of patterns are tried on each.
_LONGEST_SENTENCE = 1_500
_LONGEST_JUDGED = 4_000
#: Objects of one error that are read, and how deep they may be quoted in each other.
_MOST_NODES = 64
_DEEPEST = 8
#: Characters of the text of a Python object; longer ones are slow to parse.
_LONGEST_LITERAL = 8 * 1024

#: What gateways say instead of the provider's own sentence.
_EMPTY_WORDS = re.compile(
    r"(provider returned error|(bad request|error|unknown error|internal error|upstream error|request failed)\W*)$",
    re.IGNORECASE,
)
#: The beginning of JSON in a text; a sentence may begin with a word in brackets.
_JSON = re.compile(r"\A\s*+(?:\{|\[\s*+[\[{\"\]])")
#: A sentence that is a code: ``insufficient_quota``.
_CODE_ALONE = re.compile(r"(?<![A-Za-z])[A-Za-z]++(?:[_.-][A-Za-z]++)+")
#: A name of an exception class inside a sentence.
_CLASS_NAME = re.compile(r"\b[A-Z][A-Za-z]{2,60}(?:Error|Exception|Timeout)\b")
#: A status inside a sentence, as SDKs word it: ``Error code: 400 - {…}``.
_STATUS_IN_WORDS = re.compile(
    r"\b(?:error code|status(?:[ _]code)?|http(?:/\d(?:\.\d)?)?(?: error| status)?)\W{1,3}([45]\d\d)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A provider's error in one common form."""

    #: The HTTP status; inside a stream, the one that the error names.
    status: int | None
    #: The first status from 400 to 599 that the error itself names.
    stated: int | None
    #: All codes, types, statuses and reasons, normalised by ``normalized``.
    words: frozenset[str]
    #: Its messages, the most specific one first.
    sentences: tuple[str, ...]
    #: Whether it names a parameter of the request.
    names_parameter: bool
    #: All objects that describe it, the innermost one first.
    nodes: tuple[Node, ...]
    body: object

    #: The messages, and a page's words, joined with spaces. Of long ones, the beginnings and the ends: this is judged.
    text: str


def read_failure(payload: object, status: int | None) -> Failure:
    """Return ``payload``, an error body or an error object, as a ``Failure``. Never raises.

    Args:
        payload: Decoded JSON, text, bytes or ``None``.
        status: The HTTP status; ``None`` or 200 for an error inside a stream.
    """
    body = clean_json(decoded(payload))
    nodes = tuple(islice(_nodes(body, 0), _MOST_NODES))
    sentences = _sentences_of(nodes, body)
    shown = [node["visible_text"] for node in nodes if isinstance(node.get("visible_text"), str)]
    text = " ".join(map(_cut, (*sentences, *shown)))[:_LONGEST_JUDGED]
    words, numbers = set(_class_names(text)), list[int]()
    # A code may stand where a sentence is expected.
    words.update(normalized(sentence) for sentence in sentences if _CODE_ALONE.fullmatch(sentence))
    for node in nodes:
        for key in members.CODES:
            _add_code(node.get(key), words, numbers)
        words.update(_exception_keys(node))
    numbers += (int(number) for number in _STATUS_IN_WORDS.findall(text))
    stated = next((number for number in numbers if 400 <= number < 600), None)
    return Failure(
        status=stated if (status is None or status < 300) and stated is not None else status,
        stated=stated,
        words=frozenset(words),
        sentences=sentences,
        text=text,
        names_parameter=any(node.get("param") or node.get("loc") for node in nodes),
        nodes=nodes,
        body=body,
    )


def _cut(sentence: str) -> str:
    """Return ``sentence`` without its middle if it is long: servers quote whole requests in their errors."""
    return sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[:1_000]} … {sentence[-500:]}"


def decoded(payload: object) -> object:
    """Return ``payload`` as JSON if it is JSON in some wrapping: bytes, text, an event stream; else as text."""
    if isinstance(payload, (bytes, bytearray)):
        payload = bytes(payload).decode("utf-8", "replace")
    if not isinstance(payload, str):
        return payload
    text = payload.lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[", '"')):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return payload
    event = _event_in(text[:_LONGEST_TEXT])
    return payload if event is None else event


def normalized(word: str) -> str:
    """Return a code or type in one spelling: letters and digits only, without ``error`` or ``exception`` at its end."""
    letters = re.sub(r"[^a-z0-9]", "", word.lower())
    return re.sub(r"(error|errors|exception)$", "", letters) or letters


def _event_in(text: str) -> object | None:
    """Return the event that looks like the error, else the first one; ``None`` if ``text`` is no event stream."""
    stream = EventStream(longest_event=_LONGEST_TEXT * 4)
    events = [*stream.feed(text.encode("utf-8", "replace")), *stream.finish()]
    if not events or stream.oddities & {Oddity.FOREIGN_TEXT, Oddity.WHOLE_JSON, Oddity.WEB_PAGE}:
        return None
    return next((event for name, event in events if names_error(name) or "error" in str(event)), events[0][1])


def _nodes(value: object, depth: int) -> Iterator[Node]:
    """Yield every object in ``value`` that describes the error, the innermost quote first."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        # Clean again: escapes within the quote may stand for what no database takes, and Python's keys may be no text.
        value = page_as_node(value) if is_page(value) else clean_json(quoted(value))
    match value:
        case Mapping():
            for key in members.CONTAINERS:
                if value.get(key) is not None:
                    yield from _nodes(value[key], depth + 1)
            for key in value:
                if isinstance(value[key], Mapping) and key.endswith(("Exception", "Error")):
                    yield from _nodes(value[key], depth + 1)
            yield value
        case list():
            for item in value[:_MOST_NODES]:
                yield from _nodes(item, depth + 1)


def quoted(text: str) -> object:
    """Return the JSON or the Python object that ``text`` is or quotes; ``None`` without one."""
    start = text.find("{", 0, _LONGEST_TEXT)
    if start < 0:
        return None
    quote = text[start:]
    try:
        return json.JSONDecoder().raw_decode(quote)[0]
    except (ValueError, RecursionError):
        pass
    end = quote.rfind("}", 0, _LONGEST_LITERAL) + 1
    try:
        return ast.literal_eval(quote[:end])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _sentences_of(nodes: tuple[Node, ...], body: object) -> tuple[str, ...]:
    found = [_plain(text) for node in nodes for key in members.SENTENCES for text in _texts(node.get(key))]
    if not any(found):
        found = [
            _plain(text) for node in nodes for key in members.LAST_RESORTS for text in _texts(node.get(key))
        ]
    if isinstance(body, str):
        found.append(_plain(body))
    elif isinstance(body, list):
        found += (_plain(text) for text in _texts(body))
    unique = dict.fromkeys(filter(None, found))
    # Stable: what says nothing goes behind what does.
    return tuple(sorted(unique, key=_says_nothing))


def _says_nothing(sentence: str) -> int:
    """Rank ``sentence``: 0 for one of the provider's own, 1 for a mere code, 2 for a gateway's empty words."""
    if _EMPTY_WORDS.match(sentence):
        return 2
    return 0 if " " in sentence else 1


def _texts(value: object) -> Iterator[str]:
    """Yield the sentences of a member: a text, a list of texts, or lists of texts by field."""
    match value:
        case str() if not _JSON.match(value):
            yield value[:_LONGEST_TEXT]
        case list():
            yield from (item for item in value[:_MOST_NODES] if isinstance(item, str))
        case Mapping():
            for item in islice(value.values(), _MOST_NODES):
                if isinstance(item, list):
                    yield from (text for text in item[:_MOST_NODES] if isinstance(text, str))


def _plain(text: str) -> str:
    """Return ``text`` on one line; for an HTML page, only its title."""
    if is_page(text):
        text = page_as_node(text)["message"]
    return " ".join(text[:_LONGEST_TEXT].split())


def _add_code(value: object, words: set[str], numbers: list[int]) -> None:
    match value:
        case bool() | None:
            return
        case int():
            numbers.append(value)
        case float() if value.is_integer():
            numbers.append(int(value))
        case str() if value.isascii() and value.isdecimal():
            numbers.append(int(value[:9]))
        case str():
            words.update(_spellings(value[:200]))
    if numbers and not isinstance(value, str):
        words.add(str(numbers[-1]))


def _spellings(word: str) -> Iterator[str]:
    """Yield ``word`` normalised, whole and by its segments: ``Throttling.RateQuota``, ``…service#SomeException``."""
    yield normalized(word)
    segments = re.split(r"[.#:/]", word)
    if len(segments) > 1:
        yield from (normalized(segment) for segment in segments if segment)


def _class_names(text: str) -> Iterable[str]:
    return (normalized(name) for name in _CLASS_NAME.findall(text))


def _exception_keys(node: Node) -> Iterator[str]:
    """Yield the names of exceptions that are used as a member's name (Amazon's event streams)."""
    return (normalized(key) for key in node if key.endswith("Exception"))
