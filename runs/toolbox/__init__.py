"""Tools: the functions that models may call, and the permissions that users need for them."""

from runs.toolbox.access import problems, usable
from runs.toolbox.registry import tool
from runs.toolbox.tool import InvalidArguments, Tool, ToolAnswer, ToolContext, ToolError, ToolFile

__all__ = [
    "InvalidArguments",
    "Tool",
    "ToolAnswer",
    "ToolContext",
    "ToolError",
    "ToolFile",
    "problems",
    "tool",
    "usable",
]
