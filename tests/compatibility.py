"""The oddities of servers and gateways that the tests show to be understood.

A table of tests marks such a row with ``understood``. ``docs/compatibility.md`` is written from all of them:
``make compatibility``.
"""

from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.mark import ParameterSet

PAGE = Path(__file__).resolve().parents[1] / "docs" / "compatibility.md"

_HEAD = """# Compatibility

What Runnel understands beyond the documented form of each API. Every line is a test: the server or gateway is played
with the bytes that it was reported to send, and the test names what has to come of them.

This page is written from the tests' own tables by `make compatibility`.
"""

_GAPS = """
## Not understood

- Names of functions that stream in pieces: the name is announced with its first piece.
- Think tags of hosted servers (Together, Fireworks, Groq in raw mode) stay words.
- Field names of an event stream in capitals, such as `Data:`. The standard is case-sensitive.
- Calls that a model writes into its words, without the fields for calls.
- A call of a tool that only the provider's own client can execute, if it comes unasked: it is shown as an item.
"""


class Oddity(NamedTuple):
    """One way in which a server departs from the documented form of its API, and is understood."""

    server: str
    sentence: str


_understood: set[Oddity] = set()


def understood(*values: Any, server: str, oddity: str, id: str) -> ParameterSet:
    """Return a row for ``parametrize``, and enter its oddity on the page.

    Args:
        values: what the test function receives.
        server: who sends this, such as ``vLLM``; ``Any server`` where it is nobody's in particular.
        oddity: one plain sentence that says what is sent and what comes of it. It ends with a full stop.
        id: the row's id among the tests.
    """
    _understood.add(Oddity(server, oddity))
    return pytest.param(*values, id=id)


def page() -> str:
    """Return the page, made from the tables of all test modules."""
    for name in _modules_with_tables():
        import_module(name)
    by_server = defaultdict(set)
    for server, sentence in _understood:
        by_server[server].add(sentence)
    sections = (
        f"\n## {server}\n\n" + "".join(f"- {sentence}\n" for sentence in sorted(by_server[server]))
        for server in sorted(by_server, key=lambda name: (not name.startswith("Any "), name.casefold()))
    )
    return _HEAD + "".join(sections) + _GAPS


def _modules_with_tables() -> Iterator[str]:
    """Yield the test modules that import ``understood``. Only those are imported: the rest would take seconds."""
    root = PAGE.parents[1]
    for file in sorted(root.glob("tests/**/test_*.py")):
        if "import understood" in file.read_text():
            yield ".".join(file.relative_to(root).with_suffix("").parts)
