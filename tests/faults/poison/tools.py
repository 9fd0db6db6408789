"""The tool. Whether a user may use it is asked for when a run is read, and the answer kills the worker."""

from runs.toolbox import tool


@tool(permission="poison.drink")
def drink() -> str:
    """Drink."""
    return "drunk"
