"""The admin pages: conversations, runs, MCP servers, tokens, standing decisions, people, sign-ins, usage, audit log.

An admin can cancel a run and delete a conversation, but cannot edit messages or events. A cancel goes
through ``runs.services``, like a user's cancel.
"""

from runs.admin import audit, conversations, mcp_servers, people, runs, sign_ins, standing, tokens

__all__ = ["audit", "conversations", "mcp_servers", "people", "runs", "sign_ins", "standing", "tokens"]
