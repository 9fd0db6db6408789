"""The answer 503 to somebody who may come again soon: JSON for a program, a page that tries again for a browser."""

import html
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="{seconds}">
<title>Back soon · Runnel</title>
<h1>Back soon</h1>
<p>{sentence}
<p>This page tries again by itself.
</html>
"""


async def refuse(
    scope: Any, send: Callable[[Any], Awaitable[None]], sentence: str, *, retry_after: int
) -> None:
    """Answer an HTTP request with ``sentence``, to be asked again after ``retry_after`` seconds."""
    accepted = b",".join(value for name, value in scope.get("headers", ()) if name == b"accept")
    if scope["path"].startswith("/api/"):
        kind, body = "application/json", orjson.dumps({"code": "internal", "message": sentence})
    elif b"text/html" in accepted and scope.get("method") == "GET":
        page = _PAGE.format(seconds=max(retry_after, 5), sentence=html.escape(sentence))
        kind, body = "text/html; charset=utf-8", page.encode()
    else:
        kind, body = "text/plain; charset=utf-8", f"{sentence}\n".encode()
    headers = {
        "content-type": kind,
        "content-security-policy": "default-src 'none'",
        "retry-after": str(retry_after),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 503, "headers": raw})
    await send({"type": "http.response.body", "body": body})
