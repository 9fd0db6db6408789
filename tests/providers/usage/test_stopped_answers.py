"""Answers that are stopped or break at random tokens: what was shown is counted, and the cost is about right.

The texts are cut into the tokens of a public vocabulary, so that the right counts are known. ``STOPS`` says how
many answers are stopped on each wire (100 take a minute), ``STOPS_SEED`` where.
"""

import asyncio
import os
import random
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled
from providers.types import StepResult
from providers.types.cost import Cost
from providers.types.usage import Usage, UsageSource
from providers.usage import costs, pricing
from tests.providers.calling import WIRES, Call, at
from tests.providers.retry.attempting import events
from tests.providers.upstream import EVENT_STREAM, Behaviour, upstream
from tests.providers.usage.tokenised import COUNTED, TOKENS

STOPS = int(os.environ.get("STOPS") or 12)
SEED = int(os.environ.get("STOPS_SEED") or 20_261_129)

#: Whose prices are known, by the wire that they speak.
MODELS = {
    "openai-chat": ("openai", "gpt-4o"),
    "openai-responses": ("openai", "gpt-4.1"),
    "anthropic-messages": ("anthropic", "claude-haiku-4-5"),
    "gemini-generate": ("gemini", "gemini-2.5-flash"),
}

#: What is asked, and how many tokens that is with what a chat template puts around it.
PROMPT = " ".join(COUNTED[name][0] for name in ("english", "markdown"))
PROMPT_TOKENS = COUNTED["english"][1] + COUNTED["markdown"][1] + 4

type Json = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One answer and where it ends."""

    #: The tokens that are streamed, in so many pieces.
    pieces: tuple[tuple[str, ...], ...]
    #: Whether a person stops it; else its connection breaks.
    is_cancelled: bool

    @property
    def tokens(self) -> int:
        return sum(map(len, self.pieces))

    @property
    def text(self) -> str:
        return "".join(token for piece in self.pieces for token in piece)


def plan(wire: str) -> list[Stop]:
    """Return what to stop on ``wire``."""
    chance = random.Random(f"{SEED} {wire}")
    return [_stop(chance) for _ in range(STOPS)]


def _stop(chance: random.Random) -> Stop:
    names = chance.sample(sorted(TOKENS), k=4)
    tokens = [token for name in names for token in (*TOKENS[name], "\n\n")]
    tokens = tokens[: chance.randint(12, len(tokens))]
    # OpenAI and most servers send one token in each event, Anthropic and Gemini several.
    longest = chance.choice((1, 1, 9))
    pieces = []
    while tokens:
        size = chance.randint(1, longest)
        pieces.append(tuple(tokens[:size]))
        del tokens[:size]
    return Stop(pieces=tuple(pieces), is_cancelled=chance.random() < 0.5)


def streamed(wire: str, stop: Stop) -> bytes:
    """Return the answer up to where it stops, with what the wire has reported by then."""
    texts = ["".join(piece) for piece in stop.pieces]
    match wire:
        case "openai-chat":
            return events(*({"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts))
        case "openai-responses":
            item = {"type": "message", "id": "m", "content": []}
            delta: Json = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0}
            return events(
                {"type": "response.created", "response": {"id": "r"}},
                {"type": "response.output_item.added", "output_index": 0, "item": item},
                *({**delta, "delta": text} for text in texts),
            )
        case "anthropic-messages":
            usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": 1}
            return events(
                {"type": "message_start", "message": {"id": "m", "content": [], "usage": usage}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                *(
                    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                    for text in texts
                ),
            )
        case _:
            chunks, said = [], 0
            for piece, text in zip(stop.pieces, texts, strict=True):
                said += len(piece)
                chunks.append(
                    {
                        "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}],
                        "usageMetadata": {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": said},
                    }
                )
            return events(*chunks)


def saying(wire: str, stop: Stop) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENT_STREAM + streamed(wire, stop))
        await writer.drain()
        if stop.is_cancelled:
            await asyncio.Event().wait()

    return behave


async def stopped(wire: str, stop: Stop) -> StepResult:
    """Return what is kept of an answer that was stopped."""
    async with upstream(saying(wire, stop)) as server:
        provider, model = MODELS[wire]
        target = at(server.origin, wire, model=model)
        target = replace(target, origin=replace(target.origin, provider=provider))
        call = Call(target, prompt=PROMPT)
        call.start()
        ending: LLMError | RunCancelled
        if stop.is_cancelled:
            async with asyncio.timeout(10):
                while call.sink.text != stop.text:
                    await asyncio.sleep(0.001)
            ending = await call.cancellation()
        else:
            ending = await call.failure()
    assert ending.partial is not None
    assert ending.partial.text == stop.text
    return ending.partial


def cost_of(result: StepResult, wire: str) -> Cost:
    provider, model = MODELS[wire]
    origin = replace(at("http://127.0.0.1", wire, model=model).origin, provider=provider)
    cost = costs.of_call(result, origin, is_cached_for_an_hour=False)
    assert cost is not None
    return cost


def true_cost(wire: str, stop: Stop) -> Decimal:
    provider, model = MODELS[wire]
    usage = Usage(input_tokens=PROMPT_TOKENS, output_tokens=stop.tokens, source=UsageSource.REPORTED)
    amount = pricing.cost(usage, provider=provider, asked=model)
    assert amount is not None
    return amount


@pytest.mark.parametrize("wire", WIRES)
async def test_what_was_shown_is_counted_and_priced(wire: str, fresh_clients: None) -> None:
    stops = plan(wire)
    results = [await stopped(wire, stop) for stop in stops]
    errors, spent, due = [], Decimal(0), Decimal(0)
    for stop, result in zip(stops, results, strict=True):
        usage = result.usage
        assert usage.input_tokens is not None
        assert usage.output_tokens is not None
        if wire in {"anthropic-messages", "gemini-generate"}:
            # What was reported is untouched.
            assert (usage.input_tokens, usage.estimated_input_tokens) == (PROMPT_TOKENS, None)
        if wire == "gemini-generate":
            assert (usage.output_tokens, usage.source) == (stop.tokens, UsageSource.PARTIAL)
        else:
            assert usage.estimated_output_tokens == usage.output_tokens
            assert usage.source is UsageSource.ESTIMATED
        errors.append(abs(usage.output_tokens / stop.tokens - 1))
        spent += cost_of(result, wire).amount
        due += true_cost(wire, stop)
    assert sum(errors) / len(errors) <= 0.15
    assert float(spent) == pytest.approx(float(due), rel=0.15)
