"""Tools: what models may call, and who may let them."""

from runs.toolbox.access import usable
from runs.toolbox.registry import tool
from runs.toolbox.tool import InvalidArguments, Tool, ToolContext, ToolError

__all__ = ["InvalidArguments", "Tool", "ToolContext", "ToolError", "tool", "usable"]
