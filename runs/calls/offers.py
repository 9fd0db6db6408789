"""Which tools a run's model may call: what its conversation chose, of what its owner may use."""

from collections.abc import Iterable

from providers.types import Json
from runs import toolbox
from runs.calls import planning
from runs.calls.planning import OfferedTools
from runs.errors import NoSuchTool, Unsupported
from runs.models import Run


def chosen(
    owner_id: int, names: Iterable[str], client_tools: Iterable[Json], *, strict: bool
) -> OfferedTools:
    """Return the tools with these ``names``, and those that the client declared.

    Raises ``NoSuchTool`` for one that ``owner_id`` may not use, if ``strict``; else it is left out, as one
    is that was taken away since the conversation chose it. ``Unsupported`` when two have one name.
    """
    wanted = list(dict.fromkeys(names))
    usable = toolbox.usable(owner_id) if wanted else {}
    if strict and (missing := [name for name in wanted if name not in usable]):
        raise NoSuchTool(f"There is no tool named {missing[0][:64]!r} that you may use.")
    declared = list(client_tools)
    client = planning.client_specs(declared)
    tools = {name: usable[name] for name in wanted if name in usable}
    if len(client) < len(declared) or client.keys() & tools.keys():
        raise Unsupported("Two tools of a run cannot have the same name. Rename one.")
    return OfferedTools(tools=tools, client=client)


def stored(run: Run) -> OfferedTools:
    """Return what a run was offered when it was started, as far as it is still there."""
    return chosen(run.owner_id, run.tool_names, run.client_tools, strict=False)
