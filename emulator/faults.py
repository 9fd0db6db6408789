"""Applies a fault to a script: takes its actions and returns those to play instead. Pure.

Faults are the same over every wire. The wire gives an error its form; ``mechanics`` changes the bytes.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from emulator import mechanics
from emulator.actions import (
    FOREVER,
    Action,
    Argue,
    Break,
    BreakOff,
    CallAction,
    Fail,
    Fault,
    Finish,
    Handle,
    HideUsage,
    Open,
    PingAction,
    Post,
    Raw,
    Refuse,
    Reset,
    Say,
    Think,
    Wait,
    Whole,
)
from emulator.directive import Directive, Point, Trouble

type Plan = Callable[[Directive, Iterator[Action]], Iterable[Action]]

_TOKENS = (Say, Refuse, Think, CallAction, Argue)

#: Seconds in which the peer can read the tokens before a reset, which may overtake bytes in flight.
_IN_FLIGHT = 0.1

#: The path that a redirect leads to. The emulator serves nothing there but records the requests.
ELSEWHERE = "/moved"


def disturbed(directive: Directive, script: Iterator[Action]) -> Iterator[Action]:
    """Return the actions to play instead of ``script``."""
    if directive.delay:
        yield Wait(directive.delay)
    yield from _PLANS[directive.trouble](directive, script)


def _cut(*then: Action) -> Plan:
    return lambda directive, script: _at(directive, script, then)


def _at(
    directive: Directive, script: Iterator[Action], then: Iterable[Action], *, goes_on: bool = False
) -> Iterator[Action]:
    """Yield ``then`` at the directive's place in ``script``.

    With ``goes_on``, the rest of ``script`` follows; without it, ``then`` replaces the rest.
    """
    match directive.after:
        case Point.REQUEST:
            yield from then
        case Point.HEADERS:
            yield from chain((Open(),), then)
        case Point.END:
            yield from chain(script, then)
            return
        case int(tokens):
            for action in script:
                # In a script with fewer tokens, the fault happens before the end.
                if isinstance(action, Finish) or (isinstance(action, _TOKENS) and tokens == 0):
                    yield from chain((Open(),), then)
                    if goes_on:
                        yield action
                    break
                tokens -= isinstance(action, _TOKENS)
                yield action
    if goes_on:
        yield from script


def _forever(*actions: Action) -> Iterator[Action]:
    while True:
        yield from actions


def _treated(treatment: mechanics.Treatment) -> Plan:
    return lambda _, script: chain((Handle(treatment),), script)


def _once(directive: Directive, script: Iterator[Action], treatment: mechanics.Treatment) -> Iterator[Action]:
    return _at(directive, script, (Handle(treatment, once=True),), goes_on=True)


def _signs_of_life(directive: Directive, sign: Action) -> Iterator[Action]:
    return _forever(sign, Wait(directive.every))


def _before_every_token(script: Iterator[Action], sign: Action) -> Iterator[Action]:
    for action in script:
        if isinstance(action, (*_TOKENS, Finish)):
            yield sign
        yield action


def _twice(_: Directive, script: Iterator[Action]) -> Iterator[Action]:
    for action in script:
        yield action
        if isinstance(action, Finish):
            yield action


def _failing(directive: Directive, *, is_endless: bool = False) -> Fail:
    fault = directive.kind or Fault.of_status(directive.status or 500)
    return Fail(fault, status=directive.status, hint=directive.hint, is_endless=is_endless)


def _endless_error(directive: Directive, _: Iterator[Action]) -> Iterator[Action]:
    yield _failing(directive, is_endless=True)
    yield from _signs_of_life(directive, Raw(b" "))


_PLANS: dict[Trouble, Plan] = {
    Trouble.DELAY: lambda _, script: script,
    Trouble.SILENCE: _cut(Wait(FOREVER)),
    Trouble.TRUNCATE: _cut(),
    Trouble.ABRUPT: _cut(BreakOff()),
    Trouble.RESET: _cut(Wait(_IN_FLIGHT), Reset()),
    Trouble.EMPTY: lambda *_: (Open(),),
    Trouble.ERROR: lambda directive, _: (_failing(directive),),
    Trouble.ENDLESS_ERROR: _endless_error,
    Trouble.ERROR_EVENT: lambda directive, script: _at(
        directive, script, (Break(directive.kind or Fault.SERVER_ERROR),)
    ),
    Trouble.HTML: lambda directive, _: (Post(status=directive.status or 200, body=mechanics.PAGE),),
    Trouble.JSON: lambda *_: (Whole("This is a whole answer, and nobody asked for it in one piece."),),
    Trouble.REDIRECT: lambda directive, _: (
        Post(status=directive.status or 307, headers={"location": ELSEWHERE}),
    ),
    Trouble.BAD_JSON: lambda directive, script: _once(directive, script, mechanics.garbled),
    Trouble.LONG_LINE: lambda directive, script: _once(directive, script, mechanics.padded(directive.size)),
    Trouble.SPLIT_UTF8: _treated(mechanics.inside_characters),
    Trouble.BYTES: _treated(mechanics.byte_by_byte),
    Trouble.CRLF: _treated(mechanics.with_crlf),
    Trouble.COMMENTS: lambda _, script: _before_every_token(script, Raw(mechanics.COMMENT)),
    Trouble.PINGS: lambda _, script: _before_every_token(script, PingAction()),
    Trouble.ONLY_COMMENTS: lambda directive, script: _at(
        directive, script, _signs_of_life(directive, Raw(mechanics.COMMENT))
    ),
    Trouble.ONLY_PINGS: lambda directive, script: _at(
        directive, script, _signs_of_life(directive, PingAction())
    ),
    Trouble.ENDLESS: lambda directive, script: chain(
        script, _signs_of_life(directive, Raw(mechanics.COMMENT))
    ),
    Trouble.TWICE: _twice,
    Trouble.NO_USAGE: lambda _, script: chain((HideUsage(),), script),
}
