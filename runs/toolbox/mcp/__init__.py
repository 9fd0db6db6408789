"""Tools of MCP servers that an admin has set up: listed beforehand, called over a session that is kept for a while.

Only this package knows ``mcp``, which is imported when a server is first spoken to: that takes a second.
"""

from runs.toolbox.mcp.offers import tools_for
from runs.toolbox.mcp.pool import close_all, warm_up

__all__ = ["close_all", "tools_for", "warm_up"]
