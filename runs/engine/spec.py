"""The input of an engine, all of it from the database: what to run, and with which limits. Frozen data."""

from dataclasses import dataclass
from datetime import timedelta

from providers.catalog import Target
from providers.retry.backoff import RetryPolicy
from providers.types import Json, ModelOptions
from providers.usage.spending import ModelUsage
from runs.calls.offers import OfferedTools
from runs.calls.planning import PlannedCall
from runs.log.agui import Segment


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumePoint:
    """Where a paused run continues, and what it had done before."""

    #: The decided calls that are to be executed.
    calls: tuple[PlannedCall, ...]
    #: Steps that it has made.
    steps: int
    #: One for each of them.
    bills: tuple[ModelUsage, ...]
    #: Seconds that it was driven.
    active_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """What a run does, as its start stored it."""

    segment: Segment
    owner_id: int
    #: Whom to ask: the first, and those after it only while nothing has been shown.
    targets: tuple[Target, ...]
    policy: RetryPolicy
    system: str
    options: ModelOptions
    #: The new user messages, as AG-UI has them.
    messages: list[Json]
    #: What the model may call.
    offer: OfferedTools
    max_steps: int
    budget: Json
    #: Where it goes on; ``None`` for a run that has not begun.
    resume: ResumePoint | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """This process's name and its limits for runs, in seconds."""

    worker: str
    lease: float
    #: Not counting what a run waits for people.
    run_timeout: float
    #: How long a run waits for somebody; 0 is for ever.
    approval_timeout: float

    @property
    def lease_time(self) -> timedelta:
        """How long a lease lasts after each heartbeat."""
        return timedelta(seconds=self.lease)

    @property
    def approval_time(self) -> timedelta | None:
        """How long a run may be paused; ``None`` means without limit."""
        return timedelta(seconds=self.approval_timeout) if self.approval_timeout else None
