"""What a run can be, why it stopped, and which changes are allowed. Pure."""

from django.db.models import TextChoices


class RunStatus(TextChoices):
    """Where a run stands."""

    #: Stored, not begun.
    CREATED = "created"
    #: A worker drives it.
    RUNNING = "running"
    #: It waits for a person; nothing drives it.
    AWAITING_APPROVAL = "awaiting_approval"
    #: It came to an end of its own.
    COMPLETED = "completed"
    #: It could not go on.
    FAILED = "failed"
    #: Somebody stopped it, or the server did.
    CANCELLED = "cancelled"


class StopReason(TextChoices):
    """Why a run is not running any more."""

    #: The model said all it had to say.
    END_TURN = "end_turn"
    #: The model asked for functions that nothing here can execute.
    TOOL_CALLS = "tool_calls"
    #: A gated call waits for a person.
    REQUIRES_APPROVAL = "requires_approval"
    #: The limit of steps was reached.
    MAX_STEPS = "max_steps"
    #: The output limit cut the answer.
    MAX_TOKENS_EXCEEDED = "max_tokens_exceeded"
    #: A person stopped it.
    CANCELLED = "cancelled"
    #: Our own fault.
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
    #: A refusal, or a filter.
    CONTENT_FILTER = "content_filter"
    #: The run's total time limit was reached.
    TIMEOUT = "timeout"
    #: The run's budget was spent.
    BUDGET_EXHAUSTED = "budget_exhausted"
    #: The process that drove it died.
    WORKER_LOST = "worker_lost"
    #: The server was stopped.
    SHUTDOWN = "shutdown"


class CancelledBy(TextChoices):
    """Who cancelled a run."""

    #: Its owner.
    USER = "user"
    #: An admin.
    ADMIN = "admin"
    #: The server, which was stopping.
    SERVER = "server"


#: From each status, the statuses that a run may change to. Every change is a conditional UPDATE.
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.CREATED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(
        {RunStatus.AWAITING_APPROVAL, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED}
    ),
    RunStatus.AWAITING_APPROVAL: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}

#: A conversation has at most one run in one of these.
ACTIVE = frozenset(status for status, following in TRANSITIONS.items() if following)

#: Nothing follows these.
TERMINAL = frozenset(RunStatus) - ACTIVE


def sources(target: RunStatus) -> frozenset[RunStatus]:
    """Return the statuses from which a run may become ``target``."""
    return frozenset(status for status, following in TRANSITIONS.items() if target in following)
