"""Finds the tools that a user may use. Reads the database."""

from django.contrib.auth import get_user_model

from runs.toolbox import mcp
from runs.toolbox.registry import registered
from runs.toolbox.tool import Tool


def usable(user_id: int) -> dict[str, Tool]:
    """Return every tool that a user may use, by name; none for an unknown or inactive user.

    The tools are sorted by name, because providers cache prompts by their beginning, which is the tools:
    another order would miss the cache.
    """
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None:
        return {}
    found = mcp.tools_for(user) | registered()
    return {
        name: tool
        for name, tool in sorted(found.items())
        if not tool.permission or user.has_perm(tool.permission)
    }


def problems(user_id: int) -> dict[str, str]:
    """Return why tools cannot be offered that MCP servers of a user have listed, by the tools' names."""
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    return mcp.problems_for(user) if user is not None else {}
