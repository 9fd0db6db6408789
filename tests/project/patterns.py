"""Feeds each regular expression of the project with long texts that are bad for it. Run it as a module.

It prints the name of a pattern before it tries it, and ``SLOW`` and the input after one that takes long. Time is that of
the processor, so that other work on the machine does not count: what is linear takes milliseconds for 64 KiB, what
is not takes minutes. A pattern on which it hangs is the last one that it names.
"""

import importlib
import itertools
import os
import pkgutil
import re
import sys
import time
from collections.abc import Iterable, Iterator
from re import _parser  # type: ignore[attr-defined]
from typing import Any

PACKAGES = ("concurrency", "emulator", "project", "providers", "runs")

#: Characters of a text, each size four times the one before, and how many of the texts, the slowest, are made longer.
SIZES = {256: 40, 1_024: 10, 4_096: 3, 16_384: 3, 65_536: 0}
#: Texts for one pattern.
MOST_TEXTS = 200
#: Seconds of the processor from which on a text counts as slow: always, and if it took so much less at a quarter of its
#: length. What is linear takes four times as long, what is not at least sixteen times.
SLOW, SUSPICIOUS = 3.0, 0.1
GROWTH = 8
#: Characters that are tried with each pattern.
USUAL = tuple(" -a0.(/\n\"'\\")


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the name and the pattern of all that the modules keep, once each."""
    seen: set[tuple[Any, int]] = set()
    for package in PACKAGES:
        root = importlib.import_module(package)
        names = [package, *(each.name for each in pkgutil.walk_packages(root.__path__, f"{package}."))]
        for name in names:
            if ".migrations" in name or name.endswith("__main__"):
                continue
            for path, pattern in _in(vars(importlib.import_module(name)).items(), name, depth=0):
                key = (pattern.pattern, pattern.flags)
                if key not in seen:
                    seen.add(key)
                    yield path, pattern


def _in(items: Iterable[tuple[Any, Any]], path: str, *, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    for name, value in list(items):
        here = f"{path}.{name}"
        if isinstance(value, re.Pattern):
            yield here, value
        elif depth > 4 or str(name).startswith("__"):
            continue
        elif isinstance(value, dict):
            yield from _in(value.items(), here, depth=depth + 1)
        elif isinstance(value, (list, tuple, set, frozenset)):
            yield from _in(enumerate(value), here, depth=depth + 1)
        elif isinstance(value, type) and value.__module__.startswith(PACKAGES):
            yield from _in(vars(value).items(), here, depth=depth + 1)
        elif hasattr(type(value), "__slots__") and type(value).__module__.startswith(PACKAGES):
            slots = [slot for slot in type(value).__slots__ if hasattr(value, slot)]
            yield from _in([(slot, getattr(value, slot)) for slot in slots], here, depth=depth + 1)


def units(pattern: re.Pattern[Any]) -> list[str]:
    """Return the characters and words of which texts for a pattern are made."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    found: dict[str, None] = dict.fromkeys(USUAL)
    word = ""
    for kind, value in _tokens(_parser.parse(text, pattern.flags & ~re.DEBUG)):
        if kind == "literal":
            found[chr(value)] = None
            word += chr(value)
            continue
        if len(word) > 1:
            found[word] = None
        word = ""
    if len(word) > 1:
        found[word] = None
    return list(found)


def _tokens(tree: Any) -> Iterator[tuple[str, Any]]:
    for code, value in tree:
        name = str(code)
        if name in {"LITERAL", "NOT_LITERAL"}:
            yield "literal", value
            continue
        yield name, None
        if name == "RANGE":
            yield "literal", value[0]
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, _parser.SubPattern):
                yield from _tokens(part)
            elif isinstance(part, list):
                for inner in part:
                    yield from _tokens(inner if isinstance(inner, _parser.SubPattern) else [inner])
        if name == "IN":
            yield from _tokens(value)


def texts(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Return pairs of what a text begins with and what it repeats."""
    made = units(pattern)
    pairs = [a + b for a, b in itertools.permutations(made, 2)]
    simple = [("", unit) for unit in made]
    begun = [(begin, unit) for begin in made for unit in made if begin != unit]
    return list(dict.fromkeys([*simple, *begun, *(("", pair) for pair in pairs)]))[:MOST_TEXTS]


def seconds(pattern: re.Pattern[Any], begin: str, unit: str, size: int) -> float:
    """Return how long a search takes in a text of ``size`` characters that ends in what nothing matches."""
    text = begin + unit * (size // len(unit)) + "\0"
    subject: Any = text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text
    before = time.process_time()
    for _ in itertools.islice(pattern.finditer(subject), 3):
        pass
    return time.process_time() - before


def slowest(pattern: re.Pattern[Any]) -> str | None:
    """Return the text with which a pattern takes too long, ``None`` if there is none."""
    tried = dict.fromkeys(texts(pattern), 0.0)
    for size, promoted in SIZES.items():
        took = {each: seconds(pattern, *each, size) for each in tried}
        for each, now in took.items():
            if now > SLOW or (now > SUSPICIOUS and now > GROWTH * tried[each]):
                return f"{now:.2f} s for {size} characters, {tried[each]:.3f} s for a quarter: {each!r}"
        tried = dict(sorted(took.items(), key=lambda item: item[1], reverse=True)[:promoted])
    return None


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Try all patterns."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    number = 0
    for number, (name, pattern) in enumerate(patterns(), start=1):  # noqa: B007
        _tell(name)
        if (text := slowest(pattern)) is not None:
            _tell(f"SLOW {name}: {text}")
    _tell(f"patterns: {number}")


if __name__ == "__main__":
    main()
