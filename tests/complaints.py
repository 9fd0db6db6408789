"""What a server process has complained of."""

import re

#: What an SDK has left of a stream that was cut, finalised on whichever thread the collector comes by; see
#: ``filterwarnings`` in pyproject.toml, which says the same for tests that run it themselves.
_LEFT_BEHIND = re.compile(
    r"Exception ignored in: <async_generator object (Response\.aiter_raw|AsyncResponseStream\.__aiter__) .*?"
    r"ValueError: async generator already executing\n",
    re.DOTALL,
)


def tracebacks_in(output: str) -> int:
    """Return how many failures a process has written down, but for what is nobody's."""
    return _LEFT_BEHIND.sub("", output).count("Traceback")
