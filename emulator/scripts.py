"""The emulated models: each is a script of actions, the same over every wire. Pure.

To add a model, write a generator of actions and add it to ``SCRIPTS``.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice

from emulator.actions import (
    FOREVER,
    Action,
    Fail,
    Fault,
    Finish,
    Open,
    Refuse,
    Reset,
    Say,
    SignatureAction,
    Think,
    Wait,
)
from emulator.calling import calls, thinking_calls, thinking_tools, tools
from emulator.prompt import Prompt
from emulator.prose import LONG, tokens
from emulator.sealing import seal
from emulator.speaking import odd_pieces, paced, said
from providers.types import FinishReason

type Script = Callable[[Prompt], Iterator[Action]]

#: The number of tokens in an answer of the model ``fast``.
FAST_TOKENS = 10_000

_THOUGHTS = """\
**Reading the question**

Somebody wants to see how reasoning looks while it streams. I should think visibly, but not for long, \
and then say something that can be told apart from the thinking.

**Choosing an answer**

A small sum will do: 17 × 23 = 17 × 20 + 17 × 3 = 340 + 51 = 391. Checking it the other way round: \
23 × 17 = 230 + 161 = 391. Good.
"""
_CONCLUSION = "17 × 23 is **391**. The lines above the answer were my reasoning, made up by the emulator."


def hello(prompt: Prompt) -> Iterator[Action]:
    """Greet, quote the user's first words, and say how to use a real model."""
    words = prompt.user_text.split()
    quote = " ".join(words[:6])[:60] + ("…" if len(words) > 6 else "")
    # A quoted sentence brings its own end.
    heard = f"You said “{quote}”{'' if quote[-1] in '.!?…' else '.'} " if quote else ""
    text = (
        f"Hello! 👋 {heard}I am the emulator that comes with Runnel, not a real model. To talk to one, see "
        "“Add a key” on the page “Providers”: an administrator finds it there, and nothing has to be restarted."
    )
    yield from paced(said(text), per_second=60)
    yield Finish(FinishReason.END_TURN)


def long(_: Prompt) -> Iterator[Action]:
    """Tell a story for about half a minute."""
    yield from paced(said(LONG), per_second=40)
    yield Finish(FinishReason.END_TURN)


def reasoning(_: Prompt) -> Iterator[Action]:
    """Think, seal the thought, answer."""
    yield from paced(map(Think, tokens(_THOUGHTS)), per_second=80)
    yield SignatureAction(seal(_THOUGHTS))
    yield from paced(said(_CONCLUSION), per_second=60)
    yield Finish(FinishReason.END_TURN)


def silent(_: Prompt) -> Iterator[Action]:
    """Send the headers, then nothing, and keep the connection open."""
    yield Open()
    yield Wait(FOREVER)


def fast(_: Prompt) -> Iterator[Action]:
    """Say ``FAST_TOKENS`` tokens as fast as the socket accepts them."""
    yield from islice(map(Say, cycle(tokens(LONG))), FAST_TOKENS)
    yield Finish(FinishReason.END_TURN)


def stall_headers(_: Prompt) -> Iterator[Action]:
    """Read the request and never answer."""
    yield Wait(FOREVER)


def stall_mid(_: Prompt) -> Iterator[Action]:
    """Say a few words, then nothing, and keep the connection open."""
    yield from said("The rest of this sentence is")
    yield Wait(FOREVER)


def echo(prompt: Prompt) -> Iterator[Action]:
    """Repeat the user's last text exactly, in odd pieces, without pauses."""
    yield from map(Say, odd_pieces(prompt.user_text))
    yield Finish(FinishReason.END_TURN)


def refusal(_: Prompt) -> Iterator[Action]:
    """Refuse in words, if the wire has such a refusal; else say the same as text."""
    yield from map(Refuse, tokens("I'm sorry, but I can't help with that."))
    yield Finish(FinishReason.CONTENT_FILTER)


def length(_: Prompt) -> Iterator[Action]:
    """Stop in the middle of a sentence because of the output limit."""
    yield from said("There are three reasons for this, and the first of them is")
    yield Finish(FinishReason.MAX_TOKENS_EXCEEDED)


def empty(_: Prompt) -> Iterator[Action]:
    """Finish normally without a token."""
    yield Open()
    yield Finish(FinishReason.END_TURN)


def truncated(_: Prompt) -> Iterator[Action]:
    """End the body cleanly before the terminal event."""
    yield from said("This answer has no end, and the connection")


def reset(_: Prompt) -> Iterator[Action]:
    """Say a few words and abort the connection."""
    yield from said("The line goes dead in the middle of")
    # The peer needs time to read the words: a reset may overtake bytes in flight.
    yield Wait(0.1)
    yield Reset()


def drip(_: Prompt) -> Iterator[Action]:
    """Say a token every 20 ms without end."""
    yield from paced(map(Say, cycle(tokens(LONG))), per_second=50)


def _failing(fault: Fault) -> Script:
    return lambda _: iter((Fail(fault),))


#: The models for which the client must return calls with the seal of the thoughts before them.
SIGNING = frozenset({"thinking-tools", "thinking-calls", "gpt-5-thinking-calls"})

#: The models to suggest to a person.
MODELS = ("hello", "long", "reasoning", "tools", "silent", "fast")

SCRIPTS: dict[str, Script] = {
    "hello": hello,
    "long": long,
    "reasoning": reasoning,
    "tools": tools,
    "thinking-tools": thinking_tools,
    "calls": calls,
    "thinking-calls": thinking_calls,
    # Over Responses, Runnel requests sealed reasoning only for names of reasoning models such as `gpt-5…`.
    "gpt-5-thinking-calls": thinking_calls,
    "silent": silent,
    "fast": fast,
    "stall-headers": stall_headers,
    "stall-mid": stall_mid,
    "echo": echo,
    "refusal": refusal,
    "length": length,
    "empty": empty,
    "truncated": truncated,
    "reset": reset,
    "drip": drip,
    "context": _failing(Fault.CONTEXT_WINDOW),
    "unauthorized": _failing(Fault.UNAUTHORIZED),
    "rate-limited": _failing(Fault.RATE_LIMITED),
    "overloaded": _failing(Fault.OVERLOADED),
}
