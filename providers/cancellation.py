"""The one exception that means "somebody pressed Stop"."""

from providers.types import StepResult


class RunCancelled(Exception):  # noqa: N818 - it names what happened, and it is no error
    """The run was cancelled while a provider call was under way.

    Thrown INTO the wire's generator, so that its own ``except`` and ``finally`` keep what was
    said, and raised by the adapter with ``partial`` and ``upstream_closed_ms`` filled in.
    """

    def __init__(self) -> None:
        super().__init__("cancelled")
        #: What the call had said and used by then.
        self.partial: StepResult | None = None
        #: Milliseconds from the cancel to the closed upstream connection.
        self.upstream_closed_ms: float | None = None
