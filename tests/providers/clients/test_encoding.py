"""Bodies of requests as JSON, written off the event loop where that takes long."""

import json
import threading
from typing import Any

import orjson
import pytest

from providers.clients import encoding

SHORT = {
    "model": "m",
    "messages": [{"role": "user", "content": "Räksmörgås 🦐 \"'\\ \u2028"}],
    "n": 0.1,
    "stream": True,
}


@pytest.mark.parametrize(
    ("body", "is_threaded"),
    [
        (SHORT, False),
        ({**SHORT, "file": "x" * 1_000_001}, True),
        ({**SHORT, "files": ["x" * 600_000] * 2}, True),
    ],
)
async def test_a_long_body_is_written_on_a_thread(
    body: dict[str, Any], is_threaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    dumps = orjson.dumps

    def watched(value: Any) -> bytes:
        threads.append(threading.get_ident())
        return dumps(value)

    monkeypatch.setattr(orjson, "dumps", watched)
    assert json.loads(await encoding.encoded(body)) == body
    [thread] = threads
    assert (thread != threading.get_ident()) is is_threaded
