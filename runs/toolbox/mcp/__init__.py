"""Tools of MCP servers that an admin has set up.

An admin has the tools listed beforehand. Calls use a session that stays open between calls. Only this
package imports the library ``mcp``, and only at the first connection, because the import takes a second.
"""

from runs.toolbox.mcp.listed_tools import problems_for, tools_for
from runs.toolbox.mcp.pool import close_all, warm_up

__all__ = ["close_all", "problems_for", "tools_for", "warm_up"]
