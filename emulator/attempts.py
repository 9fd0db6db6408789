"""Counts how often the same request has come, for faults that happen only the first times."""

from collections import OrderedDict

from emulator.directive import Directive
from emulator.prompt import Prompt

#: How many requests are remembered; the one that was asked longest ago is forgotten.
_KEPT = 1_000

type _Key = tuple[str, str, str, tuple[str, ...]]


class AttemptCounter:
    """The memory of one emulator. A request is the same when its wire, model and last words are."""

    def __init__(self) -> None:
        self._failed: OrderedDict[_Key, int] = OrderedDict()

    def is_due(self, directive: Directive, prompt: Prompt, *, wire: str) -> bool:
        """Return whether the fault happens this time, and count it.

        The time that goes well also ends the count: who asks once more begins again.
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
