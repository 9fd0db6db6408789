"""All faults of the emulator, and the end of a run after each; docs/reference/failures.md describes them."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from concurrency.threads import readers
from emulator.actions import Fault
from tests.faults.client import Client
from tests.faults.line import Line

#: The provider that speaks each wire, and the settings with its key and address.
PROVIDERS = {
    "openai-chat": ("openai-chat", "OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1"),
    "openai-responses": ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1"),
    "anthropic-messages": ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", ""),
    "gemini-generate": ("gemini", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", ""),
}
KEY = "canary-THIS-KEY-MUST-NOT-LEAK-97531"

#: The number of concurrent runs.
AT_ONCE = 12

#: Seconds to wait for an answer that never ends, and for one that does.
IMPATIENT, PATIENT = 3.0, 20.0

#: The error code for each kind of error, before the stream and inside it.
KINDS = {
    Fault.MALFORMED: "llm_bad_request",
    Fault.UNKNOWN_PATH: "llm_not_found",
    Fault.WRONG_METHOD: "llm_bad_request",
    Fault.UNKNOWN_MODEL: "llm_not_found",
    Fault.CONTEXT_WINDOW: "llm_context_window_exceeded",
    Fault.FILTERED: "llm_content_filter",
    Fault.UNAUTHORIZED: "llm_authentication",
    Fault.NO_CREDITS: "llm_insufficient_credits",
    Fault.QUOTA: "llm_insufficient_credits",
    Fault.FORBIDDEN: "llm_permission_denied",
    Fault.TIMED_OUT: "llm_timeout",
    Fault.CONFLICT: "llm_conflict",
    Fault.TOO_LARGE: "llm_bad_request",
    Fault.UNPROCESSABLE: "llm_unprocessable_entity",
    Fault.RATE_LIMITED: "llm_rate_limit",
    Fault.SERVER_ERROR: "llm_server",
    Fault.BAD_GATEWAY: "llm_server",
    Fault.OVERLOADED: "llm_provider_overloaded",
    Fault.GATEWAY_TIMEOUT: "llm_timeout",
}

#: The code with which the run must end after each ordered fault; ``None`` if it must succeed.
ENDLESS: dict[str, str | None] = {
    "silence": "llm_timeout",
    "silence after=headers": "llm_timeout",
    "silence after=3": "llm_timeout",
    "only_comments": "llm_timeout",
    "only_comments after=3": "llm_timeout",
    "only_pings": "llm_timeout",
    "only_pings after=3": "llm_timeout",
    "endless_error": "llm_server",
}
ENDING: dict[str, str | None] = {
    **dict.fromkeys(("truncate after=headers", "truncate after=0", "empty"), "invalid_llm_response"),
    "truncate": "llm_connection",
    **dict.fromkeys(("abrupt after=request", "abrupt after=headers", "abrupt"), "llm_connection"),
    **dict.fromkeys(("reset after=request", "reset after=headers", "reset"), "llm_connection"),
    **dict.fromkeys(("html", "redirect", "bad_json"), "llm_connection"),
    "html status=502": "llm_server",
    **{f"error kind={kind}": code for kind, code in KINDS.items()},
    "error status=418": "llm_bad_request",
    "error status=429 retry_after=7": "llm_rate_limit",
    "error status=503 retry_after_ms=250": "llm_provider_overloaded",
    "error status=429 retry_after=soon": "llm_rate_limit",
    **{
        f"error_event after=0 kind={kind}": KINDS[kind]
        for kind in (Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.OVERLOADED)
    },
    **{f"error_event kind={kind}": code for kind, code in KINDS.items()},
    **dict.fromkeys(("delay delay=0.1", "long_line", "split_utf8", "bytes", "crlf", "comments", "pings")),
    **dict.fromkeys(("silence after=end", "abrupt after=end", "reset after=end", "endless", "twice")),
    **dict.fromkeys(("json", "no_usage")),
}
ORDERS = ENDING | ENDLESS

#: The codes that differ on some wires: the wire has no other form, or its SDK reads the answer differently.
DIFFERENT: dict[tuple[str, str], str | None] = {
    # Inside a stream there is no status, and these kinds have no error type of their own.
    **{
        (f"error_event kind={kind}", wire): code
        for wire in ("openai-chat", "openai-responses")
        for kind, code in (
            (Fault.UNKNOWN_PATH, "llm_bad_request"),
            (Fault.UNPROCESSABLE, "llm_bad_request"),
            (Fault.GATEWAY_TIMEOUT, "llm_server"),
        )
    },
    ("error_event kind=unprocessable", "anthropic-messages"): "llm_bad_request",
}

#: Matches a sentence that tells the user what to do.
ADVICE = re.compile(r"\b(Try|Choose|choose|Ask|ask|Check|Wait|Start|Rephrase)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A run to start."""

    model: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The end of a run as its viewer received it."""

    #: Empty for a run that succeeded.
    code: str
    stop_reason: str
    retryable: bool
    retry_after: float | None
    #: The error message for the user.
    sentence: str
    #: The model's text up to the end.
    said: str


def configure(settings: Any, origin: str, *, key: str = KEY) -> None:
    """Set the addresses of the four providers to ``origin``."""
    for _, key_setting, address_setting, path in PROVIDERS.values():
        setattr(settings, key_setting, key)
        setattr(settings, address_setting, origin + path)


def be_patient(settings: Any, seconds: float) -> None:
    settings.RUNNEL_FIRST_BYTE_TIMEOUT = settings.RUNNEL_IDLE_TIMEOUT = seconds
    settings.RUNNEL_KEEPALIVE_TIMEOUT = seconds


async def play_all(line: Line, wanted: Iterable[Wanted]) -> dict[Wanted, Outcome]:
    """Start all runs, ``AT_ONCE`` at a time, and return their outcomes."""
    client, room = await line.client(), asyncio.Semaphore(AT_ONCE)

    async def play(each: Wanted) -> Outcome:
        async with room:
            return await _play(line, client, each)

    every = tuple(wanted)
    played = await asyncio.gather(*map(play, every), return_exceptions=True)
    if wrong := [each for each in played if isinstance(each, Exception)]:
        raise ExceptionGroup("runs that are not what they must be", wrong)
    return {
        each: outcome for each, outcome in zip(every, played, strict=True) if isinstance(outcome, Outcome)
    }


def ordered(order: str, wire: str) -> Wanted:
    """Return a run over ``wire`` whose prompt orders the fault ``order``."""
    model = "echo" if order == "split_utf8" else "length"
    return Wanted(model=f"{PROVIDERS[wire][0]}/{model}", text=f"Por qué? [[fault={order}]]")


async def _play(line: Line, client: Client, wanted: Wanted) -> Outcome:
    """Run to the end without retries, and compare the viewer's events with the stored rows."""
    text = wanted.text
    run_id = await client.start(wanted.model, prompt=text, options={"max_retries": 0})
    end = await client.ended(run_id)
    said = "".join(
        event["delta"] for event in client.events(run_id) if event["type"] == "TEXT_MESSAGE_CONTENT"
    )
    await _assert_kept(line, client, run_id, text, end, said)
    return Outcome(
        code=end.get("code", ""),
        stop_reason=end["metadata"]["stop_reason"],
        retryable=end["metadata"].get("retryable", False),
        retry_after=end["metadata"].get("retry_after"),
        sentence=end.get("message", ""),
        said=said,
    )


