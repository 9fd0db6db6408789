"""What an administrator sees: conversations, runs, MCP servers, tokens, people, and what was used.

Nothing that a run said or did can be edited here. Changes go through ``runs.services.services`` like
everybody else's: a run can be stopped, a conversation deleted.
"""

from runs.admin import conversations, mcp_servers, people, runs, tokens

__all__ = ["conversations", "mcp_servers", "people", "runs", "tokens"]
