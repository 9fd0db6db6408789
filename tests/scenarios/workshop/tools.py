"""Tools that note each execution as a line in a file of the data folder, from any process.

``label`` distinguishes one test's calls from those of other tests.
"""

import asyncio
import os
import time

from django.conf import settings

from runs.toolbox import ToolContext, ToolError, tool


def note(words: str) -> None:
    """Append a line in a single write, so that lines of different processes do not mix."""
    file = os.open(settings.RUNNEL_DATA_DIR / "workshop", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{words}\n".encode())
    finally:
        os.close(file)


@tool(idempotent=True)
def count(label: str) -> str:
    """Count a call."""
    note(f"count {label}")
    return f"counted {label}"


@tool(requires_approval=True)
def launch(label: str, times: int = 1) -> str:
    """Do what cannot be undone."""
    note(f"launch {label}")
    return f"launched {label} × {times}"


@tool
async def linger(label: str, seconds: float) -> str:
    """Take a while, and tell of being cancelled."""
    note(f"linger {label}")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(f"linger-cancelled {label}")
        raise
    note(f"linger-ended {label}")
    return f"lingered {label}"


@tool(timeout=1.0)
def plod(label: str, seconds: float) -> str:
    """Take a while, on a thread that nothing stops."""
    note(f"plod {label}")
    time.sleep(seconds)
    note(f"plod-ended {label}")
    return f"plodded {label}"


@tool(timeout=0.2)
async def dawdle(label: str) -> str:
    """Take longer than it may."""
    note(f"dawdle {label}")
    await asyncio.sleep(30)
    return f"dawdled {label}"


@tool
def explode(label: str) -> str:
    """Break."""
    note(f"explode {label}")
    raise RuntimeError("a secret that is for admins only")


@tool
def decline(label: str) -> str:
    """Say what is wrong."""
    note(f"decline {label}")
    raise ToolError("Not on a Sunday.")


@tool
def flood(label: str, megabytes: int) -> str:
    """Return much."""
    note(f"flood {label}")
    return f"flooded {label} " + "water 💧 " * (megabytes * 1024 * 1024 // 11)


@tool
def who(label: str, context: ToolContext) -> str:
    """Tell for whom it is called."""
    note(f"who {label}")
    return f"{context.user.get_username()} in {context.conversation_id}"
