"""Selects a run's tools: those that its conversation chose, as far as its owner may use them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from providers.types import Json, ToolSpec
from runs import toolbox
from runs.errors import NoSuchTool, Unsupported
from runs.models import Run
from runs.toolbox import schemas
from runs.toolbox.tool import Tool


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedTools:
    """The tools that one run declares to its model, by name."""

    #: Tools that the server executes.
    tools: Mapping[str, Tool] = field(default_factory=dict)
    #: Tools that the client executes.
    client: Mapping[str, ToolSpec] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tools or self.client)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools in the form in which a provider call declares them."""
        return (*(tool.spec for tool in self.tools.values()), *self.client.values())


def chosen(
    owner_id: int, names: Iterable[str], client_tools: Iterable[Json], *, strict: bool
) -> OfferedTools:
    """Return the tools with these ``names`` and the tools that the client declared.

    Args:
        owner_id: the user whose permissions apply.
        names: names of server tools; duplicates are ignored.
        client_tools: AG-UI's ``Tool`` objects.
        strict: whether a tool that ``owner_id`` may not use is an error. Without it such a tool is left out:
            access may have been withdrawn after the conversation chose the tool.

    Raises:
        NoSuchTool: with ``strict``, ``owner_id`` may not use one of the tools.
        Unsupported: two tools have the same name; or, with ``strict``, models cannot be offered one of the tools.
    """
    wanted = list(dict.fromkeys(names))
    usable = toolbox.usable(owner_id) if wanted else {}
    if strict and (missing := [name for name in wanted if name not in usable]):
        raise _missing(owner_id, missing[0])
    declared = list(client_tools)
    client = client_specs(declared, strict=strict)
    tools = {name: usable[name] for name in wanted if name in usable}
    if len(client) < len(declared) or client.keys() & tools.keys():
        raise Unsupported("Two tools of a run cannot have the same name. Rename one.")
    return OfferedTools(tools=tools, client=client)


def stored(run: Run) -> OfferedTools:
    """Return the tools that ``run`` was started with, without those that its owner may no longer use."""
    return chosen(run.owner_id, run.tool_names, run.client_tools, strict=False)


def _missing(owner_id: int, name: str) -> NoSuchTool | Unsupported:
    """Return the error for a tool that a user cannot choose, with the reason if a server has listed it."""
    if problem := toolbox.problems(owner_id).get(name):
        return Unsupported(f"The tool {name[:64]} cannot be offered to a model: {problem}.")
    return NoSuchTool(f"There is no tool named {name[:64]!r} that you may use.")


def client_specs(tools: Iterable[Json], *, strict: bool) -> dict[str, ToolSpec]:
    """Convert AG-UI's ``Tool`` objects to tool specs, by name; of two with one name, the last is kept.

    Raises:
        Unsupported: with ``strict``, models cannot be offered a tool with such arguments. Without it the tool is
            offered without arguments: its run was started before.
    """
    specs = {}
    for tool in tools:
        name, given = tool["name"], tool.get("parameters") or {}
        try:
            parameters = schemas.plain(given) if given else {}
        except schemas.UnusableSchema as unusable:
            if strict:
                raise Unsupported(f"The tool {name} cannot be offered to a model: {unusable}.") from None
            parameters = {}
        specs[name] = ToolSpec(name=name, description=tool.get("description") or "", parameters=parameters)
    return specs
