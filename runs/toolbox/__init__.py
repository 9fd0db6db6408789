"""Tools: the functions that models may call, and the permissions that users need for them."""

from runs.toolbox.access import problems, usable
from runs.toolbox.registry import tool
from runs.toolbox.tool import InvalidArguments, Tool, ToolContext, ToolError

__all__ = ["InvalidArguments", "Tool", "ToolContext", "ToolError", "problems", "tool", "usable"]
