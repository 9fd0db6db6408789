"""Sends requests to the emulator over plain HTTP and keeps every byte of the answer, also of a broken one."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from emulator import Emulator

type Json = dict[str, Any]

PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini-generate": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
}

#: Seconds after which an answer counts as one that does not end.
PATIENCE = 0.5


@dataclass(kw_only=True)
class Answer:
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: As the emulator sent them.
    pieces: list[bytes] = field(default_factory=list)
    #: ``end``, ``open`` (still open after the wait) or ``broken``.
    end: str = "open"
    #: The error that broke the connection.
    error: str = ""

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def data(self) -> list[Json]:
        """Return the JSON of every event."""
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n")
        return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]

    @property
    def message(self) -> str:
        text: str = json.loads(self.body)["error"]["message"]
        return text


def asked(wire: str, text: str) -> Json:
    """Return the body of a valid request."""
    said: Json = {"role": "user", "content": text}
    match wire:
        case "openai-chat":
            return {"messages": [said], "stream": True, "stream_options": {"include_usage": True}}
        case "openai-responses":
            return {"input": text, "stream": True}
        case "anthropic-messages":
            return {"messages": [said], "stream": True, "max_tokens": 4096}
        case _:
            return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


async def post(
    emulator: Emulator,
    wire: str,
    model: str,
    body: Json,
    *,
    patience: float = 10.0,
    prefix: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Return the answer to ``body``, as far as it has arrived within ``patience`` seconds."""
    answer = Answer()
    if wire != "gemini-generate":
        body = {"model": model, **body}
    url = emulator.origin + prefix + PATHS[wire].format(model=model)
    async with httpx2.AsyncClient(verify=False, trust_env=False) as client:
        try:
            async with (
                asyncio.timeout(patience),
                client.stream("POST", url, content=json.dumps(body), headers=headers) as response,
            ):
                answer.status, answer.headers = response.status_code, dict(response.headers)
                async for piece in response.aiter_raw():
                    answer.pieces.append(piece)
                answer.end = "end"
        except TimeoutError:
            pass
        except httpx2.HTTPError as error:
            answer.end, answer.error = "broken", type(error).__name__
    return answer


async def provoke_all(
    emulator: Emulator, order: str, *, model: str = "length", patience: float = 10.0
) -> dict[str, Answer]:
    """Order the same fault over all wires concurrently, and return the answers by wire."""
    asking = (provoke(emulator, wire, order, model=model, patience=patience) for wire in PATHS)
    return dict(zip(PATHS, await asyncio.gather(*asking), strict=True))


async def provoke(
    emulator: Emulator, wire: str, order: str, *, model: str = "length", patience: float = 10.0
) -> Answer:
    """Return the answer to a request whose prompt orders a fault."""
    text = f"Please [[fault={order}]] répondez."
    return await post(emulator, wire, model, asked(wire, text), patience=patience)
