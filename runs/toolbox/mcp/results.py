"""What an MCP server answered, as text for a model. Pure.

Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from providers.text import clean, clean_json
from runs.toolbox.tool import ToolError

if TYPE_CHECKING:
    from mcp.types import CallToolResult


def text_of(result: "CallToolResult") -> str:
    """Return the text of ``result``: words as they are, data as JSON, and of everything else that it is there.

    Raises:
        ToolError: the tool says that it failed, with its own words.
    """
    words = [block.text for block in result.content if block.type == "text"]
    pieces = [*(_shown(block) for block in result.content), *_data(result.structured_content, words)]
    text = clean("\n".join(piece for piece in pieces if piece))
    if result.is_error:
        raise ToolError(text or "The tool failed, and did not say why.")
    return text


def _shown(block: Any) -> str:
    match block.type:
        case "text":
            return str(block.text)
        case "resource" if hasattr(block.resource, "text"):
            return f"{block.resource.uri}:\n{block.resource.text}"
        case "resource":
            return _named("file", block.resource.uri, block.resource.mime_type, block.resource.blob)
        case "resource_link":
            return _named("file", block.uri, block.mime_type, "")
        case kind:
            return _named(kind, "", getattr(block, "mime_type", None), getattr(block, "data", ""))


def _named(kind: str, where: str, mime_type: str | None, data: str) -> str:
    """Return that there is something that is not shown; ``data`` is in Base64."""
    size = f"{len(data) * 3 // 4 - data[-2:].count('='):,} bytes" if data else ""
    return f"[{', '.join(filter(None, (kind, where, mime_type or '', size)))}: not shown]"


def _data(data: Any, words: list[str]) -> Iterator[str]:
    """Yield the structured part, unless the words say the same; servers are asked to say it twice."""
    if data is None:
        return
    known = [_read(word) for word in words]
    if data in known or (
        isinstance(data, dict) and data.keys() == {"result"} and _is_said(data["result"], words)
    ):
        return
    yield orjson.dumps(clean_json(data)).decode()


def _is_said(value: Any, words: list[str]) -> bool:
    """Whether the words are ``value``, in one piece or, for a list, one for each item."""
    if isinstance(value, list):
        return len(value) == len(words) and all(map(_is_word, value, words))
    return len(words) == 1 and _is_word(value, words[0])


def _is_word(value: Any, word: str) -> bool:
    return bool(value == word or value == _read(word))


def _read(word: str) -> Any:
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word
