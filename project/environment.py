"""Reads what may be set from outside, so that a mistake ends in one sentence and not in a traceback.

Knows the environment and nothing of Django: settings are still loading when it is asked. A variable
that is set to nothing counts as not set.
"""

from collections.abc import Callable
from typing import Any

from environs import Env, EnvError, validate

env = Env()

#: Every variable that this process has read, with its default. ``docs/settings.md`` is checked against it.
#: It holds no value that was set: those may be secrets.
defaults: dict[str, Any] = {}


class Mistake(Exception):  # noqa: N818 - it names what happened
    """A variable holds what it cannot; the message names it and says what it takes."""


def text(name: str, default: str = "") -> str:
    """Return a string."""
    _note(name, default)
    return env.str(name, "") or default


def words(name: str) -> list[str]:
    """Return what stands between commas, without the spaces around it."""
    return [word for word in map(str.strip, text(name).split(",")) if word]


def boolean(name: str, default: bool) -> bool:
    """Return a truth value; ``environs`` knows the words for it."""
    value: bool = _read(env.bool, name, default, "true or false")
    return value


def number(name: str, default: float, *, at_least: float = 0.0) -> float:
    """Return a number."""
    known = f"a number, {at_least:g} or more"
    value: float = _read(env.float, name, default, known, validate=validate.Range(min=at_least))
    return value


def whole(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    """Return a whole number."""
    known = f"a whole number, {at_least} " + ("or more" if at_most is None else f"to {at_most}")
    value: int = _read(env.int, name, default, known, validate=validate.Range(min=at_least, max=at_most))
    return value


def database(name: str) -> dict[str, Any] | None:
    """Return the database at an address, ``None`` when there is no address. It may hold a password."""
    known = "a database's address, as postgres://user:password@host/name"
    value: dict[str, Any] | None = _read(env.dj_db_url, name, None, known, is_secret=True)
    return value


def _note(name: str, default: Any) -> None:
    """Record ``default``; where a variable is read twice, a default replaces an empty one."""
    if defaults.get(name) in (None, ""):
        defaults[name] = default


def _read(
    parse: Callable[..., Any], name: str, default: Any, known: str, *, is_secret: bool = False, **options: Any
) -> Any:
    _note(name, default)
    given = env.str(name, "").strip()
    if not given:
        return default
    try:
        return parse(name, default, **options)
    except EnvError:
        pass
    raise Mistake(f"{name} takes {known}" + ("." if is_secret else f", not {given!r}."))
