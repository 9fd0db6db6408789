"""The emulated models that call functions. Pure.

``tools`` makes sensible calls of the declared functions; ``calls`` obeys the orders in the user's text,
step by step. Both quote the results of their turn when nothing is left to call.
"""

import ast
import itertools
import json
import re
from collections.abc import Iterator

from emulator.actions import Action, Argue, CallAction, Finish, SignatureAction, Think, Wait
from emulator.orders import Ask, Pause, steps
from emulator.prompt import Function, Prompt
from emulator.prose import tokens
from emulator.sealing import seal
from emulator.speaking import odd_pieces, paced, said
from providers.types import FinishReason, Json

_PLAN = "Two functions can tell me that, and neither waits for the other: both at once, then."

#: The calls that ``tools`` makes if the request declares no functions.
_DEFAULT_CALLS: tuple[tuple[str, Json], ...] = (
    ("get_weather", {"city": "Zürich", "unit": "celsius"}),
    ("get_time", {"zone": "Europe/Zurich"}),
)

#: Characters of a result that are quoted.
_LONGEST_QUOTE = 500

_HOW_TO_ORDER = "Order a call, for example [[call clock {}]], and I make it. docs/reference/emulator.md says what else I obey."


def tools(prompt: Prompt) -> Iterator[Action]:
    """Call two functions at once; after that quote their results."""
    if prompt.rounds:
        yield from paced(_quotes(prompt), per_second=60)
        yield Finish(FinishReason.END_TURN)
        return
    intro, chosen = _demonstration(prompt) or (
        "Two functions can tell me that. I am asking both at once.",
        _calls(prompt.functions),
    )
    yield from paced(said(intro), per_second=60)
    for name, arguments in chosen:
        yield CallAction(name)
        text = json.dumps(arguments, ensure_ascii=False)
        yield from paced(map(Argue, odd_pieces(text)), per_second=60)
    yield Finish(FinishReason.TOOL_CALLS)


def thinking_tools(prompt: Prompt) -> Iterator[Action]:
    """Think, seal the thought and go on as ``tools``; the client must return the calls with the seal."""
    if not prompt.rounds:
        yield from paced(map(Think, tokens(_PLAN)), per_second=80)
        yield SignatureAction(seal(_PLAN))
    yield from tools(prompt)


def calls(prompt: Prompt) -> Iterator[Action]:
    """Obey the user's orders for this step, without pauses; quote the turn's results when none are left."""
    ordered = steps(prompt.user_text)
    due = ordered[prompt.step - 1] if prompt.step <= len(ordered) else ()
    names = [order.name for order in due if isinstance(order, Ask)]
    if names:
        yield from said(f"Step {prompt.step} calls {', '.join(names)}.")
    for order in due:
        match order:
            case Pause(seconds):
                yield Wait(seconds)
            case Ask(name, arguments):
                yield CallAction(name)
                yield from map(Argue, odd_pieces(arguments))
    if not names:
        yield from _quotes(prompt) if prompt.rounds else said(_HOW_TO_ORDER)
    yield Finish(FinishReason.TOOL_CALLS if names else FinishReason.END_TURN)


def thinking_calls(prompt: Prompt) -> Iterator[Action]:
    """Think about every step, seal the thought and go on as ``calls``."""
    thought = f"This is step {prompt.step} of the turn, and {len(prompt.tool_results)} results have come."
    yield from map(Think, tokens(thought))
    yield SignatureAction(seal(thought))
    yield from calls(prompt)


def _quotes(prompt: Prompt) -> Iterator[Action]:
    quoted = "\n".join(f"- {_shortened(result)}" for result in prompt.tool_results)
    return said(f"The functions answered:\n\n{quoted}")


def _shortened(result: str) -> str:
    return result if len(result) <= _LONGEST_QUOTE else f"{result[:_LONGEST_QUOTE]}…"


#: Words in a user's text that ask for a note, in English and German.
_NOTE = re.compile(
    r"\b(notes?|remember|remind|write\b.{0,20}\bdown|notiere|notiz|merke?|memo)\b", re.IGNORECASE | re.DOTALL
)
_ZONE = re.compile(r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+\b")
#: A run of what may stand in a sum. It ends where something else does, so that each character is read once.
_SUM = re.compile(r"[\d\s.()+*/×÷·−–-]+")
#: Characters of the longest sum that is tried, and how many are: reading one takes longer than finding it.
_LONGEST_SUM = 200
_MOST_SUMS = 100
#: What neither begins nor ends a sum.
_NO_BEGINNING = " \t\n\r\f\v)+*/"
_NO_END = " \t\n\r\f\v(.+-*/"
_SIGNS = str.maketrans("×·÷−–", "**/--")


def _demonstration(prompt: Prompt) -> tuple[str, list[tuple[str, Json]]] | None:
    """Return an introduction and calls of Runnel's own tools; ``None`` if the request declares none."""
    text = prompt.user_text.strip()
    zone = _ZONE.search(text)
    clock: Json = {"zone": zone[0] if zone else "UTC"}
    known: dict[str, Json] = {
        "write_note": {"text": _noted(text) or "Runnel was here."},
        "clock": clock,
        "calculate": {"expression": _expression(text)},
    }
    declared = {function.name for function in prompt.functions}
    wanted = ["write_note", "clock"] if _NOTE.search(text) else ["clock", "calculate"]
    chosen = [name for name in wanted if name in declared] or [name for name in known if name in declared][:1]
    if not chosen:
        return None
    intro = (
        "I will write that down for you"
        if "write_note" in chosen
        else "I do not know that by heart, but I know who does"
    )
    together = ", both at once" if len(chosen) > 1 else ""
    asked = " and ".join(f"`{name}`" for name in chosen)
    return f"{intro}: calling {asked}{together}.", [(name, known[name]) for name in chosen]


def _noted(text: str) -> str:
    """Return what is to be noted of a text that asks for a note: what stands behind its colon, if that is all."""
    before, colon, noted = text.partition(":")
    return noted.strip() if colon and _NOTE.search(before) and "\n" not in before else text


def _expression(text: str) -> str:
    """Return the first arithmetic expression in ``text``, or ``6*7`` if it has none."""
    for found in itertools.islice(_SUM.finditer(text), _MOST_SUMS):
        candidate = found[0].translate(_SIGNS).lstrip(_NO_BEGINNING).rstrip(_NO_END)
        if not candidate or len(candidate) > _LONGEST_SUM:
            continue
        try:
            tree = ast.parse(candidate, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if isinstance(tree.body, ast.BinOp):
            return candidate
    return "6*7"


def _calls(functions: tuple[Function, ...]) -> list[tuple[str, Json]]:
    """Return two calls of declared functions, since a model may call no others; else the default calls."""
    if not functions:
        return list(_DEFAULT_CALLS)
    known = dict(_DEFAULT_CALLS)
    first, second = functions[0], functions[min(1, len(functions) - 1)]
    return [(each.name, known.get(each.name) or _example(each.parameters)) for each in (first, second)]


def _example(schema: Json) -> Json:
    return {name: _example_value(part) for name, part in schema.get("properties", {}).items()}


def _example_value(schema: Json) -> object:
    if schema.get("enum"):
        return schema["enum"][0]
    # Gemini writes JSON Schema types in capitals.
    match str(schema.get("type", "string")).lower():
        case "integer" | "number":
            return 3
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return _example(schema)
        case _:
            return "Zürich"
