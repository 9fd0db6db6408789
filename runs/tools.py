"""The tools that come with Runnel. Each is an example and can be tried on the emulator."""

import ast
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from runs.models import Note, Run
from runs.models.note import LONGEST_NOTE
from runs.toolbox import ToolContext, ToolError, tool

type _Number = int | float

#: Characters.
_LONGEST_EXPRESSION = 500
#: Bits of the largest integer in a calculation, about 1,200 digits.
_MOST_BITS = 4_096
#: The characters of an expression; ``e`` and ``E`` are for numbers such as 1e6.
_ALLOWED = re.compile(r"[\d\s.eE+\-*/%()]+")

_BINARY: dict[type[ast.operator], Callable[[_Number, _Number], _Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


@tool(idempotent=True)
def clock(zone: str = "UTC") -> str:
    """Tell the current date and time.

    Args:
        zone: The time zone, by its IANA name, such as Europe/Zurich.
    """
    try:
        now = datetime.now(UTC if zone == "UTC" else ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        # ZoneInfo raises these for an unknown name, a path outside the zones' folder, and a folder.
        raise ToolError(f"There is no time zone {zone!r}. Use an IANA name, such as Europe/Zurich.") from None
    return f"{now:%A}, {now.isoformat(sep=' ', timespec='seconds')} ({zone})"


@tool(idempotent=True)
def calculate(expression: str) -> str:
    """Calculate with numbers: + - * / // (whole quotient) % (remainder) ** (power) and brackets.

    Args:
        expression: Numbers and signs only, such as (3 + 4) * 2.5e3.
    """
    if len(expression) > _LONGEST_EXPRESSION:
        raise ToolError(f"The expression is too long: {_LONGEST_EXPRESSION} characters at most.")
    if not _ALLOWED.fullmatch(expression):
        raise ToolError("An expression has numbers, + - * / // % ** and brackets, and nothing else.")
    try:
        return str(_value(ast.parse(expression.strip(), mode="eval").body))
    except ZeroDivisionError:
        raise ToolError("The expression divides by zero.") from None
    except OverflowError:
        raise ToolError("The result is too large.") from None
    except (SyntaxError, MemoryError, RecursionError):
        raise ToolError("The expression cannot be read. Look at its brackets and signs.") from None


def _value(node: ast.expr) -> _Number:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _combined(_value(left), type(sign), _value(right))
        case _:
            raise ToolError("The expression cannot be read. Look at its brackets and signs.")


def _combined(left: _Number, sign: type[ast.operator], right: _Number) -> _Number:
    # Checked before the calculation, which could take hours.
    is_whole_power = sign is ast.Pow and isinstance(left, int) and isinstance(right, int)
    if is_whole_power and right > 0 and int(left).bit_length() * right > _MOST_BITS:
        raise OverflowError
    result = _BINARY[sign](left, right)
    if isinstance(result, complex):
        raise ToolError("A power of a negative number with a broken exponent is no real number.")
    if isinstance(result, int) and result.bit_length() > _MOST_BITS:
        raise OverflowError
    return result


@tool(requires_approval=True, idempotent=True)
def write_note(
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE)], context: ToolContext
) -> str:
    """Write a note that stays with this conversation, where its owner sees it.

    Args:
        text: What the note says, as plain text.
        context: For whom it is written, and where.
    """
    of_user = Run.objects.filter(
        pk=context.run_id,
        conversation_id=context.conversation_id,
        conversation__owner_id=context.user_id,
    )
    if not of_user.exists():
        raise ToolError("There is no such conversation any more.")
    _, is_new = Note.objects.get_or_create(
        call_id=context.call_id,
        defaults={"conversation_id": context.conversation_id, "run_id": context.run_id, "text": text},
    )
    return "The note is written." if is_new else "The note was written before."
