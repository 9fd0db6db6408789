"""Reads environment variables. A wrong value ends the start with one sentence instead of a traceback.

This module does not use Django, because the settings call it while they load. An empty variable
counts as not set.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from environs import Env, EnvError, validate

env = Env()

#: Every variable that this process has read, with its default. ``docs/settings.md`` is checked against it.
#: It holds no value that was set: those may be secrets.
defaults: dict[str, Any] = {}


class Mistake(Exception):  # noqa: N818 - it names what happened
    """A variable has a wrong value. The message names the variable and the values that it takes."""


def text(name: str, default: str = "") -> str:
    """Return the variable as a string, or ``default``."""
    _note(name, default)
    return env.str(name, "") or default


def choice(name: str, *values: str) -> str:
    """Return the variable, which is one of ``values``; the first one is the default.

    Raises:
        Mistake: the value is none of them.
    """
    given = text(name, values[0]).strip().lower()
    if given not in values:
        raise Mistake(f"{name} takes {' or '.join(values)}, not {given!r}.")
    return given


def words(name: str, default: str = "") -> list[str]:
    """Return the comma-separated items of the variable, or of ``default``, without surrounding spaces.

    An empty variable counts as not set, so the word ``none`` stands for a list without items where there is a default.
    """
    given = text(name, default).strip() or default
    found = [word for word in map(str.strip, given.split(",")) if word]
    return [] if default and [word.lower() for word in found] == ["none"] else found


def boolean(name: str, default: bool) -> bool:
    """Return the variable as a truth value, or ``default``. ``environs`` defines the accepted words.

    Raises:
        Mistake: the value is none of these words.
    """
    value: bool = _read(env.bool, name, default, "true or false")
    return value


def number(name: str, default: float, *, at_least: float = 0.0) -> float:
    """Return the variable as a number, or ``default``.

    Raises:
        Mistake: the value is no number, or is less than ``at_least``.
    """
    known = f"a number, {at_least:g} or more"
    value: float = _read(env.float, name, default, known, validate=validate.Range(min=at_least))
    return value


def whole(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    """Return the variable as a whole number, or ``default``.

    Raises:
        Mistake: the value is no whole number, or is outside ``at_least`` to ``at_most``.
    """
    known = f"a whole number, {at_least} " + ("or more" if at_most is None else f"to {at_most}")
    value: int = _read(env.int, name, default, known, validate=validate.Range(min=at_least, max=at_most))
    return value


def days(name: str, default: int | None = None) -> timedelta | None:
    """Return the variable as a period in days; ``None`` for ``off``, and for a ``default`` of ``None``.

    Raises:
        Mistake: the value is neither ``off`` nor a whole number above 0.
    """
    unset = "off" if default is None else default
    _note(name, unset)
    if (text(name).strip() or str(unset)).lower() == "off":
        return None
    known = "off, or a whole number of days above 0"
    value: int = _read(env.int, name, unset, known, validate=validate.Range(min=1, max=36_500))
    return timedelta(days=value)


def redis_address(name: str) -> str:
    """Return the variable as an address of Redis; empty if it is not set.

    Raises:
        Mistake: the value is none. The message omits it, because it may contain a password.
    """
    given = text(name).strip()
    if given:
        from redis.connection import parse_url  # imported here: most have no Redis

        try:
            parse_url(given)  # type: ignore[no-untyped-call]
        except ValueError:
            known = "redis://host:6379/0, rediss://… with TLS, or unix://…"
            raise Mistake(f"{name} takes the address of a Redis, as {known}.") from None
    return given


def database(name: str) -> dict[str, Any] | None:
    """Return Django's settings of the database at a URL, or ``None`` if the variable is not set.

    Raises:
        Mistake: the value is no database URL. The message omits the value, which may contain a password.
    """
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
