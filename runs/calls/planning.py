"""Plans all calls of a step before any of them is executed: execute, ask for a decision, or hold.

Planning does no I/O.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from uuid6 import uuid7

from providers.errors import LLMMalformedToolCallError
from providers.types import FinishReason, StepResult, ToolCallPart
from runs.calls.offers import OfferedTools
from runs.calls.outcomes import CallOutcome, NotExecuted, after_edit, unanswered
from runs.calls.standing import StandingRule, StandingRules
from runs.models.standing_decision import Verdict
from runs.models.tool_call import ToolCallStatus, digest_of
from runs.toolbox.binding import why_not_readable
from runs.toolbox.tool import Tool

#: Steps in a row with an unreadable call after which the run ends.
_MOST_UNREADABLE = 3

#: ``source`` of a call that the client executes.
CLIENT = "client"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedCall:
    """A complete call of a step and its planned status. ``id`` is the primary key of its ``ToolCall``."""

    id: UUID
    call_id: str
    name: str
    #: JSON text from the model, or as edited by a person.
    arguments: str
    #: Position in the step, from 1.
    position: int
    source: str = ""
    requires_approval: bool = False
    #: The digest that a person was asked about; empty before that, and for a call of an older version.
    asked_digest: str = ""
    #: Whether a person has approved this call, now or beforehand.
    is_approved: bool = False
    #: The standing decision that allows or denies this call; ``None`` if none does.
    standing: StandingRule | None = None
    #: Whether a person has changed ``arguments``; the model must be told.
    is_edited: bool = False
    status: ToolCallStatus = ToolCallStatus.RUNNING
    #: The server's tool; ``None`` if the client executes the call, or if no tool has this name.
    tool: Tool | None = None

    @property
    def digest(self) -> str:
        """The digest of the arguments and of the tool. A decision names it to prove what was shown."""
        return digest_of(self.arguments, "" if self.tool is None else self.tool.identity)

    @property
    def has_changed(self) -> bool:
        """Whether the tool is another one than the one that a person was asked about."""
        return bool(self.asked_digest) and self.tool is not None and self.asked_digest != self.digest

    @property
    def is_denied(self) -> bool:
        """Whether a standing decision denies this call."""
        return self.standing is not None and self.standing.verdict is Verdict.DENY

    def unanswered(self, why: NotExecuted) -> CallOutcome:
        """Return the answer to this open call when its run ends for the reason ``why``."""
        outcome = unanswered(
            id=self.id,
            call_id=self.call_id,
            name=self.name,
            status=self.status,
            why=why,
            idempotent=self.tool is not None and self.tool.idempotent,
        )
        return self.told_of_edit(outcome)

    def told_of_edit(self, outcome: CallOutcome) -> CallOutcome:
        """Return the answer to this call; it names the arguments if a person has changed them."""
        return after_edit(outcome, self.arguments) if self.is_edited else outcome


def is_answerable(result: StepResult) -> bool:
    """Return whether the calls can be answered: there is at least one, and all arrived completely."""
    calls = result.tool_calls
    expects_results = result.stop_reason in {FinishReason.TOOL_CALLS, FinishReason.END_TURN}
    return expects_results and bool(calls) and all(call.complete for call in calls)


def plan(
    result: StepResult, offer: OfferedTools, standing: StandingRules | None = None
) -> tuple[PlannedCall, ...]:
    """Return the planned calls of a step, in call order. Incomplete calls are left out.

    If one call is pending, all calls that are not pending are held until it is decided.

    Args:
        result: the step's answer.
        offer: the tools of the run.
        standing: the standing decisions of the run's owner; ``None`` for none.
    """
    rules = standing or StandingRules()
    calls = tuple(
        _planned(call, position, offer, rules)
        for position, call in enumerate(result.tool_calls, start=1)
        if call.complete
    )
    if not any(call.status is ToolCallStatus.PENDING for call in calls):
        return calls
    return tuple(
        call if call.status is ToolCallStatus.PENDING else replace(call, status=ToolCallStatus.HELD)
        for call in calls
    )


def not_executed(result: StepResult | None, offer: OfferedTools) -> tuple[PlannedCall, ...]:
    """Return the complete calls of a run's last step, as held: none of them is executed."""
    if result is None or not offer:
        return ()
    return tuple(replace(call, status=ToolCallStatus.HELD) for call in plan(result, offer))


def tool_choice_after_call(tool_choice: str | None) -> str | None:
    """Return the ``tool_choice`` for the steps after the first call.

    A choice that forces a call becomes ``auto``. Otherwise the model would have to call tools in every step.
    """
    return "auto" if tool_choice not in {None, "none", "auto"} else tool_choice


def pending(calls: Iterable[PlannedCall]) -> list[PlannedCall]:
    """Return the pending calls."""
    return [call for call in calls if call.status is ToolCallStatus.PENDING]


class UnreadableSteps:
    """Counts the steps in a row in which a call's arguments cannot be read, so that nothing could execute it.

    A pause between two steps changes nothing. The model reads what was wrong after each one. Repetitions cost money and lead to nothing.
    """

    def __init__(self, *, before: int = 0) -> None:
        """Take the number of such steps in a row before the first one that is counted."""
        self._in_a_row = before

    def count(self, result: StepResult) -> None:
        """Count a step.

        Raises:
            LLMMalformedToolCallError: it is the ``_MOST_UNREADABLE``-th in a row.
        """
        is_one = has_unreadable(call.arguments for call in result.tool_calls if call.complete)
        self._in_a_row = self._in_a_row + 1 if is_one else 0
        if self._in_a_row >= _MOST_UNREADABLE:
            error = LLMMalformedToolCallError()
            error.partial = result
            raise error


def has_unreadable(arguments: Iterable[str]) -> bool:
    """Return whether one of the argument texts of a step's calls cannot be read."""
    return any(why_not_readable(text) is not None for text in arguments)


def _planned(call: ToolCallPart, position: int, offer: OfferedTools, rules: StandingRules) -> PlannedCall:
    planned = PlannedCall(
        id=uuid7(), call_id=call.id, name=call.name, arguments=call.arguments, position=position
    )
    tool = offer.tools.get(call.name)
    rule = rules.about(call.name, call.arguments, tool)
    if call.name in offer.client:
        # Unreadable arguments are not for the client: execution answers the call with an error.
        is_readable = why_not_readable(call.arguments) is None
        planned = replace(planned, source=CLIENT)
        return _asked(planned, rule) if is_readable else planned
    if tool is None:
        return planned
    asks = tool.requires_approval or (rule is not None and rule.verdict is Verdict.ASK)
    planned = replace(planned, source=tool.source, requires_approval=asks, tool=tool)
    # Invalid arguments need no approval: execution answers the call with an error.
    if (asks and tool.refusal(call.arguments) is None) or (rule and rule.verdict is Verdict.DENY):
        return _asked(planned, rule)
    return planned


def _asked(call: PlannedCall, rule: StandingRule | None) -> PlannedCall:
    """Return a call that somebody has to decide about: decided by ``rule`` if that decides, else pending."""
    if rule is None or rule.verdict is Verdict.ASK:
        return replace(call, status=ToolCallStatus.PENDING)
    if rule.verdict is Verdict.DENY:
        # It is only answered: nothing of it takes effect.
        return replace(call, standing=rule, status=ToolCallStatus.HELD)
    return replace(call, standing=rule, is_approved=True)
