"""The argument text of a function call: which object it stands for, and what of it may go back to a provider. Pure.

Models and servers write odd texts. These are understood: blank text, ``null`` and ``[]`` for no arguments, JSON that was
encoded twice, and the same object said twice. Any other text that is not a JSON object is unreadable: the run answers
such a call with an error, and providers get ``{}`` in its place, because they refuse what is no object.
"""

import json
import re
from typing import Any, NoReturn

from providers.types import Json

#: The argument text that goes back in place of an unreadable one.
NONE = "{}"


def object_of(text: str) -> Json | None:
    """Return the object that argument text stands for; ``None`` if it stands for none."""
    value = _parsed(text)
    if isinstance(value, str):
        value = _parsed(value)
    if value is None or value == []:
        return {}
    return value if isinstance(value, dict) else None


def parsed(text: str) -> Any:
    """Return the JSON value in ``text``; ``None`` for blank text and for what is no JSON."""
    value = _parsed(text)
    return None if value is _UNREADABLE else value


def text_of(arguments: Any) -> str:
    """Return arguments as their text: some servers send ``null`` for none, some the object, some pieces of either."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)


def returnable(text: str) -> str:
    """Return argument text that every provider takes back: ``text`` itself if it is a JSON object."""
    text = text.strip()
    value = object_of(text)
    if value is None:
        return NONE
    return text if _is_plain_object(text) else json.dumps(value, ensure_ascii=False)


def _is_plain_object(text: str) -> bool:
    return isinstance(_whole(text), dict)


def _parsed(text: str) -> Any:
    """Return the value in ``text``, ``None`` for blank text, and ``_UNREADABLE`` for what is no JSON."""
    text = text.strip()
    if not text:
        return None
    value = _whole(text)
    return _repeated(text) if value is _UNREADABLE else value


def _whole(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _repeated(text: str) -> Any:
    """Return the object that ``text`` says several times in a row, and nothing else."""
    try:
        first, end = _DECODER.raw_decode(text)
        while end < len(text):
            value, end = _DECODER.raw_decode(text, _blanks_end(text, end))
            if value != first:
                return _UNREADABLE
    except (ValueError, RecursionError):
        return _UNREADABLE
    return first if isinstance(first, dict) else _UNREADABLE


def _blanks_end(text: str, start: int) -> int:
    match = _BLANKS.match(text, start)
    return match.end() if match else start


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_BLANKS = re.compile(r"\s*")
_DECODER = json.JSONDecoder(parse_constant=_refuse)
#: No JSON value, so it is no object either.
_UNREADABLE = object()
