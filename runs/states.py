"""A run's statuses, its stop reasons, and the allowed changes of status. Pure."""

from django.db.models import TextChoices


class RunStatus(TextChoices):
    """The status of a run."""

    #: The run, or its next segment after a pause, is stored and waits for a worker. The answer to a start says so, too.
    CREATED = "created"
    #: The run waits in the queue of its conversation. Once it begins, its row is stored anew.
    QUEUED = "queued"
    #: A worker executes the run.
    RUNNING = "running"
    #: The run waits for a person; no worker executes it.
    AWAITING_APPROVAL = "awaiting_approval"
    #: The run ended normally.
    COMPLETED = "completed"
    #: An error ended the run.
    FAILED = "failed"
    #: A person or the server stopped the run.
    CANCELLED = "cancelled"


class StopReason(TextChoices):
    """The reason why a run ended or paused."""

    #: The model finished its answer.
    END_TURN = "end_turn"
    #: The model called functions that the server cannot execute.
    TOOL_CALLS = "tool_calls"
    #: A gated call waits for a person.
    REQUIRES_APPROVAL = "requires_approval"
    #: The run made ``max_steps`` provider calls.
    MAX_STEPS = "max_steps"
    #: The provider answered ``pause_turn`` more often in a row than it is asked to go on.
    MAX_CONTINUATIONS = "max_continuations"
    #: The output limit cut the answer.
    MAX_TOKENS_EXCEEDED = "max_tokens_exceeded"
    #: A person stopped the run.
    CANCELLED = "cancelled"
    #: Runnel failed.
    ERROR = "error"
    #: The provider failed.
    LLM_API_ERROR = "llm_api_error"
    #: The provider's answer could not be used.
    INVALID_LLM_RESPONSE = "invalid_llm_response"
    #: The model's tool call could not be used.
    INVALID_TOOL_CALL = "invalid_tool_call"
    #: The conversation is longer than the model can read.
    CONTEXT_WINDOW_EXCEEDED = "context_window_exceeded"
    #: The account at the provider is empty.
    INSUFFICIENT_CREDITS = "insufficient_credits"
    #: The model refused, or the provider filtered the answer.
    CONTENT_FILTER = "content_filter"
    #: The run's total time limit was reached.
    TIMEOUT = "timeout"
    #: The run's budget was spent.
    BUDGET_EXHAUSTED = "budget_exhausted"
    #: The process that executed the run died.
    WORKER_LOST = "worker_lost"
    #: What the run said could not be saved for too long.
    LOG_UNAVAILABLE = "log_unavailable"
    #: The server was stopped.
    SHUTDOWN = "shutdown"


class CancelledBy(TextChoices):
    """The origin of a cancel."""

    #: The run's owner.
    USER = "user"
    #: An admin.
    ADMIN = "admin"
    #: The server, because it stopped.
    SERVER = "server"
    #: The server, because the credentials that started the run are not valid any more.
    ACCESS = "access"


#: From each status, the statuses that a run may change to. Every change is a conditional UPDATE.
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.CREATED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.QUEUED: frozenset({RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset(
        {RunStatus.AWAITING_APPROVAL, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED}
    ),
    RunStatus.AWAITING_APPROVAL: frozenset(
        {RunStatus.CREATED, RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}
    ),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}

#: The final statuses.
TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)

#: The statuses of an unfinished run that has begun. A conversation has at most one run in any of them.
ACTIVE = frozenset(RunStatus) - TERMINAL - {RunStatus.QUEUED}

#: The statuses of a run that a process drives, or has claimed.
DRIVEN = ACTIVE - {RunStatus.AWAITING_APPROVAL}

#: The statuses of an unfinished run that no process drives: it waits for a person, for its turn or for a worker.
UNDRIVEN = frozenset({RunStatus.AWAITING_APPROVAL, RunStatus.QUEUED, RunStatus.CREATED})


def sources(target: RunStatus) -> frozenset[RunStatus]:
    """Return the statuses from which a run may change to ``target``."""
    return frozenset(status for status, following in TRANSITIONS.items() if target in following)
