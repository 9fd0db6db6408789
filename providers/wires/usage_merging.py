"""Merges the usage objects of one answer, field by field. Pure.

Providers and gateways report usage several times: running totals on each chunk, the input at the start and the output
at the end, or zeros and ``null`` in the last object. What was reported once stays.
"""

from typing import Any

from providers.types import Json


def merged(known: Json | None, later: Any) -> Json:
    """Return ``known`` with the fields of a ``later`` usage object of the same answer. Neither is changed.

    A later value replaces an earlier one, in nested objects too. ``null``, zeros, empty values, and an object or a list in
    place of a number never replace what was reported.
    """
    result = dict(known or {})
    if isinstance(later, dict):
        for name, value in later.items():
            result[name] = _merged_value(result[name], value) if name in result else value
    return result


def _merged_value(known: Any, later: Any) -> Any:
    if isinstance(known, dict) and known:
        return merged(known, later)
    if later is None or (known and _erases(known, later)):
        return known
    return later


def _erases(known: Any, later: Any) -> bool:
    has_other_type = isinstance(later, (dict, list)) and not isinstance(known, type(later))
    return has_other_type or not later or later in ("0", "0.0")