async def _assert_kept(
    line: Line, client: Client, run_id: UUID, text: str, end: dict[str, Any], said: str
) -> None:
    """Assert that the partial text, the log and the details of the failure are stored, and that no key is."""
    stored = await line.stored(run_id)
    code, message = end.get("code", ""), end.get("message", "")
    assert stored.frames == client.frames[str(run_id)], text
    assert stored.run.status == ("failed" if code else "completed"), (text, end)
    assert (stored.run.error_code, stored.run.error_message) == (code, message)
    assert stored.run.stop_reason == end["metadata"]["stop_reason"]
    kept = [part["text"] for answer in stored.answers for part in answer.parts if part["kind"] == "text"]
    assert "".join(kept) == said, text
    (trace,) = stored.traces
    assert (trace.status, trace.error_code) == ("failed" if code else "completed", code), text
    request = await readers.run(getattr, trace, "request")
    assert text in json.dumps(request, ensure_ascii=False)
    assert trace.url
    if code:
        story = trace.error
        assert story is not None
        assert story["shown"] == message
        # If the stream only stopped, there are no details beside the row's own columns.
        assert set(story) > {"shown", "retry_after"} or trace.http_status == 200, (text, story)
        assert "fault=error" not in text or story["body"], (text, story)
    everything = [*stored.frames, *(str(vars(row)) for row in (stored.run, *stored.steps, trace))]
    assert not any(KEY in each for each in everything), text
