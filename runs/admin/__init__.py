"""The admin pages for conversations, runs, MCP servers, API tokens, users, failed sign-ins, usage and the audit log.

An admin can cancel a run and delete a conversation, but cannot edit messages or events. A cancel goes
through ``runs.services``, like a user's cancel.
"""

from runs.admin import audit, conversations, mcp_servers, people, runs, sign_ins, tokens

__all__ = ["audit", "conversations", "mcp_servers", "people", "runs", "sign_ins", "tokens"]
