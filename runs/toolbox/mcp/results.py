"""Converts an MCP server's answer into text for a model. Pure.

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
    """Return ``result`` as text: text blocks unchanged, structured data as JSON, a note for anything else.

    Raises:
        ToolError: the tool reported a failure; the message is its own text.
    """
    texts = [block.text for block in result.content if block.type == "text"]
    pieces = [*(_shown(block) for block in result.content), *_data(result.structured_content, texts)]
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
            return _placeholder("file", block.resource.uri, block.resource.mime_type, block.resource.blob)
        case "resource_link":
            return _placeholder("file", block.uri, block.mime_type, "")
        case kind:
            return _placeholder(kind, "", getattr(block, "mime_type", None), getattr(block, "data", ""))


def _placeholder(kind: str, address: str, mime_type: str | None, data: str) -> str:
    """Return a note about content that a model cannot read; ``data`` is Base64."""
    size = f"{len(data) * 3 // 4 - data[-2:].count('='):,} bytes" if data else ""
    return f"[{', '.join(filter(None, (kind, address, mime_type or '', size)))}: not shown]"


def _data(data: Any, texts: list[str]) -> Iterator[str]:
    """Yield the structured data as JSON, unless the texts repeat it, as the specification recommends."""
    if data is None:
        return
    parsed = [_parsed(text) for text in texts]
    if data in parsed or (
        isinstance(data, dict) and data.keys() == {"result"} and _is_repeated(data["result"], texts)
    ):
        return
    yield orjson.dumps(clean_json(data)).decode()


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
