"""The order and the identity of a response's output items. Pure.

``output_index`` and the terminal event say the order, not the arrival. Ids change on the way through some proxies, and
others number every item alike, so that no single mark tells the items apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.types import Json
from providers.wires._openai_responses_items import Item
from providers.wires.shapes import text_in


def ordered(items: Sequence[Item], final: Sequence[Item]) -> list[Item]:
    """Return ``items`` in the provider's order.

    Args:
        items: the items in arrival order. One without a number stands behind the one that came before it.
        final: those that the terminal event names, in its order. It decides about them.
    """
    numbered: list[tuple[int, Item]] = []
    place = -1
    for item in items:
        place = place if item.place is None else item.place
        numbered.append((place, item))
    in_order = [item for _, item in sorted(numbered, key=lambda entry: entry[0])]
    named = {id(item) for item in final}
    decided = iter(final)
    return [next(decided) if id(item) in named else item for item in in_order]


def matched(
    items: Sequence[Item],
    wholes: Sequence[tuple[str, Json]],
    by_id: Mapping[str, Item],
    by_key: Mapping[Any, Item],
) -> list[Item | None]:
    """Return for each whole item of the terminal event the streamed item that it is; ``None`` for a new one.

    Items are known by their id, then by that of their call, then by their number, then by their order among those of one type.

    Args:
        items: the streamed items, in arrival order.
        wholes: type and content of each item of the terminal event.
        by_id: the streamed items by each id that they had.
        by_key: the streamed items by their number.
    """
    free = {id(item): item for item in ordered(items, ())}
    found: list[Item | None] = [None] * len(wholes)

    def claim(position: int, item: Item | None) -> None:
        if item is not None and item.type == wholes[position][0] and id(item) in free:
            found[position] = free.pop(id(item))

    for position, (_, whole) in enumerate(wholes):
        claim(position, by_id.get(text_in(whole.get("id"))))
    for position, (_, whole) in enumerate(wholes):
        if found[position] is None and (call_id := text_in(whole.get("call_id"))):
            claim(position, next((item for item in free.values() if item.call_id == call_id), None))
    for position in range(len(wholes)):
        if found[position] is None:
            claim(position, by_key.get(position))
    for position, (kind, _) in enumerate(wholes):
        if found[position] is None:
            claim(position, next((item for item in free.values() if item.type == kind), None))
    return found
