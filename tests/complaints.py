"""Counts the failures that a server process has logged."""

import re

#: Matches a harmless message of an SDK: the garbage collector finalised a stream that was cut, on another
#: thread. ``filterwarnings`` in pyproject.toml ignores the same message in the tests' own process.
_LEFT_BEHIND = re.compile(
    r"Exception ignored in: <async_generator object (Response\.aiter_raw|AsyncResponseStream\.__aiter__) .*?"
    r"ValueError: async generator already executing\n",
    re.DOTALL,
)


def tracebacks_in(output: str) -> int:
    """Return the number of tracebacks in a process's output, without those of ``_LEFT_BEHIND``."""
    return _LEFT_BEHIND.sub("", output).count("Traceback")
