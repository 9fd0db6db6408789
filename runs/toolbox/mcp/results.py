"""Reads an MCP server's result: text for a model, and files. Pure.

Anything may stand in a result, because the library does not check it: what is of no known form is named in the text.
Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result
"""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import orjson

from providers.text.cleaning import clean, clean_json
from providers.types import Json
from runs.toolbox.tool import ToolAnswer, ToolError, ToolFile

#: Characters of an unknown thing that are repeated.
_LONGEST_QUOTE = 200
#: What of a result is no answer, and where a block of JSON has its value.
_ENVELOPE = frozenset({"_meta", "isError", "is_error", "resultType"})
_JSON_NAMES = ("json", "data", "value")
_USUAL_ALPHABET = str.maketrans("-_", "+/")


def answer_in(result: Any) -> ToolAnswer:
    """Return the text and the files in ``result``.

    Text blocks stay unchanged, structured data becomes JSON, and a note stands for anything else.

    Raises:
        ToolError: the tool reported a failure (the message is its own text), or the result is no object.
    """
    if isinstance(result, str) or _is_content(result):
        result = {"content": result}
    if not isinstance(result, dict):
        raise ToolError(
            f"The tool was executed, but its server answered with what is no result: {_quoted(result)}"
        )
    blocks = _blocks(result.get("content"))
    files: list[ToolFile] = []
    texts = [_as_text(block["text"]) for block in blocks if _is_text(block)]
    shown = [_shown(block, files) for block in blocks]
    pieces = [*shown, *_data(_structured(result), texts)]
    text = clean("\n".join(piece for piece in pieces if piece))
    if any(str(result.get(name)).lower() == "true" for name in ("isError", "is_error")):
        raise ToolError(text or "The tool failed, and did not say why.")
    return ToolAnswer(text=text, files=tuple(files))


def _blocks(content: Any) -> list[Json]:
    """Return the blocks of a result; text alone and a single block are read as well."""
    blocks = content if isinstance(content, list) else [content]
    return [
        block if isinstance(block, dict) else {"type": "text", "text": _as_text(block)}
        for block in blocks
        if block is not None
    ]


def _is_content(result: Any) -> bool:
    """Return whether ``result`` is the list of blocks that should stand in one."""
    return isinstance(result, list) and bool(result) and all(isinstance(each, dict) for each in result)


def _structured(result: Json) -> Any:
    """Return the data of a result; where it has neither data nor blocks, what a server has put in their place."""
    if "structuredContent" in result or "content" in result:
        return result.get("structuredContent")
    rest = {name: value for name, value in result.items() if name not in _ENVELOPE}
    return rest["toolResult"] if rest.keys() == {"toolResult"} else rest or None


def _is_text(block: Json) -> bool:
    text = block.get("text")
    return isinstance(text, str) or (text is not None and block.get("type", "text") == "text")


def _shown(block: Json, files: list[ToolFile]) -> str:
    """Return what a model reads of ``block``; a file in it is added to ``files``."""
    kind = block.get("type")
    if _is_text(block):
        return _as_text(block["text"])
    if kind in {"image", "audio"}:
        return _file(str(kind), block.get("data"), block.get("mimeType"), "", files)
    resource = block.get("resource")
    if kind == "resource" and isinstance(resource, dict):
        address = _as_text(resource.get("uri") or "")
        if isinstance(text := resource.get("text"), str):
            return f"{address}:\n{text}" if address else text
        return _file("file", resource.get("blob"), resource.get("mimeType"), address, files)
    if kind == "resource_link":
        return _link(block)
    if (
        kind == "json"
        and (data := next((block[name] for name in _JSON_NAMES if name in block), None)) is not None
    ):
        return _as_text(data)
    return _note(_as_text(kind or "something without a type"), "", _as_text(block.get("mimeType") or ""), 0)


def _file(kind: str, data: Any, mime_type: Any, address: str, files: list[ToolFile]) -> str:
    """Return the line that stands for a file in the text; add its content to ``files`` if it can be read."""
    mime = _as_text(mime_type or "")
    content = _decoded(data)
    if content is None:
        return _note(kind, address, mime, 0)
    files.append(ToolFile(content=content, mime_type=mime, name=address.rstrip("/").rpartition("/")[2]))
    return f"[{_about(kind, address, mime, len(content))}]"


def _decoded(data: Any) -> bytes | None:
    if not isinstance(data, str):
        return None
    # Some servers send a data URL where the protocol wants Base64 alone, some the alphabet of addresses.
    text = "".join(data.rpartition(";base64,")[2].split()).translate(_USUAL_ALPHABET).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _link(block: Json) -> str:
    named = [block.get(name) for name in ("title", "name", "description", "mimeType")]
    about = dict.fromkeys(_as_text(each) for each in (block.get("uri"), *named) if each)
    return f"[link: {', '.join(about)}]"


def _note(kind: str, address: str, mime_type: str, size: int) -> str:
    return f"[{_about(kind, address, mime_type, size)}: not shown]"


def _about(kind: str, address: str, mime_type: str, size: int) -> str:
    parts = (kind[:_LONGEST_QUOTE], address, mime_type, f"{size:,} bytes" if size else "")
    return ", ".join(filter(None, parts))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    try:
        return orjson.dumps(clean_json(value)).decode()
    except (TypeError, RecursionError):
        return json.dumps(value, ensure_ascii=False, default=str)


def _quoted(value: Any) -> str:
    text = clean(_json(value))
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _data(data: Any, texts: list[str]) -> Iterator[str]:
    """Yield the structured data as JSON, unless the texts repeat it, as the specification recommends."""
    if data is None:
        return
    parsed = [_parsed(text) for text in texts]
    if data in parsed or (
        isinstance(data, dict) and data.keys() == {"result"} and _is_repeated(data["result"], texts)
    ):
        return
    yield _json(data)


def _is_repeated(value: Any, texts: list[str]) -> bool:
    """Return whether the texts repeat ``value``: a list with one text for each item, other values in one."""
    if isinstance(value, list):
        return len(value) == len(texts) and all(map(_is_equal, value, texts))
    return len(texts) == 1 and _is_equal(value, texts[0])


def _is_equal(value: Any, text: str) -> bool:
    return bool(value == text or value == _parsed(text))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
