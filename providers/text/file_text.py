"""The text of a stored file in requests. A long one is written as JSON once for a run, not for each of its steps. Pure.

A run owns the Base64 of its files (``FileText``), and each of these owns what requests say of it (``JsonText``). So
nothing is kept after the run.
"""

from collections.abc import Callable

from providers.text.cleaning import JsonText

#: Characters of Base64 that are worth keeping as they were written.
_LONG = 10_000


class FileText(str):
    """The Base64 of a file. It remembers in which form a request carried it last."""

    __slots__ = ("_form", "_said")

    _form: object
    _said: JsonText | None

    def in_form(self, form: object, make: Callable[[], str | None]) -> JsonText | None:
        """Return what ``make`` returns, written as JSON: now, or when the same ``form`` was last asked for.

        Only the last form is kept: a run rarely changes the wire, and each form is as large as the file.
        """
        if getattr(self, "_form", None) != form:
            text = make()
            self._said = None if text is None else JsonText(text)
            self._form = form
        return self._said


def of_file(text: str) -> str:
    """Return the Base64 of a file for the requests of a run; a long one remembers how it was written."""
    return FileText(text) if len(text) > _LONG else text


def in_request(data: str, form: object, make: Callable[[], str | None]) -> str | JsonText | None:
    """Return what ``make`` returns, as the body of a request holds it.

    Args:
        data: the Base64 of a file.
        form: a name for what ``make`` makes of it.
        make: returns the text; ``None`` if the file has none.
    """
    return data.in_form(form, make) if isinstance(data, FileText) else make()


def prefixed(prefix: str, data: str) -> str | JsonText:
    """Return the Base64 of a file behind ``prefix``, as the body of a request holds it."""
    said = in_request(data, ("prefixed", prefix), lambda: f"{prefix}{data}" if prefix else data)
    return data if said is None else said
