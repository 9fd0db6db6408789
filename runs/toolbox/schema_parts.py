"""Finds the parts of a JSON Schema: by the steps of a pointer, by anchor, by identifier. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from runs.toolbox.schema_merging import fields_in


def child(node: Any, step: str) -> Any:
    """Return what one step of a pointer leads to; ``None`` if nothing."""
    if isinstance(node, Mapping):
        return node.get(step)
    # Python reads no number of thousands of digits.
    if isinstance(node, list) and step.isdecimal() and len(step) < 10 and int(step) < len(node):
        return node[int(step)]
    return None


def is_named(schema: Mapping[str, Any], reference: str) -> bool:
    """Return whether ``reference`` is the identifier of a subschema, as drafts before anchors name one."""
    return reference != "#" and reference in (schema.get("$id"), schema.get("id"))


def anchors(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the anchors of ``schema``, if it has any."""
    return tuple(schema.get(name) for name in ("$anchor", "$dynamicAnchor"))


def inside(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object in ``node``, without recursion, which deep data would exhaust."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def all_names(root: Mapping[str, Any]) -> set[str]:
    """Return the names of all arguments in ``root``."""
    return {name for each in inside(root) for name in fields_in(each.get("properties"))}
