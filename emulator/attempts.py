"""Counts repeats of the same request, for faults that happen only the first few times."""

from collections import OrderedDict

from emulator.directive import Directive
from emulator.prompt import Prompt

#: How many requests are remembered; the least recent is forgotten first.
_KEPT = 1_000

type _Key = tuple[str, str, str, tuple[str, ...]]


class AttemptCounter:
    """Counts the failed attempts of each request of one emulator.

    Two requests are the same if their wire, model, last user text and tool results are equal.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[_Key, int] = OrderedDict()

    def is_due(self, directive: Directive, prompt: Prompt, *, wire: str) -> bool:
        """Return whether the fault happens on this attempt, and count the attempt.

        The attempt that succeeds also resets the count: the fault happens again on the next request.
        """
        if directive.attempts is None:
            return True
        key = (wire, prompt.model, prompt.user_text, prompt.tool_results)
        failed = self._failed.pop(key, 0)
        if failed >= directive.attempts:
            return False
        self._failed[key] = failed + 1
        if len(self._failed) > _KEPT:
            self._failed.popitem(last=False)
        return True
