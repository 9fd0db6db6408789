"""The input of an engine, read from the database: the run, its resume point and its limits. Immutable."""

from dataclasses import dataclass
from datetime import timedelta

from providers.catalog import Target
from providers.retry.backoff import RetryPolicy
from providers.types import ChatMessage, Json, ModelOptions
from providers.usage.spending import ModelUsage
from runs.calls.offers import OfferedTools
from runs.calls.planning import PlannedCall
from runs.log.agui import Segment
from runs.models import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumePoint:
    """The point where a paused run continues, and its totals so far."""

    #: The decided calls that are to be executed.
    calls: tuple[PlannedCall, ...]
    #: Number of steps made so far.
    steps: int
    #: The usage of each of these steps.
    usages: tuple[ModelUsage, ...]
    #: Seconds that the run was driven so far, pauses excluded.
    active_seconds: float
    #: How many of the last steps in a row had a call with unreadable arguments.
    unreadable_steps: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """The task of a run, as its start stored it."""

    segment: Segment
    owner_id: int
    #: What the client called the request that started the run, for log lines.
    request_id: str
    #: The model to ask, then its fallbacks. A fallback is asked only while viewers have seen no output.
    targets: tuple[Target, ...]
    policy: RetryPolicy
    system: str
    options: ModelOptions
    #: The new user messages, as AG-UI ``Message`` objects.
    messages: list[Json]
    #: The tools that the model may call.
    offer: OfferedTools
    max_steps: int
    #: ``tokens``, and ``cost`` in US dollars; a missing key is no limit.
    budget: Json
    #: The first step of a new run, as its start stored it; ``None`` for a paused run.
    first_step: Step | None = None
    #: The whole conversation of a new run; ``None`` if it must be read.
    conversation: tuple[ChatMessage, ...] | None = None
    #: Where a paused run continues; ``None`` for a new run.
    resume: ResumePoint | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """This process's name and its limits for runs, in seconds."""

    worker: str
    lease: float
    #: The longest time for which a run is driven; pauses do not count.
    run_timeout: float
    #: The longest pause of a run; 0 means no limit.
    approval_timeout: float
    #: How often in a row the model goes on after ``pause_turn``.
    max_continuations: int = 0

    @property
    def lease_time(self) -> timedelta:
        """The time for which a lease lasts after each heartbeat."""
        return timedelta(seconds=self.lease)

    @property
    def approval_time(self) -> timedelta | None:
        """The longest pause of a run; ``None`` means no limit."""
        return timedelta(seconds=self.approval_timeout) if self.approval_timeout else None
