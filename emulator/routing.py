"""Decides the answer to a request. Pure, except that it reads recordings from files."""

import json
from dataclasses import dataclass, replace

from emulator import wires
from emulator.actions import Fault
from emulator.directive import Directive, DirectiveError, parse
from emulator.http1 import HttpRequest
from emulator.prompt import Prompt
from emulator.recordings import RecordedError, RecordedStream, Recordings
from emulator.scripts import SCRIPTS, SIGNING, Script
from emulator.wires import EmulatedWire
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply
from providers.types import Json

#: Path prefix under which the emulator acts as a compatible server: one that speaks a provider's wire,
#: is not that provider, and ignores unknown fields.
COMPATIBLE = "/compatible/"

_WRONG_TYPE = "The body of your request lacks a field, or has one of a wrong type."


@dataclass(frozen=True, kw_only=True, slots=True)
class Performance:
    """A script with its prompt, its wire and its fault, if the user ordered one."""

    wire: EmulatedWire
    prompt: Prompt
    script: Script
    directive: Directive | None


type Answer = ErrorReply | RecordedError | RecordedStream | Performance


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedAnswer:
    """The answer, and the parts of the request that could be read."""

    answer: Answer
    wire: str | None = None
    model: str | None = None
    body: Json | None = None


def decide(request: HttpRequest, recordings: Recordings) -> RoutedAnswer:
    """Return the answer to ``request``; an invalid request gets the error that the provider would send."""
    is_compatible = request.path.startswith(COMPATIBLE)
    if is_compatible:
        request = replace(request, path="/" + request.path.removeprefix(COMPATIBLE))
    wire = wires.serving(request.path)
    if wire is None:
        form = wires.nearest(request.path)
        return RoutedAnswer(answer=form.error(Fault.UNKNOWN_PATH, f"{request.method} {request.path}"))
    if request.method != "POST":
        about = f"{request.method} on {request.path}"
        return RoutedAnswer(wire=wire.KIND, answer=wire.error(Fault.WRONG_METHOD, about))
    body = _parse(request.body)
    if body is None:
        about = "We could not parse the body of your request: it is not a JSON object."
        return RoutedAnswer(wire=wire.KIND, answer=wire.error(Fault.MALFORMED, about))
    prompt = _read(wire, request, body)
    if prompt is None:
        return RoutedAnswer(wire=wire.KIND, body=body, answer=wire.error(Fault.MALFORMED, _WRONG_TYPE))
    answer = _choose(wire, prompt, recordings)
    # A recording does not answer this request, so it is played even if the request breaks a rule.
    if isinstance(answer, Performance):
        terms = RequestRules(demands_seals=prompt.model in SIGNING, knows_its_fields=not is_compatible)
        answer = _refusal(wire, request, body, terms) or answer
    return RoutedAnswer(wire=wire.KIND, model=prompt.model, body=body, answer=answer)


def _choose(wire: EmulatedWire, prompt: Prompt, recordings: Recordings) -> Answer:
    if not prompt.streaming:
        return wire.error(Fault.MALFORMED, "The emulator only streams: ask for a streamed answer.")
    script = SCRIPTS.get(prompt.model)
    if script is not None:
        try:
            directive = parse(prompt.user_text)
        except DirectiveError as error:
            return wire.error(Fault.MALFORMED, str(error))
        return Performance(wire=wire, prompt=prompt, script=script, directive=directive)
    recorded = recordings.find(prompt.model, wire=wire.KIND)
    return recorded or wire.error(Fault.UNKNOWN_MODEL, prompt.model)


def _parse(body: bytes) -> Json | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


#: The exceptions that a missing field, or a field of a wrong type, raises while a wire reads it.
_MISREAD = (LookupError, TypeError, AttributeError)


def _read(wire: EmulatedWire, request: HttpRequest, body: Json) -> Prompt | None:
    try:
        prompt = wire.read(request, body)
    except _MISREAD:
        return None
    return prompt if isinstance(prompt.model, str) and isinstance(prompt.user_text, str) else None


def _refusal(wire: EmulatedWire, request: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
    try:
        return wire.refusal(request, body, terms)
    except _MISREAD:
        return wire.error(Fault.MALFORMED, _WRONG_TYPE)
