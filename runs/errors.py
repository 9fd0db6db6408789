"""Errors of the services: each has a code of the protocol and a sentence for the user."""

from typing import ClassVar


class ServiceError(Exception):
    """A command that cannot be carried out; ``message`` is fit for a user."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str | None = None, *, limit: str | None = None, retry_after: float | None = None
    ) -> None:
        """Set the sentence, the name of a reached limit as ``ready`` has it, and the seconds to wait."""
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(self.message)


class NotFound(ServiceError):  # noqa: N818 - the protocol's name for it
    """There is no such run or conversation."""

    code = "not_found"


class NoSuchFile(NotFound):
    """There is no such file. Upload it again."""


class NoSuchMessage(NotFound):
    """There is no such message in this conversation."""


class Conflict(ServiceError):  # noqa: N818 - the protocol's name for it
    """This run_id is taken by another run. Choose a new one."""

    code = "conflict"


class Forbidden(ServiceError):  # noqa: N818 - the protocol's name for it
    """This API token may not do that."""

    code = "forbidden"


class ConversationBusy(ServiceError):  # noqa: N818 - the protocol's name for it
    """This conversation has a run under way. Wait for its end, or cancel it first."""

    code = "conversation_busy"
    retryable = True


class AwaitsDecision(ConversationBusy):
    """This conversation waits for a decision. Decide, cancel the run, or start with options.cancel_pending."""

    retryable = False


class NothingPending(ServiceError):  # noqa: N818 - the protocol's name for it
    """This run waits for nothing."""

    code = "nothing_pending"


class InterruptMismatch(ServiceError):  # noqa: N818 - the protocol's name for it
    """These are not exactly the interrupts that are pending. Nothing was decided."""

    code = "interrupt_mismatch"


class BadDecision(ServiceError):  # noqa: N818 - it is the frame that is wrong
    """This cannot be decided so. Nothing was decided."""

    code = "bad_frame"


class AlreadyTerminal(ServiceError):  # noqa: N818 - the protocol's name for it
    """This run has ended. Nothing was decided."""

    code = "already_terminal"


class NoSuchTool(NotFound):
    """There is no such tool that you may use."""


class BadChange(ServiceError):  # noqa: N818 - it is the request that is wrong
    """This change cannot be stored."""

    code = "bad_request"


class TooManyRuns(ServiceError):  # noqa: N818 - the protocol's name for it
    """You have as many runs under way as you may. Wait for one to end, or cancel one."""

    code = "too_many_runs"
    retryable = True


class QueueFull(TooManyRuns):
    """As many messages are queued as may be. Wait for one to be sent, or remove one."""


class NotQueued(Conflict):
    """This message is not queued any more: it was sent, or removed."""


class RateLimited(ServiceError):  # noqa: N818 - the protocol's name for it
    """This comes too often. Wait a moment, then try again."""

    code = "rate_limited"
    retryable = True


class TooLarge(ServiceError):  # noqa: N818 - the protocol's name for it
    """The files of this message are more than a request to a model may carry. Send fewer or smaller ones."""

    code = "too_large"


class Unsupported(ServiceError):  # noqa: N818 - the protocol's name for it
    """This is part of the protocol and not offered here yet, or not by this model's provider."""

    code = "unsupported"


class AboveLimit(Unsupported):
    """This asks for more than you may use. Ask for less, or ask an admin for a higher limit."""


class Restarting(ServiceError):  # noqa: N818 - it names what happens
    """The server is restarting. Try again in a moment."""

    code = "internal"
    retryable = True
