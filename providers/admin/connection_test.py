"""Tests a provider from the admin: asks its model for one word, or the provider for its list of models.

The admin's page waits for it, so it has a time limit and runs on the page's thread with a loop of its own, over
the same guarded clients as every call. Results may be shown and stored: sentences and redacted details, never a key.
It does not use the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import uuid4

from providers import catalog, clients
from providers.adapter import StreamAdapter
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.catalog import CatalogError, Target, model_names
from providers.catalog.cache import CachedProvider
from providers.errors import LLMError, LLMNotFoundError, LLMTimeoutError, translation
from providers.errors.stop_signal import StopSignal
from providers.security.redaction import redact, redact_text
from providers.text.cleaning import clean, clean_json
from providers.types import ChatMessage, Json, ModelOptions, ModelRequest, Role, TextPart
from providers.types.events import ModelEvent
from providers.types.trace import CallContext, TraceRecord

#: All that a page waits for one provider, in seconds.
_PATIENCE = 20.0
_TIMEOUTS = Timeouts(connect=5.0, first_byte=_PATIENCE, idle=_PATIENCE)

#: Enough for a word, also of a model that thinks first; it is paid for.
_MOST_TOKENS = 64
#: Characters of an answer that are shown.
_LONGEST_QUOTE = 80
#: Names that are kept of a list, and characters of one.
_MOST_NAMES = 500
_LONGEST_NAME = 150

_NO_LIST = "There is no list of models at this address. Check the base URL, or say which model to test with."


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionTestResult:
    """The result of one test or one list."""

    passed: bool
    #: One or two sentences.
    message: str
    #: The whole story of a failure, for an admin.
    story: Json | None = None
    #: Where the list of models was asked for and came.
    models: tuple[str, ...] | None = None


def test(asked: Sequence[tuple[CachedProvider, str]]) -> list[ConnectionTestResult]:
    """Test each row at the same time: ask the model for one word or, if no model is named, the provider for its list.

    Return the results in the same order. Takes 20 seconds at most. Must not run on a thread with an event loop.
    """
    return asyncio.run(_all([_outcome(row, model, _say_a_word if model else _list) for row, model in asked]))


def fetch(asked: Sequence[CachedProvider]) -> list[ConnectionTestResult]:
    """Fetch the list of models of each row at the same time; as ``test`` otherwise."""
    return asyncio.run(_all([_outcome(row, "", _list) for row in asked]))


async def _all(asking: Sequence[Awaitable[ConnectionTestResult]]) -> list[ConnectionTestResult]:
    try:
        return await asyncio.gather(*asking)
    finally:
        await clients.close_all()


async def _outcome(
    row: CachedProvider, model: str, ask: Callable[[Target], Awaitable[ConnectionTestResult]]
) -> ConnectionTestResult:
    try:
        target = catalog.target_of(row, model or "any")
    except CatalogError as error:
        return ConnectionTestResult(passed=False, message=error.message)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await ask(target)
    except TimeoutError:
        return _failed(LLMTimeoutError(detail={"waited_seconds": _PATIENCE}))
    except Exception as exc:  # noqa: BLE001 - whatever it is, somebody waits for a sentence
        return _failed(translation.from_exception(exc))


def _failed(error: LLMError, message: str | None = None) -> ConnectionTestResult:
    story: Json = redact(clean_json({"code": error.code, "status": error.status, **error.detail}))
    return ConnectionTestResult(
        passed=False, message=redact_text(clean(message or error.message)), story=story
    )


async def _list(target: Target) -> ConnectionTestResult:
    if not target.lists_models:
        return ConnectionTestResult(
            passed=False, message="This kind of provider has no list of models. Say which model to test with."
        )
    try:
        listed = await clients.list_models(target)
    except Exception as exc:  # noqa: BLE001 - SDKs raise whatever they like
        error = translation.from_exception(exc)
        return _failed(error, _NO_LIST if isinstance(error, LLMNotFoundError) else None)
    names = (model.name for model in listed)
    told = (clean(redact_text(name)) for name in names if len(name) <= _LONGEST_NAME and name.isprintable())
    kept = tuple(sorted(model_names.talking(told)))[:_MOST_NAMES]
    if not kept:
        return ConnectionTestResult(
            passed=False, message="An answer came, but it names no model. Check the base URL."
        )
    count = "1 model" if len(kept) == 1 else f"{len(kept)} models"
    return ConnectionTestResult(passed=True, message=f"Its list of models came: {count}.", models=kept)


async def _say_a_word(target: Target) -> ConnectionTestResult:
    request = ModelRequest(
        origin=target.origin,
        messages=(ChatMessage(role=Role.USER, parts=(TextPart(text="Answer with the word: works"),)),),
        options=ModelOptions(max_output_tokens=_MOST_TOKENS),
    )
    began = monotonic()
    adapter = StreamAdapter(target, recorder=_Nobody(), timeouts=_TIMEOUTS)
    call = CallContext(run_id=uuid4(), step_id=uuid4())
    result = await adapter.run(request, call=call, cancel=StopSignal(), sink=_Nowhere())
    quote = " ".join(redact_text(result.text).split())
    if len(quote) > _LONGEST_QUOTE:
        quote = f"{quote[: _LONGEST_QUOTE - 1]}…"
    said = f"“{quote}”" if quote else "without a word, as it has used up what a test allows it"
    return ConnectionTestResult(
        passed=True, message=f"{target.origin.model} answered in {monotonic() - began:.1f} s: {said}"
    )


class _Nobody:
    """Keeps no trace: a test belongs to no run."""

    def record(self, trace: TraceRecord) -> None:
        """Let it go."""


class _Nowhere(EventSink):
    """Takes events that nobody watches."""

    def take(self, event: ModelEvent) -> None:
        """Let it go."""

    async def wait_for_room(self) -> None:
        """Be ready at once."""
