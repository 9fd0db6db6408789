"""Which tools somebody may use. Reads the database."""

from django.contrib.auth import get_user_model

from runs.toolbox import mcp
from runs.toolbox.registry import registered
from runs.toolbox.tool import Tool


def usable(user_id: int) -> dict[str, Tool]:
    """Return every tool that a user may use, by name and in the order of their names.

    The order is the same each time: what providers keep of a prompt begins with its tools.
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
