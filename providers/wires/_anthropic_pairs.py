"""Server tools in Anthropic's messages: a call that the provider executes, and its result. Pure.

The API refuses a call without its result and a result without its call. One call may wait for its result: that of the
last assistant turn, if the request lets the provider go on with that turn.
"""

from collections.abc import Iterable

from providers.types import Json
from providers.wires.shapes import object_in, text_in

#: The blocks that are neither words, thoughts nor function calls, but whose input streams like a call's.
SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})


def without_halves(items: Iterable[Json], *, started: Iterable[str]) -> list[Json]:
    """Return the blocks of one message without half pairs.

    A server tool that waits for a function call which it made itself is no half: its result comes after ours, at the
    start of the next message. A result whose call is in an earlier message is no half either.

    Args:
        items: the blocks, in order.
        started: the ids of all server calls of the message, also of those that ``items`` lacks.
    """
    kept, known = list(items), set(started)
    while True:
        lost = known - {text_in(item.get("id")) for item in kept if item["type"] in SERVER_CALLS}
        answered = _answered(kept)
        whole = [item for item in kept if _is_whole(item, lost, answered)]
        if len(whole) == len(kept):
            return whole
        kept = whole


def settle(turns: list[Json]) -> list[Json]:
    """Return the turns of a request without half pairs, without thoughts that nothing follows, and without empty turns.

    Args:
        turns: ``{"role", "content"}`` in order, the content as a list of blocks.
    """
    assistants = [turn for turn in turns if turn["role"] == "assistant"]
    blocks = [block for turn in assistants for block in turn["content"]]
    called = {text_in(block.get("id")) for block in blocks if block["type"] in SERVER_CALLS}
    answered = _answered(blocks)
    waiting = _waiting_turn(turns)
    settled: list[Json] = []
    for turn in turns:
        content = turn["content"]
        if turn["role"] == "assistant" and turn is not waiting:
            lost = called - answered
            content = [
                block for block in content if _is_whole(block, lost, answered) and _has_call(block, called)
            ]
            if all(block["type"] in {"thinking", "redacted_thinking"} for block in content):
                content = []
        if not content:
            continue
        if settled and settled[-1]["role"] == turn["role"]:
            settled[-1]["content"].extend(content)
        else:
            settled.append({**turn, "content": content})
    return settled


def _waiting_turn(turns: list[Json]) -> Json | None:
    """Return the assistant turn that the provider goes on with; ``None`` if the request begins another one."""
    if turns and turns[-1]["role"] == "assistant":
        return turns[-1]
    if len(turns) > 1 and turns[-1]["content"][0]["type"] == "tool_result":
        return turns[-2]
    return None


def _answered(items: list[Json]) -> set[str]:
    answered = {text_in(item["tool_use_id"]) for item in items if "tool_use_id" in item}
    return answered | {_caller(item) for item in items if item["type"] == "tool_use"}


def _is_whole(item: Json, lost: set[str], answered: set[str]) -> bool:
    if item["type"] in SERVER_CALLS and text_in(item.get("id")) not in answered:
        return False
    if item["type"] != "tool_use" and _caller(item) in lost:
        return False
    return text_in(item.get("tool_use_id")) not in lost


def _has_call(item: Json, called: set[str]) -> bool:
    return "tool_use_id" not in item or text_in(item["tool_use_id"]) in called


def _caller(item: Json) -> str:
    """Return the id of the server tool that made this call from its code; empty when the model itself made it."""
    return text_in(object_in(item.get("caller")).get("tool_id"))
