"""Reads streams with the raw SDK, without Runnel, in a separate process.

``python -m benchmarks.sdk_alone ORIGIN`` reads one JSON object per line (``mode``, ``streams``, ``model``,
``prompt``, ``seconds``, ``pause``) and prints the figures of each as JSON.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI, AsyncStream

from benchmarks import machine
from benchmarks.figures import STAMP, Figures

#: The documented high-level call, which makes a model object for each chunk.
TYPED = "typed"
#: The documented low-level call, which returns plain dicts. Runnel uses it.
DICTS = "dicts"


async def _texts(client: AsyncOpenAI, mode: str, body: dict[str, Any]) -> AsyncIterator[str]:
    if mode == TYPED:
        async for chunk in await client.chat.completions.create(**body, stream=True):
            for choice in chunk.choices:
                yield choice.delta.content or ""
    else:
        stream = await client.post(
            "/chat/completions",
            cast_to=object,
            body={**body, "stream": True},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        async for event in stream:
            for choice in event["choices"]:  # type: ignore[index]
                yield choice["delta"].get("content") or ""


async def _read(client: AsyncOpenAI, order: dict[str, Any], figures: Figures) -> None:
    body = {"model": order["model"], "messages": [{"role": "user", "content": order["prompt"]}]}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(order["seconds"]):
            async for text in _texts(client, order["mode"], body):
                if not text:
                    continue
                figures.tokens += 1
                if stamp := STAMP.match(text.encode()):
                    figures.ages.append(time.monotonic() * 1e3 - int(stamp[1]) / 1e3)


async def _measure(client: AsyncOpenAI, order: dict[str, Any]) -> Figures:
    figures = Figures()
    pid = os.getpid()
    before, cpu, begin = machine.resident_bytes(pid), machine.cpu_seconds(pid), time.monotonic()
    readers = [asyncio.create_task(_read(client, order, figures)) for _ in range(order["streams"])]
    if order["pause"]:
        await asyncio.sleep(order["pause"])
        figures.bytes_per_stream = (machine.resident_bytes(pid) - before) / order["streams"]
    await asyncio.gather(*readers)
    figures.seconds = time.monotonic() - begin
    figures.cpu_seconds = machine.cpu_seconds(pid) - cpu
    return figures


async def main() -> None:
    client = AsyncOpenAI(api_key="nobody", base_url=f"{sys.argv[1]}/v1", max_retries=0)
    for line in sys.stdin:
        figures = await _measure(client, json.loads(line))
        print(json.dumps(dataclasses.asdict(figures)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
