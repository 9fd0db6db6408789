"""The admin pages for conversations, runs, MCP servers, API tokens, users, failed sign-ins and usage.

An admin can cancel a run and delete a conversation, but cannot edit messages or events. A cancel goes
through ``runs.services``, like a user's cancel.
"""

from runs.admin import conversations, mcp_servers, people, runs, sign_ins, tokens

__all__ = ["conversations", "mcp_servers", "people", "runs", "sign_ins", "tokens"]
